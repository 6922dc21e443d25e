#pragma once
// Random changes that a face may undergo while its points move with it.

#include <algorithm>
#include <cmath>
#include <numbers>

#include "nasion/core/random.hpp"
#include "nasion/vision/affine.hpp"

namespace nasion::vision {

/// Ranges that are drawn from, uniformly; all 0: no change.
struct Augmentation {
  double shift = 0;       ///< as a part of width and height, in each direction
  double rotation = 0;    ///< degrees, either way
  double scale = 0;       ///< factor in [1 / (1 + scale), 1 + scale], uniform in its logarithm
  double flip = 0;        ///< probability of mirroring left and right
  double brightness = 0;  ///< added to grey values that span 1
  double contrast = 0;    ///< factor about middle grey in [1 / (1 + contrast), 1 + contrast]
};

/// One draw of an augmentation.
struct AugmentationDraw {
  Affine affine;          ///< of pixels of the image
  bool mirrored = false;  ///< whether landmarks must change places with their mirror images
  double gain = 1, offset = 0;

  /// The grey value v in [-0.5, 0.5] under the new light.
  float light(float v) const { return std::clamp(static_cast<float>(v * gain + offset), -0.5f, 0.5f); }
};

/// Draws for an image of this size. Always uses the same number of random numbers. ValueError for negative ranges.
inline AugmentationDraw draw_augmentation(const Augmentation& a, int width, int height, Rng& rng) {
  check<ValueError>(a.shift >= 0 && a.rotation >= 0 && a.scale >= 0 && a.flip >= 0 && a.flip <= 1 &&
                        a.brightness >= 0 && a.contrast >= 0,
                    "[augment] ranges must not be negative, and the probability of a flip at most 1");
  const double dx = rng.uniform(-a.shift, a.shift) * width, dy = rng.uniform(-a.shift, a.shift) * height;
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
  return draw;
}

}  // namespace nasion::vision
