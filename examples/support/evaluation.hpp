#pragma once
// What a model predicts on the validation photos, measured in pixels of the photos.

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "nasion/core/autograd.hpp"
#include "nasion/io/atomic_file.hpp"
#include "nasion/io/csv.hpp"
#include "nasion/nn/module.hpp"
#include "support/faces.hpp"

namespace support {

struct Prediction {
  const LabelledFace* face;
  nasion::vision::Landmarks truth, predicted;  // the chosen points, in pixels of the photo
  double error_px;                             // mean distance
  double eye_distance;                         // between the outer corners of the eyes, pixels
};

/// The model's points on each photo; `faces` are those of `dataset`, in order, and outlive the result.
template <class Model>
std::vector<Prediction> predict(Model& model, const nasion::vision::KeypointDataset& dataset,
                                const std::vector<LabelledFace>& faces) {
  namespace vision = nasion::vision;
  const nasion::NoGrad no_grad;
  nasion::nn::eval(model);
  auto loader = nasion::data::make_loader(dataset, {.batch_size = 16, .workers = 0});
  std::vector<Prediction> predictions;
  for (const auto& batch : loader) {
    const auto y = model(batch.input);
    for (nasion::Index i = 0; i < y.dim(0); ++i) {
      const LabelledFace& face = faces.at(predictions.size());
      const auto row = y.values().subspan(static_cast<std::size_t>(i * y.dim(1)), static_cast<std::size_t>(y.dim(1)));
      Prediction p{&face, {}, vision::to_points(row, face.photo.width, face.photo.height), 0, 0};
      for (std::size_t k = 0; k < p.predicted.size(); ++k) {
        p.truth.push_back(face.points[static_cast<std::size_t>(dataset.options().points[k])]);
        p.error_px += std::hypot(p.predicted[k].x - p.truth[k].x, p.predicted[k].y - p.truth[k].y);
      }
      p.error_px /= static_cast<double>(p.predicted.size());
      p.eye_distance = std::hypot(face.points[13].x - face.points[21].x, face.points[13].y - face.points[21].y);
      predictions.push_back(std::move(p));
    }
  }
  return predictions;
}

/// Mean errors in pixels: of all photos, of the frontal views 1 and 2, the turned views 3 and 4, and each view.
struct ViewErrors {
  double all, frontal, turned;
  std::array<double, 6> view;  // NaN for a view without photos
  std::array<int, 6> count{};
};

inline ViewErrors view_errors(const std::vector<Prediction>& predictions) {
  ViewErrors errors{};
  const auto mean = [&](auto&& belongs) {
    double total = 0;
    int count = 0;
    for (const auto& p : predictions)
      if (belongs(p.face->entry.view)) total += p.error_px, ++count;
    return count ? total / count : std::numeric_limits<double>::quiet_NaN();
  };
  errors.all = mean([](int) { return true; });
  errors.frontal = mean([](int v) { return v == 1 || v == 2; });
  errors.turned = mean([](int v) { return v == 3 || v == 4; });
  for (int v = 1; v <= 6; ++v) errors.view[static_cast<std::size_t>(v - 1)] = mean([v](int w) { return v == w; });
  for (const auto& p : predictions) ++errors.count[static_cast<std::size_t>(p.face->entry.view - 1)];
  return errors;
}

/// Mean error over the distance of the outer eye corners, in percent.
inline double nme_percent(const std::vector<Prediction>& predictions) {
  double total = 0;
  for (const auto& p : predictions) total += 100 * p.error_px / p.eye_distance;
  return total / static_cast<double>(predictions.size());
}

/// Mean squared error of the coordinates as parts of width and height: the loss that networks are compared by.
inline double normalised_mse(const std::vector<Prediction>& predictions) {
  double total = 0, count = 0;
  for (const auto& p : predictions)
    for (std::size_t k = 0; k < p.truth.size(); ++k, count += 2) {
      const double dx = (p.predicted[k].x - p.truth[k].x) / p.face->photo.width;
      const double dy = (p.predicted[k].y - p.truth[k].y) / p.face->photo.height;
      total += dx * dx + dy * dy;
    }
  return total / count;
}

/// One line for each point of each photo, in pixels.
inline void write_predictions(const OutputFolder& out, const std::vector<Prediction>& predictions,
                              const std::vector<int>& points) {
  std::string text = "photo,person,view,point,true_x,true_y,predicted_x,predicted_y,error_px\n";
  for (const auto& p : predictions)
    for (std::size_t k = 0; k < p.truth.size(); ++k)
      text += nasion::io::csv_line(p.face->entry.image.filename().string(), p.face->entry.person, p.face->entry.view,
                                   points[k], p.truth[k].x, p.truth[k].y, p.predicted[k].x, p.predicted[k].y,
                                   std::hypot(p.predicted[k].x - p.truth[k].x, p.predicted[k].y - p.truth[k].y));
  out.write("predictions.csv", text);
}

/// What metrics.json says of the predictions.
inline nlohmann::ordered_json metrics_json(const std::vector<Prediction>& predictions) {
  const ViewErrors errors = view_errors(predictions);
  nlohmann::ordered_json json;
  json["val_mse"] = normalised_mse(predictions);
  json["val_mean_error_px"] = errors.all;
  json["nme_percent"] = nme_percent(predictions);
  json["frontal_error_px"] = errors.frontal;
  json["turned_error_px"] = errors.turned;
  for (std::size_t v = 0; v < 6; ++v) json["view_error_px"][std::to_string(v + 1)] = errors.view[v];
  return json;
}

}  // namespace support
