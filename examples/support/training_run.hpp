#pragma once
// What is known of a training run: its history, and what files say of it.

#include <filesystem>
#include <map>
#include <string>

#include "nasion/training/history.hpp"
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

  /// Of a program that has reported the run.
  int exit_code() const;
};

/// ValueError naming the first setting that the checkpoint's run did not have. Photos are the same when their
/// fingerprints are, wherever they lie; checkpoints without one are compared by the place of the photos.
void check_same_settings(const OutputFolder& out, const std::map<std::string, std::string>& saved,
                         const Settings& settings);

/// The epochs that a checkpoint says are done, of `epochs`. IoError naming the file unless it has them all from the
/// first on, and there is one.
nasion::training::History checkpoint_history(const std::map<std::string, std::string>& saved,
                                             const std::filesystem::path& file, int epochs);

/// What model.safetensors says beside the weights.
std::map<std::string, std::string> model_metadata(const Settings& settings, const TrainingRun& run);

}  // namespace support
