#pragma once
// The line along which people mark the jaw of a face: from the height of the eyes in front of the ear down to the chin,
// where it is seen on the near side; on the far side of a turned head, where the cheek ends against what is behind it.

#include <utility>
#include <vector>

#include "nasion/faces/synthetic/head_shape.hpp"
#include "nasion/faces/synthetic/morphed_points.hpp"

namespace nasion::faces::synthetic {

/// A place in the picture while landmarks are looked for.
struct Place {
  float x = 0, y = 0;
};
inline Place operator+(Place a, Place b) { return {a.x + b.x, a.y + b.y}; }
inline Place operator-(Place a, Place b) { return {a.x - b.x, a.y - b.y}; }
inline float dot(Place a, Place b) { return a.x * b.x + a.y * b.y; }
inline Place mix(Place a, Place b, float t) { return {mix(a.x, b.x, t), mix(a.y, b.y, t)}; }

/// Paths over one side of the face, from the edge of the jaw inwards; `paths` from ear to chin, each of `depth` points.
/// Seen from anywhere, the point of a path that lies farthest outwards in the picture is on the contour.
class JawModel {
 public:
  static constexpr int side_paths = 20, chin_paths = 20, paths = side_paths + chin_paths, depth = 24;

  /// side: 1 right in the picture, -1 left.
  explicit JawModel(float side) : side_(side), points_(make_paths(side)) {}

  /// The contour in the picture, from the path `first` to the chin. `project` carries a point of this person's head,
  /// before it is turned, to the picture; `down` is the direction of the chin there.
  template <class Project>
  std::vector<Place> contour(const IdentityWeights& identity, const ExpressionWeights& expression, int first,
                             Place down, Project&& project) const {
    std::vector<Place> places;
    for (const Vec3& p : points_(identity, expression)) places.push_back(project(p));
    // First guess: outwards is to the side at the ear and down at the chin. Then square to the contour found so far.
    std::vector<Place> outwards(paths), line(paths);
    const Place aside{side_ * down.y, -side_ * down.x};
    for (int k = 0; k < paths; ++k) {
      const float turn = pi / 2 * static_cast<float>(std::max(k - side_paths / 2, 0)) / (paths - 1 - side_paths / 2);
      outwards[at(k)] =
          Place{aside.x * std::cos(turn) + down.x * std::sin(turn), aside.y * std::cos(turn) + down.y * std::sin(turn)};
    }
    for (int pass = 0; pass < 3; ++pass) {
      for (int k = 0; k < paths; ++k) line[at(k)] = outermost(&places[at(k * depth)], outwards[at(k)]);
      for (int k = 1; k + 1 < paths; ++k) {
        const Place along = line[at(std::min(k + 2, paths - 1))] - line[at(std::max(k - 2, 0))];
        const Place across{side_ * along.y, -side_ * along.x};
        if (dot(along, along) > 0 && dot(across, outwards[at(k)]) > 0) outwards[at(k)] = across;
      }
    }
    line.erase(line.begin(), line.begin() + first);
    return without_loops(line, aside);
  }

 private:
  static std::size_t at(int k) { return static_cast<std::size_t>(k); }

  /// Neighbouring paths may end on different folds of the skin: leaves out what goes back, seen from within the face.
  std::vector<Place> without_loops(const std::vector<Place>& line, Place aside) const {
    const Place end = line.back(), across = end - line.front();
    const float reach = 0.7f * std::sqrt(dot(across, across));
    const Place centre = mix(line.front(), end, 0.5f) - Place{aside.x * reach, aside.y * reach};
    const auto goes_on = [&](Place from, Place to) {
      const Place a = from - centre, b = to - centre;
      return side_ * (a.x * b.y - a.y * b.x) > 0;
    };
    std::vector<Place> kept{line.front()};
    for (const Place& p : line)
      if (goes_on(kept.back(), p) && goes_on(p, end)) kept.push_back(p);
    kept.push_back(end);
    return kept;
  }

