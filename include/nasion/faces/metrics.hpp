#pragma once
// How far predicted landmarks are from the labelled ones, as the field reports it (Sagonas et al., "300 faces
// in-the-wild challenge", Image and Vision Computing 47, 2016).

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include "nasion/core/error.hpp"
#include "nasion/faces/landmarks.hpp"

namespace nasion::faces {

namespace detail {
inline void check_pairs(const char* name, const Landmarks& predicted, const Landmarks& truth) {
  check<ValueError>(predicted.size() == truth.size() && !truth.empty(), "[", name, "] ", predicted.size(),
                    " predicted points for ", truth.size(), " labelled ones");
}
}  // namespace detail

/// Mean distance between predicted and labelled points. ValueError unless there are as many, and some.
inline double mean_distance(const Landmarks& predicted, const Landmarks& truth) {
  detail::check_pairs("mean_distance", predicted, truth);
  double total = 0;
  for (std::size_t k = 0; k < truth.size(); ++k)
    total += std::hypot(predicted[k].x - truth[k].x, predicted[k].y - truth[k].y);
  return total / static_cast<double>(truth.size());
}

/// Mean of |dx| and |dy| over all points. ValueError unless there are as many, and some.
inline double mean_absolute_error(const Landmarks& predicted, const Landmarks& truth) {
  detail::check_pairs("mean_absolute_error", predicted, truth);
  double total = 0;
  for (std::size_t k = 0; k < truth.size(); ++k)
    total += std::abs(predicted[k].x - truth[k].x) + std::abs(predicted[k].y - truth[k].y);
  return total / static_cast<double>(2 * truth.size());
}

/// Between the outer corners of the eyes: what errors are measured in. For 68 points, and for 58, also where an eye is
/// labelled from its inner corner. ValueError for other numbers of points.
inline double outer_eye_distance(Landmarks points) {
  check<ValueError>(points.size() == ibug::point_count || points.size() == imm::point_count,
                    "[outer_eye_distance] which of ", points.size(),
                    " points are corners of eyes is not known, only of ", imm::point_count, " and ", ibug::point_count);
  std::size_t a = ibug::outer_eye_corners[0], b = ibug::outer_eye_corners[1];
  if (points.size() == imm::point_count) {
    imm::repair_eye_order(points);
    a = imm::outer_eye_corners[0], b = imm::outer_eye_corners[1];
  }
  return std::hypot(points[a].x - points[b].x, points[a].y - points[b].y);
}

/// Part of the errors above `limit`; NaN counts as above. ValueError for no errors.
inline double failure_rate(std::span<const double> errors, double limit) {
  check<ValueError>(!errors.empty(), "[failure_rate] no errors");
  const auto fails = std::count_if(errors.begin(), errors.end(), [limit](double e) { return !(e <= limit); });
  return static_cast<double>(fails) / static_cast<double>(errors.size());
}

/// Cumulative error distribution: (error, part of all errors that are not above it), a step for each finite error in
/// rising order.
inline std::vector<std::pair<double, double>> cumulative_errors(std::span<const double> errors) {
  std::vector<double> sorted;
  std::copy_if(errors.begin(), errors.end(), std::back_inserter(sorted), [](double e) { return std::isfinite(e); });
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::pair<double, double>> steps;
  for (std::size_t i = 0; i < sorted.size(); ++i)
    steps.emplace_back(sorted[i], static_cast<double>(i + 1) / static_cast<double>(errors.size()));
  return steps;
}

/// Area under the cumulative error distribution from 0 to `limit`, over `limit`: 1 when no face has any error.
/// ValueError for no errors, or a limit that is not positive.
inline double area_under_curve(std::span<const double> errors, double limit) {
  check<ValueError>(!errors.empty() && limit > 0, "[area_under_curve] ", errors.size(), " errors up to ", limit);
  double total = 0;  // each error adds a rectangle from itself to the limit
  for (const double e : errors)
    if (e < limit) total += limit - e;
  return total / (limit * static_cast<double>(errors.size()));
}

}  // namespace nasion::faces
