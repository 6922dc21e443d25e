#pragma once
// Hair, brows, lashes and beards as thousands of single strands that grow from the skin.

#include "nasion/vision/synthetic/skin.hpp"

namespace nasion::vision::synthetic {

/// All strands of a head, each a chain of `points_per_strand` points, in the frame of the head.
struct Strands {
  int points_per_strand = 2;
  std::vector<Vec3> points, normal, colour;  // points; outward direction and colour of each strand
  std::vector<std::size_t> root;             // point of the head mesh it grows from
  float root_open = 1;                       // light that reaches the roots; tips get all

  std::size_t count() const { return root.size(); }
};

/// Chooses points of a mesh at random, more where `density` and the area of the mesh's cells are larger.
class RootSampler {
 public:
  template <class Density>
  RootSampler(const Grid& g, Density&& density) : sums_(g.size()) {
    double sum = 0;
    for (int r = 0; r < g.rows; ++r)
      for (int c = 0; c < g.columns; ++c) {
        const std::size_t i = g.index(r, c);
        if (r + 1 < g.rows && c + 1 < g.columns) {
          const float d = density(g.average[i]);
          if (d > 0) {
            const Vec3 across = g.position[i + 1] - g.position[i], down = g.position[g.index(r + 1, c)] - g.position[i];
            sum += static_cast<double>(d * length(cross(across, down)));
          }
        }
        sums_[i] = sum;
      }
  }
  bool empty() const { return sums_.empty() || sums_.back() <= 0; }
  double area() const { return empty() ? 0 : sums_.back(); }  // cm^2 times density
  std::size_t operator()(Rng& rng) const {
    const auto at = std::upper_bound(sums_.begin(), sums_.end(), rng.uniform() * sums_.back());
    return static_cast<std::size_t>(std::min(at, sums_.end() - 1) - sums_.begin());
  }

