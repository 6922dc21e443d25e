#pragma once
// The average head: a closed surface in centimetres, neutral, looking along +z.
//
// Origin between the eyes; x to the right of the picture (the person's left), y up, z towards the camera. Two
// parameters name every point: `around`, the angle about the vertical axis (0 in the middle of the face, pi / 2 at the
// left ear of the person), and `ring`, which runs from the crown (0) over the face, along the jaw (14) and down the
// neck (19). Rings are ovals through three measured places: the profile in front, the widest point of the side, and
// the back. Eye sockets, lids, nose and lips are then pushed out of the ovals. The proportions follow published
// anthropometric averages and the mean face of 58-point annotations.

#include <numbers>

#include "nasion/faces/synthetic/vec3.hpp"

namespace nasion::faces::synthetic {

inline constexpr float pi = std::numbers::pi_v<float>;
inline constexpr float last_ring = 19;
inline constexpr float jaw_ring = 14;

/// Eyeball of the average face: centre of the person's left eye (the right one mirrors x) and radius.
inline constexpr Vec3 eye_centre{3.15f, 0.1f, 6.2f};
inline constexpr float eye_radius = 1.6f;

/// Distance from the middle line of the mouth to each lip's inner edge. The lips of the average head are slightly
/// open, so that closing and opening are both smooth movements of the same surface.
inline float mouth_line(float x) { return -6.72f + 0.012f * x * x; }
inline float mouth_gap(float x) { return 0.13f * std::sqrt(clamp01(1 - square(x / 2.55f))); }

/// Where lip skin begins: the upper border with its two peaks, and the lower border.
inline float upper_lip_border(float x) {
  const float ax = std::abs(x);
  return mouth_line(x) + 0.88f * (1 - std::pow(clamp01((ax - 0.5f) / 2.1f), 1.4f)) - 0.22f * bell(x, 0.36f);
}
inline float lower_lip_border(float x) {
  return mouth_line(x) - 0.95f * std::pow(clamp01(1 - square(x / 2.6f)), 0.75f);
}

namespace detail {

/// Height of a dome over its rim: 0 at the top (q = 0), falling like a ball's surface, steep and straight beyond.
inline float dome(float q) { return q < 0.9f ? 1 - std::sqrt(1 - q) : 0.684f + (q - 0.9f) * 1.58f; }

/// Front of an ellipsoid whose foremost point is (cx, cy, top).
inline float ball(float x, float y, float cx, float cy, float top, float rx, float ry, float rz) {
  return top - rz * dome(square((x - cx) / rx) + square((y - cy) / ry));
}

/// The nose: bridge, tip, wings and the column between the nostrils, blended.
inline float nose_front(float x, float y) {
  static constexpr std::array<float, 10> profile{8.6f, 8.75f, 9.15f, 9.65f, 10.15f, 10.6f, 10.85f, 10.3f, 9.0f, 7.0f};
  static constexpr std::array<float, 10> width{0.75f, 0.72f, 0.8f, 0.92f, 1.0f, 1.0f, 1.0f, 0.9f, 0.8f, 0.8f};
  const float along = std::clamp((1.2f - y) / 0.8f, 0.0f, 9.0f);  // y = 1.2 down to -6
  const float ax = std::abs(x);
  float z = spline(profile, along) - 1.25f * dome(square(ax / spline(width, along)));
  z = smooth_max(z, ball(x, y, 0, -3.55f, 11.2f, 1.0f, 0.95f, 1.5f), 0.35f);
  z = smooth_max(z, ball(ax, y, 1.13f, -3.72f, 9.78f, 0.66f, 0.82f, 1.15f), 0.8f);
  z = smooth_max(z, ball(x, y, 0, -4.05f, 10.7f, 0.36f, 0.62f, 1.5f), 0.2f);
  return z - 30 * smoothstep(1.0f, 4.0f, y);
}

/// Soft forms of the face, added to the ovals: brow ridge, sockets, cheeks, mouth, chin.
inline float face_relief(float x, float y) {
  const float ax = std::abs(x);
  return 0.28f * bell(ax - 2.6f, y - 1.75f, 1.5f, 0.55f) + 0.12f * bell(x, y - 1.7f, 1.0f, 0.6f)    // brow ridge
         - 0.75f * bell(ax - 3.1f, y - 0.2f, 1.4f, 0.85f)                                           // eye socket
         - 0.5f * bell(ax - 1.6f, y - 0.25f, 0.6f, 0.8f)                                            // inner corner
         + 0.30f * bell(ax - 4.5f, y + 2.6f, 1.5f, 1.1f)                                            // cheek bone
         - 0.14f * bell(ax - 2.7f, y + 4.2f, 0.6f, 1.2f)                                            // beside the nose
         + 0.30f * bell(x, y + 6.5f, 2.3f, 1.7f)                                                    // teeth behind lips
         - 0.20f * bell(ax - 4.9f, y + 6.2f, 1.2f, 1.7f)                                            // hollow cheek
         - 0.10f * bell(x, y + 5.3f, 0.22f, 0.45f) + 0.05f * bell(ax - 0.5f, y + 5.4f, 0.2f, 0.5f)  // philtrum
         - 0.32f * bell(x, y + 8.55f, 1.5f, 0.38f)                                                  // under the lip
         + 0.35f * bell(x, y + 9.9f, 1.25f, 0.8f)                                                   // chin
         - 0.22f * bell(ax - 2.75f, y + 6.85f, 0.35f, 0.35f);                                       // mouth corner
}

/// The red of the lips: each swells outwards from its border and rolls inwards to the gap between them.
inline float lip_relief(float x, float y) {
  const float gap = mouth_gap(x), line = mouth_line(x);
  const float taper = smoothstep(2.65f, 1.3f, std::abs(x));
  const float from_line = y - line;
  const bool upper = from_line > 0;
  const float border = upper ? upper_lip_border(x) - line : line - lower_lip_border(x);
  const float along = (std::abs(from_line) - gap) / std::max(border - gap, 0.1f);  // 0 at the gap, 1 at the border
  const float swell = (upper ? 0.28f : 0.38f) * bell(along - 0.5f, upper ? 0.45f : 0.38f);
  return taper * (swell - 0.55f * bell(from_line, gap + 0.12f)) -
         0.12f * bell(from_line, 0.15f) * smoothstep(3.0f, 2.4f, std::abs(x));
}

inline float nostril(float x, float y) {
  return bell(std::abs(x) - 0.66f + 0.3f * (y + 4.2f), y + 4.22f, 0.28f, 0.16f);
}

}  // namespace detail

/// A point of the average head. around in [-pi, pi], ring in [0, 19].
inline Vec3 head_point(float around, float ring) {
  // clang-format off
  using Profile = std::array<float, 20>;
  //                                 crown                    forehead        brow  eyes              nose                   mouth         chin   jaw    below  throat neck
  static constexpr Profile front_y{11.75f, 11.05f, 9.5f, 7.3f, 4.8f, 2.7f, 1.4f, 0.0f, -1.8f, -3.4f, -5.0f, -6.8f, -8.5f, -10.2f, -11.5f, -11.9f, -11.8f, -13.2f, -16.0f, -20.0f};
  static constexpr Profile front_z{ -0.6f,  3.4f,  6.4f,  8.1f, 8.9f, 9.15f, 9.1f, 8.8f,  8.75f, 8.85f, 9.05f, 9.1f,  8.95f,  8.85f,  8.0f,   6.6f,   4.6f,   4.0f,   4.0f,   4.2f};
  static constexpr Profile side_x{0.0f, 3.6f, 5.8f, 7.0f, 7.55f, 7.5f, 7.3f, 7.15f, 7.1f, 7.0f, 7.0f, 6.8f, 6.45f, 5.95f, 5.6f, 5.55f, 5.5f, 5.55f, 5.7f, 6.0f};
  static constexpr Profile side_y{11.75f, 11.0f, 9.3f, 7.0f, 4.8f, 2.7f, 1.4f, 0.0f, -1.6f, -3.0f, -4.4f, -5.7f, -6.9f, -7.8f, -8.6f, -9.1f, -10.0f, -12.0f, -15.0f, -19.0f};
  static constexpr Profile side_z{  -0.6f, -0.8f, -1.0f, -1.0f, -1.0f, -0.7f, -0.3f, 0.1f, 0.4f,  0.5f,  0.6f,  0.6f,  0.6f,   0.5f,   0.3f,   0.0f,  -0.4f,  -1.0f,  -1.2f,  -1.2f};
  static constexpr Profile back_y{11.75f, 10.9f, 9.3f, 6.7f, 4.0f, 1.6f, 0.2f, -1.2f, -2.5f, -3.6f, -4.6f, -5.5f, -6.4f, -7.2f, -8.0f, -8.6f, -9.5f, -11.2f, -14.0f, -18.0f};
  static constexpr Profile back_z{  -0.6f, -5.0f, -8.1f, -9.7f, -10.1f, -9.7f, -9.1f, -8.4f, -7.6f, -6.9f, -6.4f, -6.1f, -5.9f, -5.8f, -5.8f,  -5.9f,  -6.0f,  -6.3f,  -6.6f,  -7.0f};
  static constexpr Profile corner{   2.0f,  2.1f,  2.1f, 2.12f, 2.15f, 2.15f, 2.15f, 2.1f, 2.1f,  2.05f, 2.05f, 2.0f,  2.0f,   2.0f,   2.0f,   2.0f,   2.0f,   2.0f,   2.0f,   2.0f};
  // clang-format on
  const float s = std::sin(around), c = std::cos(around);
  const float n = std::abs(around) < pi / 2 ? spline(corner, ring) : 2.0f;  // 2: ellipse, more: squarer
  const float radius = std::pow(std::pow(std::abs(s), n) + std::pow(std::abs(c), n), -1 / n);
  const float reach = radius * c;  // 1 in front, 0 at the side, -1 at the back
  Vec3 p{spline(side_x, ring) * radius * s, spline(side_y, ring), spline(side_z, ring)};
  const float weight = reach * reach;
  p.y = mix(p.y, spline(reach > 0 ? front_y : back_y, ring), weight);
  p.z = mix(p.z, spline(reach > 0 ? front_z : back_z, ring), std::abs(reach));

  const float facing = smoothstep(0.12f, 0.45f, reach) * smoothstep(jaw_ring + 0.8f, jaw_ring - 0.6f, ring);
  if (facing <= 0) return p;
  p.z += facing * detail::face_relief(p.x, p.y);
  const float lid_radius = eye_radius + 0.12f;
  const float lid =
      eye_centre.z +
      lid_radius *
          (1 - detail::dome((square(std::abs(p.x) - eye_centre.x) + square(p.y - eye_centre.y)) / square(lid_radius)));
  p.z = mix(p.z, smooth_max(p.z, lid, 0.7f), facing);
  p.z = mix(p.z, smooth_max(p.z, detail::nose_front(p.x, p.y), 0.6f), facing);
  p.z += facing * (detail::lip_relief(p.x, p.y) - 0.55f * detail::nostril(p.x, p.y));
  return p;
}

/// The point of the average face seen straight from the front at (x, y). For |x| < 6 and y between forehead and chin.
inline Vec3 face_point(float x, float y) {
  float around = std::asin(std::clamp(x / 7.2f, -0.99f, 0.99f)), ring = 8;
  for (int step = 0; step < 60; ++step) {  // Newton's method with measured slopes, damped
    const float h = 1e-2f;
    const Vec3 p = head_point(around, ring), da = head_point(around + h, ring), dr = head_point(around, ring + h);
    const float xa = (da.x - p.x) / h, ya = (da.y - p.y) / h, xr = (dr.x - p.x) / h, yr = (dr.y - p.y) / h;
    const float ex = x - p.x, ey = y - p.y, det = xa * yr - xr * ya;
    if (std::abs(ex) + std::abs(ey) < 1e-4f || std::abs(det) < 1e-6f) break;
    around = std::clamp(around + 0.7f * (ex * yr - ey * xr) / det, -1.5f, 1.5f);
    ring = std::clamp(ring + 0.7f * (ey * xa - ex * ya) / det, 1.0f, jaw_ring + 0.5f);
  }
  return head_point(around, ring);
}

}  // namespace nasion::faces::synthetic
