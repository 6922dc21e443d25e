#pragma once
// DenseNet-121 (Huang et al. 2017) with the layout and the names of torchvision.

#include <array>
#include <string>
#include <vector>

#include "nasion/nasion.hpp"

namespace bench {

using nasion::Index, nasion::Rng, nasion::Tensorf;
namespace nn = nasion::nn;

/// Adds 32 channels to x, made of all that it has: [N, in, H, W] -> [N, in + 32, H, W]
struct DenseLayer {
  static constexpr Index growth = 32;

  nn::BatchNorm2d<float> norm1;
  nn::Conv2d<float> conv1;
  nn::BatchNorm2d<float> norm2;
  nn::Conv2d<float> conv2;

  DenseLayer(Index in, Rng& rng)
      : norm1({.features = in, .activation = nasion::Activation::relu}),
        conv1({.in = in, .out = 4 * growth, .kernel = 1, .bias = false}, rng),
        norm2({.features = 4 * growth, .activation = nasion::Activation::relu}),
        conv2({.in = 4 * growth, .out = growth, .kernel = 3, .padding = 1, .bias = false}, rng) {}

  Tensorf operator()(const Tensorf& x) const { return nasion::concat<float>({x, conv2(norm2(conv1(norm1(x))))}, 1); }
  static void visit(auto& self, auto&& f) {
    f("norm1", self.norm1);
    f("conv1", self.conv1);
    f("norm2", self.norm2);
    f("conv2", self.conv2);
    f.conv_bn(self.conv1, self.norm2);
  }
};

/// Halves channels, height and width.
struct Transition {
  nn::BatchNorm2d<float> norm;
  nn::Conv2d<float> conv;

  Transition(Index in, Rng& rng)
      : norm({.features = in, .activation = nasion::Activation::relu}),
        conv({.in = in, .out = in / 2, .kernel = 1, .bias = false}, rng) {}

  Tensorf operator()(const Tensorf& x) const { return avg_pool2d(conv(norm(x))); }
  static void visit(auto& self, auto&& f) {
    f("norm", self.norm);
    f("conv", self.conv);
  }
};

/// Images [N, 3, H, W] -> [N, 1000].
struct DenseNet121 {
  nn::Conv2d<float> conv0;
  nn::BatchNorm2d<float> norm0, norm5;
  std::vector<std::vector<DenseLayer>> blocks;
  std::vector<Transition> transitions;
  nn::Linear<float> classifier;

  explicit DenseNet121(Rng& rng)
      : conv0({.in = 3, .out = 64, .kernel = 7, .stride = 2, .padding = 3, .bias = false}, rng),
        norm0({.features = 64, .activation = nasion::Activation::relu}),
        norm5({.features = 1024, .activation = nasion::Activation::relu}),
        classifier({.in = 1024, .out = 1000}, rng) {
    Index channels = 64;
    for (const int layers : {6, 12, 24, 16}) {
      if (!blocks.empty()) transitions.emplace_back(channels, rng), channels /= 2;
      auto& block = blocks.emplace_back();
      for (int i = 0; i < layers; ++i, channels += DenseLayer::growth) block.emplace_back(channels, rng);
    }
  }

  Tensorf operator()(const Tensorf& images) const {
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
};

}  // namespace bench
