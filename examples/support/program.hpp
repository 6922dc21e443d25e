#pragma once
// The frame around every program: flags in, one line per error out, an exit code that says whose error it was.

#include <functional>
#include <string>

#include "support/options.hpp"
#include "support/safe_text.hpp"

#ifndef NASION_VERSION
#define NASION_VERSION "without CMake"  // which knows the version
#endif

namespace support {

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

}  // namespace support
