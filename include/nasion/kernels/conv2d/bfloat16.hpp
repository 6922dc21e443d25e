#pragma once
// Convolution of channels-last float images with factors rounded to bfloat16: the direct kernel, with pairs of channels
// (or of pixels, for the gradient of the weight) in the place of single elements.

#include <concepts>
#include <type_traits>

#include "nasion/kernels/conv2d/direct_weight.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// Whether rounding pays against the direct kernel in float: not for few channels, which pairs would fill with zeros,
/// nor for few pixels, for which weights are rounded in vain.
inline bool bfloat16_pays(const Conv2dSizes& s) {
  return s.group_c() >= 8 && s.group_k() >= 8 && s.n * s.pixels() >= 128;
}

namespace detail {

/// Pixels of `groups` times `channels` elements as pairs, which do not reach from group to group.
inline Scratch<Bfloat16Pair> channel_pairs(Index pixels, Index groups, Index channels, const float* src) {
  // With an even number of channels no pair crosses a group, and all elements are one row.
  const Index row = channels % 2 == 0 ? 2 : channels, pairs = (row + 1) / 2;
  const Index rows = pixels * groups * channels / std::max<Index>(1, row);
  Scratch<Bfloat16Pair> result(rows * pairs);
  parallel_for(rows, std::max<Index>(1, 32768 / row), [&](Index begin, Index end) {
    if (row == 2) return simd::make_pairs(src + begin * row, (end - begin) * row, result.data() + begin);
    for (Index i = begin; i < end; ++i) simd::make_pairs(src + i * row, row, result.data() + i * pairs);
  });
  return result;
}

}  // namespace detail

/// y = activation(conv2d(x, weight) + bias (null: none)).   Images [n, h, w, c], weight [k, c / groups, kh, kw].
template <std::same_as<float> T>
void conv2d_bfloat16_forward(const Conv2dSizes& s, const T* x, const T* weight, const T* bias, Activation activation,
                             T* y) {
  const auto pairs = detail::channel_pairs(s.n * s.h * s.w, s.groups, s.group_c(), x);
  conv2d_direct_forward(s, pairs.data(), weight, bias, activation, y);
}

/// dx = gradient of the input.
template <std::same_as<float> T>
void conv2d_bfloat16_backward_input(const Conv2dSizes& s, const T* dy, const T* weight, T* dx) {
  const auto pairs = detail::channel_pairs(s.n * s.pixels(), s.groups, s.group_k(), dy);
  conv2d_direct_backward_input(s, pairs.data(), weight, dx);
}

/// dw = gradient of the weight.
template <std::same_as<float> T>
void conv2d_bfloat16_backward_weight(const Conv2dSizes& s, const T* x, const T* dy, T* dw) {
  conv2d_direct_backward_weight<Bfloat16Pair>(s, x, dy, dw);
}

/// The direct kernels on pairs, for float images and weights.
struct Bfloat16Conv2d : Conv2dKernel {
  static constexpr auto algorithm = Conv2dAlgorithm::direct_bfloat16;
  static constexpr const char* name = "direct_bfloat16";
  static constexpr bool channels_last = true, applies_activation = true;
  template <class T>
  static constexpr bool supports = std::is_same_v<T, float>;

  template <class T>
  static void forward(const Conv2dSizes& s, MemoryOrder, const T* x, const T* weight, const T* bias,
                      Activation activation, T* y, const T*) {
    conv2d_bfloat16_forward(s, x, weight, bias, activation, y);
  }
  template <class T>
  static void backward_input(const Conv2dSizes& s, MemoryOrder, const T* dy, const T* weight, T* dx) {
    conv2d_bfloat16_backward_input(s, dy, weight, dx);
  }
  template <class T>
  static void backward_weight(const Conv2dSizes& s, MemoryOrder, const T* x, const T* dy, T* dw) {
    conv2d_bfloat16_backward_weight(s, x, dy, dw);
  }
};

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
