#pragma once
// Vectors in space and the few shaping functions from which faces are modelled. Lengths are in centimetres.

#include <algorithm>
#include <array>
#include <cmath>

namespace nasion::faces::synthetic {

struct Vec3 {
  float x = 0, y = 0, z = 0;

  friend constexpr Vec3 operator+(Vec3 a, Vec3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
  friend constexpr Vec3 operator-(Vec3 a, Vec3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
  friend constexpr Vec3 operator*(Vec3 a, Vec3 b) { return {a.x * b.x, a.y * b.y, a.z * b.z}; }
  friend constexpr Vec3 operator*(Vec3 a, float s) { return {a.x * s, a.y * s, a.z * s}; }
  friend constexpr Vec3 operator*(float s, Vec3 a) { return a * s; }
  constexpr Vec3& operator+=(Vec3 b) { return *this = *this + b; }
};

constexpr float dot(Vec3 a, Vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
constexpr Vec3 cross(Vec3 a, Vec3 b) { return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x}; }
inline float length(Vec3 a) { return std::sqrt(dot(a, a)); }
inline Vec3 normalized(Vec3 a) { return a * (1 / std::max(length(a), 1e-12f)); }

constexpr float clamp01(float x) { return std::clamp(x, 0.0f, 1.0f); }
constexpr float mix(float a, float b, float t) { return a + (b - a) * t; }
constexpr Vec3 mix(Vec3 a, Vec3 b, float t) { return a + (b - a) * t; }
constexpr float square(float x) { return x * x; }

/// x^n by squaring.
constexpr float power(float x, unsigned n) {
  float y = 1;
  for (; n > 0; n >>= 1, x *= x)
    if (n & 1) y *= x;
  return y;
}

/// 0 up to `from`, 1 beyond `to`, smooth between. `from` may be the larger one.
constexpr float smoothstep(float from, float to, float x) {
  const float t = clamp01((x - from) / (to - from));
  return t * t * (3 - 2 * t);
}

/// A bell of height 1 over the plane, with its own width along each axis.
inline float bell(float dx, float dy, float width_x, float width_y) {
  const float q = square(dx / width_x) + square(dy / width_y);
  return q > 24 ? 0.0f : std::exp(-0.5f * q);
}
inline float bell(float d, float width) { return bell(d, 0, width, 1); }

/// The larger of the two, with the edge between them rounded over about `width`.
inline float smooth_max(float a, float b, float width) {
  const float h = std::max(width - std::abs(a - b), 0.0f) / width;
  return std::max(a, b) + h * h * width * 0.25f;
}

/// Catmull-Rom spline through equally spaced values; t in [0, N - 1].
template <std::size_t N>
float spline(const std::array<float, N>& values, float t) {
  const int last = static_cast<int>(N) - 1;
  const int i = std::clamp(static_cast<int>(t), 0, last - 1);
  const auto value = [&](int k) { return values[static_cast<std::size_t>(std::clamp(k, 0, last))]; };
  const float u = t - static_cast<float>(i);
  const float a = value(i - 1), b = value(i), c = value(i + 1), d = value(i + 2);
  return b + 0.5f * u * (c - a + u * (2 * a - 5 * b + 4 * c - d + u * (3 * (b - c) + d - a)));
}

/// Three columns: where the axes go.
struct Rotation {
  Vec3 x{1, 0, 0}, y{0, 1, 0}, z{0, 0, 1};
  constexpr Vec3 operator()(Vec3 p) const { return x * p.x + y * p.y + z * p.z; }
};

/// Head movement, radians. yaw > 0 turns the face towards +x, pitch > 0 raises the chin, roll > 0 tilts the head
/// clockwise in the picture.
inline Rotation rotation(float yaw, float pitch, float roll) {
  const float cy = std::cos(yaw), sy = std::sin(yaw), cp = std::cos(pitch), sp = std::sin(pitch), cr = std::cos(roll),
              sr = std::sin(roll);
  const auto turn = [&](Vec3 p) {
    p = {p.x, p.y * cp + p.z * sp, p.z * cp - p.y * sp};
    p = {p.x * cy + p.z * sy, p.y, p.z * cy - p.x * sy};
    return Vec3{p.x * cr + p.y * sr, p.y * cr - p.x * sr, p.z};
  };
  return {turn({1, 0, 0}), turn({0, 1, 0}), turn({0, 0, 1})};
}

}  // namespace nasion::faces::synthetic
