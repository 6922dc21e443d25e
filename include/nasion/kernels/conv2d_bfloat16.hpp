#pragma once
// Convolution of float images with factors rounded to bfloat16, and sums in float.

#include "nasion/kernels/conv2d_direct.hpp"

namespace nasion::kernels {

namespace detail {

/// Pixels of [groups, channels] as pairs of channels, rounded; a 0 after an odd number of channels.
inline Scratch<Bfloat16Pair> bfloat16_pairs(Index pixels, Index groups, Index channels, const float* from) {
  // An even number of channels, or single pixels: then all pairs are numbers side by side.
  const bool even = channels % 2 == 0;
  const Index rows = even ? 1 : pixels * groups, length = even ? pixels * groups * channels : channels;
  const Index pairs = (length + 1) / 2;
  Scratch<Bfloat16Pair> result(rows * pairs);
  (void)rows;
  const Index row_step = std::max<Index>(1, 16384 / std::max<Index>(1, length));
  if (even) {
    parallel_for(pairs, 16384, [&](Index begin, Index end) { simd::make_pairs(from + 2 * begin, 2 * (end - begin), result.data() + begin); });
  } else
    parallel_for(rows, row_step, [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) simd::make_pairs(from + row * length, length, result.data() + row * pairs);
    });
  return result;
}

}  // namespace detail
inline void conv2d_bfloat16_forward(const Conv2dSizes& s, const float* x, const float* weight, const float* bias, bool relu, float* y) {
  const auto pairs = detail::bfloat16_pairs(s.n * s.h * s.w, s.groups, s.group_c(), x);
  conv2d_direct_forward(s, pairs.data(), weight, bias, relu, y);
}
inline void conv2d_bfloat16_backward_input(const Conv2dSizes& s, const float* dy, const float* weight, float* dx) {
  const auto pairs = detail::bfloat16_pairs(s.n * s.pixels(), s.groups, s.group_k(), dy);
  conv2d_direct_backward_input(s, pairs.data(), weight, dx);
}
inline void conv2d_bfloat16_backward_weight(const Conv2dSizes& s, const float* x, const float* dy, float* dw) {
  conv2d_direct_backward_weight<Bfloat16Pair>(s, x, dy, dw);
}

}  // namespace nasion::kernels
