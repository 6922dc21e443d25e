#pragma once
// How one person's head differs from the average, and how an expression moves it: a linear model, as in 3-D morphable
// models. Each morph is a smooth field of displacements over the average head; a face is the average plus a weighted
// sum of them. Weights of identity are in standard deviations, weights of expression in 0 ... 1.

#include <string_view>

#include "nasion/faces/synthetic/head_shape.hpp"

namespace nasion::faces::synthetic {

struct Morph {
  std::string_view name;
  Vec3 (*at)(Vec3 p);  // displacement of the point p of the average head at weight 1
};

namespace detail {

/// -1 on one side, 1 on the other, smooth across the middle of the face.
inline float side_of(float x) { return x / std::sqrt(x * x + 0.5f); }
/// A bell around (|cx|, cy) on both halves of the front of the head.
inline float pair(Vec3 p, float cx, float cy, float wx, float wy) {
  return bell(std::abs(p.x) - cx, p.y - cy, wx, wy) * smoothstep(-1.0f, 4.0f, p.z);
}
inline float nose_region(Vec3 p) { return bell(p.x, p.y + 3.4f, 1.5f, 1.5f) * smoothstep(7.0f, 8.5f, p.z); }

/// 1 on what moves with the lower jaw, 0 on what stays with the skull. Sharp at the gap between the lips, soft in the
/// cheeks.
inline float jaw_part(Vec3 p) {
  const float half = 0.12f + 2.2f * smoothstep(1.6f, 4.6f, std::abs(p.x));
  const float below = smoothstep(half, -half, p.y - mouth_line(p.x) + 0.35f * (half - 0.12f));
  return below * smoothstep(0.0f, 5.0f, p.z) * smoothstep(-13.5f, -11.0f, p.y);
}

}  // namespace detail

// clang-format off
inline constexpr std::array identity_morphs{
    Morph{"face width", [](Vec3 p) { return Vec3{0.035f * p.x, 0, 0}; }},
    Morph{"face length", [](Vec3 p) { return Vec3{0, 0.32f * p.y / 11 * smoothstep(2, -2, p.y) * smoothstep(-30, -11, p.y), 0}; }},
    Morph{"jaw width", [](Vec3 p) { return Vec3{0.05f * p.x * smoothstep(-1, -7, p.y) * smoothstep(-14, -9, p.y), 0, 0}; }},
    Morph{"chin length", [](Vec3 p) { return Vec3{0, -0.3f * smoothstep(-7.3f, -10, p.y) * smoothstep(-3, 4, p.z) * smoothstep(-15, -12, p.y), 0}; }},
    Morph{"chin forward", [](Vec3 p) { return Vec3{0, 0, 0.3f * detail::pair(p, 0, -10.2f, 2.0f, 1.3f)}; }},
    Morph{"chin width", [](Vec3 p) { return Vec3{0.3f * detail::side_of(p.x) * detail::pair(p, 2.2f, -10.4f, 1.1f, 1.3f), 0, 0}; }},
    Morph{"forehead height", [](Vec3 p) { return Vec3{0, 0.5f * smoothstep(2.5f, 9, p.y), 0}; }},
    Morph{"forehead slope", [](Vec3 p) { return Vec3{0, 0, -0.4f * smoothstep(3, 8, p.y) * smoothstep(0, 6, p.z)}; }},
    Morph{"cheek bones", [](Vec3 p) { const float w = detail::pair(p, 5.0f, -2.4f, 1.5f, 1.2f); return Vec3{0.25f * detail::side_of(p.x) * w, 0, 0.2f * w}; }},
    Morph{"cheek fullness", [](Vec3 p) { const float w = detail::pair(p, 4.6f, -6.0f, 1.9f, 2.2f); return Vec3{0.35f * detail::side_of(p.x) * w, 0, 0.25f * w}; }},
    Morph{"brow ridge", [](Vec3 p) { return Vec3{0, 0, 0.18f * detail::pair(p, 2.3f, 1.7f, 1.9f, 0.6f)}; }},
    Morph{"brow height", [](Vec3 p) { return Vec3{0, 0.2f * detail::pair(p, 3.2f, 2.0f, 2.2f, 0.7f), 0}; }},
    Morph{"eye distance", [](Vec3 p) { return Vec3{0.14f * detail::side_of(p.x) * detail::pair(p, 3.2f, 0.3f, 1.7f, 1.6f), 0, 0}; }},
    Morph{"eye size", [](Vec3 p) { const float w = 0.06f * detail::pair(p, 3.15f, 0, 1.5f, 1.0f); return Vec3{w * (p.x - (p.x < 0 ? -3.15f : 3.15f)), w * p.y, 0}; }},
    Morph{"eye tilt", [](Vec3 p) { return Vec3{0, 0.1f * detail::pair(p, 3.15f, 0, 1.5f, 1.0f) * (std::abs(p.x) - 3.15f), 0}; }},
    Morph{"eye depth", [](Vec3 p) { return Vec3{0, 0, -0.18f * detail::pair(p, 3.0f, 0.1f, 1.6f, 0.9f)}; }},
    Morph{"nose length", [](Vec3 p) { return Vec3{0, -0.25f * detail::pair(p, 0, -4.0f, 1.9f, 1.8f), 0}; }},
    Morph{"nose width", [](Vec3 p) { return Vec3{0.10f * p.x * detail::nose_region(p), 0, 0}; }},
    Morph{"nose protrusion", [](Vec3 p) { const float w = bell(p.x, p.y + 3.4f, 0.9f, 1.2f) * smoothstep(8.8f, 10.8f, p.z); return Vec3{0, 0, 0.3f * w}; }},
    Morph{"nose hump", [](Vec3 p) { return Vec3{0, 0, 0.16f * bell(p.x, p.y + 1.3f, 0.6f, 0.8f) * smoothstep(7, 9, p.z)}; }},
    Morph{"nose tip up", [](Vec3 p) { return Vec3{0, 0.2f * bell(p.x, p.y + 3.7f, 0.9f, 0.7f) * smoothstep(9, 10.8f, p.z), 0}; }},
    Morph{"nose tip round", [](Vec3 p) { return Vec3{0.16f * p.x * bell(p.x, p.y + 3.5f, 0.9f, 0.7f) * smoothstep(9.4f, 10.6f, p.z), 0, 0}; }},
    Morph{"bridge width", [](Vec3 p) { return Vec3{0.12f * p.x * bell(p.x, p.y + 1.3f, 1.0f, 1.5f) * smoothstep(7, 8.5f, p.z), 0, 0}; }},
    Morph{"mouth width", [](Vec3 p) { return Vec3{0.07f * p.x * bell(p.x, p.y + 6.8f, 2.6f, 1.2f) * smoothstep(3, 6, p.z), 0, 0}; }},
    Morph{"mouth height", [](Vec3 p) { return Vec3{0, 0.16f * detail::pair(p, 0, -6.9f, 2.6f, 1.2f), 0}; }},
    Morph{"upper lip full", [](Vec3 p) { const float w = bell(p.x, p.y + 6.0f, 1.6f, 0.45f) * smoothstep(5, 8, p.z); return Vec3{0, 0.14f * w, 0.1f * w}; }},
    Morph{"lower lip full", [](Vec3 p) { const float w = bell(p.x, p.y + 7.7f, 1.6f, 0.5f) * smoothstep(5, 8, p.z); return Vec3{0, -0.15f * w, 0.12f * w}; }},
    Morph{"mouth forward", [](Vec3 p) { return Vec3{0, 0, 0.2f * detail::pair(p, 0, -6.7f, 2.3f, 1.5f)}; }},
    Morph{"neck width", [](Vec3 p) { const float w = 0.07f * smoothstep(-8, -12, p.y); return Vec3{w * p.x, 0, w * p.z}; }},
    Morph{"crooked nose", [](Vec3 p) { return Vec3{0.1f * detail::nose_region(p), 0, 0}; }},
    Morph{"crooked mouth", [](Vec3 p) { const float w = detail::pair(p, 0, -7.5f, 2.8f, 2.2f); return Vec3{0.08f * w, 0.02f * w * p.x, 0}; }},
    Morph{"uneven brows", [](Vec3 p) { return Vec3{0, 0.08f * detail::side_of(p.x) * detail::pair(p, 3.2f, 2.0f, 1.8f, 0.7f), 0}; }},
};

inline constexpr std::array expression_morphs{
    // The jaw turns about an axis through both ears; 1 is an opening of the mouth of about 3 cm.
    Morph{"jaw open", [](Vec3 p) {
      const float w = detail::jaw_part(p), angle = 0.26f, dy = p.y + 1.5f, dz = p.z - 0.5f;
      return Vec3{-0.03f * p.x * w, w * (dy * (std::cos(angle) - 1) - dz * std::sin(angle)), w * (dz * (std::cos(angle) - 1) + dy * std::sin(angle))};
    }},
    // Brings the lips of the average head, which are slightly apart, together.
    Morph{"lips closed", [](Vec3 p) {
      const float d = p.y - mouth_line(p.x), gap = std::max(mouth_gap(p.x), 0.01f);
      return Vec3{0, -std::clamp(d, -gap, gap) * 1.02f * bell(std::max(std::abs(d) - gap, 0.0f), 0.6f) * smoothstep(2.75f, 2.5f, std::abs(p.x)) * smoothstep(6, 7, p.z), 0};
    }},
    Morph{"smile", [](Vec3 p) {
      const float s = detail::side_of(p.x), corner = detail::pair(p, 2.7f, -6.7f, 1.15f, 1.0f), cheek = detail::pair(p, 3.9f, -3.3f, 1.4f, 1.2f);
      const float fold = detail::pair(p, 2.75f + 0.32f * (-4.6f - p.y), -5.4f, 0.28f, 1.0f), middle = detail::pair(p, 0, -6.5f, 1.5f, 1.0f);
      return Vec3{s * (0.62f * corner + 0.15f * cheek), 0.5f * corner + 0.28f * cheek + 0.1f * middle, -0.55f * corner + 0.38f * cheek - 0.22f * fold - 0.25f * middle};
    }},
    // Draws the lips apart over the teeth.
    Morph{"show teeth", [](Vec3 p) {
      const float d = p.y - mouth_line(p.x), w = smoothstep(-0.15f, 0.15f, d);
      return Vec3{0, bell(std::abs(d), 0.9f) * smoothstep(2.6f, 0.8f, std::abs(p.x)) * (0.38f * w - 0.25f * (1 - w)) * smoothstep(5, 7, p.z), 0};
    }},
    Morph{"pucker", [](Vec3 p) {
      const float w = detail::pair(p, 0, -6.8f, 2.4f, 1.1f);
      return Vec3{-0.3f * p.x * w, 0, 0.5f * w * bell(p.x, 1.6f)};
    }},
    Morph{"corners down", [](Vec3 p) { return Vec3{0, -0.45f * detail::pair(p, 2.6f, -6.9f, 0.9f, 1.0f), 0}; }},
    Morph{"brows up", [](Vec3 p) { return Vec3{0, 0.7f * detail::pair(p, 3.1f, 2.4f, 2.4f, 1.1f), 0}; }},
    Morph{"frown", [](Vec3 p) {
      const float w = detail::pair(p, 1.5f, 1.9f, 1.1f, 0.7f);
      return Vec3{-0.3f * detail::side_of(p.x) * w, -0.4f * w, 0.1f * w};
    }},
    Morph{"cheeks blown", [](Vec3 p) { const float w = detail::pair(p, 4.2f, -6.3f, 1.7f, 1.5f); return Vec3{0.5f * detail::side_of(p.x) * w, 0, 0.45f * w}; }},
    // Of one side more than of the other.
    Morph{"mouth aside", [](Vec3 p) { const float w = detail::pair(p, 0, -7.0f, 2.8f, 1.7f); return Vec3{0.45f * w, 0.1f * w * p.x, 0}; }},
    Morph{"brow aside", [](Vec3 p) { return Vec3{0, 0.4f * detail::side_of(p.x) * detail::pair(p, 3.1f, 2.3f, 2.2f, 1.0f), 0}; }},
};
// clang-format on

using IdentityWeights = std::array<float, identity_morphs.size()>;
using ExpressionWeights = std::array<float, expression_morphs.size()>;

/// Position of a morph in its list by name; a name that is not there does not compile.
consteval std::size_t expression_index(std::string_view name) {
  for (std::size_t i = 0; i < expression_morphs.size(); ++i)
    if (expression_morphs[i].name == name) return i;
  throw "no such expression";
}
consteval std::size_t identity_index(std::string_view name) {
  for (std::size_t i = 0; i < identity_morphs.size(); ++i)
    if (identity_morphs[i].name == name) return i;
  throw "no such morph";
}

/// Where the point p of the average head is on this person with this expression. Exact everywhere; for a whole mesh,
/// sums of displacements worked out once are faster (head_mesh.hpp).
inline Vec3 morphed(Vec3 p, const IdentityWeights& identity, const ExpressionWeights& expression) {
  Vec3 sum = p;
  for (std::size_t i = 0; i < identity.size(); ++i) sum += identity_morphs[i].at(p) * identity[i];
  for (std::size_t i = 0; i < expression.size(); ++i)
    if (expression[i] != 0) sum += expression_morphs[i].at(p) * expression[i];
  return sum;
}

}  // namespace nasion::faces::synthetic
