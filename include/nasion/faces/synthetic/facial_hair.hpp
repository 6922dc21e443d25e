#pragma once
// Brows, lashes, stubble and beards, strand by strand.

#include "nasion/faces/synthetic/strands.hpp"

namespace nasion::faces::synthetic {

/// One kind of short hair.
struct ShortHair {
  float count = 0;    // strands
  float length = 0;   // cm
  float lift = 0.5f;  // how steeply it leaves the skin
  Vec3 colour;
};

/// Short hair that grows from `roots` in the direction comb(point of the average head).
template <class Comb>
Strands short_hair(const Grid& head, const RootSampler& roots, const ShortHair& hair, Rng rng, Comb&& comb) {
  Strands s;
  s.points_per_strand = 4;
  s.root_open = 0.7f;
  if (roots.empty()) return s;
  for (int k = 0; k < static_cast<int>(hair.count); ++k) {
    const std::size_t i = roots(rng);
    const Vec3 n = head.normal[i];
    Vec3 p = detail::jittered(head, i, rng) + n * 0.02f;
    const Vec3 combed = detail::along_surface(comb(head.average[i]), n) + n * hair.lift;
    Vec3 d = normalized(combed + detail::random_vector(rng, 0.35f));
    const float step = hair.length * detail::uniform(rng, 0.6f, 1.2f) / 3;
    for (int j = 0; j < s.points_per_strand; ++j) {
      s.points.push_back(p);
      p += d * step;
      d = normalized(d - n * (0.35f * hair.lift));  // bends back to the skin
    }
    s.normal.push_back(n), s.root.push_back(i), s.colour.push_back(detail::varied(hair.colour, rng, 0.3f));
  }
  return s;
}

/// All hair of the face. `richness` scales the number of strands: they are one sample thin, whatever the picture's
/// size.
inline std::vector<Strands> facial_hair(const Grid& head, const PersonParameters& person, EyeOpening eyes,
                                        float richness) {
  std::vector<Strands> all;
  const Rng rng = Rng(person.seed).split(6);
  const auto grow = [&](std::uint64_t id, ShortHair hair, auto&& density, auto&& comb) {
    hair.count *= richness;
    all.push_back(short_hair(head, RootSampler(head, density), hair, rng.split(id), comb));
  };

  const Vec3 colour = person.hair.colour;
  const float thick = person.hair.thickness * (person.female ? 0.75f : 1.1f);
  grow(
      1, {.count = 700 * thick, .length = 0.55f, .lift = 0.12f, .colour = colour * 0.7f},
      [](Vec3 p) { return p.z > 4 && p.y > 0.3f && p.y < 3.4f ? brow_map(std::abs(p.x), p.y) : 0.0f; },
      [](Vec3 p) {
        return Vec3{detail::side_of(p.x), 1.4f - 0.4f * std::abs(p.x), 0};
      });
  grow(
      2,
      {.count = person.female ? 420.0f : 300.0f,
       .length = person.female ? 0.34f : 0.24f,
       .lift = 0.9f,
       .colour = {0.015f, 0.01f, 0.008f}},
      [&](Vec3 p) {
        const float ax = std::abs(p.x);
        if (p.z < 4 || ax < inner_canthus_x + 0.2f || ax > outer_canthus_x) return 0.0f;
        return bell(p.y - upper_lid(ax, eyes) - 0.05f, 0.05f) + 0.06f * bell(p.y - lower_lid(ax, eyes) + 0.04f, 0.05f);
      },
      [](Vec3 p) {
        return Vec3{0.45f * detail::side_of(p.x) * (std::abs(p.x) - 2.6f), p.y > -0.1f ? -0.1f : -0.7f, 0};
      });

  const auto beard = [&](std::uint64_t id, float amount, float count, float length, auto&& part) {
    if (amount < 0.05f) return;
    grow(
        id, {.count = count * amount, .length = length, .lift = 0.55f, .colour = colour * 0.85f},
        [&](Vec3 p) { return p.z > -2 && p.y < 0 && p.y > -13 ? part(beard_map(p)) : 0.0f; },
        [](Vec3 p) {
          return Vec3{0.3f * p.x, -1, 0.1f};
        });
  };
  beard(3, person.moustache, 1600, 0.55f, [](BeardMap m) { return m.moustache; });
  beard(4, person.chin_beard, 3500, 0.7f, [](BeardMap m) { return m.chin; });
  beard(5, person.cheek_beard, 5500, 0.6f, [](BeardMap m) { return m.cheeks; });
  beard(6, person.stubble, 14000, 0.07f, [](BeardMap m) { return std::max({m.moustache, m.chin, m.cheeks}); });
  return all;
}

}  // namespace nasion::faces::synthetic
