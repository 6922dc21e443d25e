#pragma once
// Loops over elements: one to three operands, broadcast or not. All are limited by memory, so they are cut into large
// pieces and nothing more.

#include <cmath>
#include <type_traits>

#include "nasion/core/strided.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// Elements of a piece of work: 128 KiB of float, so that a loop over them takes far longer than handing it to a
/// thread.
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

/// y[i] = f(a[i], b[i], c[i])
template <class T, class F>
void zip(Index n, const T* a, const T* b, const T* c, T* y, F f) {
  parallel_for(n, elementwise_grain, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) y[i] = f(a[i], b[i], c[i]);
  });
}

/// Sum of f(a[i], b[i]): pairwise within a piece, then the pieces in order, so that threads change nothing.
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
  // The innermost loop has a constant stride for each operand: 1, or 0 where it is broadcast.
  const auto inner = walk.inner();
  const Index n = inner.size, a_stride = inner.step[1], b_stride = inner.step[2];
  parallel_for(walk.runs(), std::max<Index>(1, elementwise_grain / n), [&](Index first, Index last) {
    walk.for_runs(first, last, [&](const std::array<Index, 3>& offset) {
      T* dst = y + offset[0];
      const T* p = a + offset[1];
      const T* q = b + offset[2];
      if (a_stride == 1 && b_stride == 1)  // the common cases apart, so that the compiler can vectorise them
        for (Index i = 0; i < n; ++i) dst[i] = f(p[i], q[i]);
      else if (a_stride == 1 && b_stride == 0)
        for (Index i = 0; i < n; ++i) dst[i] = f(p[i], *q);
      else
        for (Index i = 0; i < n; ++i) dst[i] = f(p[i * a_stride], q[i * b_stride]);
    });
  });
}

/// -g a / b^2, the gradient of b in a / b, computed so that it overflows or underflows only where the result does.
template <class T>
T quotient_gradient(T g, T a, T b) {
  using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;
  if constexpr (!std::is_same_v<T, float>) {  // long double is slow: only where it is needed
    const T product = g * a, square = b * b;
    if (std::isnormal(product) && std::isnormal(square)) return -product / square;
  }
  return static_cast<T>(-(Wide{g} * a) / (Wide{b} * b));
}

/// g e v^(e - 1), the gradient of v^e, likewise.
template <class T>
T power_gradient(T g, T v, T e) {
  using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;
  if (e == 0) return 0;
  const T slope = e * std::pow(v, e - 1);
  if (std::isnormal(slope)) return g * slope;
  return static_cast<T>(g * (Wide{e} * std::pow(Wide{v}, Wide{e} - 1)));
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
