#include "lab/program.hpp"

#include <exception>
#include <filesystem>
#include <iostream>
#include <new>

#include <CLI/CLI.hpp>

#include "lab/src/interrupt.hpp"
#include "nasion/core/parallel.hpp"
#include "nasion/core/printable.hpp"
#include "nasion/io/io_error.hpp"

namespace lab {

namespace {

constexpr const char* exit_codes =
    "Exit code: 0 when the run is done; 2 when something given cannot be used; 3 when training diverged, which the\n"
    "report says; 128 + n when signal n stopped the run, which --resume goes on with; 1 for other errors.";

}  // namespace

int run_app(int argc, const char* const* argv, const About& about, const std::function<void(CLI::App&)>& add_flags,
            const std::function<int()>& body) {
  CLI::App app(about.description, about.name);
  app.footer(about.footer);
  add_flags(app);
  const auto ended = [&app](int code, const std::string& what) {
    std::cerr << app.get_name() << ": " << nasion::printable(what) << std::endl;
    return code;
  };
  guard_process();
  app.set_version_flag("--version", app.get_name() + " (nasion " NASION_VERSION ")");
  try {
    app.parse(argc, argv);
    return body();
  } catch (const Interrupted& interrupted) {
    const auto text = interrupt_message(interrupted.signal, argc, argv, about.resume_flag);
    const int code = ExitCode::signal + interrupted.signal;
    return text.empty() ? code : ended(code, text);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return ended(ExitCode::unusable, std::string(error.what()) + " (see --help)");
  } catch (const nasion::IoError& error) {
    return ended(ExitCode::unusable, error.what());
  } catch (const nasion::ValueError& error) {
    return ended(ExitCode::unusable, error.what());
  } catch (const nasion::ShapeError& error) {
    return ended(ExitCode::unusable, error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    return ended(ExitCode::unusable, error.path1().string() + ": " + error.code().message());
  } catch (const std::bad_alloc&) {
    return ended(ExitCode::failed, "out of memory");
  } catch (const std::exception& error) {
    return ended(ExitCode::failed, error.what());
  } catch (...) {
    return ended(ExitCode::failed, "unknown error");
  }
}

int run_program(int argc, const char* const* argv, const std::string& name, const std::string& description,
                const std::function<int(const Options&)>& body, const std::function<void(CLI::App&)>& add_flags) {
  Options options;
  options.out = std::filesystem::path("runs") / name;
  return run_app(
      argc, argv, {.name = name, .description = description, .footer = exit_codes, .resume_flag = "--resume"},
      [&](CLI::App& app) {
        add_shared_flags(app, options);
        if (add_flags) add_flags(app);
      },
      [&] {
        nasion::set_num_threads(options.threads);
        return body(options);
      });
}

}  // namespace lab
