#pragma once
// Points of a picture: moved with it, and joined by paths when they are drawn.

#include <algorithm>
#include <string_view>
#include <vector>

#include "nasion/core/error.hpp"
#include "nasion/vision/affine.hpp"

namespace nasion::vision {

/// In pixels of the image they belong to.
using Points = std::vector<Point>;

/// Coordinates of files may lie outside of their image, but not further than this, in pixels: whatever is computed with
/// them stays finite.
inline constexpr double max_coordinate = 1e9;

/// The points moved with their image.
inline Points transform(const Affine& affine, Points points) {
  for (Point& point : points) point = affine(point);
  return points;
}

/// The smallest box that holds all points. ValueError for no points.
inline Box bounding_box(const Points& points) {
  check<ValueError>(!points.empty(), "[bounding_box] no points");
  Point low = points.front(), high = low;
  for (const Point& p : points) {
    low = {std::min(low.x, p.x), std::min(low.y, p.y)};
    high = {std::max(high.x, p.x), std::max(high.y, p.y)};
  }
  return {low.x, low.y, high.x - low.x, high.y - low.y};
}

/// Points first to last in drawing order; closed when the last is joined to the first.
struct PointPath {
  std::string_view name;
  int first, last;
  bool closed;
};

}  // namespace nasion::vision
