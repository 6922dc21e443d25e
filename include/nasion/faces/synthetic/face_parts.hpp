#pragma once
// The other surfaces of a portrait: eyeballs, mouth, ears, shoulders, glasses.

#include "nasion/faces/synthetic/face_parameters.hpp"
#include "nasion/faces/synthetic/noise.hpp"

namespace nasion::faces::synthetic {

/// An eyeball, looking along +z: `average` is the direction from its centre. Only the front is there; at its rim it
/// goes over into a flat border that closes the corners of the eye. side: 1 right in the picture.
inline Grid eyeball(float side, const IdentityWeights& identity) {
  Grid g(25, 41);
  // The ball follows its socket: as the foremost point moves with the morphs, so does the whole.
  const Vec3 front = Vec3{side * eye_centre.x, eye_centre.y, eye_centre.z + eye_radius};
  const Vec3 centre = morphed(front, identity, {}) - Vec3{0, 0, eye_radius};
  for (int r = 0; r < g.rows; ++r)
    for (int c = 0; c < g.columns; ++c) {
      const float polar = 1.15f * static_cast<float>(r) / static_cast<float>(g.rows - 5);  // the last 4 rows: border
      const float angle = 2 * pi * static_cast<float>(c) / static_cast<float>(g.columns - 1);
      const float border = std::max(polar - 1.15f, 0.0f), on_ball = polar - border;
      const float nose_side = smoothstep(0.5f, -0.5f, side * std::cos(angle));  // the temple falls away at once
      const float out = std::sin(on_ball) + border * mix(0.5f, 2.0f, nose_side);
      const std::size_t i = g.index(r, c);
      g.average[i] = {std::sin(on_ball) * std::cos(angle), std::sin(on_ball) * std::sin(angle), std::cos(on_ball)};
      const float back = border * mix(2.5f, 0.0f, nose_side);
      g.position[i] =
          centre + Vec3{out * std::cos(angle), out * std::sin(angle), std::cos(on_ball) - back} * eye_radius;
      g.normal[i] = normalized(mix(g.average[i], {0, 0, 1}, smoothstep(0, 0.1f, border)));
      g.gloss[i] = 1 - smoothstep(0, 0.05f, border);
    }
  return g;
}

/// A row of teeth on its arch; `upper` hangs from the skull, the other is carried by the jaw through `deform`.
template <class Deform>
Grid teeth(bool upper, Deform&& deform) {
  Grid g(9, 97);
  for (int r = 0; r < g.rows; ++r)
    for (int c = 0; c < g.columns; ++c) {
      const float u = 2 * static_cast<float>(c) / static_cast<float>(g.columns - 1) - 1;
      const float v = static_cast<float>(r) / static_cast<float>(g.rows - 1);  // 0 at the gum
      const float x = 2.55f * u, tooth = std::abs(std::sin(pi * x / (upper ? 0.78f : 0.58f)));
      const float edge = 0.08f * (1 - std::sqrt(tooth));
      Vec3 p{x, upper ? mix(-5.7f, -6.95f + edge, v) : mix(-8.0f, -6.98f - edge, v), 8.55f - 0.42f * x * x};
      p.z += 0.12f * std::sqrt(tooth) - (upper ? 0.0f : 0.18f);
      const std::size_t i = g.index(r, c);
      g.average[i] = p;
      g.position[i] = p + deform({0.0f, upper ? -6.0f : -7.6f, 8.6f}) - Vec3{0.0f, upper ? -6.0f : -7.6f, 8.6f};
      const float gum = smoothstep(0.3f, 0.12f, v);
      g.colour[i] = mix(Vec3{0.8f, 0.72f, 0.58f} * (0.6f + 0.4f * std::sqrt(tooth)), {0.35f, 0.1f, 0.1f}, gum);
      g.colour[i] = g.colour[i] * (1 - 0.45f * u * u);
      g.gloss[i] = 0.5f;
      g.open[i] = 0.9f;
    }
  compute_normals(g, upper ? 1.0f : -1.0f, false);
  return g;
}

/// The dark behind the teeth, bent forwards to the cheeks; its lower edge goes with the jaw.
template <class Deform>
Grid mouth_cavity(Deform&& deform) {
  Grid g(2, 13);
  for (int r = 0; r < g.rows; ++r)
    for (int c = 0; c < g.columns; ++c) {
      const float u = 2 * static_cast<float>(c) / static_cast<float>(g.columns - 1) - 1;
      const std::size_t i = g.index(r, c);
      g.average[i] = {2.9f * u, r == 0 ? -5.2f : -8.9f, 4.8f + 2.3f * square(square(u))};
      g.position[i] = deform(g.average[i]);
      g.normal[i] = {0, 0, 1}, g.colour[i] = {0.06f, 0.012f, 0.012f}, g.open[i] = 0.3f, g.lit[i] = 0.1f;
    }
  return g;
}

/// An ear: a leaf-shaped bowl with a rolled rim and an inner fold. side: 1 right in the picture.
inline Grid ear(float side, const IdentityWeights& identity, Vec3 skin, float size, float angle) {
  Grid g(22, 61);
  const Vec3 root = morphed(head_point(1.62f, 7.9f), identity, {});
  for (int r = 0; r < g.rows; ++r)
    for (int c = 0; c < g.columns; ++c) {
      const float rho = static_cast<float>(r) / static_cast<float>(g.rows - 1);
      const float phi = 2 * pi * static_cast<float>(c) / static_cast<float>(g.columns - 1);
      const float cp = std::cos(phi), sp = std::sin(phi);  // cp: towards the back, sp: up
      const float outline = 1 + 0.12f * sp + 0.10f * cp * sp - 0.12f * bell(phi - 4.3f, 0.5f);
      const float back = 1.55f * rho * outline * cp * (1 - 0.2f * smoothstep(0.2f, -1, sp)),
                  up = 3.1f * rho * outline * sp;
      const float behind = smoothstep(-0.75f, 0.1f, cp);  // the front edge is grown to the head
      float height = 1.25f * behind * rho * (0.55f + 0.45f * rho) + 0.25f * behind * bell(rho - 0.86f, 0.09f);
      height += 0.3f * bell(rho - 0.52f, 0.1f) * smoothstep(-0.3f, 0.4f, cp) - 0.25f * bell(rho - 0.7f, 0.07f) * behind;
      height -= 0.55f * bell(back + 0.1f, up + 0.25f, 0.5f, 0.65f);   // the bowl
      height += 0.35f * bell(back + 0.85f, up + 0.45f, 0.28f, 0.4f);  // tragus
      height -= 0.55f * behind * smoothstep(0.93f, 1.0f, rho);        // rim turns back
      const float out = height * std::cos(angle * 0.3f), swing = back * std::sin(angle);
      const Vec3 p = root + Vec3{(out + std::max(swing, -0.2f)) * size - 0.1f, up * size * 0.9f + 0.45f + 0.15f * back,
                                 -back * std::cos(angle) * size - 0.6f};
      const std::size_t i = g.index(r, c);
      g.position[i] = {side * p.x, p.y, p.z};
      g.average[i] = {side * 40.0f, up, back};
      g.colour[i] = skin * Vec3{1.05f, 0.86f, 0.84f};
      g.gloss[i] = 0.5f;
      g.open[i] = std::clamp(0.55f + 0.5f * height, 0.3f, 1.0f);
    }
  compute_normals(g, side, true);
  darken_hollows(g, 3, 0.2f);
  return g;
}

/// Colour of the clothes at a place of the torso: t from the collar down, around from the middle of the chest.
inline Vec3 cloth_colour(const PersonParameters& person, float t, float around) {
  using Cloth = PersonParameters::Cloth;
  const auto seed = static_cast<std::uint32_t>(person.seed);
  const float weave = value_noise(70 * around, 45 * t, seed + 32) - 0.5f;
  float second = smoothstep(1.05f, 0.9f, t);  // share of the second colour, that of the collar
  switch (person.cloth) {
    case Cloth::plain:
      break;
    case Cloth::striped:
      second = std::max(second, smoothstep(0.2f, 0.5f, std::sin(13 * t)));
      break;
    case Cloth::speckled:
      second = std::max(second, smoothstep(0.58f, 0.7f, value_noise(38 * around, 13 * t, seed + 33)));
      break;
    case Cloth::jacket:
      second = std::max(second, smoothstep(0.02f, -0.02f, std::abs(around) - 0.75f + 0.16f * t));
      break;
  }
  return mix(person.clothes, person.collar, second) * (1 + 0.5f * weave);
}

/// Neck opening, shoulders and chest, dressed. Lives in the frame of the body.
inline Grid torso(const PersonParameters& person) {
  using Ring = std::array<float, 8>;  // collar's edge, its foot, then over the shoulders down
  Grid g(90, 181);
  const float top = mix(-14.0f, -12.2f, person.collar_height), broad = person.female ? 0.88f : 1.0f;
  const float neck = 1 + 0.07f * person.shape[identity_index("neck width")];
  const Ring half_width{5.8f, 6.3f, 8.4f, 13.5f, 18.5f, 21.5f, 22.8f, 23.5f};
  const Ring depth{5.6f, 6.2f, 6.8f, 7.8f, 9.2f, 10.2f, 11.0f, 12.0f};
  const Ring side{top - 0.2f, top - 1.4f, -15.2f, -16.1f, -17.3f, -19.6f, -24.5f, -40.0f};
  const Ring front{top - 2.0f + person.collar_height, top - 2.9f, -17.4f, -19.0f, -21.0f, -24.0f, -29.0f, -42.0f};
  const Ring back{top + 0.6f, top - 0.6f, -14.2f, -15.0f, -16.4f, -18.6f, -24.0f, -40.0f};
  const auto seed = static_cast<std::uint32_t>(person.seed);
  for (int r = 0; r < g.rows; ++r)
    for (int c = 0; c < g.columns; ++c) {
      const float t = 7 * static_cast<float>(r) / static_cast<float>(g.rows - 1);
      const float around = pi * (2 * static_cast<float>(c) / static_cast<float>(g.columns - 1) - 1);
      const float s = std::sin(around), k = std::cos(around);
      const float size = mix(neck, broad, smoothstep(1.0f, 3.5f, t));
      const std::size_t i = g.index(r, c);
      const float folds = value_noise(3 * s + 20, 0.9f * t + 1.5f * s, seed + 31) - 0.5f;
      g.position[i] = {size * spline(half_width, t) * s, mix(spline(side, t), spline(k > 0 ? front : back, t), k * k),
                       -1.5f + k * size * (k > 0 ? spline(depth, t) : 6.5f + 0.3f * t)};
      g.position[i] += Vec3{0, 0.7f, 0.7f} * (folds * smoothstep(1.5f, 4.0f, t));
      g.average[i] = {40.0f * s, -80.0f - 4 * t, 0.0f};
      g.colour[i] = cloth_colour(person, t, around);
      g.open[i] = mix(0.5f, 1.0f, smoothstep(0, 1.5f, t)) - 0.3f * bell(t - 1, 0.12f);
    }
  compute_normals(g, 1, true);
  return g;
}

/// A tube along points, for the frames of glasses.
inline Grid tube(const std::vector<Vec3>& path, float radius, Vec3 colour) {
  Grid g(static_cast<int>(path.size()), 9);
  for (int r = 0; r < g.rows; ++r) {
    const auto k = static_cast<std::size_t>(r);
    const Vec3 along = normalized(path[std::min(k + 1, path.size() - 1)] - path[k > 0 ? k - 1 : 0]);
    const Vec3 u = normalized(cross(along, std::abs(along.y) < 0.9f ? Vec3{0, 1, 0} : Vec3{0, 0, 1})),
               v = cross(along, u);
    for (int c = 0; c < g.columns; ++c) {
      const float a = 2 * pi * static_cast<float>(c) / 8.0f;
      const std::size_t i = g.index(r, c);
      g.normal[i] = u * std::cos(a) + v * std::sin(a);
      g.position[i] = path[k] + g.normal[i] * radius;
      g.average[i] = {0, 60, 0}, g.colour[i] = colour, g.gloss[i] = 0.8f;
    }
  }
  return g;
}

/// Where the rims of this person's glasses are: a point of a rim by its angle, 0 at the temple.
class GlassesRim {
 public:
  explicit GlassesRim(const PersonParameters& person)
      : eye_(morphed(face_point(3.15f, 0.2f), person.shape, {})), size_(person.glasses_size) {
    plane_ = std::max(eye_.z + 0.9f, morphed(face_point(0, 0), person.shape, {}).z - 0.1f);
  }
  Vec3 operator()(float side, float angle) const {
    const float c = std::cos(angle), d = std::sin(angle);
    const float squarish = std::pow(std::pow(std::abs(c), 3.0f) + std::pow(std::abs(d), 3.0f), -1 / 3.0f);
    const float x = eye_.x + 0.15f + 2.35f * size_ * squarish * c;
    return Vec3{side * x, eye_.y - 0.35f + 1.75f * size_ * squarish * d, plane_ - 0.045f * x * x};
  }

