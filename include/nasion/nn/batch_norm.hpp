#pragma once
// Batch normalisation as a layer: it learns a scale and a shift, and remembers the statistics of its batches.

#include "nasion/nn/module.hpp"
#include "nasion/ops/batch_norm.hpp"

namespace nasion::nn {

struct BatchNorm2dConfig {
  Index features = 0;
  double eps = 1e-5, momentum = 0.1;
  bool affine = true;
};

/// Normalises each channel of [N, features, H, W]: while training by the statistics of the batch, in eval mode by the
/// running ones, which it then only reads.   `BatchNorm2d<float>({.features = 64})`
template <std::floating_point T>
struct BatchNorm2d {
  Tensor<T> weight, bias;               // [features], or undefined
  Tensor<T> running_mean, running_var;  // [features]
  double eps, momentum;
  bool is_training = true;
  mutable std::int64_t num_batches_tracked = 0;  // counts uses in training

  /// ValueError unless features > 0, eps >= 0 and momentum in [0, 1].
  explicit BatchNorm2d(const BatchNorm2dConfig& c) : eps(c.eps), momentum(c.momentum) {
    check<ValueError>(c.features > 0, "[BatchNorm2d] features ", c.features, " must be positive");
    nasion::detail::check_batch_norm_options("BatchNorm2d", momentum, eps);
    if (c.affine) {
      weight = Tensor<T>::ones({c.features}).set_requires_grad();
      bias = Tensor<T>::zeros({c.features}).set_requires_grad();
    }
    running_mean = Tensor<T>::zeros({c.features});
    running_var = Tensor<T>::ones({c.features});
  }

  Tensor<T> operator()(const Tensor<T>& x) const {
    const auto y = batch_norm(x, running_mean, running_var, weight, bias,
                              {.training = is_training, .momentum = momentum, .eps = eps});
    if (is_training) ++num_batches_tracked;
    return y;
  }
  static void visit(auto& self, auto&& f) {
    f("weight", self.weight);
    f("bias", self.bias);
    f.buffer("running_mean", self.running_mean);
    f.buffer("running_var", self.running_var);
    f.counter("num_batches_tracked", self.num_batches_tracked);
    f.training(self.is_training);
  }
};

}  // namespace nasion::nn
