#include "support/learning_rates.hpp"

#include <filesystem>
#include <limits>
#include <sstream>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "nasion/io/io_error.hpp"
#include "nasion/io/read_file.hpp"
#include "nasion/training/history_file.hpp"

namespace support {

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

}  // namespace support
