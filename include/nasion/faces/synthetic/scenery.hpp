#pragma once
// What is behind people: walls, rooms, leaves, lights, stripes, lettering and other shapes, mostly out of focus.

#include <array>

#include "nasion/core/random.hpp"
#include "nasion/faces/synthetic/camera_effects.hpp"
#include "nasion/faces/synthetic/draws.hpp"
#include "nasion/faces/synthetic/noise.hpp"

namespace nasion::faces::synthetic {

namespace detail {

/// Colours that things have: grey, wood and sand, leaves, sky and cloth, skin.
inline Vec3 scenery_colour(Draws& draw) {
  const float value = draw.chance(0.3) ? draw.uniform(0.3, 0.9) : draw.uniform(0.01, 0.3);
  const std::array<Vec3, 8> tints{{{1, 1, 1},
                                   {1, 0.97f, 0.9f},
                                   {1, 0.75f, 0.5f},
                                   {0.55f, 0.8f, 0.3f},
                                   {0.5f, 0.75f, 1},
                                   {0.9f, 0.3f, 0.25f},
                                   {0.9f, 0.56f, 0.42f},
                                   {0.35f, 0.4f, 0.7f}}};
  const Vec3 tint = draw.one_of(tints);
  return Vec3{tint.x * draw.uniform(0.8, 1.2), tint.y * draw.uniform(0.8, 1.2), tint.z * draw.uniform(0.8, 1.2)} *
         value;
}

/// A rectangle with its own axes: shelves, windows, posts, letters. Sizes are parts of the picture's height.
inline void fill_rectangle(Picture& picture, float cx, float cy, float half_width, float half_height, float angle,
                           Vec3 colour) {
  const auto h = static_cast<float>(picture.height);
  const float reach = h * std::hypot(half_width, half_height), c = std::cos(angle), s = std::sin(angle);
  const int top = std::max(0, static_cast<int>(cy * h - reach)),
            bottom = std::min(picture.height - 1, static_cast<int>(cy * h + reach));
  const int left = std::max(0, static_cast<int>(cx * h - reach)),
            right = std::min(picture.width - 1, static_cast<int>(cx * h + reach));
  for (int y = top; y <= bottom; ++y)
    for (int x = left; x <= right; ++x) {
      const float dx = (static_cast<float>(x) + 0.5f) / h - cx, dy = (static_cast<float>(y) + 0.5f) / h - cy;
      if (std::abs(c * dx + s * dy) < half_width && std::abs(c * dy - s * dx) < half_height) picture.at(x, y) = colour;
    }
}

inline void fill_disc(Picture& picture, float cx, float cy, float rx, float ry, Vec3 colour, float cover) {
  const auto h = static_cast<float>(picture.height);
  const int top = std::max(0, static_cast<int>((cy - ry) * h)),
            bottom = std::min(picture.height - 1, static_cast<int>((cy + ry) * h));
  const int left = std::max(0, static_cast<int>((cx - rx) * h)),
            right = std::min(picture.width - 1, static_cast<int>((cx + rx) * h));
  for (int y = top; y <= bottom; ++y)
    for (int x = left; x <= right; ++x) {
      const float dx = ((static_cast<float>(x) + 0.5f) / h - cx) / rx,
                  dy = ((static_cast<float>(y) + 0.5f) / h - cy) / ry;
      if (dx * dx + dy * dy < 1) picture.at(x, y) = mix(picture.at(x, y), colour, cover);
    }
}

/// A wall, a sky, leaves: two colours that go over into each other, with noise of several sizes.
inline void fill_ground(Picture& picture, Draws& draw) {
  const Vec3 from = scenery_colour(draw), to = draw.chance(0.5) ? from * draw.uniform(0.5, 1.3) : scenery_colour(draw);
  const float angle = draw.uniform(0, 2 * std::numbers::pi), cx = std::cos(angle), cy = std::sin(angle);
  const bool leaves = draw.chance(0.25);
  const float strength = leaves ? draw.uniform(0.8, 1.6) : draw.uniform(0, 0.5);
  const float size = leaves ? draw.uniform(14, 40) : draw.uniform(2, 14), flat = draw.uniform(0.4, 2.5);
  const auto seed = static_cast<std::uint32_t>(draw.seed());
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x) {
      const float u = static_cast<float>(x) / static_cast<float>(picture.height),
                  v = static_cast<float>(y) / static_cast<float>(picture.height);
      float noise = value_noise(size * u, size * flat * v, seed) - 0.5f;
      if (leaves) noise += 0.7f * (value_noise(2.3f * size * u + 7, 2.3f * size * flat * v, seed + 1) - 0.5f);
      const Vec3 colour = mix(from, to, smoothstep(-0.2f, 1.2f, 0.5f + cx * (u - 0.5f) + cy * (v - 0.5f)));
      picture.at(x, y) = colour * std::max(1 + strength * noise * 2, 0.05f);
    }
}

inline void fill_boxes(Picture& picture, Draws& draw, float aspect) {  // furniture, windows, posts
  const float tilt = draw.normal(0, 0.08);
  for (int k = 2 + static_cast<int>(draw.uniform(0, 10)); k > 0; --k) {
    const bool post = draw.chance(0.4);
    const float long_side = draw.uniform(0.1, post ? 1.0 : 0.5), thin = draw.uniform(0.01, post ? 0.06 : 0.4);
    const float cx = aspect * draw.uniform(0, 1), cy = draw.uniform(0, 1), turn = draw.chance(0.5) ? 0 : 0.5f * pi;
    const Vec3 colour = scenery_colour(draw);
    fill_rectangle(picture, cx, cy, thin, long_side, tilt + turn, colour);
    if (!post)
      fill_rectangle(picture, cx, cy, 0.85f * thin, 0.9f * long_side, tilt + turn, colour * draw.uniform(0.4, 2));
  }
}

inline void fill_stripes(Picture& picture, Draws& draw, float aspect) {
  const float angle = draw.chance(0.6) ? (draw.chance(0.5) ? 0 : 0.5f * pi) : draw.uniform(0, 3.2);
  const float gap = draw.uniform(0.03, 0.2), c = std::cos(angle), s = std::sin(angle);
  const Vec3 colour = scenery_colour(draw);
  for (float at = -1.5f; at < 2.5f; at += gap)
    fill_rectangle(picture, 0.5f * aspect - s * at, 0.5f + c * (at - 0.5f), 3, gap * 0.3f, angle, colour);
}

inline void fill_lettering(Picture& picture, Draws& draw, float aspect) {
  const Vec3 colour = scenery_colour(draw);
  const float size = draw.uniform(0.015, 0.07), tilt = draw.normal(0, 0.1);
  float x = aspect * draw.uniform(-0.2, 0.6), y = draw.uniform(0.05, 0.9);
  for (int line = 0; line < 3; ++line, y += 2.6f * size)
    for (float at = x; at < x + 0.7f * aspect; at += size * 1.3f) {
      if (draw.chance(0.18)) continue;
      fill_rectangle(picture, at, y, 0.12f * size, size, tilt, colour);
      const float bar = draw.uniform(-0.9, 0.9) * size;
      fill_rectangle(picture, at + 0.4f * size, y + bar, 0.4f * size, 0.13f * size, tilt, colour);
      if (draw.chance(0.5)) fill_rectangle(picture, at + 0.75f * size, y, 0.12f * size, size * 0.6f, tilt, colour);
    }
}

inline void fill_discs(Picture& picture, Draws& draw, float aspect) {  // lamps out of focus, or heads far away
  const bool lamps = draw.chance(0.5);
  const float size = draw.uniform(0.02, lamps ? 0.08 : 0.16);
  for (int k = 4 + static_cast<int>(draw.uniform(0, 18)); k > 0; --k) {
    const float radius = size * draw.uniform(0.6, 1.3), cx = aspect * draw.uniform(0, 1), cy = draw.uniform(0, 1);
    const Vec3 colour = scenery_colour(draw) * (lamps ? draw.uniform(1, 6) : 1.0f);
    fill_disc(picture, cx, cy, radius, radius * (lamps ? 1 : 1.3f), colour, lamps ? 0.6f : 1.0f);
    if (lamps || !draw.chance(0.7)) continue;
    fill_disc(picture, cx, cy + 2.6f * radius, 1.9f * radius, 1.5f * radius, scenery_colour(draw), 1);
    fill_disc(picture, cx, cy - 0.5f * radius, 1.05f * radius, radius, colour * 0.15f, 1);
  }
}

}  // namespace detail

/// A place to be photographed in. Brightness about that of people under light of strength 1.
inline void draw_scenery(Picture& picture, Rng rng) {
  Draws draw(rng);
  const float aspect = static_cast<float>(picture.width) / static_cast<float>(picture.height);
  detail::fill_ground(picture, draw);
  for (int layer = 0; layer < 3; ++layer) switch (static_cast<int>(draw.uniform(0, 8))) {
      case 0:
      case 1:
        detail::fill_boxes(picture, draw, aspect);
        break;
      case 2:
        detail::fill_stripes(picture, draw, aspect);
        break;
      case 3:
        detail::fill_lettering(picture, draw, aspect);
        break;
      case 4:
        detail::fill_discs(picture, draw, aspect);
        break;
      default:
        break;  // nothing more
    }
  const float radius = draw.chance(0.3) ? draw.uniform(0, 0.006) : draw.uniform(0.006, 0.04);
  defocus(picture, radius * static_cast<float>(picture.height));
}

}  // namespace nasion::faces::synthetic
