#pragma once
// Softmax and its logarithm along one dimension of a row-major array [outer, n, inner].

#include <algorithm>
#include <array>
#include <cmath>

#include "nasion/core/strided.hpp"
#include "nasion/kernels/math.hpp"

namespace nasion::kernels::inline NASION_INSTRUCTION_SET {

struct SoftmaxSizes {
  Index outer, n, inner;
};

namespace detail {

inline constexpr Index softmax_block = 256;  // columns at once, which vectors compute side by side

/// Calls f(start, width) for blocks of at most softmax_block columns, each of n numbers `inner` apart, in parallel.
template <class F>
void for_softmax_blocks(const SoftmaxSizes& s, F&& f) {
  const Index blocks = (s.inner + softmax_block - 1) / softmax_block, size = s.n * std::min(s.inner, softmax_block);
  parallel_for(s.outer * blocks, std::max<Index>(1, 16384 / std::max<Index>(1, size)), [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Index column = i % blocks * softmax_block;
      f(i / blocks * s.n * s.inner + column, std::min(softmax_block, s.inner - column));
    }
  });
}

/// The largest of n neighbours.
template <class T>
T largest(const T* x, Index n) {
  constexpr Index lanes = 16;
  std::array<T, lanes> top;
  top.fill(x[0]);
  Index i = 0;
  for (; i + lanes <= n; i += lanes)
    for (Index l = 0; l < lanes; ++l) {
      T& t = top[static_cast<std::size_t>(l)];
      t = x[i + l] > t ? x[i + l] : t;
    }
  for (; i < n; ++i) top[0] = std::max(top[0], x[i]);
  return *std::max_element(top.begin(), top.end());
}

/// y = x - log(sum(exp(x))) of n neighbours.
template <class T>
void log_softmax_row(Index n, const T* x, T* y) {
  const T top = largest(x, n);
  const T total = std::log(pairwise_sum_of<T>(0, n, [=](Index j) { return kernels::exp(x[j] - top); }));
  // In this order: the maximum may be so large that it swallows the logarithm.
  for (Index j = 0; j < n; ++j) y[j] = (x[j] - top) - total;
}

/// The gradient of that.
template <class T>
void log_softmax_row_gradient(Index n, const T* y, const T* dy, T* dx) {
  const T total = pairwise_sum(dy, n);
  for (Index j = 0; j < n; ++j) dx[j] = dy[j] - kernels::exp(y[j]) * total;
}

}  // namespace detail

/// y = x - log(sum(exp(x))), shifted by the maximum so that nothing overflows.
template <class T>
void log_softmax_forward(const SoftmaxSizes& s, const T* x, T* y) {
  detail::for_softmax_blocks(s, [&](Index start, Index width) {
    const T* in = x + start;
    T* out = y + start;
    if (s.inner == 1) return detail::log_softmax_row(s.n, in, out);
    T top[detail::softmax_block], total[detail::softmax_block] = {};
    std::copy_n(in, width, top);
    for (Index j = 1; j < s.n; ++j)
      for (Index i = 0; i < width; ++i) {
        const T v = in[j * s.inner + i];
        top[i] = v > top[i] ? v : top[i];
      }
    for (Index j = 0; j < s.n; ++j)
      for (Index i = 0; i < width; ++i) total[i] += kernels::exp(in[j * s.inner + i] - top[i]);
    for (Index i = 0; i < width; ++i) total[i] = std::log(total[i]);
    for (Index j = 0; j < s.n; ++j)
      for (Index i = 0; i < width; ++i) out[j * s.inner + i] = (in[j * s.inner + i] - top[i]) - total[i];
  });
}

/// dx = dy - exp(y) sum(dy), for y = log_softmax(x).
template <class T>
void log_softmax_backward(const SoftmaxSizes& s, const T* y, const T* dy, T* dx) {
  detail::for_softmax_blocks(s, [&](Index start, Index width) {
    const T *out = y + start, *dout = dy + start;
    T* din = dx + start;
    if (s.inner == 1) return detail::log_softmax_row_gradient(s.n, out, dout, din);
    T total[detail::softmax_block] = {};
    for (Index j = 0; j < s.n; ++j)
      for (Index i = 0; i < width; ++i) total[i] += dout[j * s.inner + i];
    for (Index j = 0; j < s.n; ++j)
      for (Index i = 0; i < width; ++i) {
        const Index at = j * s.inner + i;
        din[at] = dout[at] - kernels::exp(out[at]) * total[i];
      }
  });
}

}  // namespace nasion::kernels::inline NASION_INSTRUCTION_SET
