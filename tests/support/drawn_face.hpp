#pragma once
// A face to draw, and what is seen in the picture.

#include <algorithm>
#include <array>

#include "nasion/faces/synthetic.hpp"

namespace test {

using namespace nasion;
using namespace nasion::vision;
using namespace nasion::faces;

/// The average head: symmetric, clean-shaven, evenly lit from the front.
inline FaceParameters plain_face() {
  FaceParameters face;
  face.expression[synthetic::expression_index("lips closed")] = 1;
  face.light_direction = {0, 0.8f, 1};
  face.fill_direction = {0, 0.1f, 1};
  face.exposure = 0.6f;
  face.noise = 0;
  face.centre_y = 0.45f;
  face.person.hair.length = 1;
  face.person.lips = face.person.skin * synthetic::Vec3{0.78f, 0.48f, 0.5f};
  return face;
}

inline Point middle(const Landmarks& points, int first, int last) {
  Point sum{0, 0};
  for (int i = first; i <= last; ++i) sum.x += points[i].x, sum.y += points[i].y;
  return {sum.x / (last - first + 1), sum.y / (last - first + 1)};
}

/// Mean colour of the (2 * radius + 1)^2 pixels around a point.
inline std::array<double, 3> colour_at(const Image& image, Point p, int radius) {
  std::array<double, 3> sum{};
  for (int dy = -radius; dy <= radius; ++dy)
    for (int dx = -radius; dx <= radius; ++dx) {
      const int x = std::clamp(static_cast<int>(p.x) + dx, 0, image.width - 1);
      const int y = std::clamp(static_cast<int>(p.y) + dy, 0, image.height - 1);
      for (int c = 0; c < 3; ++c) sum[c] += const_cast<Image&>(image).at(x, y)[image.channels == 3 ? c : 0];
    }
  for (double& v : sum) v /= (2 * radius + 1) * (2 * radius + 1);
  return sum;
}
inline double brightness(const Image& image, Point p, int radius) {
  const auto c = colour_at(image, p, radius);
  return (c[0] + c[1] + c[2]) / 3;
}
inline double redness(const Image& image, Point p, int radius) {
  const auto c = colour_at(image, p, radius);
  return c[0] / (c[1] + 1);
}

}  // namespace test
