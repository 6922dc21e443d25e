#pragma once
// The average head as a grid with its morphs worked out once per program, and the eyes' openings.

#include "nasion/faces/synthetic/grid.hpp"
#include "nasion/faces/synthetic/morphed_points.hpp"

namespace nasion::faces::synthetic {

/// The opening between the lids on the average head. Weights as fractions of the neutral opening.
struct EyeOpening {
  float upper = 1, lower = 1;
};
inline constexpr float inner_canthus_x = 1.66f, outer_canthus_x = 4.62f;

/// Height of the line on which closed lids meet, and of each lid's edge, at distance x from the middle of the face.
inline float lid_meeting_line(float x) {
  return mix(-0.12f, 0.02f, (x - inner_canthus_x) / 2.96f) - 0.1f * bell(x - 3.1f, 0.8f);
}
inline float lid_arch(float x, float peak) {
  const float u = clamp01((x - inner_canthus_x) / (outer_canthus_x - inner_canthus_x));
  return std::pow(clamp01(4 * u * (1 - u)), 0.75f) * (1 - peak * (u - 0.5f));
}
inline float upper_lid(float x, EyeOpening o) { return lid_meeting_line(x) + 0.72f * o.upper * lid_arch(x, 0.15f); }
inline float lower_lid(float x, EyeOpening o) { return lid_meeting_line(x) - 0.36f * o.lower * lid_arch(x, -0.4f); }

/// Is the point of the average head inside the eye's opening? x is mirrored for the right eye by the caller's |x|.
inline bool inside_eye(float x, float y, EyeOpening o) {
  return x > inner_canthus_x && x < outer_canthus_x && y < upper_lid(x, o) && y > lower_lid(x, o);
}

inline bool inside_mouth(float x, float y) { return std::abs(x) < 2.5f && std::abs(y - mouth_line(x)) < mouth_gap(x); }

/// The average head as a grid, and its morphs.
struct HeadModel {
  int rows = 0, columns = 0;
  MorphedPoints points;
};

/// In full detail, or in half, with every second ring and column. Built on first use; safe to call from several
/// threads.
inline const HeadModel& head_model(bool full_detail) {
  const auto make = [](int step) {
    std::vector<float> rings;
    const auto add = [&](float from, float to, int count) {
      for (int i = 0; i < count; i += step)
        rings.push_back(mix(from, to, static_cast<float>(i) / static_cast<float>(count)));
    };
    add(0.02f, 4, 28), add(4, 6, 30), add(6, 8, 44), add(8, 9, 16), add(9, 10, 36), add(10, 12.5f, 56),
        add(12.5f, 15, 26);
    add(15, last_ring, 18), rings.push_back(last_ring);
    const int columns = 240 / step + 1;
    std::vector<Vec3> points;
    for (const float ring : rings)
      for (int c = 0; c < columns; ++c) {
        const float u = 2 * static_cast<float>(c) / static_cast<float>(columns - 1) - 1;   // -1 ... 1
        points.push_back(head_point(pi * (0.52f * u + 0.48f * u * u * u * u * u), ring));  // most in the face
      }
    return HeadModel{static_cast<int>(rings.size()), columns, MorphedPoints(std::move(points))};
  };
  static const HeadModel full = make(1), half = make(2);
  return full_detail ? full : half;
}

/// The head of one person with one expression, before it is turned; with normals and hollows.
inline Grid head_mesh(const IdentityWeights& identity, const ExpressionWeights& expression, bool full_detail) {
  const HeadModel& model = head_model(full_detail);
  Grid g(model.rows, model.columns);
  g.average = model.points.average();
  g.position = model.points(identity, expression);
  compute_normals(g, 1, true);
  darken_hollows(g, full_detail ? 4 : 2, 0.22f);
  darken_hollows(g, full_detail ? 12 : 6, 1.0f);
  return g;
}

}  // namespace nasion::faces::synthetic
