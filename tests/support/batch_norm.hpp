#pragma once
// Batch normalisation straight from its definition.

#include <cmath>

#include "nasion/core/tensor.hpp"

namespace test {

using namespace nasion;

struct Moments {
  double mean, variance;  // biased
};

/// Of one channel, straight from the definition.
template <class T>
Moments moments(const Tensor<T>& x, Index c) {
  const double count = static_cast<double>(x.dim(0) * x.dim(2) * x.dim(3));
  const auto average = [&](auto&& f) {
    double sum = 0;
    for (Index n = 0; n < x.dim(0); ++n)
      for (Index h = 0; h < x.dim(2); ++h)
        for (Index w = 0; w < x.dim(3); ++w) sum += f(static_cast<double>(x.at({n, c, h, w})));
    return sum / count;
  };
  const double mean = average([](double v) { return v; });
  return {mean, average([&](double v) { return (v - mean) * (v - mean); })};
}

/// (x - mean) / sqrt(variance + eps) weight + bias, number by number.
template <class T, class Statistics>
Tensor<T> reference(const Tensor<T>& x, Statistics&& statistics, const Tensor<T>& weight, const Tensor<T>& bias,
                    double eps) {
  const auto y = Tensor<T>::empty(x.shape());
  for (Index c = 0; c < x.dim(1); ++c) {
    const Moments m = statistics(c);
    const double scale = static_cast<double>(weight.at({c})) / std::sqrt(m.variance + eps);
    for (Index n = 0; n < x.dim(0); ++n)
      for (Index h = 0; h < x.dim(2); ++h)
        for (Index w = 0; w < x.dim(3); ++w)
          y.set({n, c, h, w}, static_cast<T>((static_cast<double>(x.at({n, c, h, w})) - m.mean) * scale +
                                             static_cast<double>(bias.at({c}))));
  }
  return y;
}

}  // namespace test
