#pragma once
// What makes a person, each drawn at random: head, complexion, hair, beard, clothes, and a smile.

#include <algorithm>
#include <array>

#include "nasion/faces/synthetic/draws.hpp"
#include "nasion/faces/synthetic/face_parameters.hpp"

namespace nasion::faces::synthetic {

/// The head's shape, by the person's sex.
inline void draw_shape(PersonParameters& p, Draws& draw) {
  for (float& weight : p.shape) weight = std::clamp(static_cast<float>(draw.rng().normal(0, 0.85)), -2.0f, 2.0f);
  // Of women; men are moved the other way, by less.
  const auto shift = [&](std::size_t morph, float by) { p.shape[morph] += p.female ? by : -0.4f * by; };
  shift(identity_index("face width"), -0.8f);
  shift(identity_index("face length"), -0.7f);
  shift(identity_index("jaw width"), -0.7f);
  shift(identity_index("chin width"), -0.7f);
  shift(identity_index("brow ridge"), -1.4f);
  shift(identity_index("brow height"), 0.7f);
  shift(identity_index("neck width"), -1.7f);
  shift(identity_index("eye size"), 0.8f);
  shift(identity_index("nose width"), -0.7f);
  shift(identity_index("nose length"), -0.5f);
  shift(identity_index("nose protrusion"), -0.6f);
  shift(identity_index("bridge width"), -0.8f);
  shift(identity_index("upper lip full"), 0.8f);
  shift(identity_index("lower lip full"), 0.6f);
}

/// Skin, lips and eyes. Returns melanin, how dark the skin is, 0 ... 1.
inline float draw_complexion(PersonParameters& p, Draws& draw, float melanin) {
  const Vec3 pale{0.78f, 0.5f, 0.39f}, tan{0.5f, 0.28f, 0.18f}, dark{0.13f, 0.065f, 0.04f};
  p.skin = melanin < 0.5f ? mix(pale, tan, 2 * melanin) : mix(tan, dark, 2 * melanin - 1);
  p.skin = p.skin * Vec3{draw.uniform(0.94, 1.06), draw.uniform(0.92, 1.03), draw.uniform(0.9, 1.14)};
  p.lips = mix(p.skin * Vec3{0.78f, 0.48f, 0.5f}, Vec3{0.45f, 0.08f, 0.1f},
               p.female ? draw.uniform(0, 0.45) : draw.uniform(0, 0.1));
  p.wrinkles = draw.chance(0.5) ? draw.uniform(0, 1) : 0;
  p.blush = draw.uniform(0.4, 1.6);
  p.freckles = draw.chance(0.2) ? draw.uniform(0.3, 1) : 0;
  p.shine = draw.uniform(0.5, 1.4);
  const std::array<Vec3, 5> irises{{{0.065f, 0.10f, 0.15f},
                                    {0.09f, 0.11f, 0.10f},
                                    {0.11f, 0.12f, 0.05f},
                                    {0.10f, 0.045f, 0.015f},
                                    {0.04f, 0.018f, 0.008f}}};
  p.iris = melanin > 0.45f ? draw.one_of(irises, 3, 2) : draw.one_of(irises);
  return melanin;
}

/// cm
inline float draw_hair_length(PersonParameters::Hair::Style style, bool female, Draws& draw) {
  using Style = PersonParameters::Hair::Style;
  switch (style) {
    case Style::cropped:
      return draw.uniform(0.7, 2.0);
    case Style::brushed_up:
      return draw.uniform(2.5, 4.2);
    case Style::parted:
      return draw.uniform(3.5, 6);
    case Style::fringe:
      return draw.uniform(3.5, 5.5);
    case Style::swept_back:
      return draw.uniform(7, 12);
    case Style::long_open:
      return draw.uniform(22, 34);
    case Style::curly:
      return female ? draw.uniform(9, 20) : draw.uniform(4, 7);
    case Style::bald:
      break;
  }
  return 0.5f;
}

inline void draw_beard(PersonParameters& p, Draws& draw) {
  p.stubble = draw.chance(0.7) ? draw.uniform(0.1, 0.9) : 0;
  if (!draw.chance(0.4)) return;
  p.moustache = draw.uniform(0.4, 1);
  p.chin_beard = draw.chance(0.8) ? draw.uniform(0.4, 1) : 0;
  p.cheek_beard = p.chin_beard > 0 && draw.chance(0.4) ? draw.uniform(0.4, 1) : 0;
}

inline void draw_hair(PersonParameters& p, float melanin, Draws& draw) {
  using Style = PersonParameters::Hair::Style;
  const std::array<Vec3, 7> colours{{{0.42f, 0.27f, 0.12f},
                                     {0.26f, 0.15f, 0.065f},
                                     {0.13f, 0.07f, 0.03f},
                                     {0.06f, 0.033f, 0.018f},
                                     {0.018f, 0.013f, 0.011f},
                                     {0.2f, 0.085f, 0.035f},
                                     {0.3f, 0.28f, 0.26f}}};
  p.hair.colour = melanin > 0.45f ? draw.one_of(colours, 3, 2) : draw.one_of(colours);
  p.hair.colour = p.hair.colour * draw.uniform(0.8, 1.2);
  p.hair.parting = draw.uniform(-0.8, 0.8);
  p.hair.thickness = draw.uniform(0.8, 1.2);
  if (p.female) {
    p.hair.style = draw.one_of(
        std::array{Style::long_open, Style::long_open, Style::swept_back, Style::fringe, Style::parted, Style::curly});
  } else {
    p.hair.style =
        draw.one_of(std::array{Style::cropped, Style::cropped, Style::brushed_up, Style::brushed_up, Style::parted,
                               Style::parted, Style::fringe, Style::swept_back, Style::bald, Style::curly});
    p.hair.recession = draw.chance(0.4) ? draw.uniform(0.1, 0.8) : 0;
    draw_beard(p, draw);
  }
  p.hair.length = draw_hair_length(p.hair.style, p.female, draw);
}

inline void draw_clothes(PersonParameters& p, Draws& draw) {
  using Cloth = PersonParameters::Cloth;
  p.glasses = draw.chance(0.15);
  p.glasses_size = draw.uniform(0.85, 1.1);
  if (draw.chance(0.3)) p.glasses_colour = {0.25f, 0.2f, 0.12f};
  const auto cloth = [&] {
    const float value = draw.chance(0.5) ? draw.uniform(0.008, 0.05) : draw.uniform(0.05, 0.5);
    return Vec3{value * draw.uniform(0.75, 1.15), value * draw.uniform(0.75, 1.1), value * draw.uniform(0.75, 1.25)};
  };
  p.clothes = cloth();
  p.collar = draw.chance(0.5) ? p.clothes : cloth();
  p.cloth = draw.one_of(std::array{Cloth::plain, Cloth::plain, Cloth::striped, Cloth::speckled, Cloth::jacket});
  if (p.cloth != Cloth::plain) p.collar = draw.chance(0.5) ? Vec3{0.55f, 0.55f, 0.52f} : cloth();
  p.collar_height = draw.chance(0.3) ? 1.0f : draw.uniform(0, 0.5);
}

inline void draw_smile(FaceParameters& f, float amount, Draws& draw) {
  auto& e = f.expression;
  e[expression_index("smile")] = amount;
  const bool teeth = draw.chance(0.75);
  e[expression_index("show teeth")] = teeth ? amount * draw.uniform(0.5, 1.1) : 0;
  e[expression_index("lips closed")] = teeth ? 0.2f : 1.0f;
  e[expression_index("jaw open")] = teeth ? draw.uniform(0, 0.2) : 0;
  f.eyes.upper *= 1 - 0.15f * amount;
  f.eyes.lower *= 1 - 0.45f * amount;
}

}  // namespace nasion::faces::synthetic
