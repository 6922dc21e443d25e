#pragma once
// The course's fully convolutional network of part 4: no linear layer, one map per point. Its adaptive pooling enlarges
// again what it has shrunk.

#include "nasion/nn/batch_norm.hpp"
#include "nasion/nn/functions.hpp"
#include "nasion/nn/layers.hpp"

namespace nasion::models {

/// Of images with `in_channels` channels; one map for each of `points`.
struct HeatmapFcnConfig {
  Index in_channels = 1, points = 58;
  Size2 maps = {120, 160};  ///< height and width of the answer
};

/// Images [N, in_channels, H, W] -> logits [N, points, maps.h, maps.w].
template <Real T>
struct HeatmapFcn {
  nn::Conv2d<T> conv1, conv2, conv3, conv4, conv5, conv6, conv7, conv8;
  nn::BatchNorm2d<T> bn1, bn5;
  nn::Dropout<T> dropout2, dropout3, dropout4;
  Size2 maps;

  HeatmapFcn(const HeatmapFcnConfig& c, Rng& rng)
      : conv1({.in = c.in_channels, .out = 12, .kernel = 3, .activation = Activation::relu}, rng),
        conv2({.in = 12, .out = 32, .kernel = 5, .activation = Activation::relu}, rng),
        conv3({.in = 32, .out = 64, .kernel = 5, .activation = Activation::relu}, rng),
        conv4({.in = 64, .out = 64, .kernel = 5, .activation = Activation::relu}, rng),
        conv5({.in = 64, .out = 64, .kernel = 5, .activation = Activation::relu}, rng),
        conv6({.in = 64, .out = 128, .kernel = 3, .activation = Activation::relu}, rng),
        conv7({.in = 128, .out = 64, .kernel = 3, .activation = Activation::relu}, rng),
        conv8({.in = 64, .out = c.points, .kernel = 1}, rng),
        bn1({.features = 12}),
        bn5({.features = 64}),
        dropout2(0.2, rng),
        dropout3(0.2, rng),
        dropout4(0.2, rng),
        maps(c.maps) {}

  Tensor<T> operator()(const Tensor<T>& images) const {
    auto x = bn1(conv1(images));
    x = dropout2(adaptive_max_pool2d(conv2(x), 32));
    x = dropout3(adaptive_max_pool2d(conv3(x), 64));
    x = dropout4(adaptive_max_pool2d(conv4(x), 64));
    x = bn5(conv5(x));
    x = adaptive_max_pool2d(conv6(x), 128);
    x = adaptive_max_pool2d(conv7(x), maps);
    return conv8(x);
  }
  static void visit(auto& self, auto&& f) {
    f("conv1", self.conv1);
    f("bn1", self.bn1);
    f("conv2", self.conv2);
    f("dropout2", self.dropout2);
    f("conv3", self.conv3);
    f("dropout3", self.dropout3);
    f("conv4", self.conv4);
    f("dropout4", self.dropout4);
    f("conv5", self.conv5);
    f("bn5", self.bn5);
    f("conv6", self.conv6);
    f("conv7", self.conv7);
    f("conv8", self.conv8);
  }
};

}  // namespace nasion::models
