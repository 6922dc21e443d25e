#pragma once
// Loops over elements: one or two operands, broadcast or not.

#include "nasion/core/strided.hpp"

namespace nasion::kernels::inline NASION_INSTRUCTION_SET {

inline constexpr Index elementwise_grain = 32768;

/// y[i] = f(x[i])
template <class T, class F>
void map(Index n, const T* x, T* y, F f) {
  parallel_for(n, elementwise_grain, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) y[i] = f(x[i]);
  });
}

/// y[i] = f(a[i], b[i])
template <class T, class F>
void zip(Index n, const T* a, const T* b, T* y, F f) {
  parallel_for(n, elementwise_grain, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) y[i] = f(a[i], b[i]);
  });
}

/// Sum of f(a[i], b[i])
template <class T, class F>
T zip_sum(Index n, const T* a, const T* b, F f) {
  return parallel_reduce(
      n, 2 * elementwise_grain, T{0},
      [=](Index begin, Index end) {
        return pairwise_sum_of<T>(begin, end - begin, [=](Index i) { return f(a[i], b[i]); });
      },
      [](T p, T q) { return p + q; });
}

/// y = f(a, b) for operands read with strides (0 where broadcast) and dense y of `shape`.
template <class T, class F>
void zip_broadcast(const Shape& shape, const T* a, const Strides& a_strides, const T* b, const Strides& b_strides, T* y,
                   MemoryOrder y_order, F f) {
  if (shape.size() == 0) return;
  const Walk<3> walk(shape, {dense_strides(shape, y_order), a_strides, b_strides});
  const auto inner = walk.inner();
  const Index n = inner.size, a_step = inner.step[1], b_step = inner.step[2];
  parallel_for(walk.runs(), std::max<Index>(1, elementwise_grain / n), [&](Index first, Index last) {
    walk.for_runs(first, last, [&](const std::array<Index, 3>& offset) {
      T* to = y + offset[0];
      const T* p = a + offset[1];
      const T* q = b + offset[2];
      if (a_step == 1 && b_step == 1)  // the common cases apart, so that the compiler can vectorise them
        for (Index i = 0; i < n; ++i) to[i] = f(p[i], q[i]);
      else if (a_step == 1 && b_step == 0)
        for (Index i = 0; i < n; ++i) to[i] = f(p[i], *q);
      else
        for (Index i = 0; i < n; ++i) to[i] = f(p[i * a_step], q[i * b_step]);
    });
  });
}

}  // namespace nasion::kernels::inline NASION_INSTRUCTION_SET
