// Part 3: ResNet-18 finds the points of faces in the wild: 68 on 300-W, 58 on the IMM database or on synthetic faces.

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lab/face_report.hpp"
#include "lab/faces.hpp"
#include "lab/program.hpp"
#include "lab/report.hpp"
#include "lab/run.hpp"
#include "nasion/faces/landmark_finder.hpp"
#include "nasion/nasion.hpp"

using namespace nasion;
using lab::fixed;

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

void write_report(const lab::OutputFolder& out, const std::vector<lab::TestSet>& sets, const lab::TrainingRun& run,
                  const FaceRecipe& recipe, const lab::FaceFiles& files, const lab::Settings& settings,
                  const faces::KeypointDataset& training, std::uint64_t seed) {
  const auto& predictions = sets.front().predictions;
  const auto errors = lab::face_errors(predictions);
  lab::Report report("Part 3: faces in the wild",
                     message("A ResNet-18 looks at a grey face of ", recipe.input_size, " x ", recipe.input_size,
                             " pixels and tells where its ", files.points, " points are. Photos: ", files.source, "."));
  report.key("NME", fixed(errors.nme_percent, 2) + " %");
  report.key("AUC at 8 %", fixed(errors.auc, 3));
  report.key("above 8 %", fixed(errors.failure_percent, 1) + " %");
  report.key("MAE", fixed(errors.mae_px, 1) + " px");
  report.key("training", training::clock_time(run.seconds()));
  lab::warn_if_diverged(report, run, recipe.training);
  report.paragraph(message("Trained on ", training.size(), " faces. On ", predictions.size(),
                           " faces that it never saw, a point is off by ", fixed(errors.nme_percent, 2),
                           " % of the distance between the outer corners of the eyes. ",
                           fixed(errors.failure_percent, 1), " % of the faces have a mean error above 8 %."));
  report.settings(settings);
  report.heading("What the network learns from");
  report.figure({"augmented", lab::augmented_sheet(training, 15, seed, 2),
                 "Training faces as the network sees them (" + lab::text_of(recipe.training.augmentation) + ")."});
  report.heading("How it learned");
  lab::add_curves(report, run.history, recipe.refined ? "Wing loss" : "MSE of the coordinates");
  report.heading("How often it is how far off");
  report.table(lab::errors_table(sets));
  report.charts({{"error_distribution", lab::error_distribution(sets), "Part of the faces whose error is not above."}});
  if (lab::has_views(predictions)) lab::add_view_errors(report, predictions);
  report.heading("What it sees");
  report.figure(
      {"answers", lab::answers_sheet(predictions), "Validation faces with the points that the network sees."});
  report.heading("Where it is right, and where it is wrong");
  lab::add_successes_and_failures(report, predictions, lab::ErrorUnit::eyes_percent);
  report.heading("Which points are hard");
  lab::add_point_errors(report, predictions);
  report.write(out.path());
}

int run(const lab::Options& options, const std::optional<std::filesystem::path>& kaggle, bool mpi) {
  const lab::Processes processes(mpi);
  const bool seed = options.recipe == lab::Recipe::seed;
  auto recipe = seed ? seed_recipe() : best_recipe();
  recipe.training = with_flags(recipe.training, options);
  const auto out =
      processes.root_first([&] { return lab::OutputFolder(options.out, options.resume, processes.is_root()); });
  training::Progress progress(training::Progress::detect(options.quiet || !processes.is_root()));
  const auto files = processes.root_first([&] { return lab::list_faces(options, out, progress); });
  const faces::LandmarkFinderConfig config{.points = files.points, .input_size = recipe.input_size};
  auto settings = lab::settings_of("part3_resnet18", options, recipe.training, files.source, lab::fingerprint(files));
  settings.emplace_back("input_size", std::to_string(config.input_size));
  settings.emplace_back("face_margin", io::csv_field(config.face_margin));
  settings.emplace_back("loss", recipe.refined ? "wing" : "mse");

  const auto dataset = [&](const std::optional<vision::Augmentation>& augmentation) {
    return faces::KeypointDataset({.width = config.input_size,
                                   .height = config.input_size,
                                   .points = lab::all_points(files.points),
                                   .augmentation = augmentation});
  };
  auto training = dataset(recipe.training.augmentation), validation = dataset({});
  lab::add_faces(training, files.training, files.points, config.face_margin);
  auto sets = lab::read_test_sets(files);
  lab::add_faces(validation, sets.front().faces, config.face_margin);
  progress.say(message("read ", training.size(), " training and ", validation.size(),
                       " validation faces: ", lab::one_line(files.source)));

  Rng rng(options.seed);
  auto model = faces::landmark_resnet18<float>(config, rng);
  if (recipe.refined) begin_with_mean_face(model, training);
  const auto loss = [&](const Tensorf& y, const Tensorf& target) {
    return recipe.refined ? wing_loss(y, target) : mse_loss(y, target);
  };
  const auto run = lab::train_by_recipe(
      model, {out, settings, recipe.training, training, validation, loss, options.seed, progress, processes});
  if (!processes.is_root()) return run.exit_code();
  auto metadata = lab::model_metadata(settings, run);
  metadata.merge(faces::metadata_of(config));
  io::save(out.model(), lab::with_face_finder(config, model, files, recipe.training, options.seed, progress), metadata);

  const auto mirrored = faces::mirrored_landmarks(static_cast<std::size_t>(files.points));
  const auto network = [&](const Tensorf& images) {
    return recipe.refined ? faces::mirror_average(model, images, mirrored) : model(images);
  };
  for (auto& set : sets) {
    auto faces = dataset({});
    lab::add_faces(faces, set.faces, config.face_margin);
    set.predictions = lab::predict(network, faces, set.faces);
  }
  lab::MoreMetrics more;
  for (const auto& set : std::span(sets).subspan(1)) more.tests.emplace_back(set.name, set.predictions);
  if (kaggle) more.kaggle_mae_px = lab::write_submission(out, *kaggle, lab::any_module(model), config, progress);
  lab::write_predictions(out, sets.front().predictions, lab::all_points(files.points));
  lab::write_metrics(out, sets.front().predictions, run, files.training.size(), settings, options.seed, more);
  write_report(out, sets, run, recipe, files, settings, training, options.seed);
  lab::say_if_diverged("part3_resnet18", run, recipe.training);
  const auto errors = lab::face_errors(sets.front().predictions);
  progress.say(message("validation NME ", fixed(errors.nme_percent, 2), " %, ", fixed(errors.failure_percent, 1),
                       " % of the faces above 8 %, MAE ", fixed(errors.mae_px, 2),
                       " px\nreport: ", lab::one_line((out / "report.html").string())));
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
