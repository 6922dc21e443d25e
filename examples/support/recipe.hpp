#pragma once
// How a network is trained: the settings that the programs call a recipe.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nasion/io/csv.hpp"
#include "nasion/optim/adam.hpp"
#include "nasion/optim/schedule.hpp"
#include "nasion/optim/sgd.hpp"
#include "nasion/vision/augment.hpp"
#include "support/options.hpp"

namespace support {

struct TrainingRecipe {
  std::optional<nasion::vision::Augmentation> augmentation;
  OptimizerKind optimizer;
  double lr;
  int epochs, batch;
  nasion::optim::Schedule schedule = nasion::optim::constant();
};

/// The recipe with what the command line says otherwise.
inline TrainingRecipe with_flags(TrainingRecipe recipe, const Options& options) {
  recipe.epochs = options.epochs.value_or(recipe.epochs);
  recipe.batch = options.batch.value_or(recipe.batch);
  recipe.lr = options.lr.value_or(recipe.lr);
  recipe.optimizer = options.optimizer.value_or(recipe.optimizer);
  return recipe;
}

/// All that a run's result depends on, by name, as text for people and for the checkpoint.
using Settings = std::vector<std::pair<std::string, std::string>>;

inline Settings settings_of(const std::string& program, const Options& options, const TrainingRecipe& recipe,
                            const std::string& photos) {
  return {{"program", program},
          {"recipe", name_of(options.recipe)},
          {"photos", photos},
          {"epochs", std::to_string(recipe.epochs)},
          {"batch", std::to_string(recipe.batch)},
          {"optimizer", name_of(recipe.optimizer)},
          {"lr", nasion::io::csv_field(recipe.lr)},
          {"seed", std::to_string(options.seed)}};
}

/// Calls `use` with the recipe's optimizer for the model's parameters.
template <class Model, class Use>
void with_optimizer(const TrainingRecipe& recipe, const Model& model, Use&& use) {
  using T = nasion::nn::ScalarOf<Model>;
  if (recipe.optimizer == OptimizerKind::adam) {
    nasion::optim::Adam<T> adam(nasion::nn::parameters(model), {.lr = recipe.lr});
    use(adam);
  } else {
    nasion::optim::SGD<T> sgd(nasion::nn::parameters(model), {.lr = recipe.lr});
    use(sgd);
  }
}

}  // namespace support
