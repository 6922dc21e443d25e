#pragma once
// Where the 58 points of the IMM Face Database and the 68 points of 300-W lie on the head, as people mark them.
//
// Points on features are fixed on the skin (lids and lips: on their edges), at the places where the means of annotated
// photos have them. Those of the jaw follow the visible contour, see jaw_contour.hpp. The two conventions differ: at
// the height of the eyes the jaw of 300-W begins, of IMM at the mouth; the inner corner of an eye lies before (300-W)
// or beyond (IMM) the pink in it.

#include <vector>

#include "nasion/faces/synthetic/head_mesh.hpp"
#include "nasion/faces/synthetic/jaw_contour.hpp"

namespace nasion::faces::synthetic {

/// One of the two lists of points: jaw, then points on features; those of both eyes depend on their opening.
struct LandmarkModel {
  int jaw_points = 0, first_path = 0;     // the jaw, and where its contour begins
  MorphedPoints features;                 // the rest in order, without the eyes
  std::size_t first_eye = 0;              // index of the first point of an eye in the whole list
  std::vector<Vec3> (*eyes)(EyeOpening);  // on the average head
};

namespace detail {

inline float lip_y(float x, bool upper, bool outer) {
  if (outer) return upper ? upper_lip_border(x) : lower_lip_border(x);
  return mouth_line(x) + (upper ? 1.0f : -1.0f) * mouth_gap(x);
}

/// Adds points of the average head seen from the front, where they are for x as it is given, then mirrored backwards.
class FeatureList {
 public:
  void add(float x, float y) { points_.push_back(face_point(x, y)); }
  void lip(float x, bool upper, bool outer) { add(x, lip_y(x, upper, outer)); }
  template <std::size_t n>
  void row(float side, const std::array<std::pair<float, float>, n>& points) {
    for (const auto& [x, y] : points) add(side * x, y);
  }
  template <std::size_t n>
  void row_back(float side, const std::array<std::pair<float, float>, n>& points) {
    for (auto p = points.rbegin(); p != points.rend(); ++p) add(side * p->first, p->second);
  }
  std::vector<Vec3> points() && { return std::move(points_); }

