#pragma once
// People and views drawn at random: who is photographed, and the six situations of the IMM Face Database.

#include <algorithm>
#include <array>

#include "nasion/faces/synthetic.hpp"
#include "nasion/faces/synthetic/linkage.hpp"

#ifdef NASION_FACES_INLINE

namespace nasion::faces {

NASION_FACES_INLINE PersonParameters random_person(Rng rng) {
  using synthetic::mix;
  using synthetic::Vec3;
  using Style = PersonParameters::Hair::Style;
  const auto uniform = [&](double low, double high) { return static_cast<float>(rng.uniform(low, high)); };
  PersonParameters p;
  p.seed = rng();
  p.female = rng.chance(0.35);
  for (float& weight : p.shape) weight = std::clamp(static_cast<float>(rng.normal(0, 0.85)), -2.0f, 2.0f);
  const auto shift = [&](std::size_t morph, float by) { p.shape[morph] += p.female ? by : -0.4f * by; };
  using synthetic::identity_index;
  shift(identity_index("face width"), -0.8f), shift(identity_index("face length"), -0.7f);
  shift(identity_index("jaw width"), -0.7f), shift(identity_index("chin width"), -0.7f);
  shift(identity_index("brow ridge"), -1.4f), shift(identity_index("brow height"), 0.7f);
  shift(identity_index("neck width"), -1.7f), shift(identity_index("eye size"), 0.8f);
  shift(identity_index("nose width"), -0.7f), shift(identity_index("nose length"), -0.5f);
  shift(identity_index("nose protrusion"), -0.6f), shift(identity_index("bridge width"), -0.8f);
  shift(identity_index("upper lip full"), 0.8f), shift(identity_index("lower lip full"), 0.6f);

  const float melanin = rng.chance(0.75) ? uniform(0, 0.35) : uniform(0.35, 1);
  const Vec3 pale{0.78f, 0.5f, 0.39f}, tan{0.5f, 0.28f, 0.18f}, dark{0.13f, 0.065f, 0.04f};
  p.skin = melanin < 0.5f ? mix(pale, tan, 2 * melanin) : mix(tan, dark, 2 * melanin - 1);
  p.skin = p.skin * Vec3{uniform(0.94, 1.06), uniform(0.92, 1.03), uniform(0.9, 1.14)};
  p.lips =
      mix(p.skin * Vec3{0.78f, 0.48f, 0.5f}, Vec3{0.45f, 0.08f, 0.1f}, p.female ? uniform(0, 0.45) : uniform(0, 0.1));
  p.wrinkles = rng.chance(0.5) ? uniform(0, 1) : 0, p.blush = uniform(0.4, 1.6),
  p.freckles = rng.chance(0.2) ? uniform(0.3, 1) : 0, p.shine = uniform(0.5, 1.4);
  const std::array<Vec3, 5> irises{{{0.065f, 0.10f, 0.15f},
                                    {0.09f, 0.11f, 0.10f},
                                    {0.11f, 0.12f, 0.05f},
                                    {0.10f, 0.045f, 0.015f},
                                    {0.04f, 0.018f, 0.008f}}};
  p.iris = irises[static_cast<std::size_t>(melanin > 0.45f ? 3 + rng.below(2) : rng.below(5))];

  const std::array<Vec3, 7> colours{{{0.42f, 0.27f, 0.12f},
                                     {0.26f, 0.15f, 0.065f},
                                     {0.13f, 0.07f, 0.03f},
                                     {0.06f, 0.033f, 0.018f},
                                     {0.018f, 0.013f, 0.011f},
                                     {0.2f, 0.085f, 0.035f},
                                     {0.3f, 0.28f, 0.26f}}};
  p.hair.colour = colours[static_cast<std::size_t>(melanin > 0.45f ? 3 + rng.below(2) : rng.below(7))];
  p.hair.colour = p.hair.colour * uniform(0.8, 1.2);
  p.hair.parting = uniform(-0.8, 0.8), p.hair.thickness = uniform(0.8, 1.2);
  if (p.female) {
    const std::array styles{Style::long_open, Style::long_open, Style::swept_back,
                            Style::fringe,    Style::parted,    Style::curly};
    p.hair.style = styles[static_cast<std::size_t>(rng.below(6))];
  } else {
    const std::array styles{Style::cropped, Style::cropped, Style::brushed_up, Style::brushed_up, Style::parted,
                            Style::parted,  Style::fringe,  Style::swept_back, Style::bald,       Style::curly};
    p.hair.style = styles[static_cast<std::size_t>(rng.below(10))];
    p.hair.recession = rng.chance(0.4) ? uniform(0.1, 0.8) : 0;
    p.stubble = rng.chance(0.7) ? uniform(0.1, 0.9) : 0;
    if (rng.chance(0.4)) {
      p.moustache = uniform(0.4, 1), p.chin_beard = rng.chance(0.8) ? uniform(0.4, 1) : 0;
      p.cheek_beard = p.chin_beard > 0 && rng.chance(0.4) ? uniform(0.4, 1) : 0;
    }
  }
  switch (p.hair.style) {
    case Style::bald:
      p.hair.length = 0.5f;
      break;
    case Style::cropped:
      p.hair.length = uniform(0.7, 2.0);
      break;
    case Style::brushed_up:
      p.hair.length = uniform(2.5, 4.2);
      break;
    case Style::parted:
      p.hair.length = uniform(3.5, 6);
      break;
    case Style::fringe:
      p.hair.length = uniform(3.5, 5.5);
      break;
    case Style::swept_back:
      p.hair.length = uniform(7, 12);
      break;
    case Style::long_open:
      p.hair.length = uniform(22, 34);
      break;
    case Style::curly:
      p.hair.length = p.female ? uniform(9, 20) : uniform(4, 7);
      break;
  }
  p.glasses = rng.chance(0.15);
  p.glasses_size = uniform(0.85, 1.1);
  if (rng.chance(0.3)) p.glasses_colour = {0.25f, 0.2f, 0.12f};
  const auto cloth = [&] {
    const float value = rng.chance(0.5) ? uniform(0.008, 0.05) : uniform(0.05, 0.5);
    return Vec3{value * uniform(0.75, 1.15), value * uniform(0.75, 1.1), value * uniform(0.75, 1.25)};
  };
  p.clothes = cloth(), p.collar = rng.chance(0.5) ? p.clothes : cloth();
  constexpr std::array cloths{PersonParameters::Cloth::plain, PersonParameters::Cloth::plain,
                              PersonParameters::Cloth::striped, PersonParameters::Cloth::speckled,
                              PersonParameters::Cloth::jacket};
  p.cloth = cloths[static_cast<std::size_t>(rng.below(5))];
  if (p.cloth != PersonParameters::Cloth::plain) p.collar = rng.chance(0.5) ? Vec3{0.55f, 0.55f, 0.52f} : cloth();
  p.collar_height = rng.chance(0.3) ? 1.0f : uniform(0, 0.5);
  p.grey_photos = rng.chance(0.08);
  const float wall = uniform(0.035, 0.1);  // mostly blackboard green
  p.backdrop =
      rng.chance(0.1) ? Vec3{wall, wall, wall} : Vec3{wall * uniform(0.15, 0.45), wall, wall * uniform(0.7, 1.2)};
  return p;
}

NASION_FACES_INLINE FaceParameters imm_view(const PersonParameters& person, int view, Rng rng) {
  check<ValueError>(view >= 1 && view <= 6, "[imm_view] view must be in 1 ... 6, got ", view);
  using synthetic::expression_index;
  using synthetic::Vec3;
  const auto uniform = [&](double low, double high) { return static_cast<float>(rng.uniform(low, high)); };
  const auto normal = [&](double mean, double deviation) {
    return static_cast<float>(mean + deviation * std::clamp(rng.normal(), -2.5, 2.5));
  };
  FaceParameters f;
  f.person = person;
  f.seed = rng();
  auto& e = f.expression;
  e[expression_index("lips closed")] = 1;
  e[expression_index("brows up")] = normal(0, 0.12), e[expression_index("frown")] = std::max(normal(0, 0.12), 0.0f);
  f.eyes.upper = std::clamp(normal(1.03, 0.15), 0.5f, 1.35f), f.eyes.lower = std::clamp(normal(1, 0.15), 0.5f, 1.4f);
  f.yaw = normal(0, 0.035), f.pitch = normal(0, 0.05), f.roll = normal(0, 0.035);
  f.gaze_x = normal(0, 0.04) - 0.7f * f.yaw, f.gaze_y = normal(0, 0.03);
  const auto smile = [&](float amount) {
    e[expression_index("smile")] = amount;
    const bool teeth = rng.chance(0.75);
    e[expression_index("show teeth")] = teeth ? amount * uniform(0.5, 1.1) : 0;
    e[expression_index("lips closed")] = teeth ? 0.2f : 1.0f;
    e[expression_index("jaw open")] = teeth ? uniform(0, 0.2) : 0;
    f.eyes.upper *= 1 - 0.15f * amount, f.eyes.lower *= 1 - 0.45f * amount;
  };
  if (view == 2) smile(uniform(0.7, 1.25));
  if (view == 3 || view == 4) {
    f.yaw = (view == 3 ? -1.0f : 1.0f) * std::clamp(normal(0.5, 0.1), 0.25f, 0.75f);
    f.gaze_x = normal(0, 0.08);
  }
  if (view == 6) {
    f.yaw = normal(0, 0.28), f.pitch = normal(0.04, 0.14), f.roll = normal(0, 0.12);
    f.gaze_x = normal(0, 0.15), f.gaze_y = normal(0, 0.12);
    if (rng.chance(0.4)) {
      smile(uniform(0.3, 1.3));
    } else if (rng.chance(0.6)) {
      e[expression_index("lips closed")] = 0, e[expression_index("jaw open")] = uniform(0.15, 1);
    } else {
      e[expression_index("pucker")] = uniform(-0.2, 1), e[expression_index("corners down")] = uniform(0, 1);
    }
    e[expression_index("brows up")] = uniform(-0.3, 1),
    e[expression_index("frown")] = rng.chance(0.4) ? uniform(0.3, 1.2) : 0;
    f.eyes.upper = rng.chance(0.1) ? uniform(-0.3, 0.3) : uniform(0.6, 1.35);
  }

  // Placement: eyes 60 pixels above the base of the nose, as in the photographs.
  f.scale = normal(14.2, 0.75) / 480;
  f.centre_x = normal(0.508, view == 3 || view == 4 || view == 6 ? 0.04 : 0.03) + 0.17f * f.yaw;
  f.centre_y = normal(0.492, 0.035);

  const float warm = uniform(0.92, 1.08);
  const float key = uniform(1.2, 1.65);
  f.light_direction = {uniform(-0.3, 0.8), uniform(0.45, 1.0), 0.9f};  // more often from the right, as in the photos
  f.light = Vec3{key * warm, key, key / warm};
  f.fill_direction = {f.light_direction.x > 0 ? -0.7f : 0.7f, 0.1f, 0.7f};
  const float fill = uniform(0.12, 0.38), ambient = uniform(0.12, 0.28);
  f.fill = {fill, fill, fill * 1.05f}, f.ambient = {ambient, ambient, ambient};
  f.exposure = uniform(0.38, 0.72);
  if (view == 5 || (view == 6 && rng.chance(0.25))) {
    f.spot = true;
    f.light_direction = {uniform(0.7, 1.3), uniform(0.25, 0.6), 0.75f};
    f.light = f.light * 1.45f;
    f.fill_direction.x = -0.7f;
  }
  f.backdrop = person.backdrop * uniform(0.8, 1.25);
  f.backdrop_light_x = uniform(0.3, 1.1), f.backdrop_light_y = uniform(0.1, 0.7), f.backdrop_light = uniform(0.2, 1.3);
  f.blur = uniform(0.3, 1.0), f.noise = uniform(0.008, 0.03);
  return f;
}

}  // namespace nasion::faces

#endif
