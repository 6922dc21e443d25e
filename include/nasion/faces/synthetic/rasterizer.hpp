#pragma once
// Triangles and thin lines into a z-buffer. Anti-aliasing is by supersampling: callers draw into a larger buffer and
// average blocks of it.

#include <cstdint>
#include <limits>
#include <vector>

#include "nasion/faces/synthetic/grid.hpp"

namespace nasion::faces::synthetic {

/// A pinhole camera on the +z axis (x right, y down in the picture). `scale` is in pixels per centimetre at z = near.
struct Camera {
  float distance = 120, near = 7.6f, scale = 14, centre_x = 0, centre_y = 0;

  /// Picture x, picture y, distance from the camera.
  Vec3 operator()(Vec3 p) const {
    const float depth = distance - p.z, here = scale * (distance - near) / depth;
    return {centre_x + here * p.x, centre_y - here * p.y, depth};
  }
};

/// What is seen at one sample: the nearest triangle and where in it.
struct Fragment {
  static constexpr std::int32_t nothing = -1;
  float depth = std::numeric_limits<float>::infinity();
  std::int32_t surface = nothing;
  std::uint32_t element = 0;  // triangle 2 * cell (+ 1), or the index of a line
  float b = 0, c = 0;         // barycentric weights of the second and third corner
};

struct FragmentBuffer {
  int width = 0, height = 0;
  std::vector<Fragment> samples;
  FragmentBuffer(int w, int h)
      : width(w), height(h), samples(static_cast<std::size_t>(w) * static_cast<std::size_t>(h)) {}
  const Fragment& at(int x, int y) const {
    return samples[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)];
  }
  Fragment& at(int x, int y) {
    return samples[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)];
  }
};

/// Corners of a triangle of a grid, as point indices.
inline std::array<std::size_t, 3> triangle_corners(const Grid& g, std::uint32_t element) {
  const int cell = static_cast<int>(element / 2), row = cell / (g.columns - 1), column = cell % (g.columns - 1);
  const std::size_t a = g.index(row, column), b = a + 1, c = g.index(row + 1, column), d = c + 1;
  return element % 2 ? std::array{b, d, c} : std::array{a, b, c};
}

/// Calls plot(x, y, depth, element, b, c) for every pixel centre inside a triangle of the grid whose corners on the
/// picture are given. Attributes are interpolated linearly on the picture: triangles are too small for perspective to
/// matter. Triangles with a corner that is not a number are left out.
template <class Plot>
void rasterize(const Grid& g, const std::vector<Vec3>& corners, int width, int height, Plot&& plot) {
  const auto count = static_cast<std::uint32_t>(2 * (g.rows - 1) * (g.columns - 1));
  for (std::uint32_t element = 0; element < count; ++element) {
    const auto [ia, ib, ic] = triangle_corners(g, element);
    const Vec3 a = corners[ia], b = corners[ib], c = corners[ic];
    const float left = std::max(std::min({a.x, b.x, c.x}), 0.0f), top = std::max(std::min({a.y, b.y, c.y}), 0.0f);
    const float right = std::min(std::max({a.x, b.x, c.x}), static_cast<float>(width));
    const float bottom = std::min(std::max({a.y, b.y, c.y}), static_cast<float>(height));
    if (!(left < right && top < bottom)) continue;
    const float area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
    if (!(std::abs(area) > 1e-9f)) continue;  // also when not a number
    const float scale = 1 / area;
    const int last_x = std::min(static_cast<int>(right), width - 1),
              last_y = std::min(static_cast<int>(bottom), height - 1);
    for (int y = static_cast<int>(top); y <= last_y; ++y)
      for (int x = static_cast<int>(left); x <= last_x; ++x) {
        const float px = static_cast<float>(x) + 0.5f - a.x, py = static_cast<float>(y) + 0.5f - a.y;
        const float v = (px * (c.y - a.y) - py * (c.x - a.x)) * scale;
        const float w = ((b.x - a.x) * py - (b.y - a.y) * px) * scale;
        if (v < 0 || w < 0 || v + w > 1) continue;
        plot(x, y, a.z + v * (b.z - a.z) + w * (c.z - a.z), element, v, w);
      }
  }
}

/// Calls plot(x, y, depth) along the line from a to b, one pixel wide.
template <class Plot>
void rasterize_line(Vec3 a, Vec3 b, int width, int height, Plot&& plot) {
  const float span = std::max(std::abs(b.x - a.x), std::abs(b.y - a.y));
  const int steps = std::clamp(static_cast<int>(span) + 1, 1, 4096);
  for (int i = 0; i < steps; ++i) {
    const Vec3 p = mix(a, b, (static_cast<float>(i) + 0.5f) / static_cast<float>(steps));
    if (!(p.x >= 0 && p.y >= 0 && p.x < static_cast<float>(width) && p.y < static_cast<float>(height))) continue;
    plot(static_cast<int>(p.x), static_cast<int>(p.y), p.z);
  }
}

}  // namespace nasion::faces::synthetic
