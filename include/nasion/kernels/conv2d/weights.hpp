#pragma once
// Weights [k, c / groups, kh, kw] in vectors of result channels, which register tiles want, and back.

#include <algorithm>

#include "nasion/core/simd.hpp"
#include "nasion/kernels/conv2d/sizes.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// Weights [k, c, taps] as a convolution uses them: its result and source channels are k and c, or c and k.
template <class T>
struct WeightView {
  const T *data, *end;
  Index taps, results, sources, result_step, source_step;

  /// out[t] = tap t, from one source channel to `lanes` result channels from k on (zeros beyond the last).
  template <class Out>
  void gather(Index k, Index c, Out&& out) const {
    constexpr Index lanes = simd::lanes<T>;
    const T* from = data + k * result_step + c * source_step;
    const Index some = std::min(lanes, results - k);
    if (taps == 1 && result_step == 1) return out(0, simd::load_some(from, some));
    Index t = 0;
    for (; taps - t >= 4; t += lanes) {  // rows of one result channel each become vectors of one tap each
      simd::Vector<T> rows[lanes] = {};
      for (Index i = 0; i < some; ++i) {
        const T* row = from + i * result_step + t;
        rows[i] = simd::load_some(row, end - row);
        __builtin_prefetch(row + 8 * source_step);  // channels may be far apart
      }
      simd::transpose<T>(rows);
      for (Index i = 0; i < std::min(lanes, taps - t); ++i) out(t + i, rows[i]);
    }
    for (; t < taps; ++t) {  // too few for that
      T values[lanes] = {};
      for (Index i = 0; i < some; ++i) values[i] = from[i * result_step + t];
      out(t, simd::load(values));
    }
  }
};

template <class T>
WeightView<T> forward_weights(const Conv2dSizes& s, Index g, const T* weight) {
  return {weight + g * s.group_k() * s.taps(),
          weight + s.k * s.taps(),
          s.kh * s.kw,
          s.group_k(),
          s.group_c(),
          s.taps(),
          s.kh * s.kw};
}

/// The other way: number n of row i of `to` = number i of vector value(n), for n = 0 .. numbers-1; rows are `step`
/// apart.
template <class T, class Value>
void scatter_rows(T* to, Index rows, Index step, Index numbers, Value&& value) {
  constexpr Index lanes = simd::lanes<T>;
  for (Index n = 0; n < numbers; n += lanes) {
    simd::Vector<T> block[lanes];
    for (Index i = 0; i < lanes; ++i) block[i] = value(std::min(n + i, numbers - 1));
    simd::transpose<T>(block);
    for (Index i = 0; i < rows; ++i) simd::store_some(to + i * step + n, block[i], numbers - n);
  }
}

}  // namespace detail

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