  /// Between the points of a path the contour is a parabola.
  static Place outermost(const Place* path, Place outwards) {
    int best = 0;
    for (int j = 1; j < depth; ++j)
      if (dot(path[j] - path[best], outwards) > 0) best = j;
    if (best == 0 || best == depth - 1) return path[best];
    const float before = dot(path[best - 1] - path[best], outwards), after = dot(path[best + 1] - path[best], outwards);
    const float shift = before + after < -1e-12f ? 0.5f * (before - after) / (before + after) : 0.0f;
    const Place& towards = path[shift > 0 ? best + 1 : best - 1];
    const Place step = mix(path[best], towards, std::abs(shift));
    const float rise = -0.125f * (before - after) * (before - after) / std::min(before + after, -1e-12f);
    const float short_of = rise - dot(step - path[best], outwards), size = dot(outwards, outwards);
    return size > 0 ? step + Place{outwards.x * short_of / size, outwards.y * short_of / size} : step;
  }

  /// The ring that passes height y at this angle. Heights fall from ring to ring.
  static float ring_at_height(float around, float y) {
    float low = 4, high = last_ring;
    for (int i = 0; i < 40; ++i) {
      const float middle = 0.5f * (low + high);
      (head_point(around, middle).y > y ? low : high) = middle;
    }
    return 0.5f * (low + high);
  }
  /// Where the face is widest at height y; the neck is not part of it.
  static float widest_at_height(float y) {
    float widest = 0, reach = 0;
    for (float a = 0.3f; a <= pi / 2; a += 0.02f) {
      const float ring = ring_at_height(a, y);
      if (const float x = head_point(a, ring).x; ring <= jaw_ring && x > reach) reach = x, widest = a;
    }
    return widest;
  }

  static std::vector<Vec3> make_paths(float side) {
    constexpr float top = 0.1f, corner = -8.4f, innermost = 0.42f, before_ear = 1.38f;
    std::vector<Vec3> points;
    const auto add = [&](float around, float ring) {
      const Vec3 p = head_point(around, ring);
      points.push_back({side * p.x, p.y, p.z});
    };
    const auto share = [](int j) { return static_cast<float>(j) / (depth - 1); };
    float last_around = 0;
    for (int k = 0; k < side_paths; ++k) {
      const float y = mix(top, corner, static_cast<float>(k) / side_paths);
      const float from = std::min(widest_at_height(y), before_ear);
      for (int j = 0; j < depth; ++j) {
        const float around = mix(from, innermost, share(j));
        add(around, ring_at_height(around, y));
      }
      last_around = from;
    }
    for (int k = 0; k < chin_paths; ++k) {
      const float from = last_around * (1 - static_cast<float>(k + 1) / chin_paths);
      for (int j = 0; j < depth; ++j) add(mix(from, std::min(from, innermost), share(j)), mix(14.2f, 11.8f, share(j)));
    }
    return points;
  }

  float side_;
  MorphedPoints points_;
};

/// `count` points at equal distances along a line, its ends among them.
inline std::vector<Place> evenly_spaced(const std::vector<Place>& line, int count) {
  std::vector<float> length{0};
  for (std::size_t i = 1; i < line.size(); ++i) {
    const Place step = line[i] - line[i - 1];
    length.push_back(length.back() + std::sqrt(dot(step, step)));
  }
  std::vector<Place> points;
  std::size_t i = 1;
  for (int k = 0; k < count; ++k) {
    const float wanted = length.back() * static_cast<float>(k) / static_cast<float>(count - 1);
    while (i + 1 < line.size() && length[i] < wanted) ++i;
    points.push_back(
        mix(line[i - 1], line[i], clamp01((wanted - length[i - 1]) / std::max(length[i] - length[i - 1], 1e-9f))));
  }
  return points;
}

}  // namespace nasion::faces::synthetic
