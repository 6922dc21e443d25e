#pragma once
// The hair of the head: each strand grows along the direction it is combed in, lies down on the head, and falls.

#include "nasion/faces/synthetic/strands.hpp"

namespace nasion::faces::synthetic {

namespace detail {

/// An ellipsoid around the skull, to lay hair on. Below its centre it goes on as a cylinder: hair hangs.
struct Skull {
  Vec3 centre{0, 2.6f, -0.4f}, radii{7.6f, 9.3f, 9.65f};

  explicit Skull(const Grid& head) {
    float top = 0, wide = 0;
    for (const Vec3& p : head.position) top = std::max(top, p.y), wide = p.y > 1 ? std::max(wide, p.x) : wide;
    radii.x = wide, radii.y = top - centre.y;
  }
  Vec3 relative(Vec3 p) const {
    const Vec3 q = p - centre;
    return {q.x / radii.x, std::max(q.y, 0.0f) / radii.y, q.z / radii.z};
  }
  Vec3 away(Vec3 p) const {
    const Vec3 r = relative(p);
    return normalized(Vec3{r.x / radii.x, r.y / radii.y, r.z / radii.z});
  }
  /// p, or the point beyond it that is `clearance` (1: on the surface) away.
  Vec3 outside(Vec3 p, float clearance) const {
    const float r = length(relative(p));
    if (r >= clearance || r < 0.3f) return p;
    const Vec3 q = p - centre;
    const float push = clearance / r;
    return centre + Vec3{q.x * push, q.y > 0 ? q.y * push : q.y, q.z * push};
  }
};

/// How hair is combed at one place.
struct Combing {
  Vec3 direction{0, -1, 0};
  float lift = 0.3f;     // how steeply it leaves the skin
  float weight = 0.12f;  // how soon it bends down
  float cling = 0.4f;    // how closely it lies on the head
  float stretch = 1;     // length here, relative to the person's
};

inline Combing combing(const PersonParameters::Hair& hair, Vec3 a) {
  using Style = PersonParameters::Hair::Style;
  const float side = a.x > hair.parting * 4 ? 1.0f : -1.0f;
  const float on_top = smoothstep(3, 8, a.y), front = smoothstep(-2, 6, a.z), flank = smoothstep(2, 7, std::abs(a.x));
  switch (hair.style) {
    case Style::bald:
    case Style::cropped:
      return {.direction = {0.02f * a.x, -0.6f, 0.8f}, .lift = 0.5f, .stretch = 0.55f + 0.45f * on_top};
    case Style::brushed_up:
      return {.direction = {0.08f * a.x, 1.1f * front - 0.5f, -0.5f},
              .lift = 0.7f * on_top + 0.25f,
              .weight = 0.03f,
              .cling = 0.38f - 0.28f * on_top * front,
              .stretch = 0.35f + 0.65f * on_top * (0.4f + 0.6f * front)};
    case Style::parted:
      return {.direction = {side * (0.75f + 0.25f * on_top), -0.25f - 0.5f * flank, 0.5f * front - 0.5f * flank},
              .lift = 0.32f,
              .stretch = 0.35f + 0.65f * on_top};
    case Style::fringe:
      return {.direction = {0.12f * a.x + 0.3f * hair.parting, -0.3f - 0.6f * flank, 1 - 0.9f * flank},
              .lift = 0.28f,
              .stretch = 0.45f + 0.55f * on_top};
    case Style::swept_back:
      return {.direction = {0.05f * a.x, 0.1f, -1}, .lift = 0.25f, .weight = 0.05f, .stretch = 0.5f + 0.5f * on_top};
    case Style::long_open:
      return {.direction = {side * 0.9f, -0.6f, -0.35f}, .lift = 0.25f, .weight = 0.4f};
    case Style::curly:
      return {.direction = {0.1f * a.x, 0.35f - 0.9f * flank, 0.2f},
              .lift = 0.85f,
              .weight = 0.12f,
              .cling = 0.22f,
              .stretch = 0.6f + 0.4f * on_top};
  }
  return {};
}

}  // namespace detail

/// The hair of the head in the person's style. `richness` scales the number of strands.
inline Strands scalp_hair(const Grid& head, const PersonParameters& person, float richness) {
  using Style = PersonParameters::Hair::Style;
  const auto& hair = person.hair;
  const bool is_long = hair.length > 12, curly = hair.style == Style::curly, bald = hair.style == Style::bald;
  Strands s;
  s.points_per_strand = is_long ? 18 : curly ? 14 : richness < 0.85f ? 6 : 9;  // fewer where nobody sees it
  s.root_open = 0.35f;
  const RootSampler roots(head, [&](Vec3 p) {
    if (p.y < -8) return 0.0f;
    const float in_view = is_long ? 1.0f : smoothstep(-8.0f, -5.5f, p.z);  // nobody sees the back of the head
    return in_view * scalp(p, hair.recession) * (bald ? smoothstep(4.5f, 2.0f, p.y) : 1.0f);
  });
  if (roots.empty()) return s;

  const detail::Skull skull(head);
  const auto seed = static_cast<std::uint32_t>(person.seed);
  const float count = (is_long ? 8000.0f : hair.length < 2 ? 13000.0f : 11000.0f) * hair.thickness * richness;
  Rng rng = Rng(person.seed).split(5);
  for (int k = 0; k < static_cast<int>(count); ++k) {
    const std::size_t i = roots(rng);
    const Vec3 n = head.normal[i], a = head.average[i];
    const auto lock = [&](float size, std::uint32_t id) {  // -0.5 ... 0.5, alike for neighbours
      return value_noise(a.x / size + 50, (a.y + 1.4f * a.z) / size + 9 * n.x, seed + id) - 0.5f;
    };
    const float lock_x = lock(1.1f, 21), lock_z = lock(1.1f, 22), fine = lock(0.4f, 23);
    const detail::Combing c = detail::combing(hair, a);
    const bool flanks = a.y < 2.5f && !is_long && !curly;  // cut short over the ears and in the neck
    const float total =
        hair.length * c.stretch * (flanks ? 0.55f : 1.0f) * (1 + 0.5f * lock_z) * detail::uniform(rng, 0.7f, 1.1f);
    const float step = total / static_cast<float>(s.points_per_strand - 1);
    const float clearance = 1 + detail::uniform(rng, 0.01f, 0.05f) * (0.5f + 0.12f * std::min(hair.length, 10.0f));
    const float fringe_end = 2.6f - 2.4f * hair.over_face + 1.2f * lock_x + detail::uniform(rng, 0, 0.5f),
                side = a.x > hair.parting * 4 ? 1.0f : -1.0f;
    const float phase = 9 * (lock_x + lock_z) + detail::uniform(rng, 0, 1);
    Vec3 p = detail::jittered(head, i, rng);
    const Vec3 tangled = Vec3{0.7f * lock_x + 0.3f * fine, 0.2f * lock_z, 0.7f * lock_z};
    const float lift = c.lift * detail::uniform(rng, 0.7f, 1.4f);
    Vec3 d = normalized(detail::along_surface(c.direction + tangled, n) + n * lift + detail::random_vector(rng, 0.2f));
    for (int j = 0; j < s.points_per_strand; ++j) {
      s.points.push_back(p);
      Vec3 next = p + d * step;
      if (j > 0) next = skull.outside(next, clearance + (is_long ? 0.1f * smoothstep(1, -4, next.y) : 0.0f));
      // The face stays free: long hair hangs beside it, short hair is cut above the brows.
      if (next.z > 2 && next.y < 8) {
        if (is_long) {
          const float beside =
              mix((0.9f - 0.35f * hair.over_face) * skull.radii.x, 2.2f, smoothstep(0.5f, 7.5f, next.y));
          if (std::abs(next.x) < beside) next.x = mix(next.x, side * beside, 0.6f);
        } else if (next.y < fringe_end && std::abs(next.x) < 5.5f) {
          next = p;
        }
      }
      if (length(next - p) > 1e-4f) d = normalized(next - p);
      p = next;
      const Vec3 away = skull.away(p);
      d += away * (-c.cling * dot(d, away));
      d = normalized(d + Vec3{0, -c.weight, 0} + detail::random_vector(rng, 0.04f));
      if (curly) {
        const float turn = phase + 1.6f * static_cast<float>(j);
        d = normalized(d + Vec3{std::sin(turn), 0.3f * std::sin(1.3f * turn), std::cos(turn)} * 0.8f);
      }
    }
    s.normal.push_back(n), s.root.push_back(i);
    s.colour.push_back(detail::varied(hair.colour, rng, 0.3f + 0.7f * lock_x + 0.9f * fine));
  }
  return s;
}

}  // namespace nasion::faces::synthetic
