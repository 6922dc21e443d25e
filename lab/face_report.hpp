#pragma once
// What the programs leave behind about faces: sections of their reports, and the files of `predict`.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lab/faces.hpp"
#include "lab/report.hpp"
#include "lab/run.hpp"
#include "nasion/core/printable.hpp"
#include "nasion/faces/landmark_finder.hpp"
#include "nasion/faces/landmarks.hpp"
#include "nasion/nn/module.hpp"
#include "nasion/training/history.hpp"
#include "nasion/training/progress.hpp"
#include "nasion/vision/affine.hpp"
#include "nasion/vision/image.hpp"

namespace lab {

/// Some of the photos at the network's resolution, enlarged, with the labels of these points.
nasion::vision::Image sample_sheet(const std::vector<LabelledFace>& faces, int width, int height,
                                   const std::vector<int>& points);

/// From a photo to a picture of this size, close to the face: the box around its points, with some room.
nasion::vision::Affine close_up(const nasion::faces::Landmarks& points, int width, int height);

/// How errors are compared: in pixels where all photos are of one kind, otherwise as parts of the distance of the eyes.
enum class ErrorUnit { px, eyes_percent };

double error_in(ErrorUnit unit, const Prediction& p);

/// Photos as small pictures with their true and predicted points, each pair joined by its error.
nasion::vision::Image error_sheet(const std::vector<const Prediction*>& chosen, ErrorUnit unit = ErrorUnit::px);

/// By error, smallest first.
std::vector<const Prediction*> by_error(const std::vector<Prediction>& predictions, ErrorUnit unit = ErrorUnit::px);

/// Every filter of every convolution among the parameters of a network.
std::vector<Figure> filter_figures(const std::vector<nasion::nn::NamedTensor<float>>& parameters);

/// What a network sees in one photo: the probability of each pixel to be each point.
struct Maps {
  const Prediction* prediction;
  nasion::Tensorf probabilities;  ///< [58, height, width]
};

/// Of a network that answers images [1, 1, H, W] with logits [1, 58, H, W], for some of its predictions for `dataset`.
std::vector<Maps> maps_of(const std::function<nasion::Tensorf(const nasion::Tensorf&)>& network,
                          const nasion::faces::KeypointDataset& dataset, const std::vector<Prediction>& predictions,
                          const std::vector<const Prediction*>& chosen);

/// A section with the maps, if there are any: over each face, and one by one.
void add_maps(Report& report, const std::vector<Maps>& faces);

/// A warning when training diverged.
void warn_if_diverged(Report& report, const TrainingRun& run, const TrainingRecipe& recipe);

/// The figures at the top of the page, and a warning when training diverged.
void add_key_figures(Report& report, const std::vector<Prediction>& predictions, const TrainingRun& run,
                     const TrainingRecipe& recipe);

/// The errors in words; `what` is off, and `mean_face` is the MSE of always answering with the mean face.
void add_summary(Report& report, const std::vector<Prediction>& predictions, const std::string& what, double mean_face);

/// The errors of each view in a table.
void add_view_errors(Report& report, const std::vector<Prediction>& predictions);

/// The photos with the smallest and the largest errors as pictures.
void add_successes_and_failures(Report& report, const std::vector<Prediction>& predictions,
                                ErrorUnit unit = ErrorUnit::px);

/// How much of the error is the labels': the eyes of some validation photos are labelled from the other corner.
void add_eye_note(Report& report, const std::vector<Prediction>& predictions);

/// Mean error of each point of the face, of 58 points with eyes in order: the worst in a table, all of them on a face.
void add_point_errors(Report& report, const std::vector<Prediction>& published);

/// How a report begins: the figures, the errors in words (see add_summary), the settings; of 58 points also the labels'
/// part in the error.
void add_opening(Report& report, const std::vector<Prediction>& predictions, const TrainingRun& run,
                 const TrainingRecipe& recipe, const std::string& what, double mean_face, const Settings& settings);

/// Sections on how it learned, `loss` by the epoch, and where it is right and wrong.
void add_results(Report& report, const std::vector<Prediction>& predictions, const TrainingRun& run,
                 const std::string& loss);

/// On stderr: that training diverged, if it did.
void say_if_diverged(const std::string& program, const TrainingRun& run, const TrainingRecipe& recipe);

/// On stderr and on the terminal: how the run ended.
void say_result(const std::string& program, const OutputFolder& out, const std::vector<Prediction>& predictions,
                const TrainingRun& run, const TrainingRecipe& recipe, nasion::training::Progress& progress);

/// Faces that a trained network is measured on, and what it said.
struct TestSet {
  std::string name;
  std::vector<LabelledFace> faces;
  std::vector<Prediction> predictions{};
};

/// The same for faces in the wild: how a report begins, the sections after what the network learns from, and the end.
void add_wild_opening(Report& report, const std::vector<Prediction>& predictions, const TrainingRun& run,
                      const TrainingRecipe& recipe, nasion::Index training_faces, const Settings& settings);
void add_wild_results(Report& report, const std::vector<TestSet>& sets, const TrainingRun& run,
                      const std::string& loss);
void say_wild_result(const std::string& program, const OutputFolder& out, const std::vector<Prediction>& predictions,
                     const TrainingRun& run, const TrainingRecipe& recipe, nasion::training::Progress& progress);

struct RateTrial {
  std::string lr;
  nasion::training::History history;
  double spread_px;  // of the answers for the validation photos: root mean square distance from their mean
};

/// Those of learning_rates.json; none when there is no such file. IoError when it holds anything else, or a trial
/// without epochs.
std::vector<RateTrial> read_rate_trials(const OutputFolder& out);

void write_rate_trials(const OutputFolder& out, const std::vector<RateTrial>& trials);

/// How far the answers (of one point) are from their mean: root mean square, in pixels.
double spread_px(const std::vector<Prediction>& predictions);

/// A section: two trials of so many epochs in words and as charts, beside the MSE of always answering with the mean
/// face.
void add_learning_rates(Report& report, const std::vector<RateTrial>& trials, int epochs, double mean_face);

/// A face to be written: the box around its points, and its score, which a face whose box was given has not.
struct PredictedFace {
  nasion::vision::Box box;
  std::optional<double> score;
  nasion::faces::Landmarks points;
};

/// The photo with the points of its faces and lines between them, in sizes that suit each face. Small photos are
/// enlarged; faces are numbered when there are several.
nasion::vision::Image draw_faces(const nasion::vision::Image& photo, const std::vector<PredictedFace>& faces);

/// `x,y,w,h` in pixels; CLI::ValidationError naming the flag for anything else.
nasion::vision::Box box_of(const std::string& flag, const std::string& text);

/// ValueError unless most of the box is on the photo.
void check_on_photo(const nasion::vision::Box& box, const nasion::vision::Image& photo);

/// The files of one photo in a folder, named after it: `NAME.jpg` or, for other than JPEG, `NAME.png`; `NAME.json`;
/// `NAME.pts`, and `NAME_2.pts` and so on for more faces.
class PredictionFiles {
 public:
  PredictionFiles(std::filesystem::path folder, std::filesystem::path photo);

