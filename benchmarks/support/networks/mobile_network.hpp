#pragma once
// What MobileNetV2 and EfficientNet have in common, with torchvision's names: convolutions with batch norm and an
// activation, the first half of their blocks, and a network of features and a linear classifier.

#include <optional>

#include "nasion/nasion.hpp"

namespace bench {

using nasion::Activation, nasion::Index, nasion::Rng, nasion::Tensorf;
namespace nn = nasion::nn;

/// [N, in, H, W] -> [N, out, H / stride, W / stride]. torchvision's Conv2dNormActivation.
struct ConvNorm {
  struct Config {
    Index in = 0, out = 0, kernel = 1, stride = 1, groups = 1;
    Activation activation = Activation::none;
  };

  nn::Conv2d<float> conv;
  nn::BatchNorm2d<float> bn;

  ConvNorm(const Config& c, Rng& rng)
      : conv({.in = c.in,
              .out = c.out,
              .kernel = c.kernel,
              .stride = c.stride,
              .padding = c.kernel / 2,
              .groups = c.groups,
              .bias = false},
             rng),
        bn({.features = c.out, .activation = c.activation}) {}

  Tensorf operator()(const Tensorf& x) const { return bn(conv(x)); }
  static void visit(auto& self, auto&& f) {
    f("0", self.conv);
    f("1", self.bn);
    f.conv_bn(self.conv, self.bn);
  }
};

/// The sizes of a block that widens by `expansion`, filters each channel, and narrows to `out` channels.
struct MobileBlock {
  Index in, out, kernel, stride, expansion;
  Activation activation;

  Index wide() const { return in * expansion; }
  /// Whether its input is added to its result.
  bool residual() const { return stride == 1 && in == out; }
  /// The widening by 1x1; none when that is by 1.
  std::optional<ConvNorm> expand(Rng& rng) const {
    if (expansion == 1) return {};
    return ConvNorm({.in = in, .out = wide(), .activation = activation}, rng);
  }
  ConvNorm depthwise(Rng& rng) const {
    return {
        {.in = wide(), .out = wide(), .kernel = kernel, .stride = stride, .groups = wide(), .activation = activation},
        rng};
  }
};

/// Images [N, 3, H, W] -> [N, 1000], from the last features' 1280 channels.
struct MobileNetwork {
  nn::Sequential<float> features;
  nn::Dropout<float> dropout;
  nn::Linear<float> classifier;

  explicit MobileNetwork(Rng& rng) : dropout(0.2, rng), classifier({.in = 1280, .out = 1000}, rng) {}

  Tensorf operator()(const Tensorf& images) const {
    return classifier(dropout(flatten(adaptive_avg_pool2d(features(images), 1))));
  }
  static void visit(auto& self, auto&& f) {
    f("features", self.features);
    f("dropout", self.dropout);
    f("classifier.1", self.classifier);
  }
};

}  // namespace bench
