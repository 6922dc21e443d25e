#pragma once
// The frame around every program: flags in, one line per error out, an exit code that says whose error it was.

#include <functional>
#include <string>

#include "support/options.hpp"

#ifndef NASION_VERSION
#define NASION_VERSION "without CMake"  // which knows the version
#endif

namespace support {

/// Line ends and other control characters as spaces, runs of them as one.
std::string one_line(std::string text);

/// What --help says of a program.
struct About {
  std::string name, description, footer = {};
};

/// Parses the command line, with the flags that `add_flags` adds, and runs `body`. Returns the exit code, having
/// printed one line on stderr unless 0:
///   0  done, or --help or --version was asked for
///   2  what the user gave cannot be used: flags, files, folders, values, sizes that do not fit
///   1  anything else: out of memory, a fault of the program
int run_app(int argc, const char* const* argv, const About& about, const std::function<void(CLI::App&)>& add_flags,
            const std::function<void()>& body);

/// A training program with the shared flags, writing to runs/<name> unless told otherwise. `add_flags` may add more.
int run_program(int argc, const char* const* argv, const std::string& name, const std::string& description,
                const std::function<void(const Options&)>& body, const std::function<void(CLI::App&)>& add_flags = {});

}  // namespace support
