#pragma once
// MobileNetV2 (Sandler et al. 2018) with the layout and the names of torchvision, so that its weights load.

#include "nasion/models/mobile_network.hpp"

namespace nasion::models {

/// torchvision's mobilenet_v2: [N, in_channels, H, W] -> [N, outputs]; 3.5 million parameters with 3 channels and 1000
/// outputs.   `auto model = models::mobilenet_v2<float>({.outputs = 10}, rng);`
template <Real T>
MobileNetwork<T> mobilenet_v2(const MobileNetworkConfig& config, Rng& rng) {
  constexpr auto activation = Activation::relu6;
  struct Stage {
    Index expansion, out, blocks, stride;
  };
  constexpr Stage table[]{{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                          {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
  const ConvNorm<T> first({.in = config.in_channels, .out = 32, .kernel = 3, .stride = 2, .activation = activation},
                          rng);
  std::vector<std::vector<MobileBlock<T>>> stages;
  Index in = 32;
  for (const auto& [expansion, out, blocks, stride] : table) {
    auto& stage = stages.emplace_back();
    for (Index i = 0; i < blocks; ++i, in = out)
      stage.emplace_back(MobileBlockConfig<T>{.in = in,
                                              .wide = in * expansion,
                                              .out = out,
                                              .stride = i == 0 ? stride : 1,
                                              .activation = activation,
                                              .flat_names = true},
                         rng);
  }
  const ConvNorm<T> last({.in = in, .out = 1280, .activation = activation}, rng);
  const nn::Dropout<T> dropout(config.dropout, rng);
  return {first, stages, last, {}, dropout, detail::small_linear<T>(1280, config.outputs, rng)};
}

}  // namespace nasion::models
