#include "support/training_run.hpp"

#include "nasion/core/error.hpp"

namespace support {

void check_same_settings(const OutputFolder& out, const std::map<std::string, std::string>& saved,
                         const Settings& settings) {
  for (const auto& [name, value] : settings) {
    const auto there = saved.find("setting." + name);
    nasion::check<nasion::ValueError>(there != saved.end() && there->second == value, out.path().string(),
                                      ": this run has ", name, " ", there == saved.end() ? "(not set)" : there->second,
                                      ", not ", value, ": give the same flags to resume it, or another --out");
  }
}

std::map<std::string, std::string> model_metadata(const Settings& settings, const TrainingRun& run) {
  std::map<std::string, std::string> metadata;
  for (const auto& [name, value] : settings) metadata["setting." + name] = value;
  if (!run.finite)
    metadata["diverged"] = nasion::message("the loss was not finite in epoch ", run.history.last_epoch());
  return metadata;
}

}  // namespace support
