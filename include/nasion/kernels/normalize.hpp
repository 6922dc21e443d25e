#pragma once
// Rows of numbers brought to mean 0 and variance 1.

#include <cmath>

#include "nasion/core/strided.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// y = (x - mean) scale of each row of n elements, where scale = 1 / sqrt(variance + epsilon), that of the population.
/// scales [rows] is kept for the gradient.
template <class T>
void normalize_rows(Index rows, Index n, T epsilon, const T* x, T* y, T* scales) {
  parallel_for(rows, std::max<Index>(1, 16384 / n), [=](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      const T *row = x + r * n, count = static_cast<T>(n);
      T* to = y + r * n;
      const T mean = pairwise_sum(row, n) / count;
      const T variance = pairwise_sum_of<T>(0, n, [=](Index i) { return (row[i] - mean) * (row[i] - mean); }) / count;
      const T scale = scales[r] = 1 / std::sqrt(variance + epsilon);
      for (Index i = 0; i < n; ++i) to[i] = (row[i] - mean) * scale;
    }
  });
}

/// dx = (dy - mean(dy) - y mean(dy y)) scale, of each row.
template <class T>
void normalize_rows_backward(Index rows, Index n, const T* y, const T* scales, const T* dy, T* dx) {
  parallel_for(rows, std::max<Index>(1, 16384 / n), [=](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      const T *row = y + r * n, *g = dy + r * n, count = static_cast<T>(n), scale = scales[r];
      T* to = dx + r * n;
      const T mean = pairwise_sum(g, n) / count;
      const T slope = pairwise_sum_of<T>(0, n, [=](Index i) { return g[i] * row[i]; }) / count;
      for (Index i = 0; i < n; ++i) to[i] = (g[i] - mean - row[i] * slope) * scale;
    }
  });
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
