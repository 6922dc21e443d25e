#pragma once
// Brows, lashes, stubble and beards, strand by strand.

#include "nasion/vision/synthetic/strands.hpp"

namespace nasion::vision::synthetic {

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
    return bell(p.y - upper_lid(ax, eyes) - 0.05f, 0.05f) + 0.06f * bell(p.y - lower_lid(ax, eyes) + 0.04f, 0.05f);
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
  beard(person.stubble, 0.07f, 14000, 6, [&](Vec3 p) {
    if (!in_face(p)) return 0.0f;
    const BeardMap m = beard_map(p);
    return std::max({m.moustache, m.chin, m.cheeks});
  });
  return all;
}

}  // namespace nasion::vision::synthetic