 private:
  Vec3 eye_;
  float size_, plane_;
};

/// Two rims, bridge and temples, resting on this person's nose and ears.
inline std::vector<Grid> glasses(const PersonParameters& person) {
  std::vector<Grid> parts;
  const GlassesRim rim_point(person);
  constexpr float radius = 0.09f;
  for (const float side : {-1.0f, 1.0f}) {
    std::vector<Vec3> rim;
    for (int i = 0; i <= 48; ++i) rim.push_back(rim_point(side, 2 * pi * static_cast<float>(i) / 48.0f));
    parts.push_back(tube(rim, radius, person.glasses_colour));
    const Vec3 hinge = rim_point(side, 0.5f), ear_root = morphed(head_point(1.55f, 7.0f), person.shape, {});
    const Vec3 end{side * (ear_root.x + 0.25f), ear_root.y + 0.6f, ear_root.z - 0.8f};
    std::vector<Vec3> temple;
    for (int i = 0; i <= 12; ++i) {
      const float t = static_cast<float>(i) / 12.0f;
      Vec3 p = mix(hinge, end, t);
      p.x = side * (std::abs(hinge.x) + (std::abs(end.x) - std::abs(hinge.x)) * std::sqrt(t));
      temple.push_back(p);
    }
    parts.push_back(tube(temple, radius, person.glasses_colour));
  }
  std::vector<Vec3> bridge;
  const Vec3 from = rim_point(-1, pi - 0.35f), to = rim_point(1, pi - 0.35f);
  for (int i = 0; i <= 12; ++i) {
    const float t = static_cast<float>(i) / 12.0f;
    Vec3 p = mix(from, to, t);
    p.y += 0.8f * t * (1 - t), p.z += 0.9f * 4 * t * (1 - t) * 0.4f;
    bridge.push_back(p);
  }
  parts.push_back(tube(bridge, radius, person.glasses_colour));
  return parts;
}

}  // namespace nasion::faces::synthetic