  std::filesystem::path json() const { return named(".json"); }
  std::filesystem::path points(std::size_t face) const;
  std::filesystem::path picture() const;

  /// Writes all of them. IoError, and nothing is written, when one of them is there already; unless `overwrite`, which
  /// replaces what this program wrote of this photo before, and nothing else. When writing fails, what was there before
  /// is there still, and the call can be repeated.
  void write(const nasion::vision::Image& photo, const std::vector<PredictedFace>& faces, bool overwrite) const;

 private:
  std::filesystem::path named(const std::string& ending) const { return folder_ / (photo_.stem().string() + ending); }

  /// What the .json in the folder says was written with it, if it is about this photo.
  std::vector<std::filesystem::path> earlier_files() const;

  /// Whether the path in a .json is that of the photo, perhaps in other words.
  bool is_this_photo(const std::string& said) const;

  /// Writes the files, paths and bytes, and removes what is left of earlier ones.
  void replace(const std::vector<std::pair<std::filesystem::path, std::string>>& files,
               const std::vector<std::filesystem::path>& earlier) const;

  std::string text(const nasion::vision::Image& photo, const std::vector<PredictedFace>& faces) const;

  std::filesystem::path folder_, photo_;
};

/// What finds faces on a photo and then their points, which is what `predict` needs. The network for the first learns
/// from the same photos, in as many steps as the other at most.
nasion::faces::LandmarkFinder<float> with_face_finder(
    const nasion::faces::LandmarkFinderConfig& config,
    const nasion::models::ResNet<nasion::models::BasicBlock<float>>& model, const FaceFiles& files,
    const TrainingRecipe& recipe, std::uint64_t seed, nasion::training::Progress& progress);

std::vector<TestSet> read_test_sets(const FaceFiles& files);

/// Part of the faces whose error is not above, for each error up to 10 %.
Chart error_distribution(const std::vector<TestSet>& sets);

Table errors_table(const std::vector<TestSet>& sets);

/// Some photos with the points that the network sees on them.
nasion::vision::Image answers_sheet(const std::vector<Prediction>& predictions);

/// Finds the points of the faces that a file of dlib's lists, and writes the course's submission. Returns their MAE in
/// pixels where the file knows the points as well. Photos that do not exist are named, and have no lines.
std::optional<double> write_submission(const OutputFolder& out, const std::filesystem::path& xml,
                                       const AnyModule& network, const nasion::faces::LandmarkFinderConfig& config,
                                       nasion::training::Progress& progress);

inline namespace NASION_LAB_PROCESSES {

/// What part 3 begins with: faces in the wild, each of which a network sees in its view.
struct WildFaceRun : RunPlace {
  FaceFiles files;
  nasion::faces::LandmarkFinderConfig config;
  Settings settings;
  nasion::faces::KeypointDataset training, validation;
  std::vector<TestSet> sets;  ///< the validation faces first

  WildFaceRun(const std::string& program, const Options& options, const TrainingRecipe& recipe, int input_size,
              const Processes& with = Processes())
      : RunPlace(options, with),
        files(processes.root_first([&] { return list_faces(options, out, progress); })),
        config{.points = files.points, .input_size = input_size},
        settings(settings_of(program, options, recipe, files.source, fingerprint(files))),
        training(dataset(recipe.augmentation)),
        validation(dataset()) {
    settings.emplace_back("input_size", std::to_string(config.input_size));
    settings.emplace_back("face_margin", nasion::io::csv_field(config.face_margin));
    add_faces(training, files.training, files.points, config.face_margin);
    sets = read_test_sets(files);
    add_faces(validation, sets.front().faces, config.face_margin);
    progress.say(nasion::message("read ", training.size(), " training and ", validation.size(),
                                 " validation faces: ", nasion::printable(files.source)));
  }

  /// Without faces yet.
  nasion::faces::KeypointDataset dataset(
      const std::optional<nasion::vision::Augmentation>& augmentation = std::nullopt) const {
    return nasion::faces::KeypointDataset({.width = config.input_size,
                                           .height = config.input_size,
                                           .points = all_points(files.points),
                                           .augmentation = augmentation});
  }

  /// Also writes model.safetensors, with a network that finds the faces; the root does.
  TrainingRun train(nasion::models::ResNet<nasion::models::BasicBlock<float>>& model, const TrainingRecipe& recipe,
                    const Loss& loss, std::uint64_t seed) {
    const auto run =
        train_by_recipe(model, {out, settings, recipe, training, validation, loss, seed, progress, processes});
    if (!processes.is_root()) return run;
    auto metadata = model_metadata(settings, run);
    metadata.merge(nasion::faces::metadata_of(config));
    nasion::io::save(out.model(), with_face_finder(config, model, files, recipe, seed, progress), metadata);
    return run;
  }

  /// What the network says of every set.
  void predict_sets(const std::function<nasion::Tensorf(const nasion::Tensorf&)>& network) {
    for (auto& set : sets) {
      auto seen = dataset();
      add_faces(seen, set.faces, config.face_margin);
      set.predictions = predict(network, seen, set.faces);
    }
  }

  /// predictions.csv and metrics.json.
  void write(const TrainingRun& run, std::uint64_t seed, std::optional<double> kaggle_mae_px) const {
    MoreMetrics more{.kaggle_mae_px = kaggle_mae_px};
    for (const auto& set : std::span(sets).subspan(1)) more.tests.emplace_back(set.name, set.predictions);
    write_predictions(out, sets.front().predictions, all_points(files.points));
    write_metrics(out, sets.front().predictions, run, files.training.size(), settings, seed, more);
  }
};

}  // namespace NASION_LAB_PROCESSES
}  // namespace lab
