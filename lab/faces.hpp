#pragma once
// The faces that the programs learn from, and what a model predicts on those it never saw, in pixels of the photos.

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lab/program.hpp"
#include "lab/run.hpp"
#include "lab/src/face_collage.hpp"
#include "nasion/core/tensor.hpp"
#include "nasion/faces/face_finder.hpp"
#include "nasion/faces/keypoint_dataset.hpp"
#include "nasion/faces/landmarks.hpp"
#include "nasion/training/progress.hpp"
#include "nasion/vision/image.hpp"

namespace lab {

/// A face in files.
struct FaceEntry {
  std::string name;  ///< for people: `07-3m`, `lfpw/testset/image_0001`
  std::filesystem::path image, shape;
  int person = 0, view = 0;   ///< of the IMM database; 0 elsewhere
  double original_scale = 1;  ///< pixels of the photo as it was published for one of the file

  /// The photo's file name, after the name of its set if it has one: `07-3m.jpg`, `lfpw/testset/image_0001.png`.
  std::string file() const { return name + image.extension().string(); }
};

struct LabelledFace {
  FaceEntry entry;
  nasion::vision::Image photo;
  nasion::faces::Landmarks points;  // in pixels of the photo
};

/// Reads photos and points (.asf or .pts). IoError when one cannot be read, or when there are not `count` points.
std::vector<LabelledFace> read_faces(std::span<const FaceEntry> entries, int count);

/// Where the faces of a run are: for training, for validation, and test sets beside.
struct FaceFiles {
  std::string source;  // for people: where they come from
  int points = 0;      // of each face
  std::vector<FaceEntry> training, validation;
  std::vector<std::pair<std::string, std::vector<FaceEntry>>> tests{};  // by name, without the validation faces
};

/// Of the names and contents of the files for training and validation: the same wherever they lie.
std::string fingerprint(const FaceFiles& files);

/// The faces of `options.data`, a folder in either of two layouts.
///
/// IMM database: persons 1 to 32 for training, the others for validation; with `options.fold`, a quarter of the first
/// instead. Without `options.data`, synthetic faces in this layout are made once, under the output folder.
///
/// 300-W: AFW and the training sets of HELEN and LFPW for training, LFPW's test set for validation, and the other test
/// sets that there are; with `options.fold`, a quarter of the training photos for validation, and no test set is looked
/// at.
FaceFiles list_faces(const Options& options, const OutputFolder& out, nasion::training::Progress& progress);

/// Faces in memory.
struct Faces {
  std::string source, fingerprint;
  std::vector<LabelledFace> training, validation;
};

/// Reads the photos of an IMM folder, or synthetic ones. The eyes of the training faces are put in order (a few files
/// of the database have them otherwise); the labels that are measured against stay as published.
Faces load_faces(const Options& options, const OutputFolder& out, nasion::training::Progress& progress);

/// Adds faces to a dataset, each seen in its view, a few photos in memory at a time; eyes of 58 points are put in
/// order.
void add_faces(nasion::faces::KeypointDataset& dataset, std::span<const FaceEntry> entries, int points, double margin);

/// The same with faces in memory, whose labels stay as published.
void add_faces(nasion::faces::KeypointDataset& dataset, const std::vector<LabelledFace>& faces, double margin);

/// 0 .. count - 1
std::vector<int> all_points(int count = nasion::faces::imm::point_count);

/// What a network of width x height pixels sees of the faces, and what it should say of these points.
nasion::faces::KeypointDataset make_dataset(const std::vector<LabelledFace>& faces, int width, int height,
                                            const std::vector<int>& points,
                                            const std::optional<nasion::vision::Augmentation>& augmentation = {});

struct Prediction {
  const LabelledFace* face;
  nasion::vision::Box view;                   // what the network saw of the photo
  nasion::faces::Landmarks truth, predicted;  // the chosen points, in pixels of the photo
  double error_px;                            // mean distance
  double eye_distance;                        // between the outer corners of the eyes, pixels

  /// Mean error over the distance of the outer eye corners, in percent.
  double nme_percent() const { return 100 * error_px / eye_distance; }
};

/// The points on each photo; `faces` are those of `dataset`, in order, and outlive the result. `network` answers images
/// [N, 1, H, W] with coordinates [N, 2 K], without a graph: a model in eval mode, perhaps with more around it.
std::vector<Prediction> predict(const std::function<nasion::Tensorf(const nasion::Tensorf&)>& network,
                                const nasion::faces::KeypointDataset& dataset, const std::vector<LabelledFace>& faces);

/// Mean errors in pixels: of all photos, of the frontal views 1 and 2, the turned views 3 and 4, and each view; NaN for
/// those without photos.
struct ViewErrors {
  double all, frontal, turned;
  std::array<double, 6> view;
  std::array<int, 6> count{};

