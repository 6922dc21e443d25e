#pragma once
// People and views drawn at random: who is photographed, and the six situations of the IMM Face Database.

#include <algorithm>
#include <array>

#include "nasion/core/error.hpp"
#include "nasion/faces/synthetic.hpp"
#include "nasion/faces/synthetic/linkage.hpp"
#include "nasion/faces/synthetic/person_draws.hpp"

namespace nasion::faces::synthetic {

/// Any pose, and any expression.
inline void draw_anything(FaceParameters& f, Draws& draw) {
  auto& e = f.expression;
  f.yaw = draw.normal(0, 0.28);
  f.pitch = draw.normal(0.04, 0.14);
  f.roll = draw.normal(0, 0.12);
  f.gaze_x = draw.normal(0, 0.15);
  f.gaze_y = draw.normal(0, 0.12);
  if (draw.chance(0.4)) {
    draw_smile(f, draw.uniform(0.3, 1.3), draw);
  } else if (draw.chance(0.6)) {
    e[expression_index("lips closed")] = 0;
    e[expression_index("jaw open")] = draw.uniform(0.15, 1);
  } else {
    e[expression_index("pucker")] = draw.uniform(-0.2, 1);
    e[expression_index("corners down")] = draw.uniform(0, 1);
  }
  e[expression_index("brows up")] = draw.uniform(-0.3, 1);
  e[expression_index("frown")] = draw.chance(0.4) ? draw.uniform(0.3, 1.2) : 0;
  f.eyes.upper = draw.chance(0.1) ? draw.uniform(-0.3, 0.3) : draw.uniform(0.6, 1.35);
}

/// Pose and expression of a view.
inline void draw_pose(FaceParameters& f, int view, Draws& draw) {
  auto& e = f.expression;
  e[expression_index("lips closed")] = 1;
  e[expression_index("brows up")] = draw.normal(0, 0.12);
  e[expression_index("frown")] = std::max(draw.normal(0, 0.12), 0.0f);
  f.eyes.upper = std::clamp(draw.normal(1.03, 0.15), 0.5f, 1.35f);
  f.eyes.lower = std::clamp(draw.normal(1, 0.15), 0.5f, 1.4f);
  f.yaw = draw.normal(0, 0.035);
  f.pitch = draw.normal(0, 0.05);
  f.roll = draw.normal(0, 0.035);
  f.gaze_x = draw.normal(0, 0.04) - 0.7f * f.yaw;
  f.gaze_y = draw.normal(0, 0.03);
  if (view == 2) draw_smile(f, draw.uniform(0.7, 1.25), draw);
  if (view == 3 || view == 4) {
    f.yaw = (view == 3 ? -1.0f : 1.0f) * std::clamp(draw.normal(0.5, 0.1), 0.25f, 0.75f);
    f.gaze_x = draw.normal(0, 0.08);
  }
  if (view == 6) draw_anything(f, draw);
}

inline void draw_light(FaceParameters& f, int view, Draws& draw) {
  const float warm = draw.uniform(0.92, 1.08);
  const float key = draw.uniform(1.2, 1.65);
  // more often from the right, as in the photos
  f.light_direction = {draw.uniform(-0.3, 0.8), draw.uniform(0.45, 1.0), 0.9f};
  f.light = Vec3{key * warm, key, key / warm};
  f.fill_direction = {f.light_direction.x > 0 ? -0.7f : 0.7f, 0.1f, 0.7f};
  const float fill = draw.uniform(0.12, 0.38), ambient = draw.uniform(0.12, 0.28);
  f.fill = {fill, fill, fill * 1.05f};
  f.ambient = {ambient, ambient, ambient};
  f.exposure = draw.uniform(0.38, 0.72);
  if (view == 5 || (view == 6 && draw.chance(0.25))) {
    f.spot = true;
    f.light_direction = {draw.uniform(0.7, 1.3), draw.uniform(0.25, 0.6), 0.75f};
    f.light = f.light * 1.45f;
    f.fill_direction.x = -0.7f;
  }
  f.backdrop = f.person.backdrop * draw.uniform(0.8, 1.25);
  f.backdrop_light_x = draw.uniform(0.3, 1.1);
  f.backdrop_light_y = draw.uniform(0.1, 0.7);
  f.backdrop_light = draw.uniform(0.2, 1.3);
}

}  // namespace nasion::faces::synthetic

#ifdef NASION_FACES_INLINE

namespace nasion::faces {

NASION_FACES_INLINE PersonParameters random_person(Rng rng) {
  synthetic::Draws draw(rng);
  PersonParameters p;
  p.seed = draw.seed();
  p.female = draw.chance(0.35);
  synthetic::draw_shape(p, draw);
  const float melanin =
      synthetic::draw_complexion(p, draw, draw.chance(0.75) ? draw.uniform(0, 0.35) : draw.uniform(0.35, 1));
  synthetic::draw_hair(p, melanin, draw);
  synthetic::draw_clothes(p, draw);
  p.grey_photos = draw.chance(0.08);
  const float wall = draw.uniform(0.035, 0.1);  // mostly blackboard green
  p.backdrop = draw.chance(0.1) ? synthetic::Vec3{wall, wall, wall}
                                : synthetic::Vec3{wall * draw.uniform(0.15, 0.45), wall, wall * draw.uniform(0.7, 1.2)};
  return p;
}

NASION_FACES_INLINE FaceParameters imm_view(const PersonParameters& person, int view, Rng rng) {
  check<ValueError>(view >= 1 && view <= 6, "[imm_view] view must be in 1 ... 6, got ", view);
  synthetic::Draws draw(rng);
  FaceParameters f;
  f.person = person;
  f.seed = draw.seed();
  synthetic::draw_pose(f, view, draw);
  // Placement: eyes 60 pixels above the base of the nose, as in the photographs.
  f.scale = draw.normal(14.2, 0.75) / 480;
  f.centre_x = draw.normal(0.508, view == 3 || view == 4 || view == 6 ? 0.04 : 0.03) + 0.17f * f.yaw;
  f.centre_y = draw.normal(0.492, 0.035);
  synthetic::draw_light(f, view, draw);
  f.blur = draw.uniform(0.3, 1.0);
  f.noise = draw.uniform(0.008, 0.03);
  return f;
}

}  // namespace nasion::faces

#endif
