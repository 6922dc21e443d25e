#pragma once
// What is in shadow: the scene seen from the main light. Whatever lies behind something else there gets none of it.

#include <vector>

#include "nasion/faces/synthetic/rasterizer.hpp"

namespace nasion::faces::synthetic {

/// Depths seen from the main light, to find what is in shadow.
class ShadowMap {
 public:
  /// In half detail with cells twice as large, and fewer looks at them.
  ShadowMap(Vec3 light, bool full_detail)
      : size_(full_detail ? 384 : 192),
        reach_(full_detail ? 2 : 1),
        scale_(static_cast<float>(size_) / 48),
        depth_(static_cast<std::size_t>(size_ * size_), 1e9f),
        z_(light) {
    x_ = normalized(cross({0, 1, 0}, light)), y_ = cross(light, x_);
  }
  void add(const Grid& g) {
    std::vector<Vec3> corners(g.size());
    for (std::size_t i = 0; i < g.size(); ++i) corners[i] = (*this)(g.position[i]);
    rasterize(g, corners, size_, size_, [&](int x, int y, float d, std::uint32_t, float, float) { put(x, y, d); });
  }
  void add(Vec3 from, Vec3 to) {
    rasterize_line((*this)(from), (*this)(to), size_, size_, [&](int x, int y, float d) { put(x, y, d); });
  }
  /// Share of the light that reaches p, softened over about `blur` centimetres.
  float lit(Vec3 p, Vec3 normal, float blur) const {
    const Vec3 at = (*this)(p + normal * 0.3f);
    const float step = 0.8f * blur * scale_ / static_cast<float>(reach_);
    int seen = 0;
    for (int j = -reach_; j <= reach_; ++j)
      for (int i = -reach_; i <= reach_; ++i) {
        const int x = static_cast<int>(at.x + step * static_cast<float>(i)),
                  y = static_cast<int>(at.y + step * static_cast<float>(j));
        const bool inside = x >= 0 && y >= 0 && x < size_ && y < size_;
        seen += !inside || at.z < depth_[static_cast<std::size_t>(y * size_ + x)] + 0.25f;
      }
    return static_cast<float>(seen) / static_cast<float>((2 * reach_ + 1) * (2 * reach_ + 1));
  }

 private:
  Vec3 operator()(Vec3 p) const {
    const float middle = 0.5f * static_cast<float>(size_);
    return {middle + scale_ * dot(p, x_), middle - scale_ * (dot(p, y_) + 1), -dot(p, z_)};
  }
  void put(int x, int y, float d) {
    float& cell = depth_[static_cast<std::size_t>(y * size_ + x)];
    cell = std::min(cell, d);
  }
  int size_, reach_;
  float scale_;  // cells per centimetre
  std::vector<float> depth_;
  Vec3 x_, y_, z_;
};

}  // namespace nasion::faces::synthetic
