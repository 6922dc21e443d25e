#pragma once
// What is known of a training run: its history, and what files say of it.

#include <map>
#include <string>

#include "nasion/train/history.hpp"
#include "support/output_folder.hpp"
#include "support/recipe.hpp"

namespace support {

struct TrainingRun {
  nasion::training::History history;
  bool finite = true;  // false: the loss became infinite or NaN, and training stopped there

  double seconds() const {
    double total = 0;
    for (const auto& row : history.rows()) total += row.seconds;
    return total;
  }
};

/// ValueError naming the first setting that the checkpoint's run did not have.
void check_same_settings(const OutputFolder& out, const std::map<std::string, std::string>& saved,
                         const Settings& settings);

/// What model.safetensors says beside the weights.
std::map<std::string, std::string> model_metadata(const Settings& settings, const TrainingRun& run);

}  // namespace support