  bool has_frontal() const { return count[0] + count[1] > 0; }
  bool has_turned() const { return count[2] + count[3] > 0; }
};

/// Whether the faces have views: those of the IMM database and its like.
bool has_views(const std::vector<Prediction>& predictions);

ViewErrors view_errors(const std::vector<Prediction>& predictions);

/// The mean of that over all photos.
double nme_percent(const std::vector<Prediction>& predictions);

/// Mean squared error of the coordinates as parts of what the network saw: the loss that networks are compared by.
double normalised_mse(const std::vector<Prediction>& predictions);

/// The same of always answering with the mean position of these points in the training photos: what learning must beat.
double mean_face_mse(const Faces& faces, const std::vector<int>& points);

/// The same predictions, compared with labels whose eyes are in order (see imm::repair_eye_order). Of all 58 points.
std::vector<Prediction> with_eyes_in_order(std::vector<Prediction> predictions);

/// One line for each point of each photo, in pixels.
void write_predictions(const OutputFolder& out, const std::vector<Prediction>& predictions,
                       const std::vector<int>& points);

/// Errors of whole faces as the field reports them. NME: see Prediction::nme_percent.
struct FaceErrors {
  double nme_percent;
  double auc, failure_percent;  // of the cumulative distribution of NME up to 8 %, and faces above
  double mae_px;                // mean of |dx| and |dy| in pixels of the photos as they were published
  static constexpr double limit = 8;
};

FaceErrors face_errors(const std::vector<Prediction>& predictions);

/// What metrics.json may say besides.
struct MoreMetrics {
  std::vector<std::pair<std::string, std::vector<Prediction>>> tests{};  ///< by name of their set
  std::optional<double> kaggle_mae_px{};
};

/// Writes metrics.json: the errors, and what the run was. Of 58 points, also the error against labels with eyes in
/// order.
void write_metrics(const OutputFolder& out, const std::vector<Prediction>& predictions, const TrainingRun& run,
                   std::size_t training_faces, const Settings& settings, std::uint64_t seed,
                   const MoreMetrics& more = {});

/// `count` examples, as augmented as in training, from faces spread over the dataset; each pixel `scale` pixels large.
nasion::vision::Image augmented_sheet(const nasion::faces::KeypointDataset& dataset, int count, std::uint64_t seed,
                                      int scale = 3);

/// Each kind of change by itself, strongly: a column for each kind, three draws of it on the same face.
nasion::vision::Image augmentation_kinds_sheet(const nasion::vision::Image& photo,
                                               const nasion::faces::Landmarks& points,
                                               nasion::faces::KeypointOptions options, std::uint64_t seed);

/// Of cells [N, 4, H, W] against [N, 5, H, W], see FaceCollages: cross-entropy of the score, in which what is right
/// already hardly counts (Lin et al., "Focal loss for dense object detection", ICCV 2017), and the smooth absolute
/// error of the box where there is a face; per cell with a face.
nasion::Tensorf face_finder_loss(const nasion::Tensorf& cells, const nasion::Tensorf& target);

struct FaceFinderTraining {
  int steps = 2400, batch = 16;  ///< about four minutes on a core
  double lr = 2e-3;
  std::uint64_t seed = 0;
};

/// The photos of these faces, a few at their full size in memory at a time.
std::vector<FacePhoto> face_photos(std::span<const FaceEntry> entries, int points);

/// Looks for faces on the photos: those with a score of at least `sure` that nobody labelled must be faces, those below
/// are none.
void find_lookalikes(std::vector<FacePhoto>& photos, const nasion::faces::FaceFinder<float>& network, double sure);

/// A network, in eval mode, that finds faces like those of the photos. The same seed gives the same network, for any
/// number of threads. ValueError for no photos, no steps or no batch.
nasion::faces::FaceFinder<float> train_face_finder(std::vector<FacePhoto> photos, const FaceFinderTraining& options,
                                                   nasion::training::Progress& progress);

inline namespace NASION_LAB_PROCESSES {

/// What every run begins with.
struct RunPlace {
  Processes processes;
  OutputFolder out;
  nasion::training::Progress progress;

  RunPlace(const Options& options, const Processes& with)
      : processes(with),
        out(processes.root_first([&] { return OutputFolder(options.out, options.resume, processes.is_root()); })),
        progress(nasion::training::Progress::detect(options.quiet || !processes.is_root())) {}
};

/// What parts 1, 2 and 4 begin with: faces of one size, and the settings that the result depends on.
struct FaceRun : RunPlace {
  Faces faces;
  Settings settings;
  nasion::faces::KeypointDataset training, validation;

  FaceRun(const std::string& program, const Options& options, const TrainingRecipe& recipe, int width, int height,
          const std::vector<int>& points, const Processes& with = Processes())
      : RunPlace(options, with),
        faces(processes.root_first([&] { return load_faces(options, out, progress); })),
        settings(settings_of(program, options, recipe, faces.source, faces.fingerprint)),
        training(make_dataset(faces.training, width, height, points, recipe.augmentation)),
        validation(make_dataset(faces.validation, width, height, points)) {}

  TrainingRun train(auto& model, const TrainingRecipe& recipe, const Loss& loss, std::uint64_t seed) {
    return run_training(model, {out, settings, recipe, training, validation, loss, seed, progress, processes});
  }

  /// predictions.csv and metrics.json.
  void write(const std::vector<Prediction>& predictions, const std::vector<int>& points, const TrainingRun& run,
             std::uint64_t seed) const {
    write_predictions(out, predictions, points);
    write_metrics(out, predictions, run, faces.training.size(), settings, seed);
  }
};

}  // namespace NASION_LAB_PROCESSES
}  // namespace lab
