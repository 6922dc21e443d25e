#include "support/learning_rates.hpp"

#include <filesystem>
#include <sstream>

#include <nlohmann/json.hpp>

#include "nasion/io/read_file.hpp"
#include "nasion/train/history_file.hpp"

namespace support {

std::vector<RateTrial> read_rate_trials(const OutputFolder& out) {
  const auto file = out / "learning_rates.json";
  std::vector<RateTrial> trials;
  if (!std::filesystem::exists(file)) return trials;
  const auto saved = nlohmann::json::parse(nasion::io::read_file(file, 1 << 20), nullptr, false);
  if (saved.is_array())
    for (const auto& trial : saved) {
      std::istringstream history(trial.value("history", ""));
      trials.push_back(
          {trial.value("lr", ""), nasion::training::read_history(history, file), trial.value("spread_px", 0.0)});
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
