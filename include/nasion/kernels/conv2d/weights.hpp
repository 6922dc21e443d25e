#pragma once
// Weights [k, c / groups, kh, kw] as vectors of result channels, which register tiles read, and back from such vectors.
// In memory the taps of a channel are neighbours, and result channels c kh kw elements apart: a square of lanes x lanes
// elements is transposed in registers, so that both sides are read and written by whole vectors.

#include <algorithm>

#include "nasion/core/simd.hpp"
#include "nasion/kernels/conv2d/sizes.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// Weights [k, c, taps] as a convolution uses them: its result and source channels are k and c, or c and k. `end` is
/// where the memory of the whole weight ends.
template <class T>
struct WeightView {
  const T *data, *end;
  Index taps, results, sources, result_stride, source_stride;

  /// out(t, v) for each tap t, where v goes from one source channel to `lanes` result channels from k on (padded with
  /// zeros).
  template <class Out>
  void gather(Index k, Index c, Out&& out) const {
    constexpr Index lanes = simd::lanes<T>;
    const T* src = data + k * result_stride + c * source_stride;
    const Index count = std::min(lanes, results - k);
    if (taps == 1 && result_stride == 1) return out(0, simd::load_n(src, count));
    Index t = 0;
    for (; taps - t >= 4; t += lanes) {  // rows of one result channel each become vectors of one tap each
      simd::Vector<T> rows[lanes] = {};
      for (Index i = 0; i < count; ++i) {
        const T* row = src + i * result_stride + t;
        rows[i] = simd::load_n(row, end - row);       // may reach into the next channel, which out() is not told of
        __builtin_prefetch(row + 8 * source_stride);  // source channels may be too far apart for the hardware's own
      }
      simd::transpose<T>(rows);
      for (Index i = 0; i < std::min(lanes, taps - t); ++i) out(t + i, rows[i]);
    }
    for (; t < taps; ++t) {  // a tail for which a transposition does not pay
      T values[lanes] = {};
      for (Index i = 0; i < count; ++i) values[i] = src[i * result_stride + t];
      out(t, simd::load(values));
    }
  }
};

/// The weight of group g as the forward pass uses it.
template <class T>
WeightView<T> forward_weights(const Conv2dSizes& s, Index g, const T* weight) {
  return {.data = weight + g * s.group_k() * s.taps(),
          .end = weight + s.k * s.taps(),
          .taps = s.kh * s.kw,
          .results = s.group_k(),
          .sources = s.group_c(),
          .result_stride = s.taps(),
          .source_stride = s.kh * s.kw};
}
/// The same as the gradient of the input uses it.
template <class T>
WeightView<T> backward_weights(const Conv2dSizes& s, Index g, const T* weight) {
  return {.data = weight + g * s.group_k() * s.taps(),
          .end = weight + s.k * s.taps(),
          .taps = s.kh * s.kw,
          .results = s.group_c(),
          .sources = s.group_k(),
          .result_stride = s.kh * s.kw,
          .source_stride = s.taps()};
}

/// The reverse of gather(): element n of row i of dst = lane i of vector value(n), for n = 0 .. elements-1; rows are
/// `stride` apart.
template <class T, class Value>
void scatter_rows(T* dst, Index rows, Index stride, Index elements, Value&& value) {
  constexpr Index lanes = simd::lanes<T>;
  for (Index n = 0; n < elements; n += lanes) {
    simd::Vector<T> block[lanes];
    for (Index i = 0; i < lanes; ++i) block[i] = value(std::min(n + i, elements - 1));
    simd::transpose<T>(block);
    for (Index i = 0; i < rows; ++i) simd::store_n(dst + i * stride + n, block[i], elements - n);
  }
}

}  // namespace detail

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
