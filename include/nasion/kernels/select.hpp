#pragma once
// Along one dimension of an array: copying what lies at certain positions, adding it back, running sums.

#include <algorithm>
#include <vector>

#include "nasion/core/integer_array.hpp"
#include "nasion/core/strided.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// A dense array [outer][n][inner].
struct AxisSizes {
  Index outer, n, inner;
};

/// y [outer][positions][inner] = x at the positions of its second dimension.
template <class T>
void select(const AxisSizes& s, const std::vector<Index>& positions, const T* x, T* y) {
  const Index k = static_cast<Index>(positions.size());
  parallel_for(s.outer * k, std::max<Index>(1, 32768 / std::max<Index>(1, s.inner)), [&](Index begin, Index end) {
    Index o = begin / k, j = begin % k;
    for (Index i = begin; i < end; ++i) {
      const T* from = x + (o * s.n + positions[static_cast<std::size_t>(j)]) * s.inner;
      std::copy_n(from, s.inner, y + i * s.inner);
      if (++j == k) j = 0, ++o;
    }
  });
}

/// dx [outer][n][inner] += dy [outer][positions][inner] at the positions, one after the other.
template <class T>
void add_selected(const AxisSizes& s, const std::vector<Index>& positions, const T* dy, T* dx) {
  const Index k = static_cast<Index>(positions.size()), block = 64;
  const Index blocks = (s.inner + block - 1) / block, work = k * std::min(block, s.inner);
  parallel_for(s.outer * blocks, std::max<Index>(1, 32768 / std::max<Index>(1, work)), [&](Index first, Index last) {
    for (Index piece = first; piece < last; ++piece) {
      const Index o = piece / blocks, begin = piece % blocks * block, end = std::min(s.inner, begin + block);
      for (Index j = 0; j < k; ++j) {
        const T* __restrict from = dy + (o * k + j) * s.inner;
        T* __restrict to = dx + (o * s.n + positions[static_cast<std::size_t>(j)]) * s.inner;
        for (Index i = begin; i < end; ++i) to[i] += from[i];
      }
    }
  });
}

/// Calls f(i, place) for each of the indices, i-th in row-major order, where `place` is in an array whose lines, along
/// the dimension that is indexed, begin at `lines` and have neighbours `step` apart. In one thread: lines may meet.
template <class F>
void for_picked(const IntegerArray& indices, const Strides& lines, Index step, F&& f) {
  if (indices.size() == 0) return;
  const Walk<2> walk(indices.shape, {dense_strides(indices.shape, MemoryOrder::row_major), lines});
  const auto inner = walk.inner();
  walk.for_runs(0, walk.runs(), [&](const std::array<Index, 2>& offset) {
    for (Index i = 0; i < inner.size; ++i) {
      const Index at = offset[0] + i * inner.step[0];
      f(at, offset[1] + i * inner.step[1] + indices.values[static_cast<std::size_t>(at)] * step);
    }
  });
}

/// y[o][j][i] = x[o][0][i] + .. + x[o][j][i], or, backwards, x[o][j][i] + .. + x[o][n - 1][i]; summed in double.
template <class T>
void running_sums(const AxisSizes& s, bool backwards, const T* x, T* y) {
  parallel_for(s.outer, std::max<Index>(1, 32768 / std::max<Index>(1, s.n * s.inner)), [&](Index begin, Index end) {
    std::vector<double> sums(static_cast<std::size_t>(s.inner));
    for (Index o = begin; o < end; ++o) {
      std::fill(sums.begin(), sums.end(), 0.0);
      for (Index j = 0; j < s.n; ++j) {
        const Index at = (o * s.n + (backwards ? s.n - 1 - j : j)) * s.inner;
        for (Index i = 0; i < s.inner; ++i)
          y[at + i] = static_cast<T>(sums[static_cast<std::size_t>(i)] += double{x[at + i]});
      }
    }
  });
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
