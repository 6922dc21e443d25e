#pragma once
// Keypoints by attention to places: a fully convolutional network makes one map per point, soft-argmax reads it.
// Because every weight serves every place of the image, a few hundred photos are enough.

#include <vector>

#include "nasion/models/conv_block.hpp"
#include "nasion/ops/pool.hpp"
#include "nasion/ops/soft_argmax.hpp"

namespace nasion::models {

/// Of images with `in_channels` channels and `points` to find.
struct SoftArgmaxCnnConfig {
  Index in_channels = 1, points = 1;
  Index width = 64;  ///< channels of the deep layers; the first two have a quarter and half of them
  std::vector<Index> dilations = {2, 2, 2};  ///< of the 3x3 layers that let each place see the whole face
};

/// Images [N, in_channels, H, W] -> coordinates [N, 2 points]: x and y as parts of width and height, within (0, 1).
/// Maps have a quarter of the image's resolution.
template <Real T>
struct SoftArgmaxCnn {
  ConvBlock<T> block1, block2, block3;
  std::vector<ConvBlock<T>> dilated;
  nn::Conv2d<T> maps;

  SoftArgmaxCnn(const SoftArgmaxCnnConfig& c, Rng& rng)
      : block1(c.in_channels, c.width / 4, rng, 5),
        block2(c.width / 4, c.width / 2, rng),
        block3(c.width / 2, c.width, rng),
        dilated(make_dilated(c, rng)),
        maps({.in = c.width, .out = c.points, .kernel = 1}, rng) {}

  Tensor<T> operator()(const Tensor<T>& images) const {
    auto x = block3(max_pool2d(block2(max_pool2d(block1(images)))));
    for (const auto& block : dilated) x = block(x);
    return soft_argmax2d(maps(x));
  }
  static void visit(auto& self, auto&& f) {
    f("block1", self.block1);
    f("block2", self.block2);
    f("block3", self.block3);
    f("dilated", self.dilated);
    f("maps", self.maps);
  }

 private:
  static std::vector<ConvBlock<T>> make_dilated(const SoftArgmaxCnnConfig& c, Rng& rng) {
    std::vector<ConvBlock<T>> blocks;
    for (const Index d : c.dilations) blocks.emplace_back(c.width, c.width, rng, 3, d);
    return blocks;
  }
};

}  // namespace nasion::models
