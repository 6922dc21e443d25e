#pragma once
// Views of channels-last batches, of which one group of a convolution uses a range of channels.

#include <type_traits>

#include "nasion/core/bfloat16.hpp"
#include "nasion/kernels/conv2d/sizes.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// Images [n, h, w, channels] of which a group uses `used` channels from `first` on.
template <class T>
struct Images {
  T* data;
  Index n, h, w, channels, first, used;

  /// The group's first channel of a pixel.
  T* pixel(Index image, Index row, Index column) const {
    return data + ((image * h + row) * w + column) * channels + first;
  }
  bool inside(Index row, Index column) const { return row >= 0 && row < h && column >= 0 && column < w; }
};

/// Elements of type S that hold the channels of a group in one pixel: pairs are padded to an even number.
template <class S>
constexpr Index packed_channels(Index channels) {
  constexpr Index held = simd::elements_per_lane<std::remove_const_t<S>>;
  return (channels + held - 1) / held;
}

/// Group g of a convolution's input, x [n, h, w, c].
template <class T>
Images<T> input_images(const Conv2dSizes& s, Index g, T* x) {
  const Index used = packed_channels<T>(s.group_c());
  return {.data = x, .n = s.n, .h = s.h, .w = s.w, .channels = s.groups * used, .first = g * used, .used = used};
}
/// Group g of a convolution's output, y [n, oh, ow, k].
template <class T>
Images<T> output_images(const Conv2dSizes& s, Index g, T* y) {
  const Index used = packed_channels<T>(s.group_k());
  return {.data = y, .n = s.n, .h = s.oh, .w = s.ow, .channels = s.groups * used, .first = g * used, .used = used};
}

/// All groups of a convolution's input, x [n, h, w, c], and output, y [n, oh, ow, k].
template <class T>
Images<T> all_input(const Conv2dSizes& s, T* x) {
  return {.data = x, .n = s.n, .h = s.h, .w = s.w, .channels = s.c, .first = 0, .used = s.c};
}
template <class T>
Images<T> all_output(const Conv2dSizes& s, T* y) {
  return {.data = y, .n = s.n, .h = s.oh, .w = s.ow, .channels = s.k, .first = 0, .used = s.k};
}

}  // namespace detail

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
