#pragma once
// What a model predicts on the validation photos, measured in pixels of the photos.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nasion/core/tensor.hpp"
#include "nasion/faces/keypoint_dataset.hpp"
#include "support/faces.hpp"
#include "support/training_run.hpp"

namespace support {

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

}  // namespace support
