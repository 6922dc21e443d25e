#pragma once
// MobileNetV2 (Sandler et al. 2018) with the layout and the names of torchvision.

#include <array>
#include <optional>
#include <string>

#include "conv_norm.hpp"

namespace bench {

/// Widens with 1x1, filters each channel with 3x3, narrows with 1x1; adds its input where the sizes are equal.
struct InvertedResidual {
  std::optional<ConvNorm> expand;
  ConvNorm depthwise;
  nn::Conv2d<float> project;
  nn::BatchNorm2d<float> bn;
  bool residual;

  InvertedResidual(Index in, Index out, Index stride, Index expansion, Rng& rng)
      : depthwise({.in = in * expansion,
                   .out = in * expansion,
                   .kernel = 3,
                   .stride = stride,
                   .groups = in * expansion,
                   .activation = nasion::Activation::relu6},
                  rng),
        project({.in = in * expansion, .out = out, .kernel = 1, .bias = false}, rng),
        bn({.features = out}),
        residual(stride == 1 && in == out) {
    if (expansion > 1)
      expand.emplace(ConvNorm::Config{.in = in, .out = in * expansion, .activation = nasion::Activation::relu6}, rng);
  }

  Tensorf operator()(const Tensorf& x) const {
    const auto y = bn(project(depthwise(expand ? (*expand)(x) : x)));
    return residual ? x + y : y;
  }
  static void visit(auto& self, auto&& f) {
    int i = 0;
    const auto next = [&i] { return "conv." + std::to_string(i++); };
    if (self.expand) f(next(), self.expand);
    f(next(), self.depthwise);
    f(next(), self.project);
    f(next(), self.bn);
    f.conv_bn(self.project, self.bn);
  }
};

/// Images [N, 3, H, W] -> [N, 1000].
struct MobileNetV2 {
  nn::Sequential<float> features;
  nn::Dropout<float> dropout;
  nn::Linear<float> classifier;

  explicit MobileNetV2(Rng& rng) : dropout(0.2, rng), classifier({.in = 1280, .out = 1000}, rng) {
    struct Stage {
      Index expansion, out, blocks, stride;
    };
    const std::array<Stage, 7> stages{
        {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}}};
    Index in = 32;
    features.append(
        ConvNorm({.in = 3, .out = in, .kernel = 3, .stride = 2, .activation = nasion::Activation::relu6}, rng));
    for (const auto& [expansion, out, blocks, stride] : stages)
      for (Index i = 0; i < blocks; ++i, in = out)
        features.append(InvertedResidual(in, out, i == 0 ? stride : 1, expansion, rng));
    features.append(ConvNorm({.in = in, .out = 1280, .activation = nasion::Activation::relu6}, rng));
  }

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
