#include <algorithm>
#include <optional>
#include <span>

#include "lab/face_report.hpp"
#include "nasion/core/printable.hpp"
#include "nasion/faces/dlib_xml.hpp"
#include "nasion/faces/kaggle.hpp"
#include "nasion/faces/metrics.hpp"
#include "nasion/nasion.hpp"
#include "nasion/vision/draw.hpp"

namespace lab {

using namespace nasion;

faces::LandmarkFinder<float> with_face_finder(const faces::LandmarkFinderConfig& config,
                                              const models::ResNet<models::BasicBlock<float>>& model,
                                              const FaceFiles& files, const TrainingRecipe& recipe, std::uint64_t seed,
                                              training::Progress& progress) {
  FaceFinderTraining training{.seed = seed};
  const auto batches = (std::ssize(files.training) + recipe.batch - 1) / recipe.batch;
  training.steps = static_cast<int>(std::min<std::ptrdiff_t>(training.steps, recipe.epochs * batches));
  return {config, model, train_face_finder(face_photos(files.training, files.points), training, progress)};
}

std::vector<TestSet> read_test_sets(const FaceFiles& files) {
  std::vector<TestSet> sets{{"validation", read_faces(files.validation, files.points)}};
  for (const auto& [name, entries] : files.tests) sets.push_back({name, read_faces(entries, files.points)});
  return sets;
}

Chart error_distribution(const std::vector<TestSet>& sets) {
  constexpr double largest = 10;
  Chart chart{.x_title = "NME, % of the distance of the outer eye corners", .y_title = "part of the faces"};
  for (const auto& set : sets) {
    std::vector<double> errors;
    for (const auto& p : set.predictions) errors.push_back(p.nme_percent());
    Series series{set.name, {{0, 0}}};
    for (const auto& step : faces::cumulative_errors(errors))
      if (step.first <= largest) series.points.push_back(step);
    series.points.emplace_back(largest, series.points.back().second);
    chart.series.push_back(std::move(series));
  }
  return chart;
}

Table errors_table(const std::vector<TestSet>& sets) {
  Table table{.columns = {"faces", "number", "NME, %", "AUC at 8 %", "above 8 %", "MAE, px"},
              .rows = {},
              .caption =
                  "NME: mean error over the distance of the outer eye corners. AUC: area under the curve "
                  "below, up to 8 %. MAE: mean of |dx| and |dy| in pixels of the photos as published."};
  for (const auto& set : sets) {
    const auto errors = face_errors(set.predictions);
    table.rows.push_back({set.name, std::to_string(set.faces.size()), fixed(errors.nme_percent, 2),
                          fixed(errors.auc, 3), fixed(errors.failure_percent, 1) + " %", fixed(errors.mae_px, 2)});
  }
  return table;
}

vision::Image answers_sheet(const std::vector<Prediction>& predictions) {
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

std::optional<double> write_submission(const OutputFolder& out, const std::filesystem::path& xml,
                                       const AnyModule& network, const faces::LandmarkFinderConfig& config,
                                       training::Progress& progress) {
  const auto list = faces::read_dlib_xml(xml);
  const auto faces = list.faces();
  std::vector<faces::Landmarks> answers(faces.size());
  double total = 0;
  int measured = 0, found = 0, other = 0;
  const vision::ReadOptions stored{.exif_orientation = false};  // boxes and points count stored pixels
  progress.begin("faces of " + xml.filename().string(), std::ssize(faces));
  for (std::size_t i = 0; i < faces.size(); ++i) {
    stop_if_asked();
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
        printable(message(xml.string(), ": ", missing.size(), " of ", list.images.size(),
                          " photos do not exist and have no lines:", names, missing.size() > 3 ? " ..." : "")));
  }
  if (other > 0)
    progress.say(message(xml.string(), ": ", other, " of ", faces.size(), " faces have other points than the ",
                         config.points, " of the network, and are not measured"));
  if (found == 0) throw IoError(xml, "none of its photos exists");
  faces::write_kaggle_submission(out / "kaggle.csv", answers);
  progress.say(message("points of ", found, " faces: ", printable((out / "kaggle.csv").string())));
  return measured ? std::optional(total / measured) : std::nullopt;
}

void add_wild_opening(Report& report, const std::vector<Prediction>& predictions, const TrainingRun& run,
                      const TrainingRecipe& recipe, Index training_faces, const Settings& settings) {
  const auto errors = face_errors(predictions);
  report.key("NME", fixed(errors.nme_percent, 2) + " %");
  report.key("AUC at 8 %", fixed(errors.auc, 3));
  report.key("above 8 %", fixed(errors.failure_percent, 1) + " %");
  report.key("MAE", fixed(errors.mae_px, 1) + " px");
  report.key("training", training::clock_time(run.seconds()));
  warn_if_diverged(report, run, recipe);
  report.paragraph(message("Trained on ", training_faces, " faces. On ", predictions.size(),
                           " faces that it never saw, a point is off by ", fixed(errors.nme_percent, 2),
                           " % of the distance between the outer corners of the eyes. ",
                           fixed(errors.failure_percent, 1), " % of the faces have a mean error above 8 %."));
  report.settings(settings);
}

void add_wild_results(Report& report, const std::vector<TestSet>& sets, const TrainingRun& run,
                      const std::string& loss) {
  const auto& predictions = sets.front().predictions;
  report.heading("How it learned");
  add_curves(report, run.history, loss);
  report.heading("How often it is how far off");
  report.table(errors_table(sets));
  report.charts({{"error_distribution", error_distribution(sets), "Part of the faces whose error is not above."}});
  if (has_views(predictions)) add_view_errors(report, predictions);
  report.heading("What it sees");
  report.figure({"answers", answers_sheet(predictions), "Validation faces with the points that the network sees."});
  report.heading("Where it is right, and where it is wrong");
  add_successes_and_failures(report, predictions, ErrorUnit::eyes_percent);
  report.heading("Which points are hard");
  add_point_errors(report, predictions);
}

void say_wild_result(const std::string& program, const OutputFolder& out, const std::vector<Prediction>& predictions,
                     const TrainingRun& run, const TrainingRecipe& recipe, training::Progress& progress) {
  say_if_diverged(program, run, recipe);
  const auto errors = face_errors(predictions);
  progress.say(message("validation NME ", fixed(errors.nme_percent, 2), " %, ", fixed(errors.failure_percent, 1),
                       " % of the faces above 8 %, MAE ", fixed(errors.mae_px, 2),
                       " px\nreport: ", printable((out / "report.html").string())));
}

}  // namespace lab
