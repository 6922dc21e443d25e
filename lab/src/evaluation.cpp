#include "lab/faces.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <nlohmann/json.hpp>

#include "lab/src/interrupt.hpp"
#include "nasion/core/autograd.hpp"
#include "nasion/faces/metrics.hpp"
#include "nasion/io/csv.hpp"

namespace lab {

std::vector<Prediction> predict(const std::function<nasion::Tensorf(const nasion::Tensorf&)>& network,
                                const nasion::faces::KeypointDataset& dataset, const std::vector<LabelledFace>& faces) {
  namespace vision = nasion::vision;
  const nasion::NoGrad no_grad;
  auto loader = nasion::data::make_loader(dataset, {.batch_size = 16, .workers = 0});
  std::vector<Prediction> predictions;
  for (const auto& batch : loader) {
    stop_if_asked();
    const nasion::Tensorf y = network(batch.input);
    for (nasion::Index i = 0; i < y.dim(0); ++i) {
      const LabelledFace& face = faces.at(predictions.size());
      const auto row = y.values().subspan(static_cast<std::size_t>(i * y.dim(1)), static_cast<std::size_t>(y.dim(1)));
      const vision::Box& view = dataset.view(static_cast<nasion::Index>(predictions.size()));
      Prediction p{&face, view, {}, nasion::faces::to_points(row, view), 0, 0};
      for (const int point : dataset.options().points) p.truth.push_back(face.points[static_cast<std::size_t>(point)]);
      p.error_px = nasion::faces::mean_distance(p.predicted, p.truth);
      p.eye_distance = nasion::faces::outer_eye_distance(face.points);
      predictions.push_back(std::move(p));
    }
  }
  return predictions;
}

bool has_views(const std::vector<Prediction>& predictions) {
  return std::any_of(predictions.begin(), predictions.end(), [](const auto& p) { return p.face->entry.view > 0; });
}

ViewErrors view_errors(const std::vector<Prediction>& predictions) {
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
  for (const auto& p : predictions)
    if (p.face->entry.view > 0) ++errors.count[static_cast<std::size_t>(p.face->entry.view - 1)];
  return errors;
}

double nme_percent(const std::vector<Prediction>& predictions) {
  double total = 0;
  for (const auto& p : predictions) total += p.nme_percent();
  return total / static_cast<double>(predictions.size());
}

double normalised_mse(const std::vector<Prediction>& predictions) {
  double total = 0, count = 0;
  for (const auto& p : predictions)
    for (std::size_t k = 0; k < p.truth.size(); ++k, count += 2) {
      const double dx = (p.predicted[k].x - p.truth[k].x) / p.view.width;
      const double dy = (p.predicted[k].y - p.truth[k].y) / p.view.height;
      total += dx * dx + dy * dy;
    }
  return total / count;
}

double mean_face_mse(const Faces& faces, const std::vector<int>& points) {
  double total = 0;
  for (const int point : points) {
    const auto relative = [&](const LabelledFace& face) {
      const auto& p = face.points[static_cast<std::size_t>(point)];
      return nasion::vision::Point{p.x / face.photo.width, p.y / face.photo.height};
    };
    nasion::vision::Point mean;
    const auto count = static_cast<double>(faces.training.size());
    for (const auto& face : faces.training) mean.x += relative(face).x / count, mean.y += relative(face).y / count;
    for (const auto& face : faces.validation)
      total += std::pow(relative(face).x - mean.x, 2) + std::pow(relative(face).y - mean.y, 2);
  }
  return total / static_cast<double>(2 * faces.validation.size() * points.size());
}

std::vector<Prediction> with_eyes_in_order(std::vector<Prediction> predictions) {
  for (auto& p : predictions)
    if (nasion::faces::imm::repair_eye_order(p.truth) > 0)
      p.error_px = nasion::faces::mean_distance(p.predicted, p.truth);
  return predictions;
}

void write_predictions(const OutputFolder& out, const std::vector<Prediction>& predictions,
                       const std::vector<int>& points) {
  std::string text = "photo,person,view,point,true_x,true_y,predicted_x,predicted_y,error_px\n";
  for (const auto& p : predictions)
    for (std::size_t k = 0; k < p.truth.size(); ++k)
      text += nasion::io::csv_line(p.face->entry.file(), p.face->entry.person, p.face->entry.view, points[k],
                                   p.truth[k].x, p.truth[k].y, p.predicted[k].x, p.predicted[k].y,
                                   std::hypot(p.predicted[k].x - p.truth[k].x, p.predicted[k].y - p.truth[k].y));
  out.write("predictions.csv", text);
}

FaceErrors face_errors(const std::vector<Prediction>& predictions) {
  namespace vision = nasion::vision;
  namespace faces = nasion::faces;
  std::vector<double> errors;
  double mae = 0;
  for (const auto& p : predictions) {
    errors.push_back(p.nme_percent());
    mae += p.face->entry.original_scale * faces::mean_absolute_error(p.predicted, p.truth);
  }
  return {.nme_percent = nme_percent(predictions),
          .auc = faces::area_under_curve(errors, FaceErrors::limit),
          .failure_percent = 100 * faces::failure_rate(errors, FaceErrors::limit),
          .mae_px = mae / static_cast<double>(predictions.size())};
}

namespace {

nlohmann::ordered_json metrics_json(const std::vector<Prediction>& predictions) {
  const ViewErrors errors = view_errors(predictions);
  nlohmann::ordered_json json;
  json["val_mse"] = normalised_mse(predictions);
  json["val_mean_error_px"] = errors.all;
  json["nme_percent"] = nme_percent(predictions);
  if (predictions.front().truth.size() > 1) {
    const FaceErrors faces = face_errors(predictions);
    json["auc_8"] = faces.auc;
    json["failure_percent_8"] = faces.failure_percent;
    json["mae_px"] = faces.mae_px;
  }
  if (has_views(predictions)) {
    json["frontal_error_px"] = errors.frontal;
    json["turned_error_px"] = errors.turned;
    for (std::size_t v = 0; v < 6; ++v) json["view_error_px"][std::to_string(v + 1)] = errors.view[v];
  }
  if (predictions.front().truth.size() == nasion::faces::imm::point_count) {
    const auto repaired = with_eyes_in_order(predictions);
    json["eyes_in_order"] = {{"val_mse", normalised_mse(repaired)}, {"val_mean_error_px", view_errors(repaired).all}};
  }
  return json;
}

}  // namespace

void write_metrics(const OutputFolder& out, const std::vector<Prediction>& predictions, const TrainingRun& run,
                   std::size_t training_faces, const Settings& settings, std::uint64_t seed, const MoreMetrics& more) {
  auto metrics = metrics_json(predictions);
  for (const auto& [name, test] : more.tests) metrics["tests"][name] = metrics_json(test);
  if (more.kaggle_mae_px) metrics["kaggle_mae_px"] = *more.kaggle_mae_px;
  metrics["images_per_second"] = static_cast<double>(training_faces * run.history.rows().size()) / run.seconds();
  metrics["training_seconds"] = run.seconds();
  metrics["epochs"] = run.history.last_epoch();
  metrics["seed"] = seed;
  metrics["threads"] = nasion::num_threads();
  metrics["diverged"] = !run.finite;
  for (const auto& [name, value] : settings) metrics["settings"][name] = value;
  out.write("metrics.json", metrics.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace lab
