#pragma once
// The frame around every program: flags in, one line per error out, an exit code that says whose error it was. CLI11
// stays in options.cpp and program.cpp.

#include <charconv>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "lab/src/interrupt.hpp"
#include "nasion/core/printable.hpp"

namespace CLI {
class App;
}

#ifndef NASION_VERSION
#define NASION_VERSION "without CMake"  // which knows the version
#endif

namespace lab {

enum class Recipe { seed, best };
enum class OptimizerKind { sgd, adam, adamw };

const char* name_of(Recipe recipe);
const char* name_of(OptimizerKind kind);

/// What was asked for on the command line. Each program fills what is not set from its recipe.
struct Options {
  std::optional<std::filesystem::path> data;  ///< an existing folder; without it, synthetic faces
  Recipe recipe = Recipe::best;
  std::optional<int> epochs, batch;  ///< at least 1
  std::optional<double> lr;          ///< finite and above 0
  std::optional<OptimizerKind> optimizer;
  std::uint64_t seed = 1;
  std::optional<int> fold;  ///< 0 to 3: validate on this part of the training persons, never looking at the others
  int threads = 0;          ///< 0: all
  bool autocast = false;    ///< train with factors in bfloat16 where that is faster
  std::filesystem::path out;
  bool resume = false, quiet = false;
};

/// Throws CLI::ValidationError naming the flag.
[[noreturn]] void refuse(const std::string& flag, const std::string& why);

/// The whole text as a number from `smallest` to `largest`; CLI::ValidationError naming the flag otherwise.
template <std::integral T>
T whole_number(const std::string& flag, std::string_view text, T smallest, T largest = std::numeric_limits<T>::max()) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < smallest || value > largest)
    refuse(flag, "must be a whole number from " + std::to_string(smallest) + " to " + std::to_string(largest) +
                     ", not '" + std::string(text) + "'");
  return value;
}

/// The whole text as a finite number above 0; CLI::ValidationError naming the flag otherwise.
double positive_number(const std::string& flag, std::string_view text);

/// The one of the values that the text names; CLI::ValidationError naming the flag and all of them otherwise.
template <class T, std::same_as<T>... Others>
T one_of(const std::string& flag, std::string_view text, T first, Others... others) {
  std::string names;
  for (const T value : {first, others...}) {
    if (text == name_of(value)) return value;
    names += (names.empty() ? "" : " or ") + std::string(name_of(value));
  }
  refuse(flag, "must be " + names + ", not '" + std::string(text) + "'");
}

/// An existing folder; CLI::ValidationError naming the flag otherwise.
std::filesystem::path existing_folder(const std::string& flag, const std::string& text);

/// A path, not empty; CLI::ValidationError naming the flag otherwise.
std::filesystem::path output_folder(const std::string& flag, const std::string& text);

/// An existing file; CLI::ValidationError naming the flag otherwise.
std::filesystem::path existing_file(const std::string& flag, const std::string& text);

/// A flag whose text `read` is called with. Given twice, the last one counts.
void add_flag(CLI::App& app, const std::string& flag, const std::string& type, const std::string& help,
              const std::function<void(const std::string&)>& read);

/// The same; `read` gets the flag's name and the text, and returns a value.
template <class Target, class Read>
void add_flag(CLI::App& app, const std::string& flag, const std::string& type, const std::string& help, Target& target,
              Read read) {
  add_flag(app, flag, type, help, [flag, &target, read](const std::string& text) { target = read(flag, text); });
}

/// A flag without a text, which makes `target` true.
void add_switch(CLI::App& app, const std::string& flag, const std::string& help, bool& target);

/// A flag with one path or more after it.
void add_paths(CLI::App& app, const std::string& flag, const std::string& type, const std::string& help,
               std::vector<std::filesystem::path>& target);

/// A flag with one text after it that may be given several times; `read` is called with each.
void add_repeated_flag(CLI::App& app, const std::string& flag, const std::string& type, const std::string& help,
                       const std::function<void(const std::string&)>& read);

/// A path, or one or more, that must be given, without a flag.
void add_argument(CLI::App& app, const std::string& name, const std::string& help, std::filesystem::path& target);
void add_argument(CLI::App& app, const std::string& name, const std::string& help,
                  std::vector<std::filesystem::path>& target);

/// Adds the shared flags; `options` must outlive the parsing.
void add_shared_flags(CLI::App& app, Options& options);

/// What --help says of a program, and the flag by which it goes on when it was stopped, if it can.
struct About {
  std::string name, description, footer = {}, resume_flag = {};
};

struct ExitCode {
  static constexpr int done = 0, failed = 1, unusable = 2, diverged = 3, signal = 128;
};

/// Parses the command line, with the flags that `add_flags` adds, and runs `body`, which returns the exit code and says
/// why it is not 0, or throws. Errors are one line on stderr:
///   done      also when --help or --version was asked for
///   failed    out of memory, a fault of the program
///   unusable  what the user gave cannot be used: flags, files, folders, values, sizes that do not fit
///   diverged  training ended with a loss that is no number, and its results say so
///   signal+n  stopped by signal n: SIGINT, SIGTERM or SIGHUP
int run_app(int argc, const char* const* argv, const About& about, const std::function<void(CLI::App&)>& add_flags,
            const std::function<int()>& body);

/// A training program with the shared flags, writing to runs/<name> unless told otherwise. `add_flags` may add more.
int run_program(int argc, const char* const* argv, const std::string& name, const std::string& description,
                const std::function<int(const Options&)>& body, const std::function<void(CLI::App&)>& add_flags = {});

}  // namespace lab