 private:
  std::vector<Vec3> points_;
};

}  // namespace detail

/// Points on an eye's edge: outer corner at distance `outer` from the middle of the face, upper edge towards the nose,
/// inner corner at distance `inner`, lower edge back. `side` is 1 for the person's left eye (right in the picture),
/// `at` the distances of the points between from the outer corner.
inline std::vector<Vec3> eye_points(float side, EyeOpening opening, float outer, float inner,
                                    const std::vector<float>& at) {
  std::vector<Vec3> points;
  const auto add = [&](float x, float y) {
    const Vec3 p = face_point(x, y);
    points.push_back({side * p.x, p.y, p.z});
  };
  const auto x_at = [&](float share) { return mix(outer, inner, share); };
  add(outer, lid_meeting_line(outer));
  for (const float s : at) add(x_at(s), upper_lid(x_at(s), opening));
  add(inner, lid_meeting_line(inner));
  for (auto s = at.rbegin(); s != at.rend(); ++s) add(x_at(*s), lower_lid(x_at(*s), opening));
  return points;
}

/// The 58 points: jaw, the eye and the brow on the right of the picture before those on the left, mouth, nose.
inline const LandmarkModel& imm_landmark_model() {
  static const LandmarkModel model = [] {
    detail::FeatureList f;
    constexpr std::array<std::pair<float, float>, 5> brow{
        {{1.38f, 1.45f}, {2.5f, 2.12f}, {4.15f, 2.28f}, {5.15f, 1.9f}, {5.8f, 0.95f}}};
    for (const float side : {1.0f, -1.0f}) f.row(side, brow);
    f.add(-2.6f, mouth_line(2.58f));
    for (const float x : {-0.7f, 0.0f, 0.7f}) f.lip(x, true, true);
    f.add(2.6f, mouth_line(2.58f));
    for (const float x : {1.02f, 0.0f, -1.02f}) f.lip(x, false, true);
    constexpr std::array<std::pair<float, float>, 5> nose{
        {{0.84f, -0.2f}, {1.1f, -2.3f}, {1.78f, -3.0f}, {1.8f, -4.05f}, {0.97f, -4.35f}}};
    f.row(-1, nose);
    f.add(0, -4.5f);
    f.row_back(1, nose);
    const auto eyes = [](EyeOpening opening) {
      auto points = eye_points(1, opening, outer_canthus_x, inner_canthus_x, {0.21f, 0.48f, 0.75f});
      const auto other = eye_points(-1, opening, outer_canthus_x, inner_canthus_x, {0.21f, 0.48f, 0.75f});
      points.insert(points.end(), other.begin(), other.end());
      return points;
    };
    return LandmarkModel{13, 12, MorphedPoints(std::move(f).points()), 13, eyes};
  }();
  return model;
}

/// The 68 points: jaw, brows, nose, eyes and mouth, each from the left of the picture.
inline const LandmarkModel& ibug_landmark_model() {
  static const LandmarkModel model = [] {
    detail::FeatureList f;
    constexpr std::array<std::pair<float, float>, 5> brow{
        {{5.6f, 1.35f}, {4.8f, 1.97f}, {3.6f, 2.17f}, {2.4f, 2.0f}, {1.22f, 1.6f}}};
    f.row(-1, brow);
    f.row_back(1, brow);
    for (const float y : {0.2f, -1.1f, -2.35f, -3.6f}) f.add(0, y);
    for (const float x : {-1.42f, -0.74f, 0.0f, 0.74f, 1.42f})
      f.add(x, x == 0 ? -4.8f : std::abs(x) > 1 ? -4.34f : -4.58f);
    const std::array<float, 7> mouth{-2.6f, -1.68f, -0.66f, 0.0f, 0.66f, 1.68f, 2.6f};
    f.add(mouth.front(), mouth_line(2.58f));
    for (std::size_t i = 1; i < 6; ++i) f.lip(mouth[i], true, true);
    f.add(mouth.back(), mouth_line(2.58f));
    for (const float x : {1.7f, 0.76f, 0.0f, -0.76f, -1.7f}) f.lip(x, false, true);
    for (const float x : {-2.15f, -0.76f, 0.0f, 0.76f, 2.15f}) f.lip(x, true, false);
    for (const float x : {0.76f, 0.0f, -0.76f}) f.lip(x, false, false);
    const auto eyes = [](EyeOpening opening) {
      constexpr float outer = 4.35f, inner = 1.9f;
      std::vector<Vec3> points;
      const auto left = eye_points(-1, opening, outer, inner, {0.33f, 0.67f});
      const auto right = eye_points(1, opening, outer, inner, {0.33f, 0.67f});
      points = left;
      for (const std::size_t i : {3, 2, 1, 0, 5, 4}) points.push_back(right[i]);
      return points;
    };
    return LandmarkModel{17, 0, MorphedPoints(std::move(f).points()), 36, eyes};
  }();
  return model;
}

/// Landmarks in the picture. `project` carries a point of this person's head, before it is turned, to the picture;
/// `down` is the direction of the chin there.
template <class Point2, class Project>
std::vector<Point2> place_landmarks(const LandmarkModel& model, const IdentityWeights& identity,
                                    const ExpressionWeights& expression, EyeOpening opening, Place down,
                                    Project&& project) {
  static const JawModel right(1), left(-1);
  std::vector<Point2> points;
  const auto put = [&](Place p) { points.push_back({p.x, p.y}); };
  const int half = model.jaw_points / 2 + 1;
  const auto side = [&](const JawModel& jaw) {
    return evenly_spaced(jaw.contour(identity, expression, model.first_path, down, project), half);
  };
  const std::vector<Place> from_left = side(left), from_right = side(right);
  for (int i = 0; i < half - 1; ++i) put(from_left[static_cast<std::size_t>(i)]);
  for (int i = half - 1; i >= 0; --i) put(from_right[static_cast<std::size_t>(i)]);

  std::vector<Vec3> features = model.features(identity, expression);
  std::vector<Vec3> eyes = model.eyes(opening);
  for (Vec3& p : eyes) p = morphed(p, identity, expression);
  features.insert(features.begin() + static_cast<std::ptrdiff_t>(model.first_eye) - model.jaw_points, eyes.begin(),
                  eyes.end());
  for (const Vec3& p : features) put(project(p));
  return points;
}

}  // namespace nasion::faces::synthetic
