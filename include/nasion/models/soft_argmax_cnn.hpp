#pragma once
// Keypoints by attention to places: a fully convolutional network makes one map per point, soft-argmax reads it.
// Because every weight serves every place of the image, a few hundred photos are enough.

#include <vector>

#include "nasion/nn/layers.hpp"
#include "nasion/ops/elementwise.hpp"
#include "nasion/ops/pool.hpp"
#include "nasion/ops/soft_argmax.hpp"

namespace nasion::models {

struct SoftArgmaxCnnConfig {
  Index in_channels = 1, points = 1;
  Index width = 64;  ///< channels of the deep layers; the first two have a quarter and half of them
  std::vector<Index> dilations = {2, 2, 2};  ///< of the 3x3 layers that let each place see the whole face
};

/// Images [N, in_channels, H, W] -> coordinates [N, 2 points]: x and y as parts of width and height, within (0, 1).
/// Maps have a quarter of the image's resolution.
template <std::floating_point T>
struct SoftArgmaxCnn {
  nn::Conv2d<T> conv1, conv2, conv3;
  std::vector<nn::Conv2d<T>> dilated;
  nn::Conv2d<T> maps;

  SoftArgmaxCnn(const SoftArgmaxCnnConfig& c, Rng& rng)
      : conv1({.in = c.in_channels, .out = c.width / 4, .kernel = 5, .padding = 2}, rng),
        conv2({.in = c.width / 4, .out = c.width / 2, .kernel = 3, .padding = 1}, rng),
        conv3({.in = c.width / 2, .out = c.width, .kernel = 3, .padding = 1}, rng),
        dilated(make_dilated(c, rng)),
        maps({.in = c.width, .out = c.points, .kernel = 1}, rng) {}

  Tensor<T> operator()(const Tensor<T>& images) const {
    auto x = to_order(images, MemoryOrder::channels_last);  // which convolutions are fastest in
    x = max_pool2d(relu(conv1(x)));
    x = relu(conv3(max_pool2d(relu(conv2(x)))));
    for (const auto& conv : dilated) x = relu(conv(x));
    return soft_argmax2d(maps(x));
  }
  static void visit(auto& self, auto&& f) {
    f("conv1", self.conv1);
    f("conv2", self.conv2);
    f("conv3", self.conv3);
    f("dilated", self.dilated);
    f("maps", self.maps);
  }

 private:
  static std::vector<nn::Conv2d<T>> make_dilated(const SoftArgmaxCnnConfig& c, Rng& rng) {
    std::vector<nn::Conv2d<T>> layers;
    for (const Index d : c.dilations)
      layers.emplace_back(nn::Conv2dConfig{.in = c.width, .out = c.width, .kernel = 3, .padding = d, .dilation = d},
                          rng);
    return layers;
  }
};

}  // namespace nasion::models
