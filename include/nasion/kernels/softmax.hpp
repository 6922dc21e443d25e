#pragma once
// Softmax and its logarithm along one dimension of a row-major array [outer, n, inner].

#include <algorithm>
#include <array>
#include <cmath>

#include "nasion/core/strided.hpp"
#include "nasion/kernels/math.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// An array [outer, n, inner], normalised along n.
struct SoftmaxSizes {
  Index outer, n, inner;
};

namespace detail {

/// Columns that are computed side by side, in vectors: their maxima and sums are three arrays of 1 KiB of float, which
/// stay in L1 while the rows pass.
inline constexpr Index softmax_block = 256;

/// Calls f(start, width) for blocks of at most softmax_block columns, each of n elements with stride `inner`, in
/// parallel.
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

/// The largest of n contiguous elements. Sixteen maxima side by side vectorise; a single one would be a chain.
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

// The sum of exp(x - top) has a 1 of the largest element. Where that swallows the others, they are all that the loss of
// a confident network consists of: then they are summed without it.

/// Whether this sum should be taken again.
template <class T>
bool swallows(T sum) {
  return sum < T{1.5};
}

/// exp(d), but 0 for the largest element.
template <class T>
T exp_of_others(T d) {
  return d == 0 ? T{0} : kernels::exp(d);
}

/// y = x - log(sum(exp(x))) of n contiguous elements.
template <class T>
void log_softmax_row(Index n, const T* x, T* y) {
  const T top = largest(x, n);
  const T sum = pairwise_sum_of<T>(0, n, [=](Index j) { return kernels::exp(x[j] - top); });
  const T total = swallows(sum)
                      ? std::log1p(pairwise_sum_of<T>(0, n, [=](Index j) { return exp_of_others(x[j] - top); }))
                      : std::log(sum);
  // In this order: the maximum may be so large that it swallows the logarithm.
  for (Index j = 0; j < n; ++j) y[j] = (x[j] - top) - total;
}

/// dy - exp(y) total; for a probability exp(y) near 1 from what is missing to 1.
template <class T>
T log_softmax_gradient(T y, T dy, T total) {
  const T near_one = (dy - total) - kernels::expm1(y) * total, elsewhere = dy - kernels::exp(y) * total;
  return y > T{-0.5} ? near_one : elsewhere;
}

/// The gradient of log_softmax_row().
template <class T>
void log_softmax_row_gradient(Index n, const T* y, const T* dy, T* dx) {
  const T total = pairwise_sum(dy, n);
  for (Index j = 0; j < n; ++j) dx[j] = log_softmax_gradient(y[j], dy[j], total);
}

}  // namespace detail

/// y = x - log(sum(exp(x))), shifted by the maximum so that nothing overflows.
template <class T>
void log_softmax_forward(const SoftmaxSizes& s, const T* x, T* y) {
  detail::for_softmax_blocks(s, [&](Index start, Index width) {
    const T* in = x + start;
    T* out = y + start;
    // Classes of one example are contiguous then, and vectors run along them; otherwise along `inner`.
    if (s.inner == 1) return detail::log_softmax_row(s.n, in, out);
    T top[detail::softmax_block], total[detail::softmax_block] = {}, others[detail::softmax_block] = {};
    std::copy_n(in, width, top);
    for (Index j = 1; j < s.n; ++j)
      for (Index i = 0; i < width; ++i) {
        const T v = in[j * s.inner + i];
        top[i] = v > top[i] ? v : top[i];
      }
    for (Index j = 0; j < s.n; ++j)
      for (Index i = 0; i < width; ++i) total[i] += kernels::exp(in[j * s.inner + i] - top[i]);
    // A second pass, only where a column needs it.
    if (std::any_of(total, total + width, detail::swallows<T>))
      for (Index j = 0; j < s.n; ++j)
        for (Index i = 0; i < width; ++i) others[i] += detail::exp_of_others(in[j * s.inner + i] - top[i]);
    for (Index i = 0; i < width; ++i)
      total[i] = detail::swallows(total[i]) ? std::log1p(others[i]) : std::log(total[i]);
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
        const Index e = j * s.inner + i;
        din[e] = detail::log_softmax_gradient(out[e], dout[e], total[i]);
      }
  });
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
