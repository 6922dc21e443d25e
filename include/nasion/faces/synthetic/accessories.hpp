#pragma once
// What people wear on the head and what is held before it: hats, dark lenses, masks, hands and other things.

#include "nasion/faces/synthetic/face_parts.hpp"

namespace nasion::faces::synthetic {

/// A hat around this person's skull: a dome above its edge, then a brim (all round, only in front, or none).
inline Grid hat(const PersonParameters& person, const Grid& head) {
  using Hat = PersonParameters::Hat;
  float top = 0, wide = 0, front = 0, back = 0;
  for (const Vec3& p : head.position) {
    top = std::max(top, p.y);
    if (p.y > 2.5f) wide = std::max(wide, p.x), front = std::max(front, p.z), back = std::min(back, p.z);
  }
  const bool knitted = person.hat == Hat::beanie;
  const int dome_rows = 16, brim_rows = knitted ? 2 : 6;
  Grid g(dome_rows + brim_rows, 65);
  const auto seed = static_cast<std::uint32_t>(person.seed);
  const float puff = knitted ? 0.8f : 0.7f;
  for (int r = 0; r < g.rows; ++r)
    for (int c = 0; c < g.columns; ++c) {
      const float around = 2 * pi * static_cast<float>(c) / static_cast<float>(g.columns - 1), s = std::sin(around),
                  k = std::cos(around);
      const float t = std::min(static_cast<float>(r) / static_cast<float>(dome_rows - 1), 1.0f);
      const float edge = person.hat_height - 1.6f * (1 - k) * 0.5f;
      // Crowns of hats with a brim are steeper than heads.
      const float q = person.hat == Hat::brimmed ? std::pow(std::sin(0.5f * pi * t), 0.6f) : std::sin(0.5f * pi * t);
      float out = q, y = mix(top + puff, edge, knitted || person.hat == Hat::cap ? 1 - std::sqrt(1 - t * t) : t * t);
      if (r >= dome_rows) {
        const float b = static_cast<float>(r - dome_rows + 1) / static_cast<float>(brim_rows);
        const float reach = knitted ? 0.0f : person.hat == Hat::brimmed ? 0.75f : 0.85f * smoothstep(0.35f, 0.95f, k);
        out += reach * b;
        y -= knitted ? 0.9f * b : (person.hat == Hat::cap ? 1.0f * b * b * reach : -0.7f * b * b * s * s);
      }
      const std::size_t i = g.index(r, c);
      g.position[i] = {(wide + puff) * out * s, y, k > 0 ? (front + 0.5f * puff) * out * k : (-back + puff) * out * k};
      g.average[i] = {40 * s, 60 + y, 40 * k};
      const float knit = knitted ? 0.75f + 0.25f * std::sin(60 * around) * std::sin(4 * y) : 1.0f;
      g.colour[i] = person.hat_colour * (knit * (0.85f + 0.3f * value_noise(2 * s + 9, y + 2 * k, seed)));
      if (r >= dome_rows && !knitted) g.open[i] = 0.8f;
    }
  compute_normals(g, 1, true);
  return g;
}

/// Both dark lenses of glasses: `rim(side, angle)` is a point of a rim.
template <class Rim>
std::vector<Grid> lenses(const PersonParameters& person, Rim&& rim) {
  std::vector<Grid> parts;
  for (const float side : {-1.0f, 1.0f}) {
    Grid g(6, 33);
    Vec3 middle;
    for (int c = 0; c < 32; ++c) middle += rim(side, 2 * pi * static_cast<float>(c) / 32) * (1.0f / 32);
    for (int r = 0; r < g.rows; ++r)
      for (int c = 0; c < g.columns; ++c) {
        const float out = static_cast<float>(r) / static_cast<float>(g.rows - 1);
        const std::size_t i = g.index(r, c);
        g.position[i] = mix(middle, rim(side, 2 * pi * static_cast<float>(c) / 32), out);
        g.position[i].z += 0.35f * (1 - out * out);
        g.average[i] = {0, 60, 0};
        g.normal[i] = normalized(Vec3{0.5f * (g.position[i].x - middle.x), 0.5f * (g.position[i].y - middle.y), 2.5f});
        g.colour[i] = mix(person.glasses_colour, {0.015f, 0.013f, 0.012f}, person.glasses_tint);
        g.gloss[i] = 0.8f;
      }
    parts.push_back(std::move(g));
  }
  return parts;
}

/// A mask from the bridge of the nose to below the chin, and its bands to the ears.
inline std::vector<Grid> mask(const PersonParameters& person, const ExpressionWeights& expression) {
  constexpr int rows = 25, columns = 41;
  Grid g(rows, columns);
  const auto seed = static_cast<std::uint32_t>(person.seed);
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < columns; ++c) {
      const float u = 2 * static_cast<float>(c) / (columns - 1) - 1, v = static_cast<float>(r) / (rows - 1);
      const float around = 1.12f * u * (1 - 0.25f * v * v);
      const float top = 7.9f + 1.2f * smoothstep(0.05f, 0.5f, std::abs(u));
      const Vec3 p = head_point(around, mix(top, 14.9f, v));
      const std::size_t i = g.index(r, c);
      g.average[i] = {40, p.y, p.x};
      g.position[i] = morphed(p, person.shape, expression);
      g.colour[i] = person.mask_colour * (0.9f + 0.2f * value_noise(p.x * 1.5f + 30, p.y * 3, seed) -
                                          0.25f * bell(std::fmod(v * 4 + 8, 1.0f) - 0.5f, 0.08f));
    }
  // Cloth spans hollows: each row is smoothed, and stands off the skin.
  for (int pass = 0; pass < 6; ++pass)
    for (int r = 0; r < rows; ++r)
      for (int c = 1; c + 1 < columns; ++c) {
        Vec3& p = g.position[g.index(r, c)];
        const Vec3 side = mix(g.position[g.index(r, c - 1)], g.position[g.index(r, c + 1)], 0.5f);
        const Vec3 along =
            mix(g.position[g.index(std::max(r - 1, 0), c)], g.position[g.index(std::min(r + 1, rows - 1), c)], 0.5f);
        p.z = std::max(p.z, 0.5f * (side.z + along.z));
      }
  for (Vec3& p : g.position) p = p + Vec3{0.02f * p.x, 0, 0.25f};
  compute_normals(g, 1, false);
  std::vector<Grid> parts;
  for (const float side : {-1.0f, 1.0f})
    for (const int row : {3, rows - 5}) {
      const Vec3 from = g.position[g.index(row, side < 0 ? 0 : columns - 1)];
      const Vec3 ear_root = morphed(head_point(side * 1.6f, row < 10 ? 7.2f : 9.5f), person.shape, {});
      parts.push_back(
          tube({from, mix(from, ear_root, 0.5f) + Vec3{0.2f * side, 0, 0}, ear_root + Vec3{0.3f * side, 0, 0}}, 0.1f,
               person.mask_colour));
    }
  parts.push_back(std::move(g));
  return parts;
}

