#pragma once
// Softmax and its logarithm along one dimension of a row-major array [outer, n, inner].

#include <algorithm>
#include <cmath>
#include <vector>

#include "nasion/core/parallel.hpp"

namespace nasion::kernels {

struct SoftmaxSizes {
  Index outer, n, inner;
};

/// y = x - log(sum(exp(x))), shifted by the maximum so that nothing overflows.
template <class T>
void log_softmax_forward(const SoftmaxSizes& s, const T* x, T* y) {
  parallel_for(s.outer, std::max<Index>(1, 4096 / std::max<Index>(1, s.n * s.inner)), [&](Index begin, Index end) {
    std::vector<T> top(static_cast<std::size_t>(s.inner)), total(top.size());
    for (Index o = begin; o < end; ++o) {
      const T* in = x + o * s.n * s.inner;
      T* out = y + o * s.n * s.inner;
      std::copy_n(in, s.inner, top.begin());
      for (Index j = 1; j < s.n; ++j)
        for (Index i = 0; i < s.inner; ++i)
          top[static_cast<std::size_t>(i)] = std::max(top[static_cast<std::size_t>(i)], in[j * s.inner + i]);
      std::fill(total.begin(), total.end(), T{0});
      for (Index j = 0; j < s.n; ++j)
        for (Index i = 0; i < s.inner; ++i)
          total[static_cast<std::size_t>(i)] += std::exp(in[j * s.inner + i] - top[static_cast<std::size_t>(i)]);
      for (auto& t : total) t = std::log(t);
      for (Index j = 0; j < s.n; ++j)
        for (Index i = 0; i < s.inner;
             ++i)  // in this order: the maximum may be so large that it swallows the logarithm
          out[j * s.inner + i] =
              (in[j * s.inner + i] - top[static_cast<std::size_t>(i)]) - total[static_cast<std::size_t>(i)];
    }
  });
}

/// dx = dy - exp(y) sum(dy), for y = log_softmax(x).
template <class T>
void log_softmax_backward(const SoftmaxSizes& s, const T* y, const T* dy, T* dx) {
  parallel_for(s.outer, std::max<Index>(1, 4096 / std::max<Index>(1, s.n * s.inner)), [&](Index begin, Index end) {
    std::vector<T> total(static_cast<std::size_t>(s.inner));
    for (Index o = begin; o < end; ++o) {
      const Index start = o * s.n * s.inner;
      std::fill(total.begin(), total.end(), T{0});
      for (Index j = 0; j < s.n; ++j)
        for (Index i = 0; i < s.inner; ++i) total[static_cast<std::size_t>(i)] += dy[start + j * s.inner + i];
      for (Index j = 0; j < s.n; ++j)
        for (Index i = 0; i < s.inner; ++i) {
          const Index at = start + j * s.inner + i;
          dx[at] = dy[at] - std::exp(y[at]) * total[static_cast<std::size_t>(i)];
        }
    }
  });
}

}  // namespace nasion::kernels
