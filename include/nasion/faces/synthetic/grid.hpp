#pragma once
// Surfaces as grids of points: everything that is drawn (head, eyes, teeth, ears, clothes) is one.

#include <vector>

#include "nasion/faces/synthetic/vec3.hpp"

namespace nasion::faces::synthetic {

/// rows x columns points; each cell of four neighbours is two triangles. `average` is where the point lies on the
/// average head, whatever the person and the expression: textures and masks are functions of it.
struct Grid {
  int rows = 0, columns = 0;
  std::vector<Vec3> average, position, normal, colour;
  std::vector<float> open;   // share of the surroundings that light reaches: 0 in a deep hole, 1 on open skin
  std::vector<float> lit;    // share of the main light that is not blocked
  std::vector<float> gloss;  // strength of highlights

  Grid() = default;
  Grid(int rows_, int columns_) : rows(rows_), columns(columns_) {
    const auto n = static_cast<std::size_t>(rows * columns);
    average.resize(n), position.resize(n), normal.resize(n), colour.resize(n, {0.5f, 0.5f, 0.5f});
    open.resize(n, 1.0f), lit.resize(n, 1.0f), gloss.resize(n, 0.0f);
  }
  std::size_t size() const { return position.size(); }
  std::size_t index(int row, int column) const { return static_cast<std::size_t>(row * columns + column); }
};

/// Normals by central differences. `outward` is 1 when (row direction) x (column direction) points outwards, else -1.
inline void compute_normals(Grid& g, float outward, bool closed_columns) {
  for (int r = 0; r < g.rows; ++r)
    for (int c = 0; c < g.columns; ++c) {
      const int left = c > 0 ? c - 1 : closed_columns ? g.columns - 2 : 0;
      const int right = c + 1 < g.columns ? c + 1 : closed_columns ? 1 : c;
      const Vec3 down =
          g.position[g.index(std::min(r + 1, g.rows - 1), c)] - g.position[g.index(std::max(r - 1, 0), c)];
      const Vec3 across = g.position[g.index(r, right)] - g.position[g.index(r, left)];
      g.normal[g.index(r, c)] = normalized(cross(down, across)) * outward;
    }
}

/// Soft shadow of the shape on itself: a point below the average of its neighbourhood (a window of 2 * radius + 1
/// cells) sees less of the surroundings. `depth` is the sinking, in centimetres, that halves the light.
inline void darken_hollows(Grid& g, int radius, float depth) {
  std::vector<Vec3> rows_done(g.size()), mean(g.size());
  const float scale = 1 / static_cast<float>(2 * radius + 1);
  for (int r = 0; r < g.rows; ++r)
    for (int c = 0; c < g.columns; ++c) {
      Vec3 sum;
      for (int k = -radius; k <= radius; ++k) sum += g.position[g.index(r, std::clamp(c + k, 0, g.columns - 1))];
      rows_done[g.index(r, c)] = sum * scale;
    }
  for (int r = 0; r < g.rows; ++r)
    for (int c = 0; c < g.columns; ++c) {
      Vec3 sum;
      for (int k = -radius; k <= radius; ++k) sum += rows_done[g.index(std::clamp(r + k, 0, g.rows - 1), c)];
      mean[g.index(r, c)] = sum * scale;
    }
  for (std::size_t i = 0; i < g.size(); ++i) {
    const float sunk = dot(mean[i] - g.position[i], g.normal[i]);
    g.open[i] *= std::clamp(std::exp2(-sunk / depth), 0.25f, 1.15f);
  }
}

}  // namespace nasion::faces::synthetic
