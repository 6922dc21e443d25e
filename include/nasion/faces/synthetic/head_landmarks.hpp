#pragma once
// Where the 58 points of the IMM Face Database and the 68 points of 300-W lie on the head.
//
// Points on features are fixed on the skin (lids and lips: on their edges). Points of the jaw follow what people mark
// in turned faces: on the near side the edge of the jaw, on the far side the visible contour.

#include <vector>

#include "nasion/faces/synthetic/head_mesh.hpp"

namespace nasion::faces::synthetic {

/// Points of the average head from which one jaw landmark is chosen: first the edge of the jaw, then further and
/// further into the face. Seen from anywhere, the one that lies farthest `outward` in the picture is marked.
struct ContourPoint {
  std::vector<Vec3> candidates;
  float outward_x = 0, outward_y = 0;  // picture directions, y down
};

struct LandmarkModel {
  std::vector<ContourPoint> contour;  // jaw: the first points of the list
  std::vector<Vec3> fixed;            // the others, on the average head
};

namespace detail {

/// The ring that passes height y at this angle. Heights fall from ring to ring.
inline float ring_at_height(float around, float y) {
  float low = 4, high = last_ring;
  for (int i = 0; i < 40; ++i) {
    const float middle = 0.5f * (low + high);
    (head_point(around, middle).y > y ? low : high) = middle;
  }
  return 0.5f * (low + high);
}

/// The contour at height y of the side x > 0 (side = 1) or x < 0 (side = -1).
inline ContourPoint side_contour(float side, float y) {
  float widest = 0, reach = 0;
  for (float a = 0.3f; a <= pi / 2; a += 0.02f) {
    const float ring = ring_at_height(a, y);
    if (ring > jaw_ring) continue;  // the neck is not part of the face
    if (const float x = head_point(a, ring).x; x > reach) reach = x, widest = a;
  }
  ContourPoint c{{}, side, 0};
  for (int i = 0; i <= 24; ++i) {
    const float around = mix(widest, std::min(widest, 0.35f), static_cast<float>(i) / 24.0f);
    const Vec3 p = head_point(around, ring_at_height(around, y));
    c.candidates.push_back({side * p.x, p.y, p.z});
  }
  return c;
}

/// The lower contour of the chin at the angle where the jaw's edge is at distance |x| from the middle.
inline ContourPoint chin_contour(float x) {
  float around = 0;
  while (head_point(around, jaw_ring).x < std::abs(x)) around += 0.01f;
  if (x < 0) around = -around;
  ContourPoint c{{}, 0, 1};
  for (int i = 0; i <= 20; ++i) c.candidates.push_back(head_point(around, 14.6f - 0.08f * static_cast<float>(i)));
  return c;
}

inline float lip_y(float x, bool upper, bool outer) {
  if (outer) return upper ? upper_lip_border(x) : lower_lip_border(x);
  return mouth_line(x) + (upper ? 1.0f : -1.0f) * mouth_gap(x);
}

}  // namespace detail

/// Points on an eye's edge: outer corner, upper edge towards the nose, inner corner, lower edge back. `side` is 1 for
/// the person's left eye (right in the picture), `at` the distances of the inner points from the outer corner.
inline std::vector<Vec3> eye_points(float side, EyeOpening opening, const std::vector<float>& at) {
  std::vector<Vec3> points;
  const auto add = [&](float x, float y) {
    const Vec3 p = face_point(x, y);
    points.push_back({side * p.x, p.y, p.z});
  };
  const auto x_at = [&](float share) { return mix(outer_canthus_x, inner_canthus_x, share); };
  add(outer_canthus_x, lid_meeting_line(outer_canthus_x));
  for (const float s : at) add(x_at(s), upper_lid(x_at(s), opening));
  add(inner_canthus_x, lid_meeting_line(inner_canthus_x));
  for (auto s = at.rbegin(); s != at.rend(); ++s) add(x_at(*s), lower_lid(x_at(*s), opening));
  return points;
}

/// The 58 points. Eye points (13-28) depend on the opening of the eyes and are filled in by place_landmarks.
inline const LandmarkModel& imm_landmark_model() {
  static const LandmarkModel model = [] {
    LandmarkModel m;
    for (const float y : {-4.9f, -6.5f, -8.0f, -9.3f}) m.contour.push_back(detail::side_contour(-1, y));
    m.contour.push_back(detail::side_contour(-1, -10.4f));
    for (const float x : {-1.8f, 0.0f, 1.8f}) m.contour.push_back(detail::chin_contour(x));
    m.contour.push_back(detail::side_contour(1, -10.4f));
    for (const float y : {-9.3f, -8.0f, -6.5f, -4.9f}) m.contour.push_back(detail::side_contour(1, y));
    m.fixed.resize(16);  // eyes
    for (const float side : {1.0f, -1.0f})
      for (const auto& [x, y] : {std::pair{1.35f, 1.32f}, {2.45f, 2.02f}, {4.1f, 2.18f}, {5.05f, 1.75f}, {5.6f, 0.95f}})
        m.fixed.push_back(face_point(side * x, y));
    m.fixed.push_back(face_point(-2.58f, mouth_line(2.58f)));
    for (const float x : {-0.72f, 0.0f, 0.72f}) m.fixed.push_back(face_point(x, detail::lip_y(x, true, true)));
    m.fixed.push_back(face_point(2.58f, mouth_line(2.58f)));
    for (const float x : {0.98f, 0.0f, -0.98f}) m.fixed.push_back(face_point(x, detail::lip_y(x, false, true)));
    const std::array<std::pair<float, float>, 5> nose{
        {{0.84f, -0.2f}, {1.05f, -2.3f}, {1.68f, -3.0f}, {1.75f, -4.0f}, {0.97f, -4.35f}}};
    for (const auto& [x, y] : nose) m.fixed.push_back(face_point(-x, y));
    m.fixed.push_back(face_point(0, -4.5f));
    for (auto p = nose.rbegin(); p != nose.rend(); ++p) m.fixed.push_back(face_point(p->first, p->second));
    return m;
  }();
  return model;
}

/// The 68 points. Eye points (36-47) are filled in by place_landmarks.
inline const LandmarkModel& ibug_landmark_model() {
  static const LandmarkModel model = [] {
    LandmarkModel m;
    const std::array<float, 6> heights{-0.4f, -2.4f, -4.4f, -6.4f, -8.2f, -9.6f};
    for (const float y : heights) m.contour.push_back(detail::side_contour(-1, y));
    for (const float x : {-2.9f, -1.5f, 0.0f, 1.5f, 2.9f}) m.contour.push_back(detail::chin_contour(x));
    for (auto y = heights.rbegin(); y != heights.rend(); ++y) m.contour.push_back(detail::side_contour(1, *y));
    const std::array<std::pair<float, float>, 5> brow{
        {{5.55f, 1.1f}, {4.7f, 1.9f}, {3.6f, 2.1f}, {2.5f, 1.92f}, {1.45f, 1.6f}}};
    for (const auto& [x, y] : brow) m.fixed.push_back(face_point(-x, y));
    for (auto p = brow.rbegin(); p != brow.rend(); ++p) m.fixed.push_back(face_point(p->first, p->second));
    for (const float y : {0.2f, -1.1f, -2.35f, -3.55f}) m.fixed.push_back(face_point(0, y));
    for (const float x : {-1.3f, -0.65f, 0.0f, 0.65f, 1.3f})
      m.fixed.push_back(face_point(x, x == 0 ? -4.55f : std::abs(x) > 1 ? -4.2f : -4.45f));
    m.fixed.resize(m.fixed.size() + 12);  // eyes
    const std::array<float, 7> mouth{-2.58f, -1.6f, -0.55f, 0.0f, 0.55f, 1.6f, 2.58f};
    const auto lip = [&](float x, bool upper, bool outer) {
      m.fixed.push_back(face_point(x, detail::lip_y(x, upper, outer)));
    };
    m.fixed.push_back(face_point(-2.58f, mouth_line(2.58f)));
    for (std::size_t i = 1; i < 6; ++i) lip(mouth[i], true, true);
    m.fixed.push_back(face_point(2.58f, mouth_line(2.58f)));
    for (std::size_t i = 5; i > 0; --i) lip(mouth[i], false, true);
    for (const float x : {-2.35f, -0.9f, 0.0f, 0.9f, 2.35f}) lip(x, true, false);
    for (const float x : {0.9f, 0.0f, -0.9f}) lip(x, false, false);
    return m;
  }();
  return model;
}

/// Landmarks in the picture. `deform` carries a point of the average head onto the turned head of this face, `project`
/// from there to the picture. `first_eye` is the index of the first eye point, `eyes` both eyes in the order of the
/// list.
template <class Point2, class Deform, class Project>
std::vector<Point2> place_landmarks(const LandmarkModel& model, std::size_t first_eye, const std::vector<Vec3>& eyes,
                                    Deform&& deform, Project&& project) {
  std::vector<Point2> points;
  for (const ContourPoint& c : model.contour) {
    Vec3 best{};
    float farthest = -1e30f;
    for (const Vec3& candidate : c.candidates) {
      const Vec3 p = project(deform(candidate));
      const float distance = p.x * c.outward_x + p.y * c.outward_y;
      if (distance > farthest) farthest = distance, best = p;
    }
    points.push_back({best.x, best.y});
  }
  for (std::size_t i = 0; i < model.fixed.size(); ++i) {
    const std::size_t index = points.size();
    const bool eye = index >= first_eye && index < first_eye + eyes.size();
    const Vec3 p = project(deform(eye ? eyes[index - first_eye] : model.fixed[i]));
    points.push_back({p.x, p.y});
  }
  return points;
}

}  // namespace nasion::faces::synthetic
