#pragma once
// What lens and exposure do to the light of a picture before it is developed.

#include <vector>

#include "nasion/faces/synthetic/face_parameters.hpp"

namespace nasion::faces::synthetic {

/// Linear RGB, row by row from the top.
struct Picture {
  int width = 0, height = 0;
  std::vector<Vec3> pixels;
  Picture(int w, int h) : width(w), height(h), pixels(static_cast<std::size_t>(w) * static_cast<std::size_t>(h)) {}
  Vec3& at(int x, int y) {
    return pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)];
  }
  /// The edge's pixels go on outside.
  const Vec3& nearest(int x, int y) const {
    const auto row = static_cast<std::size_t>(std::clamp(y, 0, height - 1));
    return pixels[row * static_cast<std::size_t>(width) + static_cast<std::size_t>(std::clamp(x, 0, width - 1))];
  }
};

/// Mean over steps along a line of this many pixels in both directions: a hand that shakes, or half of a blur.
inline void smear(Picture& picture, float reach_x, float reach_y) {
  const int steps = std::clamp(static_cast<int>(std::max(std::abs(reach_x), std::abs(reach_y)) + 0.5f), 0, 64);
  if (steps == 0) return;
  const Picture from = picture;
  const float share = 1 / static_cast<float>(2 * steps + 1);
  std::vector<std::pair<int, int>> offsets;
  for (int k = -steps; k <= steps; ++k) {
    const float t = static_cast<float>(k) / static_cast<float>(steps);
    offsets.emplace_back(static_cast<int>(std::lround(t * reach_x)), static_cast<int>(std::lround(t * reach_y)));
  }
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x) {
      Vec3 sum;
      for (const auto& [dx, dy] : offsets) sum += from.nearest(x + dx, y + dy);
      picture.at(x, y) = sum * share;
    }
}

/// Out of focus by about this radius in pixels.
inline void defocus(Picture& picture, float radius) {
  for (const float part : {0.7f * radius, 0.45f * radius}) smear(picture, part, 0), smear(picture, 0, part);
}

/// A frame of one colour, as where a photo was cut off.
inline void cut_off(Picture& picture, const CameraEffects& camera) {
  const auto cut = [](float share, int size) {
    return static_cast<int>(std::lround(share * static_cast<float>(size)));
  };
  const int left = cut(camera.cut_left, picture.width), right = picture.width - cut(camera.cut_right, picture.width);
  const int top = cut(camera.cut_top, picture.height), bottom = picture.height - cut(camera.cut_bottom, picture.height);
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x)
      if (x < left || x >= right || y < top || y >= bottom)
        picture.at(x, y) = Vec3{camera.cut_grey, camera.cut_grey, camera.cut_grey};
}

/// All of them, in the order in which they happen.
inline void expose(Picture& picture, const CameraEffects& camera) {
  const auto height = static_cast<float>(picture.height);
  defocus(picture, camera.defocus * height);
  smear(picture, camera.motion * height * std::cos(camera.motion_angle),
        camera.motion * height * std::sin(camera.motion_angle));
  for (Vec3& p : picture.pixels) p = p * camera.cast;
  cut_off(picture, camera);
}

}  // namespace nasion::faces::synthetic
