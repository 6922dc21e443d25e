#pragma once
// The frame around every program: flags in, one line per error out, an exit code that says whose error it was.

#include <CLI/CLI.hpp>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <new>
#include <string>
#include <utility>

#include "nasion/core/error.hpp"
#include "nasion/core/parallel.hpp"
#include "support/options.hpp"

#ifndef NASION_VERSION
#define NASION_VERSION "without CMake"  // which knows the version
#endif

namespace support {

/// Line ends and other control characters as spaces, runs of them as one.
inline std::string one_line(std::string text) {
  std::string line;
  for (const char c : text) {
    const bool space = c == ' ' || static_cast<unsigned char>(c) < 32 || c == 127;
    if (!space)
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

/// Parses the command line of `app` and runs `body`. Returns the exit code, having printed one line on stderr unless 0:
///   0  done, or --help or --version was asked for
///   2  what the user gave cannot be used: flags, files, folders, values, sizes that do not fit
///   1  anything else: out of memory, a fault of the program
inline int run_app(int argc, const char* const* argv, CLI::App& app, const std::function<void()>& body) {
  const auto failed = [&app](int code, const std::string& what) {
    std::cerr << app.get_name() << ": " << one_line(what) << std::endl;
    return code;
  };
  app.set_version_flag("--version", app.get_name() + " (nasion " NASION_VERSION ")");
  try {
    app.parse(argc, argv);
    body();
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return failed(2, std::string(error.what()) + " (see --help)");
  } catch (const nasion::IoError& error) {
    return failed(2, error.what());
  } catch (const nasion::ValueError& error) {
    return failed(2, error.what());
  } catch (const nasion::ShapeError& error) {
    return failed(2, error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    return failed(2, error.path1().string() + ": " + error.code().message());
  } catch (const std::bad_alloc&) {
    return failed(1, "out of memory");
  } catch (const std::exception& error) {
    return failed(1, error.what());
  } catch (...) {
    return failed(1, "unknown error");
  }
}

/// A training program with the shared flags, writing to runs/<name> unless told otherwise. `add_flags` may add more.
inline int run_program(int argc, const char* const* argv, const std::string& name, const std::string& description,
                       const std::function<void(const Options&)>& body,
                       const std::function<void(CLI::App&)>& add_flags = {}) {
  CLI::App app(description, name);
  Options options;
  options.out = std::filesystem::path("runs") / name;
  add_shared_flags(app, options);
  if (add_flags) add_flags(app);
  return run_app(argc, argv, app, [&] {
    nasion::set_num_threads(options.threads);
    body(options);
  });
}

}  // namespace support
