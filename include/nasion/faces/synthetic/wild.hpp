#pragma once
// Photos as they are found anywhere: any person, pose, light, place and camera, much between face and camera.

#include <algorithm>
#include <array>

#include "nasion/faces/synthetic.hpp"
#include "nasion/faces/synthetic/linkage.hpp"
#include "nasion/faces/synthetic/person_draws.hpp"

namespace nasion::faces::synthetic {

/// Children have large eyes in a round face, old people wrinkles and grey hair.
inline void draw_age(PersonParameters& p, Draws& draw) {
  const auto shift = [&](std::size_t morph, float by) {
    p.shape[morph] = std::clamp(p.shape[morph] + by, -4.0f, 4.0f);
  };
  const float age = draw.uniform(0, 1);
  if (age < 0.14f) {
    shift(identity_index("face length"), -1.5f), shift(identity_index("chin length"), -1);
    shift(identity_index("eye size"), 2), shift(identity_index("cheek fullness"), 1.5f);
    shift(identity_index("nose length"), -1.2f), shift(identity_index("nose protrusion"), -1.8f);
    shift(identity_index("brow ridge"), -2), shift(identity_index("forehead height"), 1);
    shift(identity_index("neck width"), -1.5f), shift(identity_index("jaw width"), -1);
    p.stubble = p.moustache = p.chin_beard = p.cheek_beard = p.wrinkles = p.hair.recession = 0;
  } else if (age > 0.8f) {
    p.wrinkles = draw.uniform(0.6, 1.6);
    shift(identity_index("upper lip full"), -1), shift(identity_index("lower lip full"), -1);
    shift(identity_index("nose length"), 0.8f), shift(identity_index("brow height"), -0.8f);
    const float grey = draw.uniform(0.12, 0.6);
    if (draw.chance(0.75)) p.hair.colour = mix(p.hair.colour, {grey, grey * 0.98f, grey * 0.94f}, draw.uniform(0.5, 1));
    if (!p.female && draw.chance(0.5)) p.hair.recession = draw.uniform(0.4, 1);
  }
}

/// Hats, glasses, masks, and hair in the face.
inline void draw_accessories(PersonParameters& p, Draws& draw) {
  using Hat = PersonParameters::Hat;
  using Style = PersonParameters::Hair::Style;
  const auto cloth = [&] {
    const float value = draw.chance(0.5) ? draw.uniform(0.01, 0.08) : draw.uniform(0.08, 0.7);
    return Vec3{value * draw.uniform(0.4, 1.3), value * draw.uniform(0.4, 1.2), value * draw.uniform(0.4, 1.4)};
  };
  p.hair.over_face = draw.chance(0.3) ? draw.uniform(0.2, 1) : 0;
  if (draw.chance(0.14)) {
    p.hat = draw.one_of(std::array{Hat::beanie, Hat::cap, Hat::brimmed});
    p.hat_height = draw.uniform(2.9, 5.2), p.hat_colour = cloth();
    if (p.hair.style == Style::brushed_up || p.hair.style == Style::curly)
      p.hair.style = Style::cropped, p.hair.length = 1;
  }
  p.glasses = draw.chance(0.2);
  p.glasses_size = draw.uniform(0.75, 1.25);
  p.glasses_colour = draw.chance(0.7) ? Vec3{0.02f, 0.02f, 0.02f} : cloth();
  if (p.glasses && draw.chance(0.4)) p.glasses_tint = draw.uniform(0.5, 1);
  p.mask = draw.chance(0.04);
  p.mask_colour = draw.chance(0.5) ? Vec3{0.45f, 0.58f, 0.66f} : cloth();
}

inline PersonParameters draw_anybody(Draws& draw) {
  PersonParameters p;
  p.seed = draw.seed();
  p.female = draw.chance(0.5);
  draw_shape(p, draw);
  for (float& weight : p.shape) weight = std::clamp(weight + draw.normal(0, 1.1), -3.5f, 3.5f);
  // Faces of photos from everywhere are shorter than those of one laboratory, and wider.
  p.shape[identity_index("chin length")] -= 1.5f, p.shape[identity_index("face width")] += 1;
  p.shape[identity_index("jaw width")] -= 0.8f, p.shape[identity_index("eye size")] -= 0.6f;
  p.shape[identity_index("neck width")] -= p.female ? 1.8f : 0.9f;
  const float melanin = draw_complexion(p, draw, draw.chance(0.5) ? draw.uniform(0, 0.4) : draw.uniform(0.3, 1));
  draw_hair(p, melanin, draw);
  draw_clothes(p, draw);
  draw_age(p, draw);
  draw_accessories(p, draw);
  p.clothes = p.clothes * Vec3{draw.uniform(0.6, 1.5), draw.uniform(0.6, 1.5), draw.uniform(0.6, 1.5)};
  p.grey_photos = draw.chance(0.12);
  return p;
}

inline void draw_any_expression(FaceParameters& f, Draws& draw) {
  auto& e = f.expression;
  f.eyes.upper = draw.chance(0.07) ? draw.uniform(-0.3, 0.3) : std::clamp(draw.normal(0.92, 0.22), 0.3f, 1.5f);
  f.eyes.lower = std::clamp(draw.normal(0.92, 0.2), 0.3f, 1.5f);
  e[expression_index("lips closed")] = draw.chance(0.7) ? 1 : draw.uniform(0, 1);
  if (draw.chance(0.58)) draw_smile(f, draw.uniform(0.3, 1.4), draw);
  if (draw.chance(0.22)) {
    const float open = draw.chance(0.4) ? draw.uniform(0.4, 1.1) : draw.uniform(0.05, 0.4);
    e[expression_index("jaw open")] = open, e[expression_index("lips closed")] = std::max(0.0f, 0.6f - 3 * open);
  }
  e[expression_index("brows up")] = draw.chance(0.2) ? draw.uniform(0.3, 1.2) : draw.normal(0, 0.25);
  e[expression_index("frown")] = draw.chance(0.12) ? draw.uniform(0.3, 1.2) : 0;
  if (draw.chance(0.12)) e[expression_index("pucker")] = draw.uniform(0.2, 1);
  if (draw.chance(0.1)) e[expression_index("corners down")] = draw.uniform(0.2, 1);
  if (draw.chance(0.05)) e[expression_index("cheeks blown")] = draw.uniform(0.3, 1);
  e[expression_index("mouth aside")] = draw.normal(0, draw.chance(0.15) ? 0.7 : 0.15);
  e[expression_index("brow aside")] = draw.normal(0, draw.chance(0.15) ? 0.7 : 0.15);
}

/// People turn their heads most, and raise them as they turn; the face is somewhere in the middle of the picture.
inline void draw_any_pose(FaceParameters& f, Draws& draw) {
  f.yaw = draw.chance(0.7) ? draw.normal(0, 0.33) : draw.uniform(-1.05, 1.05);
  if (draw.chance(0.03)) f.yaw = (draw.chance(0.5) ? 1.0f : -1.0f) * draw.uniform(1.05, 1.5);
  f.pitch = std::clamp(draw.normal(0.02, 0.15) + 0.18f * std::abs(f.yaw), -0.55f, 0.55f);
  f.roll = draw.chance(0.85) ? draw.normal(0, 0.17) : draw.uniform(-0.75, 0.75);
  f.gaze_x = std::clamp(draw.normal(0, 0.2) - 0.35f * f.yaw, -0.6f, 0.6f);
  f.gaze_y = draw.normal(0, 0.12);
  const float face_height = draw.chance(0.12) ? draw.uniform(0.14, 0.38) : draw.uniform(0.38, 0.68);
  f.scale = face_height / 13.5f;
  const float below = 4.6f * f.scale;  // the middle of the face is below the eyes
  f.centre_x = 0.5f + below * std::sin(f.roll) + draw.normal(0, 0.05) + 4 * f.scale * std::sin(f.yaw) * 0.3f;
  f.centre_y = 0.5f - below * std::cos(f.roll) + draw.normal(0, 0.04);
}

/// Light from anywhere, in any colour, and an exposure that mostly suits it.
inline void draw_any_light(FaceParameters& f, Draws& draw) {
  const auto direction = [&](double widest) {
    const float aside = draw.uniform(-widest, widest), up = draw.uniform(-0.5, 1.3);
    return Vec3{std::sin(aside) * std::cos(up), std::sin(up), std::cos(aside) * std::cos(up)};
  };
  const auto tint = [&] {
    const float warm = draw.chance(0.85) ? draw.normal(0, 0.12) : draw.normal(0, 0.4), green = draw.normal(0, 0.04);
    return Vec3{std::exp(warm), 1 + green, std::exp(-warm)};
  };
  f.light_direction = direction(1.9), f.fill_direction = direction(1.5);
  const float key = draw.chance(0.25) ? draw.uniform(0, 0.4) : draw.uniform(0.4, 2.2);
  const float fill = draw.uniform(0, 0.8),
              ambient = draw.chance(0.2) ? draw.uniform(0.04, 0.15) : draw.uniform(0.15, 0.8);
  f.light = tint() * key, f.fill = tint() * fill, f.ambient = tint() * ambient;
  f.spot = draw.chance(0.4);
  const float received = 0.75f * key * clamp01(f.light_direction.z + 0.2f) +
                         0.6f * fill * clamp01(f.fill_direction.z + 0.3f) + 0.75f * ambient;
  const float skin = std::clamp(0.3f * f.person.skin.x + 0.6f * f.person.skin.y + 0.1f * f.person.skin.z, 0.12f, 0.6f);
  const float wanted = draw.uniform(0.2, 0.5) * (draw.chance(0.08)   ? draw.uniform(1.5, 3)
                                                 : draw.chance(0.08) ? draw.uniform(0.2, 0.5)
                                                                     : 1.0f);
  f.exposure = std::clamp(wanted / (std::max(received, 0.1f) * std::sqrt(skin * 0.35f)), 0.05f, 6.0f);
  f.backdrop = tint() * (0.7f / f.exposure * draw.uniform(0.35, 1.9));
  f.scenery = draw.seed() | 1;
}

inline void draw_things_in_front(FaceParameters& f, Draws& draw) {
  using Kind = ThingInFront::Kind;
  for (ThingInFront& thing : f.in_front) {
    if (!draw.chance(0.09)) continue;
    thing.kind = draw.one_of(std::array{Kind::hand, Kind::hand, Kind::hand, Kind::box, Kind::rod, Kind::ball});
    const float side = draw.chance(0.5) ? 1.0f : -1.0f;
    thing.at = {side * draw.uniform(1, 8), draw.uniform(-13, 3), draw.uniform(9.5, 14)};
    thing.turn = draw.normal(-side * 0.5, 0.6);
    thing.size = draw.uniform(0.7, 1.1);
    const float value = draw.chance(0.5) ? draw.uniform(0.01, 0.1) : draw.uniform(0.1, 0.8);
    thing.colour = thing.kind == Kind::hand ? f.person.skin * draw.uniform(0.85, 1.1)
                                            : Vec3{value * draw.uniform(0.3, 1.3), value * draw.uniform(0.3, 1.3),
                                                   value * draw.uniform(0.3, 1.3)};
  }
}

inline void draw_camera(FaceParameters& f, Draws& draw) {
  f.blur = draw.uniform(0.2, 1.0);
  f.noise = draw.chance(0.2) ? draw.uniform(0.03, 0.12) : draw.uniform(0.002, 0.03);
  CameraEffects& c = f.camera;
  if (draw.chance(0.2)) c.defocus = draw.uniform(0.003, 0.014);
  if (draw.chance(0.1)) c.motion = draw.uniform(0.004, 0.02), c.motion_angle = draw.uniform(0, pi);
  const auto channel = [&](double deviation) { return std::exp(draw.normal(0, deviation)); };
  const double deviation = draw.chance(0.1) ? 0.25 : 0.05;
  c.cast = {channel(deviation), channel(0.5 * deviation), channel(deviation)};
  if (draw.chance(0.3)) c.resolution = draw.uniform(0.25, 1);
  if (draw.chance(0.85)) c.jpeg_quality = static_cast<int>(draw.uniform(20, 96));
  if (draw.chance(0.08)) {
    c.cut_grey = draw.chance(0.6) ? 0 : draw.uniform(0, 1.5);
    for (float* side : {&c.cut_left, &c.cut_right, &c.cut_top, &c.cut_bottom})
      if (draw.chance(0.4)) *side = draw.uniform(0.02, 0.28);
  }
}

/// Somebody else beside or behind the one who is photographed, in the same light.
inline FaceParameters draw_bystander(const FaceParameters& first, Draws& draw) {
  FaceParameters f = first;
  f.person = draw_anybody(draw), f.expression = {}, f.in_front = {};
  draw_any_expression(f, draw);
  draw_any_pose(f, draw);
  f.scale = first.scale * draw.uniform(0.45, 1);
  const float apart = (draw.chance(0.5) ? 1.0f : -1.0f) * draw.uniform(14, 30) * first.scale;
  f.centre_x = std::clamp(first.centre_x + apart, -0.9f, 1.9f), f.centre_y = first.centre_y + draw.uniform(-0.15, 0.15);
  return f;
}

}  // namespace nasion::faces::synthetic

#ifdef NASION_FACES_INLINE

namespace nasion::faces {

NASION_FACES_INLINE std::vector<FaceParameters> random_photo(Rng rng) {
  using namespace synthetic;
  Draws draw(rng);
  FaceParameters f;
  f.person = draw_anybody(draw);
  f.seed = draw.seed();
  draw_any_expression(f, draw), draw_any_pose(f, draw), draw_any_light(f, draw);
  draw_things_in_front(f, draw), draw_camera(f, draw);
  std::vector<FaceParameters> people;
  while (people.size() < 2 && draw.chance(0.14)) people.push_back(draw_bystander(f, draw));
  people.push_back(f);
  return people;
}

NASION_FACES_INLINE SyntheticFace random_face(std::uint64_t seed, int width, int height) {
  return render_photo(random_photo(Rng(seed)), width, height);
}

}  // namespace nasion::faces

#endif
