#include "lab/run.hpp"

#include "lab/src/safe_text.hpp"
#include "nasion/core/error.hpp"
#include "nasion/io/csv.hpp"
#include "nasion/nasion.hpp"

namespace lab {

nasion::vision::Augmentation strong_augmentation() {
  return {.shift = 0.08, .rotation = 15, .scale = 0.15, .flip = 0.5, .brightness = 0.15, .contrast = 0.3};
}

nasion::vision::Augmentation course_augmentation(int width, int height) {
  return {.shift = {10.0 / width, 10.0 / height}, .brightness = 0.3};
}

std::string text_of(const std::optional<nasion::vision::Augmentation>& augmentation) {
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

TrainingRecipe with_flags(TrainingRecipe recipe, const Options& options) {
  recipe.epochs = options.epochs.value_or(recipe.epochs);
  recipe.batch = options.batch.value_or(recipe.batch);
  recipe.lr = options.lr.value_or(recipe.lr);
  recipe.optimizer = options.optimizer.value_or(recipe.optimizer);
  recipe.autocast = options.autocast;
  return recipe;
}

Settings settings_of(const std::string& program, const Options& options, const TrainingRecipe& recipe,
                     const std::string& photos, const std::string& fingerprint) {
  Settings settings{{"program", program},
                    {"recipe", name_of(options.recipe)},
                    {"photos", valid_utf8(photos)},
                    {"photos_fingerprint", fingerprint},
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

AnyOptimizer make_optimizer(const TrainingRecipe& recipe, const std::vector<nasion::Tensorf>& parameters) {
  namespace optim = nasion::optim;
  if (recipe.optimizer == OptimizerKind::adamw)
    return AnyOptimizer(optim::AdamW<float>(parameters, {.lr = recipe.lr, .weight_decay = recipe.weight_decay}));
  if (recipe.optimizer == OptimizerKind::adam) return AnyOptimizer(optim::Adam<float>(parameters, {.lr = recipe.lr}));
  return AnyOptimizer(optim::SGD<float>(parameters, {.lr = recipe.lr}));
}

}  // namespace lab
