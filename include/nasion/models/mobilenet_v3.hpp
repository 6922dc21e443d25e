#pragma once
// MobileNetV3 (Howard et al. 2019) with the layout and the names of torchvision, so that its weights load.

#include "nasion/models/mobile_network.hpp"

namespace nasion::models {

namespace detail {

/// A block of MobileNetV3: tables 1 and 2 of the paper.
struct MobileNetV3Row {
  Index kernel, wide, out;
  bool excite, hardswish;
  Index stride;
};

/// The next multiple of 8, at most a tenth below.
inline Index divisible_by_8(Index channels) {
  const Index rounded = std::max<Index>(8, (channels + 4) / 8 * 8);
  return 10 * rounded < 9 * channels ? rounded + 8 : rounded;
}

template <class T, std::size_t n>
MobileNetwork<T> mobilenet_v3(const MobileNetV3Row (&rows)[n], Index hidden, const MobileNetworkConfig& config,
                              Rng& rng) {
  constexpr auto hardswish = Activation::hardswish;
  constexpr double eps = 1e-3, momentum = 0.01;
  const ConvNorm<T> first({.in = config.in_channels,
                           .out = 16,
                           .kernel = 3,
                           .stride = 2,
                           .activation = hardswish,
                           .eps = eps,
                           .momentum = momentum},
                          rng);
  std::vector<std::vector<MobileBlock<T>>> stages(1);
  Index in = 16;
  for (const auto& row : rows) {
    MobileBlockConfig<T> c{.in = in,
                           .wide = row.wide,
                           .out = row.out,
                           .kernel = row.kernel,
                           .stride = row.stride,
                           .activation = row.hardswish ? hardswish : Activation::relu,
                           .eps = eps,
                           .momentum = momentum};
    if (row.excite) c.excitation = {.squeezed = divisible_by_8(row.wide / 4), .hard = true};
    stages[0].emplace_back(c, rng);
    in = row.out;
  }
  const ConvNorm<T> last({.in = in, .out = 6 * in, .activation = hardswish, .eps = eps, .momentum = momentum}, rng);
  const auto head = small_linear<T>(6 * in, hidden, rng);
  const nn::Dropout<T> dropout(config.dropout, rng);
  return {first, stages, last, head, dropout, small_linear<T>(hidden, config.outputs, rng)};
}

}  // namespace detail

/// torchvision's mobilenet_v3_large: [N, in_channels, H, W] -> [N, outputs]; 5.5 million parameters with 3 channels and
/// 1000 outputs.
template <Real T>
MobileNetwork<T> mobilenet_v3_large(const MobileNetworkConfig& config, Rng& rng) {
  constexpr detail::MobileNetV3Row rows[]{
      {3, 16, 16, false, false, 1}, {3, 64, 24, false, false, 2}, {3, 72, 24, false, false, 1},
      {5, 72, 40, true, false, 2},  {5, 120, 40, true, false, 1}, {5, 120, 40, true, false, 1},
      {3, 240, 80, false, true, 2}, {3, 200, 80, false, true, 1}, {3, 184, 80, false, true, 1},
      {3, 184, 80, false, true, 1}, {3, 480, 112, true, true, 1}, {3, 672, 112, true, true, 1},
      {5, 672, 160, true, true, 2}, {5, 960, 160, true, true, 1}, {5, 960, 160, true, true, 1}};
  return detail::mobilenet_v3<T>(rows, 1280, config, rng);
}

/// torchvision's mobilenet_v3_small: 2.5 million parameters.
template <Real T>
MobileNetwork<T> mobilenet_v3_small(const MobileNetworkConfig& config, Rng& rng) {
  constexpr detail::MobileNetV3Row rows[]{
      {3, 16, 16, true, false, 2}, {3, 72, 24, false, false, 2}, {3, 88, 24, false, false, 1},
      {5, 96, 40, true, true, 2},  {5, 240, 40, true, true, 1},  {5, 240, 40, true, true, 1},
      {5, 120, 48, true, true, 1}, {5, 144, 48, true, true, 1},  {5, 288, 96, true, true, 2},
      {5, 576, 96, true, true, 1}, {5, 576, 96, true, true, 1}};
  return detail::mobilenet_v3<T>(rows, 1024, config, rng);
}

}  // namespace nasion::models