 private:
  std::vector<double> sums_;
};

namespace detail {

inline float uniform(Rng& rng, float low, float high) { return static_cast<float>(rng.uniform(low, high)); }
inline Vec3 random_vector(Rng& rng, float size) {
  return {uniform(rng, -size, size), uniform(rng, -size, size), uniform(rng, -size, size)};
}

inline Vec3 along_surface(Vec3 direction, Vec3 normal) { return direction - normal * dot(direction, normal); }

/// A random place in the cell behind a point of the mesh.
inline Vec3 jittered(const Grid& g, std::size_t i, Rng& rng) {
  const Vec3 across = g.position[i + 1] - g.position[i],
             down = g.position[i + static_cast<std::size_t>(g.columns)] - g.position[i];
  return g.position[i] + across * uniform(rng, 0, 1) + down * uniform(rng, 0, 1);
}

inline Vec3 varied(Vec3 colour, Rng& rng, float lock) {
  return colour * (0.55f + 0.5f * uniform(rng, 0, 1) + 0.5f * lock);
}

}  // namespace detail

/// Short hair that lies along `comb(p, side)`: brows, lashes, beards. `count` strands of about `length` centimetres.
template <class Comb>
Strands short_hair(const Grid& head, const RootSampler& roots, int count, float length, float lift, Vec3 colour,
                   Rng rng, Comb&& comb) {
  Strands s;
  s.points_per_strand = 4;
  s.root_open = 0.7f;
  if (roots.empty()) return s;
  for (int k = 0; k < count; ++k) {
    const std::size_t i = roots(rng);
    const Vec3 n = head.normal[i];
    Vec3 p = detail::jittered(head, i, rng) + n * 0.02f;
    Vec3 d = normalized(detail::along_surface(comb(head.average[i]), n) + detail::random_vector(rng, 0.35f) + n * lift);
    const float step = length * detail::uniform(rng, 0.6f, 1.2f) / 3;
    for (int j = 0; j < s.points_per_strand; ++j) {
      s.points.push_back(p);
      p += d * step;
      d = normalized(d - n * (0.35f * lift));
    }
    s.normal.push_back(n), s.root.push_back(i), s.colour.push_back(detail::varied(colour, rng, 0.3f));
  }
  return s;
}

/// The hair of the head in the person's style.
inline Strands scalp_hair(const Grid& head, const PersonParameters& person) {
  using Style = PersonParameters::Hair::Style;
  const auto& hair = person.hair;
  Strands s;
  const bool is_long = hair.style == Style::long_open, curly = hair.style == Style::curly;
  s.points_per_strand = is_long ? 20 : curly ? 14 : 9;
  s.root_open = 0.35f;
  const bool bald = hair.style == Style::bald;
  const RootSampler roots(
      head, [&](Vec3 p) { return scalp(p, hair.recession) * (bald ? smoothstep(4.5f, 2.0f, p.y) : 1.0f); });
  if (roots.empty()) return s;

  float top = 0, wide = 0;
  for (const Vec3& p : head.position) top = std::max(top, p.y), wide = p.y > 1 ? std::max(wide, p.x) : wide;
  const Vec3 centre{0, 2.6f, -0.4f}, radii{wide, top - 2.6f, 9.65f};
  Rng rng = Rng(person.seed).split(5);
  const auto seed = static_cast<std::uint32_t>(person.seed);
  const int count = static_cast<int>((is_long              ? 9000
                                      : curly              ? 9000
                                      : hair.length < 1.2f ? 15000
                                                           : 12000) *
                                     hair.thickness);

  for (int k = 0; k < count; ++k) {
    const std::size_t i = roots(rng);
    const Vec3 n = head.normal[i], a = head.average[i];
    const float side = a.x > hair.parting * 4 ? 1.0f : -1.0f;
    const float lock_a = value_noise(a.x * 1.3f + 50, a.y * 0.9f + a.z * 1.3f, seed + 21) - 0.5f;
    const float lock_b = value_noise(a.x * 1.3f + 70, a.z * 1.3f - a.y * 0.9f, seed + 22) - 0.5f;
    const float on_top = smoothstep(4, 8, a.y), front = smoothstep(-2, 6, a.z);
    Vec3 comb{0, -1, 0};
    float lift = 0.3f, weight = 0.12f, stretch = 1, cling = 0.4f;
    switch (hair.style) {
      case Style::bald:
      case Style::cropped:
        comb = {0.2f * a.x * 0.1f, -0.6f, 0.8f}, lift = 0.55f;
        break;
      case Style::brushed_up:
        comb = {0.08f * a.x, 0.9f * front - 0.4f, -0.5f}, lift = 0.75f * on_top + 0.25f, weight = 0.03f,
        stretch = 0.4f + 0.6f * on_top * (0.4f + 0.6f * front), cling = 0.35f - 0.25f * on_top * front;
        break;
      case Style::parted:
        comb = {side * (0.7f + 0.3f * on_top), -0.25f, 0.55f - 0.7f * smoothstep(2, 7, std::abs(a.x))},
        stretch = 0.45f + 0.8f * on_top, lift = 0.38f;
        break;
      case Style::fringe:
        comb = {0.12f * a.x + 0.25f * hair.parting, -0.3f, 1.0f}, stretch = 0.5f + 0.65f * on_top, lift = 0.3f;
        break;
      case Style::swept_back:
        comb = {0.06f * a.x, 0.1f, -1.0f}, lift = 0.28f, weight = 0.04f;
        break;
      case Style::long_open:
        comb = {side * 0.8f, -0.6f, -0.25f}, lift = 0.25f, weight = 0.45f;
        break;
      case Style::curly:
        comb = {0.1f * a.x, -0.5f, 0.2f}, lift = 0.5f, weight = 0.15f;
        break;
    }
    comb += Vec3{0.7f * lock_a, 0.25f * lock_b, 0.7f * lock_b};
    const bool sides = a.y < 2.5f && !is_long && !curly;  // short at the sides and neck
    const float total =
        hair.length * stretch * (sides ? 0.45f : 1.0f) * (1 + 0.5f * lock_b) * detail::uniform(rng, 0.7f, 1.1f);
    const float step = total / static_cast<float>(s.points_per_strand - 1);
    Vec3 p = detail::jittered(head, i, rng);
    Vec3 d = normalized(detail::along_surface(comb, n) + n * (lift * detail::uniform(rng, 0.7f, 1.4f)) +
                        detail::random_vector(rng, 0.22f));
    const float outside = 1 + detail::uniform(rng, 0.012f, 0.055f) * (0.6f + 0.12f * std::min(hair.length, 10.0f));
    const float phase = 6.3f * (lock_a + lock_b) + detail::uniform(rng, 0, 1.2f);
    for (int j = 0; j < s.points_per_strand; ++j) {
      s.points.push_back(p);
      p += d * step;
      Vec3 q = p - centre;
      // Below its widest part the shape to stay outside of narrows less than the skull: hair hangs past ears and
      // cheeks.
      const float y = q.y > 0 ? q.y / radii.y : (is_long || curly ? 0.0f : q.y / (1.25f * radii.y));
      const float behind = is_long && q.y < 1 ? smoothstep(7, 3, q.z) : 1.0f;
      const float r = std::sqrt(square(q.x / radii.x) + square(y) + square(q.z / radii.z));
      const float keep = outside + (is_long ? 0.1f * smoothstep(0.5f, -4, q.y) : 0.0f);
      if (r < keep && r > 0.3f && j > 0) {
        const float push = mix(1.0f, keep / r, behind);
        p = centre + Vec3{q.x * push, q.y > 0 ? q.y * push : q.y, q.z * push};
      }
      d = normalized(p - s.points.back());
      const Vec3 away =
          normalized(Vec3{q.x / square(radii.x), q.y > 0 ? q.y / square(radii.y) : 0.0f, q.z / square(radii.z)});
      d += away * (-cling * dot(d, away));  // combed hair lies down on the head
      d = normalized(d + Vec3{0, -weight, 0} + detail::random_vector(rng, 0.04f));
      if (curly) {
        const float turn = phase + 1.7f * static_cast<float>(j);
        d = normalized(d + Vec3{std::sin(turn), 0.3f * std::sin(turn * 1.3f), std::cos(turn)} * 0.75f);
      }
    }
    s.normal.push_back(n), s.root.push_back(i);
    s.colour.push_back(detail::varied(hair.colour, rng, lock_a + lock_b + 0.3f));
  }
  return s;
}

/// Brows, lashes, stubble and beard.
inline std::vector<Strands> facial_hair(const Grid& head, const PersonParameters& person, EyeOpening eyes) {
  std::vector<Strands> all;
  const Rng rng = Rng(person.seed).split(6);
  const float thick = person.hair.thickness * (person.female ? 0.75f : 1.1f);
  const RootSampler brows(
      head, [](Vec3 p) { return p.z > 4 && p.y > 0.3f && p.y < 3.4f ? brow_map(std::abs(p.x), p.y) : 0.0f; });
  all.push_back(short_hair(head, brows, static_cast<int>(700 * thick), 0.55f, 0.12f, person.hair.colour * 0.7f,
                           rng.split(1), [](Vec3 p) {
                             const float u = (std::abs(p.x) - 1.35f) / 4.3f;
                             return Vec3{detail::side_of(p.x), 0.9f - 1.7f * u, 0};
                           }));
  const RootSampler lashes(head, [&](Vec3 p) {
    const float ax = std::abs(p.x);
    if (p.z < 4 || ax < inner_canthus_x + 0.2f || ax > outer_canthus_x) return 0.0f;
    return bell(p.y - upper_lid(ax, eyes) - 0.05f, 0.05f) + 0.25f * bell(p.y - lower_lid(ax, eyes) + 0.05f, 0.05f);
  });
  all.push_back(
      short_hair(head, lashes, person.female ? 420 : 300, person.female ? 0.34f : 0.24f, 0.9f, {0.015f, 0.01f, 0.008f},
                 rng.split(2), [](Vec3 p) {
                   return Vec3{0.45f * detail::side_of(p.x) * (std::abs(p.x) - 2.6f), p.y > -0.1f ? -0.1f : -0.7f, 0};
                 }));
  const auto beard = [&](float amount, float length, int count, int id, auto&& density) {
    if (amount < 0.05f) return;
    const RootSampler roots(head, density);
    all.push_back(short_hair(head, roots, static_cast<int>(static_cast<float>(count) * amount), length, 0.55f,
                             person.hair.colour * 0.85f, rng.split(static_cast<std::uint64_t>(id)), [](Vec3 p) {
                               return Vec3{0.3f * p.x, -1, 0.1f};
                             }));
  };
  const auto in_face = [](Vec3 p) { return p.z > -2 && p.y < 0 && p.y > -13; };
  beard(person.moustache, 0.55f, 1600, 3, [&](Vec3 p) { return in_face(p) ? beard_map(p).moustache : 0.0f; });
  beard(person.chin_beard, 0.7f, 3500, 4, [&](Vec3 p) { return in_face(p) ? beard_map(p).chin : 0.0f; });
  beard(person.cheek_beard, 0.6f, 5500, 5, [&](Vec3 p) { return in_face(p) ? beard_map(p).cheeks : 0.0f; });
  beard(person.stubble, 0.1f, 5000, 6, [&](Vec3 p) {
    if (!in_face(p)) return 0.0f;
    const BeardMap m = beard_map(p);
    return std::max({m.moustache, m.chin, m.cheeks});
  });
  return all;
}

}  // namespace nasion::vision::synthetic
