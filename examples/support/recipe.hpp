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
  double weight_decay = 0;             ///< of AdamW
  std::optional<double> average = {};  ///< decay of the moving average of the weights, which is what is kept then
  bool autocast = false;
};

/// What the best recipes do to the training photos.
inline nasion::vision::Augmentation strong_augmentation() {
  return {.shift = 0.08, .rotation = 15, .scale = 0.15, .flip = 0.5, .brightness = 0.15, .contrast = 0.3};
}

/// The course's: up to 10 pixels of a width x height image in each direction, and light.
inline nasion::vision::Augmentation course_augmentation(int width, int height) {
  return {.shift = {10.0 / width, 10.0 / height}, .brightness = 0.3};
}

/// All its ranges that are not 0, for people.
inline std::string text_of(const std::optional<nasion::vision::Augmentation>& augmentation) {
  std::string text;
  const auto add = [&](const char* name, double range) {
    if (range > 0) text += (text.empty() ? "" : ", ") + nasion::message(name, " ", nasion::io::csv_field(range));
  };
  if (augmentation) {
    const auto& a = *augmentation;
    if (a.shift.x == a.shift.y) {
      add("shift", a.shift.x);
    } else {
      add("shift.x", a.shift.x);
      add("shift.y", a.shift.y);
    }
    add("rotation", a.rotation);
    add("scale", a.scale);
    add("flip", a.flip);
    add("brightness", a.brightness);
    add("contrast", a.contrast);
    add("blur", a.blur);
    add("noise", a.noise);
    add("occlusion", a.occlusion);
  }
  return text.empty() ? "none" : text;
}

/// The recipe with what the command line says otherwise.
inline TrainingRecipe with_flags(TrainingRecipe recipe, const Options& options) {
  recipe.epochs = options.epochs.value_or(recipe.epochs);
  recipe.batch = options.batch.value_or(recipe.batch);
  recipe.lr = options.lr.value_or(recipe.lr);
  recipe.optimizer = options.optimizer.value_or(recipe.optimizer);
  recipe.autocast = options.autocast;
  return recipe;
}

/// All that a run's result depends on, by name, as text for people and for the checkpoint.
using Settings = std::vector<std::pair<std::string, std::string>>;

inline Settings settings_of(const std::string& program, const Options& options, const TrainingRecipe& recipe,
                            const std::string& photos) {
  Settings settings{{"program", program},
                    {"recipe", name_of(options.recipe)},
                    {"photos", photos},
                    {"epochs", std::to_string(recipe.epochs)},
                    {"batch", std::to_string(recipe.batch)},
                    {"optimizer", name_of(recipe.optimizer)},
                    {"lr", nasion::io::csv_field(recipe.lr)},
                    {"augmentation", text_of(recipe.augmentation)},
                    {"autocast", recipe.autocast ? "bfloat16" : "off"},
                    {"seed", std::to_string(options.seed)}};
  if (recipe.optimizer == OptimizerKind::adamw)
    settings.emplace_back("weight_decay", nasion::io::csv_field(recipe.weight_decay));
  if (recipe.average) settings.emplace_back("average_of_weights", nasion::io::csv_field(*recipe.average));
  return settings;
}

/// Calls `use` with the recipe's optimizer for the model's parameters.
template <class Model, class Use>
void with_optimizer(const TrainingRecipe& recipe, const Model& model, Use&& use) {
  using T = nasion::nn::ScalarOf<Model>;
  if (recipe.optimizer == OptimizerKind::adamw) {
    nasion::optim::AdamW<T> adamw(nasion::nn::parameters(model),
                                  {.lr = recipe.lr, .weight_decay = recipe.weight_decay});
    use(adamw);
  } else if (recipe.optimizer == OptimizerKind::adam) {
    nasion::optim::Adam<T> adam(nasion::nn::parameters(model), {.lr = recipe.lr});
    use(adam);
  } else {
    nasion::optim::SGD<T> sgd(nasion::nn::parameters(model), {.lr = recipe.lr});
    use(sgd);
  }
}

}  // namespace support
