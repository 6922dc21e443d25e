#pragma once
// What all benchmark programs share: their flags, and records that are printed as columns or as lines of JSON.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <exception>
#include <iomanip>
#include <iostream>
#include <locale>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "measure.hpp"

namespace bench {

using Record = nlohmann::ordered_json;

struct Options {
  int threads = 0;  ///< 0: as many as the machine has
  Effort effort;
  bool json = false;
};

/// Prints records: as columns, with their names whenever these change, or as one line of JSON each.
class Printer {
 public:
  explicit Printer(bool json) : json_(json) {}

  void operator()(const Record& record) {
    if (json_) {
      std::cout << record.dump() << std::endl;
      return;
    }
    std::vector<std::string> names;
    std::ostringstream line;
    line.imbue(std::locale::classic());
    for (const auto& [name, value] : record.items()) {
      names.push_back(name);
      line << std::setw(width_of(name, value));
      if (value.is_string())
        line << std::left << value.get<std::string>() << "  ";
      else if (value.is_number_float())
        line << std::right << std::fixed << std::setprecision(value.get<double>() < 10 ? 4 : 1) << value.get<double>()
             << "  ";
      else
        line << std::right << value.dump() << "  ";
    }
    if (names != names_) {
      names_ = names;
      std::ostringstream head;
      for (const auto& [name, value] : record.items())
        head << (value.is_string() ? std::left : std::right) << std::setw(width_of(name, value)) << name << "  ";
      std::cout << head.str() << "\n";
    }
    std::cout << line.str() << std::endl;
  }

 private:
  static int width_of(const std::string& name, const Record& value) {
    const int least = name == "shape" ? 30 : value.is_string() ? 15 : 8;
    return std::max(least, static_cast<int>(name.size()));
  }

  bool json_;
  std::vector<std::string> names_;
};

/// Rounded to a few digits more than a measurement has, so that JSON stays readable.
inline double rounded(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::general, 6).ptr;
  std::from_chars(text, end, value);
  return value;
}

inline double milliseconds(double seconds) { return rounded(1e3 * seconds); }

/// Adds the times of `timing` to a record.
inline Record with_times(Record record, const Timing& timing) {
  record["best_ms"] = milliseconds(timing.best);
  record["median_ms"] = milliseconds(timing.median);
  record["samples"] = timing.samples;
  return record;
}

inline void add_shared_flags(CLI::App& app, Options& options) {
  app.add_option("--threads", options.threads, "0: all of the machine (default)")->check(CLI::Range(0, 1024));
  app.add_option("--samples", options.effort.samples, "calls that are timed, at least")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--seconds", options.effort.seconds, "time that is spent on a figure, at least")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  app.add_flag("--processor-clock", options.effort.processor_clock,
               "count the time of the calling thread only, for --threads 1 on a machine that is not idle");
  app.add_flag("--json", options.json, "one JSON object a line");
}

/// Parses the command line and calls `run`. `add_flags(app)` adds the program's own flags. Returns what main returns.
template <class AddFlags, class Run>
int run_program(int argc, char** argv, const std::string& name, const std::string& description, AddFlags&& add_flags,
                Run&& run) {
  CLI::App app(description, name);
  Options options;
  add_shared_flags(app, options);
  add_flags(app);
  CLI11_PARSE(app, argc, argv);
  if (options.effort.processor_clock && options.threads != 1) {
    std::cerr << name << ": --processor-clock sees one thread: give --threads 1\n";
    return 2;
  }
  try {
    run(options, Printer(options.json));
  } catch (const std::exception& error) {
    std::cerr << name << ": " << error.what() << "\n";
    return 1;
  }
  return 0;
}

}  // namespace bench
