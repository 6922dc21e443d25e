#pragma once
// What is in shadow: the scene seen from the main light. Whatever lies behind something else there gets none of it.

#include <vector>

#include "nasion/faces/synthetic/rasterizer.hpp"

namespace nasion::faces::synthetic {

/// Depths seen from the main light, to find what is in shadow.
class ShadowMap {
 public:
  explicit ShadowMap(Vec3 light) : depth_(size * size, 1e9f), z_(light) {
    x_ = normalized(cross({0, 1, 0}, light)), y_ = cross(light, x_);
  }
  void add(const Grid& g) {
    std::vector<Vec3> corners(g.size());
    for (std::size_t i = 0; i < g.size(); ++i) corners[i] = (*this)(g.position[i]);
    rasterize(g, corners, size, size, [&](int x, int y, float d, std::uint32_t, float, float) { put(x, y, d); });
  }
  void add(Vec3 from, Vec3 to) {
    rasterize_line((*this)(from), (*this)(to), size, size, [&](int x, int y, float d) { put(x, y, d); });
  }
  /// Share of the light that reaches p, softened over about `blur` centimetres.
  float lit(Vec3 p, Vec3 normal, float blur) const {
    const Vec3 at = (*this)(p + normal * 0.3f);
    const float step = 0.4f * blur * scale;
    int seen = 0;
    for (int j = -2; j <= 2; ++j)
      for (int i = -2; i <= 2; ++i) {
        const int x = static_cast<int>(at.x + step * static_cast<float>(i)),
                  y = static_cast<int>(at.y + step * static_cast<float>(j));
        const bool inside = x >= 0 && y >= 0 && x < size && y < size;
        seen += !inside || at.z < depth_[static_cast<std::size_t>(y * size + x)] + 0.25f;
      }
    return static_cast<float>(seen) / 25;
  }

 private:
  static constexpr int size = 384;
  static constexpr float scale = 8;  // cells per centimetre
  Vec3 operator()(Vec3 p) const {
    return {size / 2 + scale * dot(p, x_), size / 2 - scale * (dot(p, y_) + 1), -dot(p, z_)};
  }
  void put(int x, int y, float d) {
    float& cell = depth_[static_cast<std::size_t>(y * size + x)];
    cell = std::min(cell, d);
  }
  std::vector<float> depth_;
  Vec3 x_, y_, z_;
};

}  // namespace nasion::faces::synthetic
