// Part 3: ResNet-18 finds the points of faces in the wild: 68 on 300-W, 58 on the IMM database or on synthetic faces.

#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "nasion/faces/dlib_xml.hpp"
#include "nasion/faces/kaggle.hpp"
#include "nasion/faces/landmark_finder.hpp"
#include "nasion/nasion.hpp"
#include "nasion/vision/draw.hpp"
#include "support/curves.hpp"
#include "support/evaluation.hpp"
#include "support/face_finder_training.hpp"
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
  bool refined;    // Wing loss from the mean face on, mirrored when it is used; the course's: MSE from random weights
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

/// What reaches the lowest error so far, see docs/results.md.
FaceRecipe best_recipe() {
  return {.training = {.augmentation = vision::wild_face_augmentation(),
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
void begin_with_mean_face(models::ResNet<models::BasicBlock<float>>& model, const faces::KeypointDataset& dataset) {
  model.fc.weight.detach().fill(0);
  model.fc.bias.detach().copy_from(dataset.mean_target());
}

/// What finds faces on a photo and then their points, which is what `predict` needs. The network for the first learns
/// from the same photos, in as many steps as the other at most.
faces::LandmarkFinder<float> with_face_finder(const faces::LandmarkFinderConfig& config,
                                              const models::ResNet<models::BasicBlock<float>>& model,
                                              const support::FaceFiles& files, const support::TrainingRecipe& recipe,
                                              std::uint64_t seed, training::Progress& progress) {
  support::FaceFinderTraining training{.seed = seed};
  const auto batches = (std::ssize(files.training) + recipe.batch - 1) / recipe.batch;
  training.steps = static_cast<int>(std::min<std::ptrdiff_t>(training.steps, recipe.epochs * batches));
  return {config, model,
          support::train_face_finder(support::face_photos(files.training, files.points), training, progress)};
}

/// Faces that a trained network is measured on, and what it said.
struct TestSet {
  std::string name;
  std::vector<support::LabelledFace> faces;
  std::vector<support::Prediction> predictions{};
};

std::vector<TestSet> read_test_sets(const support::FaceFiles& files) {
  std::vector<TestSet> sets{{"validation", support::read_faces(files.validation, files.points)}};
  for (const auto& [name, entries] : files.tests) sets.push_back({name, support::read_faces(entries, files.points)});
  return sets;
}

/// Part of the faces whose error is not above, for each error up to 10 %.
support::Chart error_distribution(const std::vector<TestSet>& sets) {
  constexpr double largest = 10;
  support::Chart chart{.x_title = "NME, % of the distance of the outer eye corners", .y_title = "part of the faces"};
  for (const auto& set : sets) {
    std::vector<double> errors;
    for (const auto& p : set.predictions) errors.push_back(p.nme_percent());
    support::Series series{set.name, {{0, 0}}};
    for (const auto& step : faces::cumulative_errors(errors))
      if (step.first <= largest) series.points.push_back(step);
    series.points.emplace_back(largest, series.points.back().second);
    chart.series.push_back(std::move(series));
  }
  return chart;
}

support::Table errors_table(const std::vector<TestSet>& sets) {
  support::Table table{.columns = {"faces", "number", "NME, %", "AUC at 8 %", "above 8 %", "MAE, px"},
                       .rows = {},
                       .caption =
                           "NME: mean error over the distance of the outer eye corners. AUC: area under the curve "
                           "below, up to 8 %. MAE: mean of |dx| and |dy| in pixels of the photos as published."};
  for (const auto& set : sets) {
    const auto errors = support::face_errors(set.predictions);
    table.rows.push_back({set.name, std::to_string(set.faces.size()), fixed(errors.nme_percent, 2),
                          fixed(errors.auc, 3), fixed(errors.failure_percent, 1) + " %", fixed(errors.mae_px, 2)});
  }
  return table;
}

/// Some photos with the points that the network sees on them.
vision::Image answers_sheet(const std::vector<support::Prediction>& predictions) {
  constexpr std::size_t count = 12;
  constexpr int size = 300;
  std::vector<vision::Image> pictures;
  for (std::size_t i = 0; i < std::min(count, predictions.size()); ++i) {
    const auto& p = predictions[i * predictions.size() / std::min(count, predictions.size())];
    const auto fit = vision::Affine::fit(p.view, size, size);
    auto picture = vision::to_rgb(vision::warp(p.face->photo, fit, size, size));
    vision::draw_points(picture, vision::transform(fit, p.predicted),
                        {.radius = 1.5, .paths = faces::landmark_paths(p.predicted.size())});
    pictures.push_back(std::move(picture));
  }
  return vision::contact_sheet(pictures, {.columns = 4});
}

void write_report(const support::OutputFolder& out, const std::vector<TestSet>& sets, const support::TrainingRun& run,
                  const FaceRecipe& recipe, const support::FaceFiles& files, const support::Settings& settings,
                  const faces::KeypointDataset& training, std::uint64_t seed) {
  const auto& predictions = sets.front().predictions;
  const auto errors = support::face_errors(predictions);
  support::Report report(
      "Part 3: faces in the wild",
      message("A ResNet-18 looks at a grey face of ", recipe.input_size, " x ", recipe.input_size,
              " pixels and tells where its ", files.points, " points are. Photos: ", files.source, "."));
  report.key("NME", fixed(errors.nme_percent, 2) + " %");
  report.key("AUC at 8 %", fixed(errors.auc, 3));
  report.key("above 8 %", fixed(errors.failure_percent, 1) + " %");
  report.key("MAE", fixed(errors.mae_px, 1) + " px");
  report.key("training", training::clock_time(run.seconds()));
  support::warn_if_diverged(report, run, recipe.training);
  report.paragraph(message("Trained on ", training.size(), " faces. On ", predictions.size(),
                           " faces that it never saw, a point is off by ", fixed(errors.nme_percent, 2),
                           " % of the distance between the outer corners of the eyes. ",
                           fixed(errors.failure_percent, 1), " % of the faces have a mean error above 8 %."));
  report.settings(settings);
  report.heading("What the network learns from");
  report.figure({"augmented", support::augmented_sheet(training, 15, seed, 2),
                 "Training faces as the network sees them (" + support::text_of(recipe.training.augmentation) + ")."});
  report.heading("How it learned");
  support::add_curves(report, run.history, recipe.refined ? "Wing loss" : "MSE of the coordinates");
  report.heading("How often it is how far off");
  report.table(errors_table(sets));
  report.charts({{"error_distribution", error_distribution(sets), "Part of the faces whose error is not above."}});
  if (support::has_views(predictions)) support::add_view_errors(report, predictions);
  report.heading("What it sees");
  report.figure({"answers", answers_sheet(predictions), "Validation faces with the points that the network sees."});
  report.heading("Where it is right, and where it is wrong");
  support::add_successes_and_failures(report, predictions, support::ErrorUnit::eyes_percent);
  report.heading("Which points are hard");
  support::add_point_errors(report, predictions);
  report.write(out.path());
}

/// Finds the points of the faces that a file of dlib's lists, and writes the course's submission. Returns their MAE in
/// pixels where the file knows the points as well. Photos that do not exist are named, and have no lines.
template <class Network>
std::optional<double> write_submission(const support::OutputFolder& out, const std::filesystem::path& xml,
                                       const Network& network, const faces::LandmarkFinderConfig& config,
                                       training::Progress& progress) {
  const auto list = faces::read_dlib_xml(xml);
  const auto faces = list.faces();
  std::vector<faces::Landmarks> answers(faces.size());
  double total = 0;
  int measured = 0, found = 0, other = 0;
  const vision::ReadOptions stored{.exif_orientation = false};  // boxes and points count stored pixels
  progress.begin("faces of " + xml.filename().string(), std::ssize(faces));
  for (std::size_t i = 0; i < faces.size(); ++i) {
    support::stop_if_asked();
    progress.advance();
    if (!faces[i].exists) continue;
    answers[i] = faces::locate_landmarks(network, config, vision::read_image(faces[i].image, stored), faces[i].box);
    ++found;
    if (!faces[i].has_all_landmarks(answers[i].size())) {
      other += !faces[i].points.empty();
      continue;
    }
    total += faces::mean_absolute_error(answers[i], faces[i].points);
    ++measured;
  }
  if (const auto missing = list.missing(); !missing.empty()) {
    std::string names;
    for (const auto& name : std::span(missing).first(std::min<std::size_t>(3, missing.size()))) names += " " + name;
    progress.say(
        support::one_line(message(xml.string(), ": ", missing.size(), " of ", list.images.size(),
                                  " photos do not exist and have no lines:", names, missing.size() > 3 ? " ..." : "")));
  }
  if (other > 0)
    progress.say(message(xml.string(), ": ", other, " of ", faces.size(), " faces have other points than the ",
                         config.points, " of the network, and are not measured"));
  if (found == 0) throw IoError(xml, "none of its photos exists");
  faces::write_kaggle_submission(out / "kaggle.csv", answers);
  progress.say(message("points of ", found, " faces: ", support::one_line((out / "kaggle.csv").string())));
  return measured ? std::optional(total / measured) : std::nullopt;
}

int run(const support::Options& options, const std::optional<std::filesystem::path>& kaggle, bool mpi) {
  const support::Processes processes(mpi);
  const bool seed = options.recipe == support::Recipe::seed;
  auto recipe = seed ? seed_recipe() : best_recipe();
  recipe.training = with_flags(recipe.training, options);
  const auto out =
      processes.root_first([&] { return support::OutputFolder(options.out, options.resume, processes.is_root()); });
  training::Progress progress(training::Progress::detect(options.quiet || !processes.is_root()));
  const auto files = processes.root_first([&] { return support::list_faces(options, out, progress); });
  const faces::LandmarkFinderConfig config{.points = files.points, .input_size = recipe.input_size};
  auto settings =
      support::settings_of("part3_resnet18", options, recipe.training, files.source, support::fingerprint(files));
  settings.emplace_back("input_size", std::to_string(config.input_size));
  settings.emplace_back("face_margin", io::csv_field(config.face_margin));
  settings.emplace_back("loss", recipe.refined ? "wing" : "mse");

  const auto dataset = [&](const std::optional<vision::Augmentation>& augmentation) {
    return faces::KeypointDataset({.width = config.input_size,
                                   .height = config.input_size,
                                   .points = support::all_points(files.points),
                                   .augmentation = augmentation});
  };
  auto training = dataset(recipe.training.augmentation), validation = dataset({});
  support::add_faces(training, files.training, files.points, config.face_margin);
  auto sets = read_test_sets(files);
  support::add_faces(validation, sets.front().faces, config.face_margin);
  progress.say(message("read ", training.size(), " training and ", validation.size(),
                       " validation faces: ", support::one_line(files.source)));

  Rng rng(options.seed);
  auto model = faces::landmark_resnet18<float>(config, rng);
  if (recipe.refined) begin_with_mean_face(model, training);
  const auto loss = [&](const Tensorf& y, const Tensorf& target) {
    return recipe.refined ? wing_loss(y, target) : mse_loss(y, target);
  };
  const auto run = support::train_by_recipe(out, settings, model, recipe.training, training, validation, loss,
                                            options.seed, progress, processes);
  if (!processes.is_root()) return run.exit_code();
  auto metadata = support::model_metadata(settings, run);
  metadata.merge(faces::metadata_of(config));
  io::save(out.model(), with_face_finder(config, model, files, recipe.training, options.seed, progress), metadata);

  const auto mirrored = faces::mirrored_landmarks(static_cast<std::size_t>(files.points));
  const auto network = [&](const Tensorf& images) {
    return recipe.refined ? faces::mirror_average(model, images, mirrored) : model(images);
  };
  for (auto& set : sets) {
    auto faces = dataset({});
    support::add_faces(faces, set.faces, config.face_margin);
    set.predictions = support::predict(network, faces, set.faces);
  }
  support::MoreMetrics more;
  for (const auto& set : std::span(sets).subspan(1)) more.tests.emplace_back(set.name, set.predictions);
  if (kaggle) more.kaggle_mae_px = write_submission(out, *kaggle, model, config, progress);
  support::write_predictions(out, sets.front().predictions, support::all_points(files.points));
  support::write_metrics(out, sets.front().predictions, run, files.training.size(), settings, options.seed, more);
  write_report(out, sets, run, recipe, files, settings, training, options.seed);
  support::say_if_diverged("part3_resnet18", run, recipe.training);
  const auto errors = support::face_errors(sets.front().predictions);
  progress.say(message("validation NME ", fixed(errors.nme_percent, 2), " %, ", fixed(errors.failure_percent, 1),
                       " % of the faces above 8 %, MAE ", fixed(errors.mae_px, 2),
                       " px\nreport: ", support::one_line((out / "report.html").string())));
  return run.exit_code();
}

}  // namespace

int main(int argc, char** argv) {
  std::optional<std::filesystem::path> kaggle;
  bool mpi = false;
  return support::run_program(
      argc, argv, "part3_resnet18", "Learns to find the points of faces in the wild, and reports how well.",
      [&](const support::Options& options) { return run(options, kaggle, mpi); },
      [&](CLI::App& app) {
        support::add_flag(app, "--kaggle", "XML",
                          "also find the points of the faces in this file of dlib's, for kaggle.csv (Id,Predicted)",
                          kaggle, support::existing_file);
        support::add_mpi_flag(app, mpi);
      });
}
