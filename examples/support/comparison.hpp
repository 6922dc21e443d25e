#pragma once
// Runs beside each other: a table of what their folders say.

#include <filesystem>
#include <string>
#include <vector>

namespace support {

class Report;

/// What metrics.json of a run says.
struct RunSummary {
  std::string program, network, recipe, seed, photos, fingerprint;
  int epochs = 0;
  double seconds = 0, mse = 0, error_px = 0, frontal_px = 0, turned_px = 0;
};

/// IoError when the folder holds no metrics.json, or one of something else.
RunSummary read_run(const std::filesystem::path& folder);

std::vector<RunSummary> read_runs(const std::vector<std::filesystem::path>& folders);

/// A table of this run and the others, and a warning about those that were measured on other photos.
void add_comparison(Report& report, const RunSummary& own, const std::vector<RunSummary>& others);

}  // namespace support
