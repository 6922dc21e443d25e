#pragma once
// Random changes that a face may undergo while its points move with it.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <optional>
#include <span>

#include "nasion/core/random.hpp"
#include "nasion/vision/affine.hpp"
#include "nasion/vision/blur.hpp"

namespace nasion::vision {

/// How far an image may move, either way, as parts of its width and its height; one number means both.
struct ShiftRange {
  double x = 0, y = 0;
  ShiftRange(double both = 0) : x(both), y(both) {}  // NOLINT: meant to convert
  ShiftRange(double of_width, double of_height) : x(of_width), y(of_height) {}
};

/// Ranges that are drawn from, uniformly; all 0: no change.
struct Augmentation {
  ShiftRange shift{};
  double rotation = 0;    ///< degrees, either way
  double scale = 0;       ///< factor in [1 / (1 + scale), 1 + scale], uniform in its logarithm
  double flip = 0;        ///< probability of mirroring left and right
  double brightness = 0;  ///< added to grey values that span 1 (not a factor, as torchvision's is)
  double contrast = 0;    ///< factor about middle grey in [1 / (1 + contrast), 1 + contrast]
  double blur = 0;        ///< largest deviation of a Gaussian, in pixels of the network's input; half of the images
  double noise = 0;       ///< largest deviation of normal noise on grey values that span 1
  double occlusion = 0;   ///< probability that a patch hides a part of the image, see OcclusionPatch
};

/// For faces in the wild, where light, sharpness and what is in front vary, and boxes are not exact.
inline Augmentation wild_face_augmentation() {
  return {.shift = 0.05,
          .rotation = 25,
          .scale = 0.12,
          .flip = 0.5,
          .brightness = 0.15,
          .contrast = 0.4,
          .blur = 1,
          .occlusion = 0.4};
}

/// A rectangle that hides what is behind it (Zhong et al., "Random erasing data augmentation", AAAI 2020). Width and
/// height are 0.1 to 0.4 of the image's, all of it lies inside; it is as often of one grey as of noise.
struct OcclusionPatch {
  Box box;                      ///< as parts of width and height
  std::optional<float> grey{};  ///< in [-0.5, 0.5]; none: another grey for each pixel
};

/// One draw of an augmentation.
struct AugmentationDraw {
  Affine affine;          ///< of pixels of the image
  bool mirrored = false;  ///< whether landmarks must change places with their mirror images
  double gain = 1, offset = 0;
  double blur = 0;   ///< deviation in pixels of the network's input
  double noise = 0;  ///< deviation
  std::optional<OcclusionPatch> patch{};
  Rng pixels{0};  ///< where the values of single pixels come from

  /// The grey value v in [-0.5, 0.5] under the new light.
  float light(float v) const { return std::clamp(static_cast<float>(v * gain + offset), -0.5f, 0.5f); }
};

/// Draws for an image of this size. Always uses the same number of random numbers. ValueError for negative ranges.
inline AugmentationDraw draw_augmentation(const Augmentation& a, int width, int height, Rng& rng) {
  check<ValueError>(a.shift.x >= 0 && a.shift.y >= 0 && a.rotation >= 0 && a.scale >= 0 && a.flip >= 0 && a.flip <= 1 &&
                        a.brightness >= 0 && a.contrast >= 0 && a.blur >= 0 && a.noise >= 0 && a.occlusion >= 0 &&
                        a.occlusion <= 1,
                    "[augment] ranges must not be negative, and the probabilities of flip and occlusion at most 1");
  const double dx = rng.uniform(-a.shift.x, a.shift.x) * width, dy = rng.uniform(-a.shift.y, a.shift.y) * height;
  const double angle = rng.uniform(-a.rotation, a.rotation) * std::numbers::pi / 180;
  const double factor = std::exp(rng.uniform(-1, 1) * std::log1p(a.scale));
  AugmentationDraw draw;
  draw.mirrored = rng.chance(a.flip);
  draw.offset = rng.uniform(-a.brightness, a.brightness);
  draw.gain = std::exp(rng.uniform(-1, 1) * std::log1p(a.contrast));
  const Point centre{width / 2.0, height / 2.0};
  draw.affine = Affine::translate(-centre.x, -centre.y)
                    .then(Affine::scale(factor, factor))
                    .then(Affine::translate(centre.x + dx, centre.y + dy))
                    .then(Affine::rotate(angle, centre));
  if (draw.mirrored) draw.affine = draw.affine.then(Affine::flip(width));

  const bool blurred = rng.chance(0.5);
  const double sigma = rng.uniform(0, a.blur);
  if (blurred) draw.blur = sigma;
  draw.noise = rng.uniform(0, a.noise);
  const bool occluded = rng.chance(a.occlusion), plain = rng.chance(0.5);
  OcclusionPatch patch;
  patch.box.width = rng.uniform(0.1, 0.4), patch.box.height = rng.uniform(0.1, 0.4);
  patch.box.x = rng.uniform(0, 1 - patch.box.width), patch.box.y = rng.uniform(0, 1 - patch.box.height);
  const auto grey = static_cast<float>(rng.uniform(-0.5, 0.5));
  if (plain) patch.grey = grey;
  if (occluded) draw.patch = patch;
  draw.pixels = rng.split(rng());
  return draw;
}

/// Light, patch, blur and noise of the draw on the network's input, whose grey values stay in [-0.5, 0.5]. Row by row,
/// width x height of them; ValueError otherwise.
inline void change_pixels(const AugmentationDraw& draw, std::span<float> values, int width, int height) {
  check<ValueError>(width > 0 && height > 0 && std::ssize(values) == std::ptrdiff_t{width} * height, "[change_pixels] ",
                    values.size(), " values are no image of ", width, " x ", height);
  Rng rng = draw.pixels;
  for (float& v : values) v = draw.light(v);
  if (draw.patch) {
    const Box& box = draw.patch->box;
    const auto edge = [](double part, int size) { return static_cast<std::size_t>(std::lround(part * size)); };
    for (std::size_t y = edge(box.y, height); y < edge(box.y + box.height, height); ++y)
      for (std::size_t x = edge(box.x, width); x < edge(box.x + box.width, width); ++x)
        values[y * static_cast<std::size_t>(width) + x] =
            draw.patch->grey ? *draw.patch->grey : static_cast<float>(rng.uniform(-0.5, 0.5));
  }
  if (draw.blur > 0) gaussian_blur(values, width, height, draw.blur);
  if (draw.noise > 0)
    for (float& v : values) v = std::clamp(v + static_cast<float>(rng.normal(0, draw.noise)), -0.5f, 0.5f);
}

}  // namespace nasion::vision
