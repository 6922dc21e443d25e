// What programs read of earlier calls: predict's NAME.json, learning_rates.json and metrics.json of a run.
#include "lab/face_report.hpp"
#include "lab/report.hpp"
#include "lab/run.hpp"
#include "support.hpp"

namespace {

/// Predicts again for a photo whose NAME.json is the input.
void predict_again(std::string_view input) {
  const auto folder = fuzz::folder() / "predicted";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  const lab::PredictionFiles files(folder, "photo.png");
  fuzz::read(input, "predicted/photo.json", [&](const std::filesystem::path&) {
    files.write(nasion::vision::Image(4, 4, 1), {{{0, 0, 4, 4}, std::nullopt, {{1, 1}, {2, 3}}}}, true);
    return true;
  });
}

}  // namespace

void fuzz::run(std::string_view input) {
  predict_again(input);
  static const lab::OutputFolder out(folder() / "run", false);
  const auto read_trials = [](const std::filesystem::path&) { return lab::read_rate_trials(out).size(); };
  read(input, "run/learning_rates.json", read_trials);
  read(input, "run/metrics.json", [](const auto& file) { return lab::read_run(file.parent_path()).seed; });
}
