#pragma once
// Densely connected networks (Huang et al. 2017) with the layout and the names of torchvision, so that its weights
// load.

#include <array>
#include <string>
#include <vector>

#include "nasion/nn/batch_norm.hpp"
#include "nasion/nn/layers.hpp"
#include "nasion/ops/pool.hpp"

namespace nasion::models {

/// Adds `growth` channels to x, made of all that it has: [N, in, H, W] -> [N, in + growth, H, W]
template <Real T>
struct DenseLayer {
  nn::BatchNorm2d<T> norm1;
  nn::Conv2d<T> conv1;
  nn::BatchNorm2d<T> norm2;
  nn::Conv2d<T> conv2;

  DenseLayer(Index in, Index growth, Rng& rng)
      : norm1({.features = in, .activation = Activation::relu}),
        conv1({.in = in, .out = 4 * growth, .kernel = 1, .bias = false}, rng),
        norm2({.features = 4 * growth, .activation = Activation::relu}),
        conv2({.in = 4 * growth, .out = growth, .kernel = 3, .padding = 1, .bias = false}, rng) {}

  Tensor<T> operator()(const Tensor<T>& x) const { return concat<T>({x, conv2(norm2(conv1(norm1(x))))}, 1); }
  static void visit(auto& self, auto&& f) {
    f("norm1", self.norm1);
    f("conv1", self.conv1);
    f("norm2", self.norm2);
    f("conv2", self.conv2);
    f.conv_bn(self.conv1, self.norm2);
  }
};

/// Halves channels, height and width.
template <Real T>
struct DenseTransition {
  nn::BatchNorm2d<T> norm;
  nn::Conv2d<T> conv;

  DenseTransition(Index in, Rng& rng)
      : norm({.features = in, .activation = Activation::relu}),
        conv({.in = in, .out = in / 2, .kernel = 1, .bias = false}, rng) {}

  Tensor<T> operator()(const Tensor<T>& x) const { return avg_pool2d(conv(norm(x))); }
  static void visit(auto& self, auto&& f) {
    f("norm", self.norm);
    f("conv", self.conv);
  }
};

/// `outputs`: classes, or numbers of a regression. `features`: channels of the first convolution. `blocks`: layers of
/// each of four blocks, of which every one adds `growth` channels.
struct DenseNetConfig {
  Index in_channels = 3, outputs = 1000, growth = 32, features = 64;
  std::array<Index, 4> blocks{6, 12, 24, 16};
};

/// Images [N, in_channels, H, W] -> [N, outputs]. The smallest images are of 32 x 32 pixels.
template <Real T>
struct DenseNet {
  nn::Conv2d<T> conv0;
  nn::BatchNorm2d<T> norm0;
  std::vector<std::vector<DenseLayer<T>>> blocks;
  std::vector<DenseTransition<T>> transitions;
  nn::BatchNorm2d<T> norm5;
  nn::Linear<T> classifier;

  /// ValueError for sizes that are not positive.
  DenseNet(const DenseNetConfig& c, Rng& rng)
      : conv0({.in = c.in_channels, .out = c.features, .kernel = 7, .stride = 2, .padding = 3, .bias = false}, rng),
        norm0({.features = c.features, .activation = Activation::relu}),
        norm5({.features = channels_after(c, 4), .activation = Activation::relu}),
        classifier({.in = channels_after(c, 4), .out = c.outputs}, rng) {
    for (std::size_t i = 0; i < 4; ++i) {
      if (i > 0) transitions.emplace_back(channels_after(c, i), rng);
      auto& block = blocks.emplace_back();
      Index channels = i == 0 ? c.features : channels_after(c, i) / 2;
      for (Index k = 0; k < c.blocks[i]; ++k, channels += c.growth) block.emplace_back(channels, c.growth, rng);
    }
    classifier.bias.detach().fill(T{0});
  }

  Tensor<T> operator()(const Tensor<T>& images) const {
    auto x = max_pool2d(norm0(conv0(images)), {.kernel = 3, .stride = 2, .padding = 1});
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (i > 0) x = transitions[i - 1](x);
      for (const auto& layer : blocks[i]) x = layer(x);
    }
    return classifier(flatten(adaptive_avg_pool2d(norm5(x), 1)));
  }
  static void visit(auto& self, auto&& f) {
    f("features.conv0", self.conv0);
    f("features.norm0", self.norm0);
    f.conv_bn(self.conv0, self.norm0);
    for (std::size_t i = 0; i < self.blocks.size(); ++i) {
      const auto number = std::to_string(i + 1);
      for (std::size_t j = 0; j < self.blocks[i].size(); ++j)
        f("features.denseblock" + number + ".denselayer" + std::to_string(j + 1), self.blocks[i][j]);
      if (i < self.transitions.size()) f("features.transition" + number, self.transitions[i]);
    }
    f("features.norm5", self.norm5);
    f("classifier", self.classifier);
  }

 private:
  /// Channels after so many blocks, before a transition.
  static Index channels_after(const DenseNetConfig& c, std::size_t count) {
    check<ValueError>(c.features > 0 && c.growth > 0, "[DenseNet] features ", c.features, " and growth ", c.growth,
                      " must be positive");
    Index channels = c.features;
    for (std::size_t i = 0; i < count; ++i) channels = (i == 0 ? channels : channels / 2) + c.blocks[i] * c.growth;
    return channels;
  }
};

/// torchvision's densenet121: 8 million parameters with 3 channels and 1000 outputs.
template <Real T>
DenseNet<T> densenet121(const DenseNetConfig& config, Rng& rng) {
  return {config, rng};
}

}  // namespace nasion::models
