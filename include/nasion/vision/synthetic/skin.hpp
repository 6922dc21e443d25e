#pragma once
// The colour of skin, lips, stubble and nostrils over the head, and cheap noise for texture.

#include "nasion/vision/synthetic/face_parameters.hpp"

namespace nasion::vision::synthetic {

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

/// How much hair grows at a point of the average head: 0 on the face, 1 on the scalp.
inline float scalp(Vec3 p, float recession) {
  // Height of the hairline by the angle from the front, every 15 degrees: forehead, temple, sideburn, ear, neck.
  static constexpr std::array<float, 13> line{6.7f, 6.9f,  6.9f,  5.2f,  2.6f,  0.6f, 0.8f,
                                              1.2f, -2.2f, -5.0f, -6.2f, -6.8f, -7.0f};
  const float angle = std::atan2(std::abs(p.x), p.z) * 12 / pi;
  const float back = smoothstep(6, 3, angle) * recession * (3.5f + 1.5f * bell(angle - 2, 1.0f));
  const float h = spline(line, angle) + back;
  return smoothstep(h - 0.25f, h + 0.45f, p.y + 0.12f * std::sin(9 * p.x + 3 * p.z));
}

/// Where a beard grows: moustache, chin and cheeks.
struct BeardMap {
  float moustache, chin, cheeks;
};
inline BeardMap beard_map(Vec3 p) {
  const float ax = std::abs(p.x), front = smoothstep(1, 4, p.z);
  const float lip = std::max(smoothstep(0.1f, -0.05f, p.y - upper_lip_border(p.x)), 0.0f);
  BeardMap m{};
  if (p.y > -13 && p.y < 1 && p.z > -2) {
    const float off_upper = p.y - upper_lip_border(std::min(ax, 2.6f)),
                off_lower = p.y - lower_lip_border(std::min(ax, 2.6f));
    m.moustache = smoothstep(-0.05f, 0.2f, off_upper) * smoothstep(-4.75f, -5.1f, p.y - 0.12f * ax) *
                  smoothstep(3.3f, 2.7f, ax) * front;
    const bool beside = ax > 2.6f;
    const float below = beside ? smoothstep(-5.8f, -6.6f, p.y) : smoothstep(0.0f, -0.3f, off_lower);
    m.chin = below * smoothstep(3.5f, 2.6f, ax) * smoothstep(2, 5, p.z) * smoothstep(-12.3f, -11.4f, p.y);
    const float top = -6.3f + 0.28f * ax * ax * 0.33f + 4.0f * smoothstep(5.4f, 6.6f, ax);
    m.cheeks = smoothstep(top + 0.5f, top - 0.9f, p.y) * smoothstep(2.4f, 3.2f, ax) * smoothstep(-0.6f, 0.6f, p.z) *
               smoothstep(-12.4f, -11.0f, p.y);
  }
  (void)lip;
  return m;
}

/// Shape of the brows: 1 inside. x along, from the nose outwards.
inline float brow_map(float ax, float y) {
  const float u = (ax - 1.35f) / 4.3f;  // 0 at the nose, 1 at the temple
  if (u < -0.05f || u > 1.02f) return 0;
  const float middle = 1.72f + 0.55f * std::sin(1.9f * clamp01(u)) - 0.98f * u * u * u;
  const float half = 0.38f * (1 - 0.72f * smoothstep(0.35f, 1.0f, u)) * smoothstep(-0.08f, 0.12f, u);
  return smoothstep(half + 0.12f, half - 0.1f, std::abs(y - middle)) * smoothstep(1.02f, 0.9f, u);
}

/// Paints the head: sets colour and gloss of every point.
inline void paint_skin(Grid& g, const PersonParameters& person, float lid_crease) {
  const auto seed = static_cast<std::uint32_t>(person.seed);
  const bool bald = person.hair.style == PersonParameters::Hair::Style::bald;
  for (std::size_t i = 0; i < g.size(); ++i) {
    const Vec3 p = g.average[i];
    const float ax = std::abs(p.x);
    Vec3 colour = person.skin;
    float gloss = 0.28f;
    const float blotch = value_noise(p.x * 0.7f + 40, p.y * 0.7f + p.z * 0.5f, seed) - 0.5f;
    const float pores = value_noise(p.x * 6 + 90, p.y * 6 + p.z * 4, seed + 1) - 0.5f;
    colour = colour * (1 + 0.16f * blotch + 0.07f * pores);
    if (p.z > 0 && p.y < 10 && p.y > -12.5f) {
      const float red =
          person.blush * (0.55f * bell(ax - 4.2f, p.y + 3.0f, 1.6f, 1.3f) + 0.5f * bell(p.x, p.y + 3.5f, 1.3f, 0.9f) +
                          0.3f * bell(p.x, p.y + 9.8f, 1.3f, 0.8f)) +
          0.35f * blotch;
      colour = colour * Vec3{1, 1 - 0.2f * clamp01(red), 1 - 0.18f * clamp01(red)};
      const float under_eye =
          bell(ax - 2.7f, p.y + 0.95f, 1.1f, 0.42f) + 0.7f * bell(ax - 1.7f, p.y - 0.35f, 0.5f, 0.6f);
      colour = colour * (Vec3{1, 1, 1} - Vec3{0.2f, 0.24f, 0.2f} * under_eye);
      gloss += person.shine * (0.3f * bell(p.x, p.y + 2.4f, 0.9f, 1.8f) + 0.22f * bell(p.x, p.y - 4.6f, 2.8f, 1.5f) +
                               0.15f * bell(ax - 3.9f, p.y + 2.0f, 1.2f, 0.7f));
      // Crease of the upper lid, dark edges of the lids
      const float meeting = upper_lid(ax, {lid_crease, 1});
      const float inside = smoothstep(1.5f, 2.1f, ax) * smoothstep(5.3f, 4.5f, ax);
      colour = colour * (1 - 0.42f * inside * bell(p.y - meeting - 0.36f, 0.1f));
      colour = colour * (1 - 0.1f * inside * bell(p.y - meeting - 0.7f, 0.35f));
      // Lips
      const float up = upper_lip_border(p.x), low = lower_lip_border(p.x);
      const float lips = smoothstep(up + 0.08f, up - 0.1f, p.y) * smoothstep(low - 0.1f, low + 0.08f, p.y) *
                         smoothstep(2.68f, 2.4f, ax);
      const float streak = value_noise(p.x * 9, p.y * 1.5f, seed + 2) - 0.5f;
      colour = mix(colour, person.lips * (1 + 0.2f * streak), 0.92f * lips);
      gloss = mix(gloss, 0.55f, lips);
      const float nostril = detail::nostril(p.x, p.y) * smoothstep(8, 9, p.z);
      colour = mix(colour, Vec3{0.035f, 0.012f, 0.01f}, clamp01(1.3f * nostril - 0.15f));
      gloss *= 1 - clamp01(1.5f * nostril);
      if (person.freckles > 0) {
        const float spot = value_noise(p.x * 4.5f + 11, p.y * 4.5f, seed + 3);
        const float where = bell(ax - 2.8f, p.y + 2.4f, 2.6f, 2.0f);
        colour = colour * (1 - 0.35f * person.freckles * where * smoothstep(0.72f, 0.9f, spot));
      }
    }
    if (p.z > -3) {  // roots of shaved hair
      const BeardMap beard = beard_map(p);
      const float density = clamp01(std::max({beard.moustache, beard.chin, beard.cheeks * 0.9f}) * person.stubble);
      const float grain = 0.7f + 0.6f * hash01(static_cast<std::uint32_t>(i) * 2654435761U + seed);
      colour = mix(colour, mix(colour, person.hair.colour, 0.7f) * Vec3{0.85f, 0.95f, 1.05f}, 0.5f * density * grain);
    }
    const float hair = scalp(p, person.hair.recession) * (bald ? smoothstep(5.5f, 2.0f, p.y) * 0.5f : 0.9f);
    colour = mix(colour, person.hair.colour * 0.6f, hair);
    gloss *= 1 - 0.9f * hair;
    const float brow = p.z > 4 ? brow_map(ax, p.y) : 0.0f;
    colour = mix(colour, person.hair.colour, 0.4f * brow * std::min(1.0f, person.hair.thickness));
    g.colour[i] = colour, g.gloss[i] = gloss;
  }
}

}  // namespace nasion::vision::synthetic
