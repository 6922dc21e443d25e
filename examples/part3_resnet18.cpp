// Part 3: ResNet-18 finds the points of faces in the wild: 68 on 300-W, 58 on the IMM database or on synthetic faces.

#include <filesystem>
#include <optional>

#include "lab/face_report.hpp"
#include "lab/faces.hpp"
#include "lab/program.hpp"
#include "lab/run.hpp"
#include "nasion/faces/landmark_finder.hpp"
#include "nasion/nasion.hpp"

using namespace nasion;

namespace {

/// What part 3's recipes are besides the settings that all parts have.
struct FaceRecipe {
  lab::TrainingRecipe training;
  int input_size;  // pixels
  bool refined;    // Wing loss from the mean face on, mirrored when it is used; the course's: MSE from random weights
};

/// The course's settings.
FaceRecipe seed_recipe() {
  constexpr int size = 224;
  return {.training = {.augmentation = lab::course_augmentation(size, size),
                       .optimizer = lab::OptimizerKind::sgd,
                       .lr = 0.03,
                       .epochs = 30,
                       .batch = 16},
          .input_size = size,
          .refined = false};
}

/// What reaches the lowest error so far, see docs/results.md.
FaceRecipe best_recipe() {
  return {.training = {.augmentation = vision::wild_face_augmentation(),
                       .optimizer = lab::OptimizerKind::adamw,
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
void begin_with_mean_face(models::ResNet<models::BasicBlock<float>>& model, const faces::KeypointDataset& dataset) {
  model.fc.weight.detach().fill(0);
  model.fc.bias.detach().copy_from(dataset.mean_target());
}

void write_report(const lab::WildFaceRun& task, const lab::TrainingRun& run, const FaceRecipe& recipe,
                  std::uint64_t seed) {
  lab::Report report(
      "Part 3: faces in the wild",
      message("A ResNet-18 looks at a grey face of ", recipe.input_size, " x ", recipe.input_size,
              " pixels and tells where its ", task.files.points, " points are. Photos: ", task.files.source, "."));
  lab::add_wild_opening(report, task.sets.front().predictions, run, recipe.training, task.training.size(),
                        task.settings);
  report.heading("What the network learns from");
  report.figure({"augmented", lab::augmented_sheet(task.training, 15, seed, 2),
                 "Training faces as the network sees them (" + lab::text_of(recipe.training.augmentation) + ")."});
  lab::add_wild_results(report, task.sets, run, recipe.refined ? "Wing loss" : "MSE of the coordinates");
  report.write(task.out.path());
}

int run(const lab::Options& options, const std::optional<std::filesystem::path>& kaggle, bool mpi) {
  const lab::Processes processes(mpi);
  auto recipe = options.recipe == lab::Recipe::seed ? seed_recipe() : best_recipe();
  recipe.training = with_flags(recipe.training, options);
  lab::WildFaceRun task("part3_resnet18", options, recipe.training, recipe.input_size, processes);
  task.settings.emplace_back("loss", recipe.refined ? "wing" : "mse");

  Rng rng(options.seed);
  auto model = faces::landmark_resnet18<float>(task.config, rng);
  if (recipe.refined) begin_with_mean_face(model, task.training);
  const auto loss = [&](const Tensorf& y, const Tensorf& target) {
    return recipe.refined ? wing_loss(y, target) : mse_loss(y, target);
  };
  const auto run = task.train(model, recipe.training, loss, options.seed);
  if (!processes.is_root()) return run.exit_code();

  const auto mirrored = faces::mirrored_landmarks(static_cast<std::size_t>(task.files.points));
  task.predict_sets([&](const Tensorf& images) {
    return recipe.refined ? faces::mirror_average(model, images, mirrored) : model(images);
  });
  std::optional<double> kaggle_mae_px;
  if (kaggle)
    kaggle_mae_px = lab::write_submission(task.out, *kaggle, lab::any_module(model), task.config, task.progress);
  task.write(run, options.seed, kaggle_mae_px);
  write_report(task, run, recipe, options.seed);
  lab::say_wild_result("part3_resnet18", task.out, task.sets.front().predictions, run, recipe.training, task.progress);
  return run.exit_code();
}

}  // namespace

int main(int argc, char** argv) {
  std::optional<std::filesystem::path> kaggle;
  bool mpi = false;
  return lab::run_program(
      argc, argv, "part3_resnet18", "Learns to find the points of faces in the wild, and reports how well.",
      [&](const lab::Options& options) { return run(options, kaggle, mpi); },
      [&](CLI::App& app) {
        lab::add_flag(app, "--kaggle", "XML",
                      "also find the points of the faces in this file of dlib's, for kaggle.csv (Id,Predicted)", kaggle,
                      lab::existing_file);
        lab::add_mpi_flag(app, mpi);
      });
}
