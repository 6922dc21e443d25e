// history.csv of training runs: the same text when written and read again.
#include "nasion/training/history_file.hpp"
#include "support.hpp"

namespace training = nasion::training;

void fuzz::run(std::string_view input) {
  const auto read_one = [](const std::filesystem::path& path) { return training::read_history(path); };
  const auto history = read(input, "history.csv", read_one);
  if (!history) return;
  const auto file = written([&](const auto& to) { training::write_history(to, *history); });
  const auto again = read(*file, read_one);
  require(again && history_csv(*again) == history_csv(*history), "another history when written and read again");
}
