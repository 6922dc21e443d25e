#pragma once
// EfficientNet-B0 (Tan and Le 2019) with the layout and the names of torchvision, without stochastic depth.

#include <algorithm>
#include <string>
#include <utility>

#include "mobile_network.hpp"

namespace bench {

/// Scales each channel by what all channels' means say of it.
struct SqueezeExcitation {
  nn::Conv2d<float> fc1, fc2;

  SqueezeExcitation(Index channels, Index squeezed, Rng& rng)
      : fc1({.in = channels, .out = squeezed, .kernel = 1}, rng),
        fc2({.in = squeezed, .out = channels, .kernel = 1}, rng) {}

  Tensorf operator()(const Tensorf& x) const { return x * sigmoid(fc2(nasion::silu(fc1(adaptive_avg_pool2d(x, 1))))); }
  static void visit(auto& self, auto&& f) {
    f("fc1", self.fc1);
    f("fc2", self.fc2);
  }
};

/// MobileNetV2's block with squeeze and excitation before it narrows.
struct MbConv {
  std::optional<ConvNorm> expand;
  ConvNorm depthwise;
  SqueezeExcitation excite;
  ConvNorm project;
  bool residual;

  MbConv(const MobileBlock& sizes, Rng& rng)
      : expand(sizes.expand(rng)),
        depthwise(sizes.depthwise(rng)),
        excite(sizes.wide(), std::max<Index>(1, sizes.in / 4), rng),
        project({.in = sizes.wide(), .out = sizes.out}, rng),
        residual(sizes.residual()) {}

  Tensorf operator()(const Tensorf& x) const {
    const auto y = project(excite(depthwise(expand ? (*expand)(x) : x)));
    return residual ? x + y : y;
  }
  static void visit(auto& self, auto&& f) {
    int i = 0;
    const auto next = [&i] { return "block." + std::to_string(i++); };
    if (self.expand) f(next(), self.expand);
    f(next(), self.depthwise);
    f(next(), self.excite);
    f(next(), self.project);
  }
};

inline MobileNetwork efficientnet_b0(Rng& rng) {
  constexpr auto activation = Activation::silu;
  struct Stage {
    Index expansion, out, blocks, stride, kernel;
  };
  constexpr Stage stages[]{{1, 16, 1, 1, 3},  {6, 24, 2, 2, 3},  {6, 40, 2, 2, 5}, {6, 80, 3, 2, 3},
                           {6, 112, 3, 1, 5}, {6, 192, 4, 2, 5}, {6, 320, 1, 1, 3}};
  MobileNetwork network(rng);
  Index in = 32;
  network.features.append(ConvNorm({.in = 3, .out = in, .kernel = 3, .stride = 2, .activation = activation}, rng));
  for (const auto& [expansion, out, blocks, stride, kernel] : stages) {
    nn::Sequential<float> stage;
    for (Index i = 0; i < blocks; ++i, in = out)
      stage.append(MbConv({in, out, kernel, i == 0 ? stride : 1, expansion, activation}, rng));
    network.features.append(std::move(stage));
  }
  network.features.append(ConvNorm({.in = in, .out = 1280, .activation = activation}, rng));
  return network;
}

}  // namespace bench
