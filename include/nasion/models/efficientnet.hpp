#pragma once
// EfficientNet-B0 (Tan and Le 2019) with the layout and the names of torchvision, so that its weights load; without its
// stochastic depth, which acts while training only.

#include "nasion/models/mobile_network.hpp"

namespace nasion::models {

/// torchvision's efficientnet_b0: [N, in_channels, H, W] -> [N, outputs]; 5.3 million parameters with 3 channels and
/// 1000 outputs.
template <Real T>
MobileNetwork<T> efficientnet_b0(const MobileNetworkConfig& config, Rng& rng) {
  constexpr auto activation = Activation::silu;
  struct Stage {
    Index expansion, out, blocks, stride, kernel;
  };
  constexpr Stage table[]{{1, 16, 1, 1, 3},  {6, 24, 2, 2, 3},  {6, 40, 2, 2, 5}, {6, 80, 3, 2, 3},
                          {6, 112, 3, 1, 5}, {6, 192, 4, 2, 5}, {6, 320, 1, 1, 3}};
  const ConvNorm<T> first({.in = config.in_channels, .out = 32, .kernel = 3, .stride = 2, .activation = activation},
                          rng);
  std::vector<std::vector<MobileBlock<T>>> stages;
  Index in = 32;
  for (const auto& [expansion, out, blocks, stride, kernel] : table) {
    auto& stage = stages.emplace_back();
    for (Index i = 0; i < blocks; ++i, in = out) {
      MobileBlockConfig<T> c{.in = in,
                             .wide = in * expansion,
                             .out = out,
                             .kernel = kernel,
                             .stride = i == 0 ? stride : 1,
                             .activation = activation};
      c.excitation = {.squeezed = std::max<Index>(1, in / 4), .activation = activation};
      stage.emplace_back(c, rng);
    }
  }
  const ConvNorm<T> last({.in = in, .out = 1280, .activation = activation}, rng);
  const nn::Dropout<T> dropout(config.dropout, rng);
  return {first, stages, last, {}, dropout, detail::small_linear<T>(1280, config.outputs, rng), true};
}

}  // namespace nasion::models
