// Part 3: ResNet-18 finds the points of faces in the wild: 68 on 300-W, 58 on the IMM database or on synthetic faces.

#include "nasion/models/landmark_finder.hpp"
#include "nasion/nasion.hpp"
#include "support/curves.hpp"
#include "support/evaluation.hpp"
#include "support/face_report.hpp"
#include "support/faces.hpp"
#include "support/program.hpp"
#include "support/samples.hpp"
#include "support/training.hpp"

using namespace nasion;
using support::fixed;

namespace {

/// What part 3's recipes are besides the settings that all parts have.
struct FaceRecipe {
  support::TrainingRecipe training;
  int input_size;  // pixels
  bool refined;    // Wing loss, and the network begins with the mean face; the course's: MSE, and anything
};

/// The course's settings.
FaceRecipe seed_recipe() {
  constexpr int size = 224;
  return {.training = {.augmentation = support::course_augmentation(size, size),
                       .optimizer = support::OptimizerKind::sgd,
                       .lr = 0.03,
                       .epochs = 30,
                       .batch = 16},
          .input_size = size,
          .refined = false};
}

FaceRecipe best_recipe() {
  return {.training = {.augmentation = vision::Augmentation{.shift = 0.05,
                                                            .rotation = 25,
                                                            .scale = 0.12,
                                                            .flip = 0.5,
                                                            .brightness = 0.15,
                                                            .contrast = 0.4,
                                                            .blur = 1,
                                                            .occlusion = 0.4},
                       .optimizer = support::OptimizerKind::adamw,
                       .lr = 1e-3,
                       .epochs = 120,
                       .batch = 16,
                       .schedule = optim::cosine(0.03),
                       .weight_decay = 0.05,
                       .average = 0.998},
          .input_size = 128,
          .refined = true};
}

/// Makes the network answer every face with the mean of the training faces, which is where learning should begin.
void begin_with_mean_face(models::ResNet<models::BasicBlock<float>>& model, const vision::KeypointDataset& dataset) {
  model.fc.weight.detach().fill(0);
  model.fc.bias.detach().copy_from(dataset.mean_target());
}

void run(const support::Options& options) {
  const bool seed = options.recipe == support::Recipe::seed;
  auto recipe = seed ? seed_recipe() : best_recipe();
  recipe.training = with_flags(recipe.training, options);
  const support::OutputFolder out(options.out, options.resume);
  train::Progress progress(train::Progress::detect(options.quiet));
  const support::FaceFiles files = support::list_faces(options, out, progress);
  const models::LandmarkFinderConfig config{.points = files.points, .input_size = recipe.input_size};
  auto settings = support::settings_of("part3_resnet18", options, recipe.training, files.source);
  settings.emplace_back("input_size", std::to_string(config.input_size));
  settings.emplace_back("face_margin", io::csv_field(config.face_margin));
  settings.emplace_back("loss", recipe.refined ? "wing" : "mse");

  vision::KeypointDataset training({.width = config.input_size,
                                    .height = config.input_size,
                                    .points = support::all_points(files.points),
                                    .augmentation = recipe.training.augmentation});
  support::add_faces(training, files.training, files.points, config.face_margin);
  vision::KeypointDataset validation(
      {.width = config.input_size, .height = config.input_size, .points = support::all_points(files.points)});
  support::add_faces(validation, files.validation, files.points, config.face_margin);
  progress.say(
      message("read ", training.size(), " training and ", validation.size(), " validation faces: ", files.source));

  Rng rng(options.seed);
  auto model = models::landmark_resnet18<float>(config, rng);
  if (recipe.refined) begin_with_mean_face(model, training);
  const auto loss = [&](const Tensorf& y, const Tensorf& target) {
    return recipe.refined ? wing_loss(y, target) : mse_loss(y, target);
  };
  const auto run = support::train_by_recipe(out, settings, model, recipe.training, training, validation, loss,
                                            options.seed, progress);
}

}  // namespace

int main(int argc, char** argv) {
  return support::run_program(argc, argv, "part3_resnet18",
                              "Learns to find the points of faces in the wild, and reports how well.", run);
}
