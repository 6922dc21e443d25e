#pragma once
// MobileNetV2 (Sandler et al. 2018) with the layout and the names of torchvision.

#include <string>

#include "mobile_network.hpp"

namespace bench {

/// Widens with 1x1, filters each channel with 3x3, narrows with 1x1; adds its input where the sizes are equal.
struct InvertedResidual {
  std::optional<ConvNorm> expand;
  ConvNorm depthwise;
  nn::Conv2d<float> project;
  nn::BatchNorm2d<float> bn;
  bool residual;

  InvertedResidual(const MobileBlock& sizes, Rng& rng)
      : expand(sizes.expand(rng)),
        depthwise(sizes.depthwise(rng)),
        project({.in = sizes.wide(), .out = sizes.out, .kernel = 1, .bias = false}, rng),
        bn({.features = sizes.out}),
        residual(sizes.residual()) {}

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

inline MobileNetwork mobilenet_v2(Rng& rng) {
  constexpr auto activation = Activation::relu6;
  struct Stage {
    Index expansion, out, blocks, stride;
  };
  constexpr Stage stages[]{{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                           {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
  MobileNetwork network(rng);
  Index in = 32;
  network.features.append(ConvNorm({.in = 3, .out = in, .kernel = 3, .stride = 2, .activation = activation}, rng));
  for (const auto& [expansion, out, blocks, stride] : stages)
    for (Index i = 0; i < blocks; ++i, in = out)
      network.features.append(InvertedResidual({in, out, 3, i == 0 ? stride : 1, expansion, activation}, rng));
  network.features.append(ConvNorm({.in = in, .out = 1280, .activation = activation}, rng));
  return network;
}

}  // namespace bench