namespace detail {

/// A tube with round ends.
inline Grid rounded_tube(std::vector<Vec3> path, float radius, Vec3 colour, float gloss) {
  std::vector<float> radii(path.size(), radius);
  const Vec3 start = normalized(path[0] - path[1]), end = normalized(path.back() - path[path.size() - 2]);
  const Vec3 first = path.front(), last = path.back();
  for (const float t : {0.6f, 0.9f, 1.0f}) {
    path.insert(path.begin(), first + start * (radius * t)), path.push_back(last + end * (radius * t));
    const float narrow = radius * std::sqrt(std::max(1 - t * t, 1e-4f));
    radii.insert(radii.begin(), narrow), radii.push_back(narrow);
  }
  Grid g = tube(path, 1, colour);
  for (int r = 0; r < g.rows; ++r)
    for (int c = 0; c < g.columns; ++c) {
      const std::size_t i = g.index(r, c), k = static_cast<std::size_t>(r);
      g.position[i] = path[k] + g.normal[i] * radii[k];
      g.gloss[i] = gloss;
    }
  return g;
}

}  // namespace detail

/// The thing as it is held: fingers and palm, a telephone, a stick or microphone, a ball.
inline std::vector<Grid> thing_in_front(const ThingInFront& thing, std::uint64_t seed) {
  using Kind = ThingInFront::Kind;
  std::vector<Grid> parts;
  const float c = std::cos(thing.turn), s = std::sin(thing.turn);
  const auto place = [&](Vec3 p) {
    p = p * thing.size;
    return thing.at + Vec3{p.x * c + p.y * s, p.y * c - p.x * s, p.z};
  };
  const auto add = [&](const std::vector<Vec3>& path, float radius, float gloss) {
    std::vector<Vec3> placed;
    for (const Vec3& p : path) placed.push_back(place(p));
    parts.push_back(detail::rounded_tube(placed, radius * thing.size, thing.colour, gloss));
  };
  const auto vary = [&](int k) { return hash01(k, 3, static_cast<std::uint32_t>(seed)) - 0.5f; };
  switch (thing.kind) {
    case Kind::hand:
      for (int k = 0; k < 4; ++k) {
        const float x = 1.75f * (static_cast<float>(k) - 1.5f), bent = 1.5f * vary(k) + 0.5f;
        const float length = (k == 0 || k == 3 ? 6.0f : 7.3f) + vary(k + 9),
                    spread = 0.25f * (static_cast<float>(k) - 1.5f);
        add({{x, -1, 0},
             {x + 0.4f * spread, 0.45f * length, 0.6f},
             {x + spread, 0.75f * length, 0.4f},
             {x + 1.3f * spread, length, -0.8f * bent}},
            0.85f, 0.35f);
        add({{x * 0.9f, -9, -0.5f}, {x, -4.5f, 0.3f}, {x, -0.5f, 0.1f}}, 1.35f, 0.3f);  // palm
      }
      add({{-2.5f, -7, 0.5f}, {-4.4f, -4.0f, 0.9f}, {-5.0f, -1.4f, 0.2f}}, 1.05f, 0.35f);
      add({{0, -22, -1}, {0, -9, -0.7f}}, 2.7f, 0.3f);  // wrist
      break;
    case Kind::box:
      for (int k = 0; k < 5; ++k) {
        const float x = 1.1f * (static_cast<float>(k) - 2);
        add({{x, -7, 0}, {x, 0, 0.02f * x}, {x, 7, 0}}, 0.75f, 0.6f);
      }
      break;
    case Kind::rod:
      add({{0, -24, 0}, {0, -10, 0}, {0, 2, 0}}, 1.2f, 0.4f), add({{0, 2, 0}, {0, 3.5f, 0}}, 2.3f, 0.2f);
      break;
    case Kind::ball:
      add({{0, -1.2f, 0}, {0, 1.2f, 0}}, 4.5f, 0.5f);
      break;
    case Kind::none:
      break;
  }
  return parts;
}

}  // namespace nasion::faces::synthetic
