#pragma once
// Where hair grows on the average head: scalp, beard, brows.

#include "nasion/faces/synthetic/head_shape.hpp"

namespace nasion::faces::synthetic {

/// How much hair grows at a point of the average head: 0 on the face, 1 on the scalp.
inline float scalp(Vec3 p, float recession) {
  // Height of the hairline by the angle from the front, every 15 degrees: forehead, temple, sideburn, ear, neck.
  static constexpr std::array<float, 13> line{6.6f, 6.8f,  6.7f,  5.0f,  2.6f,  -0.4f, -1.2f,
                                              1.2f, -2.2f, -5.0f, -6.2f, -6.8f, -7.0f};
  const float angle = std::atan2(std::abs(p.x), p.z) * 12 / pi;
  const float back = smoothstep(6, 3, angle) * recession * (3.5f + 1.5f * bell(angle - 2, 1.0f));
  const float h = spline(line, angle) + back;
  return smoothstep(h - 0.25f, h + 0.45f, p.y + 0.12f * std::sin(9 * p.x + 3 * p.z));
}

/// Where a beard grows: moustache, chin and cheeks, each 0 ... 1.
struct BeardMap {
  float moustache = 0, chin = 0, cheeks = 0;
};
inline BeardMap beard_map(Vec3 p) {
  BeardMap m;
  if (p.y < -13 || p.y > 1 || p.z < -2) return m;
  const float ax = std::abs(p.x), lip_x = std::min(ax, 2.55f);
  const float ragged = 0.1f * std::sin(7 * p.x + p.y) + 0.08f * std::sin(15 * p.x - 9 * p.y);
  const float above_lip = p.y - upper_lip_border(lip_x), below_lip = lower_lip_border(lip_x) - p.y;
  const float under_nose = -4.75f - 0.05f * ax - 0.2f * ax * ax + ragged;
  m.moustache = smoothstep(-0.05f, 0.2f, above_lip) * smoothstep(under_nose + 0.2f, under_nose - 0.35f, p.y) *
                smoothstep(3.2f, 2.4f, ax + ragged) * smoothstep(3, 5, p.z) * (0.55f + 0.45f * smoothstep(0, 0.4f, ax));
  const float beside_mouth = smoothstep(2.5f, 2.8f, ax) * smoothstep(-5.9f, -6.6f, p.y);
  const float under_mouth =
      smoothstep(0.05f, 0.35f, below_lip) * mix(1.0f, smoothstep(-8.4f, -9.2f, p.y), 0.7f * smoothstep(0.5f, 1.4f, ax));
  m.chin = std::max(beside_mouth, under_mouth) * smoothstep(3.3f, 2.6f, ax + ragged) * smoothstep(2, 5, p.z) *
           smoothstep(-12.6f, -11.6f, p.y);
  const float cheek_line = -6.6f + 0.95f * (ax - 2.8f) + 1.6f * smoothstep(5.6f, 6.8f, ax) + ragged;
  m.cheeks = smoothstep(cheek_line + 0.7f, cheek_line - 0.8f, p.y) * smoothstep(2.2f, 3.0f, ax) *
             smoothstep(-0.6f, 0.6f, p.z) * smoothstep(-12.6f, -11.0f, p.y);
  return m;
}

/// Shape of the brows: 1 inside. x along, from the nose outwards.
inline float brow_map(float ax, float y) {
  const float u = (ax - 1.35f) / 4.3f;  // 0 at the nose, 1 at the temple
  if (u < -0.05f || u > 1.02f) return 0;
  const float middle = 1.48f + 0.55f * std::sin(1.9f * clamp01(u)) - 0.85f * u * u * u;
  const float half = 0.38f * (1 - 0.72f * smoothstep(0.35f, 1.0f, u)) * smoothstep(-0.08f, 0.12f, u);
  return smoothstep(half + 0.12f, half - 0.1f, std::abs(y - middle)) * smoothstep(1.02f, 0.9f, u);
}

}  // namespace nasion::faces::synthetic
