#pragma once
// Another program: run with a text on its standard input, its output kept. No shell takes part.

#include <string>
#include <string_view>
#include <vector>

namespace lab {

struct ProcessResult {
  bool started = false;
  int code = -1;  ///< -1 when a signal ended it
  std::string out, err;
};

/// Runs `command` (program, searched on the PATH, and its arguments) and waits for its end.
ProcessResult run_process(std::vector<std::string> command, std::string_view input);

}  // namespace lab
