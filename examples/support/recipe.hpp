#pragma once
// How a network is trained: the settings that the programs call a recipe.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nasion/core/tensor.hpp"
#include "nasion/optim/schedule.hpp"
#include "nasion/vision/augment.hpp"
#include "support/any_module.hpp"
#include "support/options.hpp"

namespace support {

struct TrainingRecipe {
  std::optional<nasion::vision::Augmentation> augmentation;
  OptimizerKind optimizer;
  double lr;
  int epochs, batch;
  nasion::optim::Schedule schedule = nasion::optim::constant();
  double weight_decay = 0;             ///< of AdamW
  std::optional<double> average = {};  ///< decay of the moving average of the weights, which is what is kept then
  bool autocast = false;
};

/// What the best recipes do to the training photos.
nasion::vision::Augmentation strong_augmentation();

/// The course's: up to 10 pixels of a width x height image in each direction, and light.
nasion::vision::Augmentation course_augmentation(int width, int height);

/// All its ranges that are not 0, for people.
std::string text_of(const std::optional<nasion::vision::Augmentation>& augmentation);

/// The recipe with what the command line says otherwise.
TrainingRecipe with_flags(TrainingRecipe recipe, const Options& options);

/// All that a run's result depends on, by name, as text for people and for the checkpoint.
using Settings = std::vector<std::pair<std::string, std::string>>;

Settings settings_of(const std::string& program, const Options& options, const TrainingRecipe& recipe,
                     const std::string& photos, const std::string& fingerprint);

/// The recipe's optimizer for these parameters.
AnyOptimizer make_optimizer(const TrainingRecipe& recipe, const std::vector<nasion::Tensorf>& parameters);

}  // namespace support
