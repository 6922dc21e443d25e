#pragma once
// The flags that the training programs share.

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace support {

enum class Recipe { seed, best };
enum class OptimizerKind { sgd, adam, adamw };

inline const char* name_of(Recipe recipe) { return recipe == Recipe::seed ? "seed" : "best"; }
inline const char* name_of(OptimizerKind kind) {
  return kind == OptimizerKind::sgd ? "sgd" : kind == OptimizerKind::adam ? "adam" : "adamw";
}

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

/// The whole text as a number from `smallest` to `largest`; CLI::ValidationError naming the flag otherwise.
template <std::integral T>
T whole_number(const std::string& flag, std::string_view text, T smallest, T largest = std::numeric_limits<T>::max()) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < smallest || value > largest)
    throw CLI::ValidationError(flag, "must be a whole number from " + std::to_string(smallest) + " to " +
                                         std::to_string(largest) + ", not '" + std::string(text) + "'");
  return value;
}

/// The whole text as a finite number above 0; CLI::ValidationError naming the flag otherwise.
inline double positive_number(const std::string& flag, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value) || value <= 0)
    throw CLI::ValidationError(flag, "must be a finite number above 0, not '" + std::string(text) + "'");
  return value;
}

/// The one of the values that the text names; CLI::ValidationError naming the flag and all of them otherwise.
template <class T, std::same_as<T>... Others>
T one_of(const std::string& flag, std::string_view text, T first, Others... others) {
  std::string names;
  for (const T value : {first, others...}) {
    if (text == name_of(value)) return value;
    names += (names.empty() ? "" : " or ") + std::string(name_of(value));
  }
  throw CLI::ValidationError(flag, "must be " + names + ", not '" + std::string(text) + "'");
}

/// An existing folder; CLI::ValidationError naming the flag otherwise.
inline std::filesystem::path existing_folder(const std::string& flag, const std::string& text) {
  std::error_code unreadable;
  if (!std::filesystem::is_directory(text, unreadable)) throw CLI::ValidationError(flag, "no folder '" + text + "'");
  return text;
}

/// An existing file; CLI::ValidationError naming the flag otherwise.
inline std::filesystem::path existing_file(const std::string& flag, const std::string& text) {
  std::error_code unreadable;
  if (!std::filesystem::is_regular_file(text, unreadable)) throw CLI::ValidationError(flag, "no file '" + text + "'");
  return text;
}

/// A flag whose text `read` turns into a value. Given twice, the last one counts. `read` gets the flag's name first.
template <class Target, class Read>
void add_flag(CLI::App& app, const std::string& flag, const std::string& type, const std::string& help, Target& target,
              Read read) {
  app.add_option_function<std::string>(
         flag, [flag, &target, read](const std::string& text) { target = read(flag, text); }, help)
      ->type_name(type)
      ->take_last();
}

/// Adds the shared flags; `options` must outlive the parsing.
inline void add_shared_flags(CLI::App& app, Options& options) {
  const auto count = [](const std::string& flag, const std::string& text) {
    return whole_number<int>(flag, text, 1, 1'000'000);
  };
  add_flag(app, "--data", "DIR", "IMM folder or 300-W root (default: synthetic faces, made once)", options.data,
           existing_folder);
  add_flag(app, "--recipe", "seed|best", "the course's settings, or the ones that reach the lowest error (default)",
           options.recipe, [](const std::string& flag, const std::string& text) {
             return one_of(flag, text, Recipe::seed, Recipe::best);
           });
  add_flag(app, "--epochs", "N", "passes over the training photos (default: the recipe's)", options.epochs, count);
  add_flag(app, "--batch", "N", "photos per step (default: the recipe's)", options.batch, count);
  add_flag(app, "--lr", "X", "learning rate (default: the recipe's)", options.lr, positive_number);
  add_flag(app, "--optimizer", "sgd|adam|adamw", "(default: the recipe's)", options.optimizer,
           [](const std::string& flag, const std::string& text) {
             return one_of(flag, text, OptimizerKind::sgd, OptimizerKind::adam, OptimizerKind::adamw);
           });
  add_flag(app, "--seed", "N", "start of every random stream (default: 1)", options.seed,
           [](const std::string& flag, const std::string& text) { return whole_number<std::uint64_t>(flag, text, 0); });
  add_flag(app, "--fold", "0..3",
           "cross-validation: leave the validation persons out, and validate on this quarter of the training persons",
           options.fold,
           [](const std::string& flag, const std::string& text) { return whole_number<int>(flag, text, 0, 3); });
  add_flag(app, "--threads", "N", "0: all (default); speed only, results do not depend on it", options.threads,
           [](const std::string& flag, const std::string& text) { return whole_number<int>(flag, text, 0, 4096); });
  add_flag(app, "--out", "DIR", "folder for what the run writes (default: " + options.out.string() + ")", options.out,
           [](const std::string& flag, const std::string& text) {
             if (text.empty()) throw CLI::ValidationError(flag, "must name a folder");
             return std::filesystem::path(text);
           });
  app.add_flag("--autocast", options.autocast, "train with factors in bfloat16 where that is faster");
  app.add_flag("--resume", options.resume, "go on from the checkpoint in the output folder");
  app.add_flag("--quiet", options.quiet, "print nothing but errors");
}

}  // namespace support
