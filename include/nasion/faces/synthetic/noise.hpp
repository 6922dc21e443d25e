#pragma once
// Noise that is a function of place and seed: texture without stored pictures.

#include <cstdint>

#include "nasion/faces/synthetic/vec3.hpp"

namespace nasion::faces::synthetic {

/// Integer hash to [0, 1).
inline float hash01(std::uint32_t x) {
  x ^= x >> 16, x *= 0x7feb352dU, x ^= x >> 15, x *= 0x846ca68bU, x ^= x >> 16;
  return static_cast<float>(x >> 8) * 0x1p-24f;
}
inline float hash01(int x, int y, std::uint32_t seed) {
  return hash01(static_cast<std::uint32_t>(x) * 0x9E3779B1U ^ static_cast<std::uint32_t>(y) * 0x85EBCA77U ^ seed);
}

/// Smooth noise in 0 ... 1 with features of size about 1.
inline float value_noise(float x, float y, std::uint32_t seed) {
  const float fx = std::floor(x), fy = std::floor(y);
  const int ix = static_cast<int>(fx), iy = static_cast<int>(fy);
  const float u = smoothstep(0, 1, x - fx), v = smoothstep(0, 1, y - fy);
  return mix(mix(hash01(ix, iy, seed), hash01(ix + 1, iy, seed), u),
             mix(hash01(ix, iy + 1, seed), hash01(ix + 1, iy + 1, seed), u), v);
}

}  // namespace nasion::faces::synthetic
