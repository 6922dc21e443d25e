#pragma once
// How surfaces answer light: skin (soft, reddish at the edge of shadow, slightly shiny), eyes, cloth and hair.

#include "nasion/faces/synthetic/face_parameters.hpp"
#include "nasion/faces/synthetic/noise.hpp"

namespace nasion::faces::synthetic {

enum class Material { skin, matte, eye };

/// One visible point, in the frame of the camera.
struct SurfacePoint {
  Vec3 normal, average, colour;
  float open = 1, lit = 1, gloss = 0;
};

/// Diffuse light that wraps around edges by `wrap` (per colour), as under skin.
inline Vec3 wrapped(float cosine, Vec3 wrap) {
  const auto channel = [&](float w) { return std::max((cosine + w) / (1 + w), 0.0f); };
  return {channel(wrap.x), channel(wrap.y), channel(wrap.z)};
}

inline float highlight(Vec3 normal, Vec3 light, unsigned sharpness) {
  const Vec3 half = normalized(light + Vec3{0, 0, 1});
  return power(std::max(dot(normal, half), 0.0f), sharpness);
}

/// Iris, pupil and white, for a direction on the eyeball, already relative to the gaze.
inline Vec3 eye_colour(Vec3 d, const PersonParameters& person) {
  const float radius = eye_radius * std::acos(std::clamp(d.z, -1.0f, 1.0f)), angle = std::atan2(d.y, d.x);
  const auto seed = static_cast<std::uint32_t>(person.seed);
  const float spokes = value_noise(angle * 9 + 60, radius * 2.5f, seed + 7);
  Vec3 iris = person.iris * (0.55f + 0.9f * spokes) * mix(1.3f, 0.75f, smoothstep(0.25f, 0.6f, radius));
  iris = iris * (1 - 0.75f * smoothstep(0.5f, 0.61f, radius));
  const Vec3 white = mix(Vec3{0.47f, 0.41f, 0.38f}, {0.4f, 0.22f, 0.2f}, smoothstep(0.75f, 1.7f, radius));
  Vec3 colour = mix(iris, white, smoothstep(0.57f, 0.65f, radius));
  return colour * smoothstep(0.19f, 0.25f, radius) + Vec3{0.004f, 0.004f, 0.004f};
}

/// Gives a point of an eyeball the colour of the eye that looks as the face says, in the shade of lid and lashes.
inline void look(SurfacePoint& p, const FaceParameters& face) {
  const float below_lid = 0.62f * face.eyes.upper - eye_radius * p.average.y;
  const float corner = 1 - 0.45f * smoothstep(0.45f, 0.95f, std::abs(p.average.x));
  p.open = mix(0.25f, 1.0f, smoothstep(-0.1f, 0.7f, below_lid)) * corner;
  const Vec3 d = rotation(0, -face.gaze_y, 0)(rotation(-face.gaze_x, 0, 0)(p.average));
  p.colour = eye_colour(normalized(d), face.person) * (0.3f + 0.7f * p.open);
}

/// Light leaving a point towards the camera, which looks along -z. Linear RGB.
inline Vec3 shade(const SurfacePoint& p, Material material, const FaceParameters& face, Vec3 key, Vec3 fill) {
  const Vec3 wrap = material == Material::skin ? Vec3{0.32f, 0.16f, 0.12f} : Vec3{0.08f, 0.08f, 0.08f};
  const float lit = clamp01(p.lit);
  // Red light spreads farthest under skin: the edge of a shadow is reddish.
  const Vec3 shadow{material == Material::skin ? lit * (1.35f - 0.35f * lit) : lit, lit, lit};
  const Vec3 sky = face.ambient * (p.open * (0.75f + 0.25f * p.normal.y));
  const float hollow = std::min(1.0f, 0.35f + 0.65f * p.open);
  const Vec3 light = face.light * shadow * wrapped(dot(p.normal, key), wrap) * hollow +
                     face.fill * wrapped(dot(p.normal, fill), {0.4f, 0.4f, 0.4f}) * p.open + sky;
  Vec3 colour = p.colour * light;
  if (p.gloss > 0) {
    const float edge_on = 1 - clamp01(p.normal.z);
    const float edge = 0.35f + 1.6f * edge_on * edge_on * edge_on;
    const unsigned sharp = material == Material::eye ? 220 : 14;
    const float strength = material == Material::eye ? 2.5f : 0.28f * p.gloss * edge;
    colour += face.light * (lit * p.open * strength * highlight(p.normal, key, sharp));
    colour +=
        face.fill * (p.open * strength * (material == Material::eye ? 0.12f : 0.7f) * highlight(p.normal, fill, sharp));
  }
  return colour;
}

/// Hair: bright where light meets it square, with one shine along the strand (Kajiya and Kay, 1989).
inline Vec3 shade_strand(Vec3 tangent, Vec3 normal, Vec3 colour, float lit, float open, const FaceParameters& face,
                         Vec3 key, Vec3 fill) {
  const auto across = [&](Vec3 l) { return std::sqrt(std::max(1 - square(dot(tangent, l)), 0.0f)); };
  const float facing = clamp01(0.55f * dot(normal, key) + 0.5f),
              facing_fill = clamp01(0.55f * dot(normal, fill) + 0.5f);
  const Vec3 half = normalized(key + Vec3{0, 0, 1});
  const float shine = power(across(half), 28);
  const Vec3 diffuse =
      face.light * (lit * facing * across(key)) + face.fill * (facing_fill * across(fill)) + face.ambient * open;
  return colour * diffuse + (mix(colour, {0.5f, 0.5f, 0.5f}, 0.15f)) * face.light * (0.45f * shine * lit * facing);
}

}  // namespace nasion::faces::synthetic
