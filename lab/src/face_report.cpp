#include "lab/face_report.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <span>

#include "nasion/core/printable.hpp"
#include "nasion/faces/imm.hpp"
#include "nasion/io/csv.hpp"
#include "nasion/vision/draw.hpp"

namespace lab {

nasion::vision::Image sample_sheet(const std::vector<LabelledFace>& faces, int width, int height,
                                   const std::vector<int>& points) {
  namespace vision = nasion::vision;
  const int enlarged = std::max(1, 240 / width);
  std::vector<vision::Image> pictures;
  std::vector<std::string> captions;
  const auto count = std::min<std::size_t>(12, faces.size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto& face = faces[i * faces.size() / count];
    const auto seen = vision::resize(vision::to_grey(face.photo), width, height);
    auto picture = vision::to_rgb(vision::resize(seen, enlarged * width, enlarged * height));
    const auto fit = vision::Affine::scale(static_cast<double>(picture.width) / face.photo.width,
                                           static_cast<double>(picture.height) / face.photo.height);
    for (const int point : points)
      vision::draw_point(picture, fit(face.points[static_cast<std::size_t>(point)]), vision::colours::green,
                         points.size() == 1 ? 4 : 1.5);
    pictures.push_back(std::move(picture));
    captions.push_back(face.entry.name + "  " + std::string(nasion::faces::imm_view_name(face.entry.view)));
  }
  return vision::contact_sheet(pictures, {.columns = 4}, captions);
}

nasion::vision::Affine close_up(const nasion::faces::Landmarks& points, int width, int height) {
  const auto [left, right] =
      std::minmax_element(points.begin(), points.end(), [](auto a, auto b) { return a.x < b.x; });
  const auto [top, bottom] =
      std::minmax_element(points.begin(), points.end(), [](auto a, auto b) { return a.y < b.y; });
  const double x = (left->x + right->x) / 2, y = (top->y + bottom->y) / 2;
  const double wide = 1.4 * std::max({right->x - left->x, (bottom->y - top->y) * width / height, 1.0});
  const double high = wide * height / width;
  return nasion::vision::Affine::fit({x - wide / 2, y - high / 2, wide, high}, width, height);
}

double error_in(ErrorUnit unit, const Prediction& p) { return unit == ErrorUnit::px ? p.error_px : p.nme_percent(); }

nasion::vision::Image error_sheet(const std::vector<const Prediction*>& chosen, ErrorUnit unit) {
  namespace vision = nasion::vision;
  namespace faces = nasion::faces;
  std::vector<vision::Image> pictures;
  std::vector<std::string> captions;
  for (const auto* p : chosen) {
    const auto& photo = p->face->photo;
    const auto fit = p->truth.size() == 1 ? vision::Affine::scale(240.0 / photo.width, 180.0 / photo.height)
                                          : close_up(p->truth, 240, 180);
    auto picture = vision::to_rgb(vision::warp(photo, fit, 240, 180));
    vision::draw_errors(picture, vision::transform(fit, p->truth), vision::transform(fit, p->predicted),
                        vision::colours::green, vision::colours::red, p->truth.size() == 1 ? 2 : 1);
    pictures.push_back(std::move(picture));
    captions.push_back(p->face->entry.name + "  " + fixed(error_in(unit, *p), 1) +
                       (unit == ErrorUnit::px ? " px" : " %"));
  }
  return vision::contact_sheet(pictures, {.columns = 4}, captions);
}

std::vector<const Prediction*> by_error(const std::vector<Prediction>& predictions, ErrorUnit unit) {
  std::vector<const Prediction*> sorted;
  for (const auto& p : predictions) sorted.push_back(&p);
  const auto place = [unit](const auto* p) {
    const double error = error_in(unit, *p);
    return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
  };
  std::stable_sort(sorted.begin(), sorted.end(), [&](const auto* a, const auto* b) { return place(a) < place(b); });
  return sorted;
}

void warn_if_diverged(Report& report, const TrainingRun& run, const TrainingRecipe& recipe) {
  if (!run.finite)
    report.warning(nasion::message("Training diverged: the loss was not finite in epoch ", run.history.last_epoch(),
                                   ", with learning rate ", nasion::io::csv_field(recipe.lr),
                                   ". The weights are those before that step, and the numbers below mean nothing."));
}

void add_key_figures(Report& report, const std::vector<Prediction>& predictions, const TrainingRun& run,
                     const TrainingRecipe& recipe) {
  const ViewErrors errors = view_errors(predictions);
  report.key("validation MSE", fixed(normalised_mse(predictions), 6));
  report.key("mean error", fixed(errors.all, 1) + " px");
  if (errors.has_frontal()) report.key("frontal", fixed(errors.frontal, 1) + " px");
  if (errors.has_turned()) report.key("turned", fixed(errors.turned, 1) + " px");
  report.key("training", fixed(run.seconds(), 0) + " s");
  warn_if_diverged(report, run, recipe);
}

namespace {

/// The errors on frontal and on turned faces, or which of them there are none of.
std::string by_view(const ViewErrors& errors) {
  std::string text;
  if (errors.has_frontal()) text += ": " + fixed(errors.frontal, 1) + " on frontal faces";
  if (errors.has_turned()) text += (text.empty() ? ": " : ", ") + fixed(errors.turned, 1) + " on turned ones";
  if (errors.has_frontal() && errors.has_turned())
    return text + ", " + fixed(errors.turned / errors.frontal, 2) + " times as much";
  if (errors.has_frontal()) return text + "; there are no turned photos";
  return text + "; there are no " + (errors.has_turned() ? "frontal" : "frontal and no turned") + " photos";
}

}  // namespace

void add_summary(Report& report, const std::vector<Prediction>& predictions, const std::string& what,
                 double mean_face) {
  const ViewErrors errors = view_errors(predictions);
  report.paragraph(
      nasion::message("On ", predictions.size(), " photos of persons that the network never saw, ", what, " is off by ",
                      fixed(errors.all, 1), " pixels of the photo on average (", fixed(nme_percent(predictions), 1),
                      " % of the distance between the outer eye corners)", by_view(errors),
                      ". The mean squared error of the coordinates, as parts of width and height, is ",
                      fixed(normalised_mse(predictions), 6),
                      "; answering with the mean face of the training photos would give ", fixed(mean_face, 5), "."));
}

void add_view_errors(Report& report, const std::vector<Prediction>& predictions) {
  const ViewErrors errors = view_errors(predictions);
  Table views{.columns = {"view", "photos", "mean error, px"},
              .rows = {},
              .caption = "Mean error in pixels of the photo, per view."};
  const auto add = [&](const std::string& name, int count, double error) {
    views.rows.push_back({name, std::to_string(count), count > 0 ? fixed(error, 1) : "-"});
  };
  for (std::size_t v = 0; v < 6; ++v)
    add(nasion::message(v + 1, ": ", nasion::faces::imm_view_name(static_cast<int>(v) + 1)), errors.count[v],
        errors.view[v]);
  add("frontal (1, 2)", errors.count[0] + errors.count[1], errors.frontal);
  add("turned (3, 4)", errors.count[2] + errors.count[3], errors.turned);
  views.rows.push_back({"all", std::to_string(predictions.size()), fixed(errors.all, 1)});
  report.table(views);
}

void add_successes_and_failures(Report& report, const std::vector<Prediction>& predictions, ErrorUnit unit) {
  const auto sorted = by_error(predictions, unit);
  const auto shown = std::min<std::ptrdiff_t>(8, std::ssize(sorted));
  report.figure({"successes", error_sheet({sorted.begin(), sorted.begin() + shown}, unit),
                 "The smallest errors. Green: labelled; red: predicted; yellow: the error."});
  report.figure({"failures", error_sheet({sorted.rbegin(), sorted.rbegin() + shown}, unit), "The largest errors."});
}

void add_eye_note(Report& report, const std::vector<Prediction>& predictions) {
  auto repaired = with_eyes_in_order(predictions);
  std::string photos;
  for (std::size_t i = 0; i < repaired.size(); ++i)
    if (repaired[i].truth != predictions[i].truth)
      photos += (photos.empty() ? "" : ", ") + repaired[i].face->entry.name;
  if (photos.empty()) return;
  report.note(nasion::message(
      "Errors are those against the labels as published, except where points are compared. In ", photos,
      " these begin an eye at its inner corner, in the other validation photos at its outer one; in training, all eyes "
      "were put in order. With these in order too, the MSE is ",
      fixed(normalised_mse(repaired), 6), " and the mean error ", fixed(view_errors(repaired).all, 1), " px."));
}

void add_point_errors(Report& report, const std::vector<Prediction>& published) {
  namespace vision = nasion::vision;
  namespace faces = nasion::faces;
  const std::size_t count = published.front().truth.size();
  const auto predictions = count == faces::imm::point_count ? with_eyes_in_order(published) : published;
  struct PointError {
    double percent, px;  // of the distance of the outer eye corners; of the photos
    int point;
  };
  std::vector<PointError> errors;
  for (std::size_t k = 0; k < count; ++k) {
    PointError error{0, 0, static_cast<int>(k)};
    for (const auto& p : predictions) {
      const double px = std::hypot(p.predicted[k].x - p.truth[k].x, p.predicted[k].y - p.truth[k].y);
      error.px += px / static_cast<double>(predictions.size());
      error.percent += 100 * px / p.eye_distance / static_cast<double>(predictions.size());
    }
    if (!std::isfinite(error.percent)) error.percent = std::numeric_limits<double>::infinity();
    errors.push_back(error);
  }

  const Prediction& shown = *by_error(predictions, ErrorUnit::eyes_percent).front();
  const auto fit = close_up(shown.truth, 720, 540);
  auto picture = vision::to_rgb(vision::warp(shown.face->photo, fit, 720, 540));
  for (const auto& error : errors)
    vision::draw_circle(picture, fit(shown.truth[static_cast<std::size_t>(error.point)]), vision::colours::yellow,
                        error.percent / 100 * shown.eye_distance * fit.xx, 1.5);
  report.figure({"points", picture,
                 "The mean error of each point over all validation photos as the radius of its circle, as large as it "
                 "would be on this face."});

  std::sort(errors.begin(), errors.end(), [](const auto& a, const auto& b) { return a.percent > b.percent; });
  Table worst{.columns = {"point", "part of the face", "mean error, % of the eyes' distance", "px"},
              .rows = {},
              .caption = "The ten points with the largest errors."};
  const auto paths = faces::landmark_paths(count);
  for (const auto& error : std::span(errors).first(std::min<std::size_t>(10, errors.size()))) {
    const auto path = std::find_if(paths.begin(), paths.end(), [&](const auto& part) {
      return error.point >= part.first && error.point <= part.last;
    });
    worst.rows.push_back({std::to_string(error.point), path == paths.end() ? "" : std::string(path->name),
                          fixed(error.percent, 1), fixed(error.px, 1)});
  }
  report.table(worst);
}

void add_opening(Report& report, const std::vector<Prediction>& predictions, const TrainingRun& run,
                 const TrainingRecipe& recipe, const std::string& what, double mean_face, const Settings& settings) {
  add_key_figures(report, predictions, run, recipe);
  add_summary(report, predictions, what, mean_face);
  if (predictions.front().truth.size() == nasion::faces::imm::point_count) add_eye_note(report, predictions);
  report.settings(settings);
}

void add_results(Report& report, const std::vector<Prediction>& predictions, const TrainingRun& run,
                 const std::string& loss) {
  report.heading("How it learned");
  add_curves(report, run.history, loss);
  report.heading("Where it is right, and where it is wrong");
  add_view_errors(report, predictions);
  add_successes_and_failures(report, predictions);
}

void say_if_diverged(const std::string& program, const TrainingRun& run, const TrainingRecipe& recipe) {
  if (!run.finite)
    std::cerr << program << ": training diverged: the loss was not finite in epoch " << run.history.last_epoch()
              << ", with learning rate " << recipe.lr << "\n";
}

void say_result(const std::string& program, const OutputFolder& out, const std::vector<Prediction>& predictions,
                const TrainingRun& run, const TrainingRecipe& recipe, nasion::training::Progress& progress) {
  say_if_diverged(program, run, recipe);
  const ViewErrors errors = view_errors(predictions);
  std::string views;
  if (errors.has_frontal()) views += ", frontal " + fixed(errors.frontal, 2);
  if (errors.has_turned()) views += ", turned " + fixed(errors.turned, 2);
  progress.say(nasion::message("validation MSE ", fixed(normalised_mse(predictions), 6), ", mean error ",
                               fixed(errors.all, 2), " px", views.empty() ? "" : " (" + views.substr(2) + ")",
                               "\nreport: ", nasion::printable((out / "report.html").string())));
}

}  // namespace lab
