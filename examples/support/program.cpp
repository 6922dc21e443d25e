#include "support/program.hpp"

#include <exception>
#include <filesystem>
#include <iostream>
#include <new>

#include <CLI/CLI.hpp>

#include "nasion/core/parallel.hpp"
#include "nasion/io/io_error.hpp"

namespace support {

std::string one_line(std::string text) {
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

int run_app(int argc, const char* const* argv, const About& about, const std::function<void(CLI::App&)>& add_flags,
            const std::function<void()>& body) {
  CLI::App app(about.description, about.name);
  app.footer(about.footer);
  add_flags(app);
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

int run_program(int argc, const char* const* argv, const std::string& name, const std::string& description,
                const std::function<void(const Options&)>& body, const std::function<void(CLI::App&)>& add_flags) {
  Options options;
  options.out = std::filesystem::path("runs") / name;
  return run_app(
      argc, argv, {name, description},
      [&](CLI::App& app) {
        add_shared_flags(app, options);
        if (add_flags) add_flags(app);
      },
      [&] {
        nasion::set_num_threads(options.threads);
        body(options);
      });
}

}  // namespace support
