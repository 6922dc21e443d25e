#include "lab/face_report.hpp"

#include <cmath>
#include <filesystem>
#include <limits>
#include <sstream>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "nasion/io/io_error.hpp"
#include "nasion/io/read_file.hpp"
#include "nasion/training/history_file.hpp"

namespace lab {

std::vector<RateTrial> read_rate_trials(const OutputFolder& out) {
  const auto file = out / "learning_rates.json";
  std::vector<RateTrial> trials;
  std::error_code unreadable;
  if (!std::filesystem::exists(file, unreadable)) return trials;
  const auto saved = nlohmann::json::parse(nasion::io::read_file(file, 256 << 20), nullptr, false);
  const auto refuse = [&] {
    throw nasion::IoError(file, "is not a comparison of learning rates: remove it, and it is made again");
  };
  if (!saved.is_array() || saved.empty()) refuse();
  for (const auto& trial : saved) {
    const auto is = [&](const char* name, auto&& test) { return trial.contains(name) && test(trial[name]); };
    if (!trial.is_object() || !is("lr", [](const auto& v) { return v.is_string(); }) ||
        !is("history", [](const auto& v) { return v.is_string(); }) ||
        !is("spread_px", [](const auto& v) { return v.is_number() || v.is_null(); }))
      refuse();
    std::istringstream lines(trial["history"].get<std::string>());
    auto history = nasion::training::read_history(lines, file);
    if (history.empty()) refuse();
    const auto& spread = trial["spread_px"];  // JSON has no NaN
    trials.push_back({trial["lr"], std::move(history),
                      spread.is_null() ? std::numeric_limits<double>::quiet_NaN() : spread.get<double>()});
  }
  return trials;
}

void write_rate_trials(const OutputFolder& out, const std::vector<RateTrial>& trials) {
  nlohmann::ordered_json saved;
  for (const auto& trial : trials)
    saved.push_back(
        {{"lr", trial.lr}, {"spread_px", trial.spread_px}, {"history", nasion::training::history_csv(trial.history)}});
  out.write("learning_rates.json", saved.dump(2) + "\n");
}

double spread_px(const std::vector<Prediction>& predictions) {
  double x = 0, y = 0, squares = 0;
  const auto n = static_cast<double>(predictions.size());
  for (const auto& p : predictions) x += p.predicted[0].x / n, y += p.predicted[0].y / n;
  for (const auto& p : predictions) squares += std::pow(p.predicted[0].x - x, 2) + std::pow(p.predicted[0].y - y, 2);
  return std::sqrt(squares / n);
}

namespace {

std::string told(const RateTrial& trial) {
  const auto& last = trial.history.rows().back();
  if (!std::isfinite(last.train_loss))
    return nasion::message("With learning rate ", trial.lr, " it diverges: the loss is no number any more in epoch ",
                           last.epoch, ".");
  return nasion::message(
      "With learning rate ", trial.lr, " it ends at a loss of ", fixed(last.train_loss, 5),
      " on the training photos and ", fixed(last.val_loss, 5), " on the others, and its answers for these differ by ",
      fixed(trial.spread_px, 2), " px",
      trial.spread_px < 0.05
          ? ": it says the same of every photo, because the first long steps have switched its units off for good."
          : ".");
}

}  // namespace

void add_learning_rates(Report& report, const std::vector<RateTrial>& trials, int epochs, double mean_face) {
  report.heading("The learning rate");
  std::vector<NamedChart> rates;
  for (const bool on_validation : {false, true}) {
    Chart chart{.x_title = "epoch",
                .y_title = on_validation ? "validation loss" : "training loss",
                .series = {},
                .log_y = true};
    for (const auto& trial : trials) {
      chart.series.push_back({"learning rate " + trial.lr, {}});
      for (const auto& row : trial.history.rows())
        chart.series.back().points.emplace_back(row.epoch, on_validation ? row.val_loss : row.train_loss);
    }
    rates.push_back({on_validation ? "learning_rates_validation" : "learning_rates", chart,
                     on_validation ? "The same on the validation photos."
                                   : "Loss of the course's network on the training photos."});
  }
  report.paragraph(nasion::message("The course's network, trained by plain gradient descent for ", epochs, " epochs. ",
                                   told(trials[0]), " ", told(trials[1]),
                                   " For comparison, answering with the mean position of the training photos gives ",
                                   fixed(mean_face, 5), " on the validation photos."));
  report.charts(rates);
}

}  // namespace lab
