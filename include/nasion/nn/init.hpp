#pragma once
// Initial values of parameters, as in PyTorch. They are written in place and ask for gradients.

#include <cmath>

#include "nasion/core/autograd.hpp"

namespace nasion::nn {

/// Inputs of each output number: product of all sizes but the first. Weight [out, in, ...].
inline Index fan_in(const Shape& weight) { return weight[0] == 0 ? 0 : weight.size() / weight[0]; }

/// Outputs that each input number takes part in, at stride 1. Weight [out, in, ...].
inline Index fan_out(const Shape& weight) { return weight[1] == 0 ? 0 : weight.size() / weight[1]; }

/// A parameter of this shape, a leaf that asks for gradients, uniform in [-bound, bound).
template <class T>
Tensor<T> uniform_parameter(const Shape& shape, double bound, Rng& rng) {
  return Tensor<T>::uniform(shape, rng, -bound, bound).set_requires_grad();
}

/// Weight [out, in, ...] by PyTorch's default: Kaiming-uniform (He et al. 2015) with a = sqrt(5), that is, uniform
/// within 1 / sqrt(fan_in).
template <class T>
Tensor<T> default_weight(const Shape& shape, Rng& rng) {
  return uniform_parameter<T>(shape, 1 / std::sqrt(static_cast<double>(fan_in(shape))), rng);
}

/// Bias [out] for a weight of shape [out, in, ...], by PyTorch's default: uniform within 1 / sqrt(fan_in).
template <class T>
Tensor<T> default_bias(const Shape& weight, Rng& rng) {
  return uniform_parameter<T>({weight[0]}, 1 / std::sqrt(static_cast<double>(fan_in(weight))), rng);
}

/// Weight [out, in, ...] followed by ReLU: Kaiming-normal (He et al. 2015) by fan-out, that is, with deviation
/// sqrt(2 / fan_out), which keeps gradients of one size through many layers.
template <class T>
Tensor<T> kaiming_normal_weight(const Shape& shape, Rng& rng) {
  const double deviation = std::sqrt(2 / static_cast<double>(fan_out(shape)));
  return Tensor<T>::normal(shape, rng, 0, deviation).set_requires_grad();
}

}  // namespace nasion::nn
