#pragma once
// The colour of skin, lips, stubble and nostrils over the head.

#include "nasion/faces/synthetic/face_parameters.hpp"
#include "nasion/faces/synthetic/hair_maps.hpp"
#include "nasion/faces/synthetic/noise.hpp"

namespace nasion::faces::synthetic {

/// Colour and gloss of one point of the skin while layer upon layer is painted.
struct Paint {
  Vec3 colour;
  float gloss;
  void darken(float share) { colour = colour * (1 - share); }
};

namespace detail {

/// Blood and shine: red cheeks, nose and chin, shadows under the eyes, a shiny forehead and nose.
inline void paint_complexion(Paint& paint, Vec3 p, const PersonParameters& person, float blotch) {
  const float ax = std::abs(p.x);
  const float cheek = bell(ax - 4.2f, p.y + 3.0f, 1.6f, 1.3f), nose = bell(p.x, p.y + 3.5f, 1.3f, 0.9f),
              chin = bell(p.x, p.y + 9.8f, 1.3f, 0.8f);
  const float red = clamp01(person.blush * (0.55f * cheek + 0.5f * nose + 0.3f * chin) + 0.35f * blotch);
  paint.colour = paint.colour * Vec3{1, 1 - 0.2f * red, 1 - 0.18f * red};
  const float under_eye = bell(ax - 2.7f, p.y + 0.95f, 1.1f, 0.42f) + 0.7f * bell(ax - 1.7f, p.y - 0.35f, 0.5f, 0.6f);
  paint.colour = paint.colour * (Vec3{1, 1, 1} - Vec3{0.2f, 0.24f, 0.2f} * under_eye);
  paint.gloss += person.shine * (0.15f * bell(p.x, p.y + 2.4f, 0.9f, 1.8f) + 0.22f * bell(p.x, p.y - 4.6f, 2.8f, 1.5f) +
                                 0.15f * bell(ax - 3.9f, p.y + 2.0f, 1.2f, 0.7f));
}

/// The crease of the upper lid and the dark edges of both lids.
inline void paint_lids(Paint& paint, Vec3 p, EyeOpening eyes) {
  const float ax = std::abs(p.x), upper = upper_lid(ax, eyes);
  const float inside = smoothstep(1.5f, 2.1f, ax) * smoothstep(5.3f, 4.5f, ax);
  paint.darken(0.5f * inside * bell(p.y - upper - 0.4f, 0.085f));
  paint.darken(0.75f * inside * bell(p.y - upper, 0.075f));
  paint.darken(0.3f * inside * bell(p.y - lower_lid(ax, eyes) + 0.03f, 0.06f));
}

/// Folds beside nose and mouth, lines on the forehead, crow's feet.
inline void paint_wrinkles(Paint& paint, Vec3 p, float amount) {
  const float ax = std::abs(p.x);
  const float fold =
      bell(ax - 1.95f - 0.45f * (-4.1f - p.y), 0.13f) * smoothstep(-3.8f, -4.4f, p.y) * smoothstep(-7.2f, -6.2f, p.y);
  const float rows = 0.5f + 0.5f * std::cos(7.5f * (p.y + 0.12f * std::sin(1.3f * p.x)));
  const float forehead = square(square(rows)) * bell(p.x, p.y - 5.0f, 2.8f, 0.9f);
  const float corner = bell(p.y + 0.1f - 0.4f * (ax - 5.2f) * std::sin(4 * p.y), 0.3f) * bell(ax - 5.4f, 0.3f);
  paint.darken(amount * (0.3f * fold + 0.2f * forehead + 0.1f * corner));
}

inline void paint_lips_and_nostrils(Paint& paint, Vec3 p, const PersonParameters& person) {
  const float up = upper_lip_border(p.x), low = lower_lip_border(p.x);
  const float lips = smoothstep(up + 0.08f, up - 0.1f, p.y) * smoothstep(low - 0.1f, low + 0.08f, p.y) *
                     smoothstep(2.68f, 2.4f, std::abs(p.x));
  const float streak = value_noise(p.x * 9, p.y * 1.5f, static_cast<std::uint32_t>(person.seed) + 2) - 0.5f;
  paint.colour = mix(paint.colour, person.lips * (1 + 0.2f * streak), 0.92f * lips);
  paint.gloss = mix(paint.gloss, 0.55f, lips);
  const float hole = nostril(p.x, p.y) * smoothstep(8, 9, p.z);
  paint.colour = mix(paint.colour, Vec3{0.035f, 0.012f, 0.01f}, clamp01(1.3f * hole - 0.15f));
  paint.gloss *= 1 - clamp01(1.5f * hole);
}

inline void paint_freckles(Paint& paint, Vec3 p, const PersonParameters& person) {
  const float spot = value_noise(p.x * 4.5f + 11, p.y * 4.5f, static_cast<std::uint32_t>(person.seed) + 3);
  const float where = bell(std::abs(p.x) - 2.8f, p.y + 2.4f, 2.6f, 2.0f);
  paint.darken(0.35f * person.freckles * where * smoothstep(0.72f, 0.9f, spot));
}

/// What strands of hair stand on: stubble too short to see, brows, and a scalp of the hair's colour.
inline void paint_hair_roots(Paint& paint, Vec3 p, const PersonParameters& person, float grain) {
  const Vec3 hair_colour = person.hair.colour;
  if (p.z > -3) {
    const BeardMap beard = beard_map(p);
    const float density = clamp01(std::max({beard.moustache, beard.chin, beard.cheeks * 0.9f}) * person.stubble);
    const Vec3 shaved = mix(paint.colour, hair_colour, 0.7f) * Vec3{0.85f, 0.95f, 1.05f};
    paint.colour = mix(paint.colour, shaved, 0.5f * density * (0.7f + 0.6f * grain));
  }
  const bool bald = person.hair.style == PersonParameters::Hair::Style::bald;
  const float hair = scalp(p, person.hair.recession) * (bald ? smoothstep(5.5f, 2.0f, p.y) * 0.5f : 0.9f);
  paint.colour = mix(paint.colour, hair_colour * 0.6f, hair);
  paint.gloss *= 1 - 0.9f * hair;
  const float brow = p.z > 4 ? brow_map(std::abs(p.x), p.y) : 0.0f;
  paint.colour = mix(paint.colour, hair_colour, 0.4f * brow * std::min(1.0f, person.hair.thickness));
}

}  // namespace detail

/// Paints the head: sets colour and gloss of every point.
inline void paint_skin(Grid& g, const PersonParameters& person, EyeOpening eyes) {
  const auto seed = static_cast<std::uint32_t>(person.seed);
  for (std::size_t i = 0; i < g.size(); ++i) {
    const Vec3 p = g.average[i];
    const float blotch = value_noise(p.x * 0.7f + 40, p.y * 0.7f + p.z * 0.5f, seed) - 0.5f;
    const float pores = value_noise(p.x * 6 + 90, p.y * 6 + p.z * 4, seed + 1) - 0.5f;
    Paint paint{person.skin * (1 + 0.2f * blotch + 0.12f * pores), 0.36f};
    if (p.z > 0 && p.y < 10 && p.y > -12.5f) {
      detail::paint_complexion(paint, p, person, blotch);
      detail::paint_lids(paint, p, eyes);
      if (person.wrinkles > 0) detail::paint_wrinkles(paint, p, person.wrinkles);
      detail::paint_lips_and_nostrils(paint, p, person);
      if (person.freckles > 0) detail::paint_freckles(paint, p, person);
    }
    detail::paint_hair_roots(paint, p, person, hash01(static_cast<std::uint32_t>(i) * 2654435761U + seed));
    g.colour[i] = paint.colour, g.gloss[i] = paint.gloss;
  }
}

}  // namespace nasion::faces::synthetic
