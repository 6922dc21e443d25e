#pragma once
// Limits on gradients, applied between backward() and step(): one bad batch must not throw the weights far away.

#include <algorithm>
#include <cmath>

#include "nasion/core/autograd.hpp"

namespace nasion::optim {

namespace detail {

/// In double and in a fixed order, whatever the number of threads.
template <class T>
double sum_of_squares(const Tensor<T>& x) {
  return parallel_reduce(
      x.size(), 16384, 0.0,
      [in = x.memory()](Index begin, Index end) {
        constexpr Index lanes = 16;  // so that the compiler can vectorise the sum
        double lane[lanes] = {};
        const auto add = [&](Index at, Index l) {
          const double v = static_cast<double>(in[at]);
          lane[l] += v * v;
        };
        Index i = begin;
        for (; i + lanes <= end; i += lanes)
          for (Index l = 0; l < lanes; ++l) add(i + l, l);
        for (Index l = 0; i < end; ++i, ++l) add(i, l);
        return pairwise_sum(lane, lanes);
      },
      [](double a, double b) { return a + b; });
}

/// g = f(g) for each number of the gradients.
template <class T, class F>
void map_gradients(const std::vector<Tensor<T>>& parameters, F&& f) {
  const NoGrad no_grad;
  for (const auto& p : parameters) {
    if (!p.grad().defined()) continue;
    const auto g = p.grad();
    T* to = nasion::detail::writable(g);
    parallel_for(g.size(), 65536, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) to[i] = f(to[i]);
    });
  }
}

}  // namespace detail

/// Scales all gradients together so that their norm, as of one long vector, is at most `max_norm`. Returns the norm
/// they had. A norm that is NaN makes all of them NaN, as PyTorch's clip_grad_norm_ does.   ValueError unless
/// max_norm >= 0.
template <Real T>
double clip_grad_norm(const std::vector<Tensor<T>>& parameters, double max_norm) {
  check<ValueError>(max_norm >= 0, "[clip_grad_norm] max_norm must not be negative, got ", max_norm);
  double squares = 0;
  for (const auto& p : parameters)
    if (p.grad().defined()) squares += detail::sum_of_squares(p.grad());
  const double norm = std::sqrt(squares), scale = max_norm / (norm + 1e-6);
  if (!(scale >= 1)) detail::map_gradients(parameters, [by = static_cast<T>(scale)](T g) { return g * by; });
  return norm;
}

/// Limits each number of the gradients to [-limit, limit]. NaN stays.   ValueError unless limit >= 0.
template <Real T>
void clip_grad_value(const std::vector<Tensor<T>>& parameters, double limit) {
  check<ValueError>(limit >= 0, "[clip_grad_value] limit must not be negative, got ", limit);
  const T most = static_cast<T>(limit);
  detail::map_gradients(parameters, [most](T g) { return g < -most ? -most : g > most ? most : g; });
}

}  // namespace nasion::optim
