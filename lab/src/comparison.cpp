#include "lab/report.hpp"

#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "nasion/io/io_error.hpp"
#include "nasion/io/read_file.hpp"

namespace lab {

RunSummary read_run(const std::filesystem::path& folder) {
  const auto file = folder / "metrics.json";
  const auto number = [](const nlohmann::json& object, const char* name) {  // JSON has no NaN; not all faces have views
    const auto value = object.value(name, nlohmann::json());
    return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
  };
  try {
    const auto json = nlohmann::json::parse(nasion::io::read_file(file, 1 << 20));
    const auto &settings = json.at("settings"), &epochs = json.at("epochs");
    if (!epochs.is_number_integer() || epochs < 0 || epochs > std::numeric_limits<int>::max())
      throw nasion::IoError(file, "is not the metrics of a run: its epochs are no number of them");
    return {.program = settings.at("program"),
            .network = settings.value("network", ""),
            .recipe = settings.at("recipe"),
            .seed = settings.at("seed"),
            .photos = settings.at("photos"),
            .fingerprint = settings.value("photos_fingerprint", ""),
            .epochs = epochs.get<int>(),
            .seconds = number(json, "training_seconds"),
            .mse = number(json, "val_mse"),
            .error_px = number(json, "val_mean_error_px"),
            .frontal_px = number(json, "frontal_error_px"),
            .turned_px = number(json, "turned_error_px")};
  } catch (const nlohmann::json::exception& error) {
    throw nasion::IoError(file, std::string("is not the metrics of a run: ") + error.what());
  }
}

std::vector<RunSummary> read_runs(const std::vector<std::filesystem::path>& folders) {
  std::vector<RunSummary> runs;
  for (const auto& folder : folders) runs.push_back(read_run(folder));
  return runs;
}

void add_comparison(Report& report, const RunSummary& own, const std::vector<RunSummary>& others) {
  Table table{.columns = {"run", "recipe", "seed", "epochs", "time, s", "MSE", "mean, px", "frontal", "turned"},
              .rows = {},
              .caption = "This run (first) and others: errors on the validation photos."};
  const auto px = [](double error) { return std::isnan(error) ? "-" : fixed(error, 1); };
  const auto add = [&](const RunSummary& run) {
    table.rows.push_back({run.program + (run.network.empty() ? "" : ": " + run.network), run.recipe, run.seed,
                          std::to_string(run.epochs), fixed(run.seconds, 0), fixed(run.mse, 6), px(run.error_px),
                          px(run.frontal_px), px(run.turned_px)});
  };
  add(own);
  for (const auto& run : others) {
    add(run);
    const auto place = [](const std::string& photos) { return std::filesystem::weakly_canonical(photos); };
    const bool known = !run.fingerprint.empty() && !own.fingerprint.empty();
    if (known ? run.fingerprint != own.fingerprint : place(run.photos) != place(own.photos))
      report.warning(nasion::message("The run of ", run.program, " with seed ", run.seed,
                                     " was measured on other photos (", run.photos, "): its errors do not compare."));
  }
  report.table(table);
}

}  // namespace lab
