#pragma once
// Batch normalisation (Ioffe and Szegedy 2015).

#include <cmath>

#include "nasion/kernels/batch_norm.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion {

/// `training`: normalise by the statistics of the batch, and move the running ones towards them by the part `momentum`.
/// `relu`: negative results become 0.
struct BatchNormOptions {
  bool training = false;
  double momentum = 0.1, eps = 1e-5;
  bool relu = false;
};

namespace detail {

inline void check_batch_norm_options(const char* op, double momentum, double eps) {
  check<ValueError>(eps >= 0 && momentum >= 0 && momentum <= 1, "[", op, "] eps ", eps,
                    " must not be negative and momentum ", momentum, " must be in [0, 1]");
}

/// ShapeError unless x is [N, C, H, W] and every defined one of the others is [C].
template <class T>
kernels::BatchNormSizes batch_norm_sizes(const Tensor<T>& x, const Tensor<T>& running_mean,
                                         const Tensor<T>& running_var, const Tensor<T>& weight, const Tensor<T>& bias,
                                         bool training) {
  check(x.rank() == 4, "[batch_norm] input ", x.shape(), " must be [N, C, H, W]");
  const auto check_channels = [&](const char* role, const Tensor<T>& v) {
    check(v.shape() == Shape{x.dim(1)}, "[batch_norm] input ", x.shape(), " has ", x.dim(1), " channels but ", role,
          " is ", v.shape());
  };
  check_channels("running mean", running_mean);
  check_channels("running variance", running_var);
  if (weight.defined()) check_channels("weight", weight);
  if (bias.defined()) check_channels("bias", bias);
  const kernels::BatchNormSizes s{x.dim(0), x.dim(1), x.dim(2) * x.dim(3)};
  check(!training || s.count() != 1, "[batch_norm] expected more than 1 value per channel when training, got input ",
        x.shape(), " for running mean ", running_mean.shape());
  return s;
}

/// running = (1 - momentum) running + momentum (that of the batch), where the variance is made unbiased.
template <class T>
void update_running(double count, double momentum, const Tensor<T>& mean, const Tensor<T>& variance,
                    const Tensor<T>& running_mean, const Tensor<T>& running_var) {
  const double unbiased = count / (count - 1);
  T *to_mean = running_mean.mutable_data(), *to_var = running_var.mutable_data();
  for (Index c = 0; c < mean.size(); ++c) {
    const double m = double{mean.data()[c]}, v = double{variance.data()[c]} * unbiased;
    to_mean[c] = static_cast<T>(momentum * m + (1 - momentum) * double{to_mean[c]});
    to_var[c] = static_cast<T>(momentum * v + (1 - momentum) * double{to_var[c]});
  }
}

/// What the gradients need. Where relu stopped a number is seen in x, or, when a residual was added to it, in y.
template <class T>
struct BatchNormSaved {
  kernels::BatchNormSizes sizes;
  bool training, relu, residual;
  Saved<T> x, y;
  Saved<T> mean, inverse, scale, shift;  // of each channel; inverse is 1 / deviation
};

/// Gradients of x, weight, bias and residual.
template <class T>
Grads<T> batch_norm_backward(const BatchNormSaved<T>& saved, const Tensor<T>& grad) {
  const auto& s = saved.sizes;
  const Tensor<T>&x = *saved.x, &inverse = *saved.inverse;
  const MemoryOrder order = x.order();
  const kernels::BatchNormLine<T> line{saved.mean->data(), saved.scale->data(), saved.shift->data()};
  const auto dy = to_order(grad, order);
  const auto dweight = Tensor<T>::empty(inverse.shape()), dbias = Tensor<T>::empty(inverse.shape());
  T *dw = dweight.mutable_data(), *db = dbias.mutable_data();
  kernels::BatchNormGradient<T> from{.dy = dy.data(), .relu = saved.relu && !saved.residual};
  auto dresidual = saved.residual ? dy : Tensor<T>{};
  if (saved.relu && saved.residual) {
    dresidual = Tensor<T>::empty(x.shape(), order);
    from.y = saved.y->data();
    from.g = dresidual.mutable_data();
  }
  kernels::batch_norm_gradient_sums(s, order, x.data(), from, line, db, dw);
  for (Index c = 0; c < s.c; ++c) dw[c] *= inverse.data()[c];
  if (!saved.x.requires_grad()) return {Tensor<T>{}, dweight, dbias, dresidual};

  // What the statistics of the batch take back from each gradient; nothing when they are the running ones.
  const auto offset = Tensor<T>::zeros(inverse.shape()), slope = Tensor<T>::zeros(inverse.shape());
  if (saved.training) {
    const T part = T{1} / static_cast<T>(std::max<Index>(1, s.count()));
    T *a = offset.mutable_data(), *b = slope.mutable_data();
    for (Index c = 0; c < s.c; ++c) {
      a[c] = db[c] * part;
      b[c] = dw[c] * inverse.data()[c] * part;
    }
  }
  const auto dx = Tensor<T>::empty(x.shape(), order);
  kernels::batch_norm_backward(s, order, x.data(), from, line, offset.data(), slope.data(), dx.mutable_data());
  return {dx, dweight, dbias, dresidual};
}

}  // namespace detail

/// y = (x - mean) / sqrt(variance + eps) weight + bias, of each channel, plus the residual if there is one, in the
/// order of x; with `relu` not below 0.   x and residual [N, C, H, W], the others [C]; weight and bias may be undefined
/// (1 and 0).
///
/// In training, mean and (biased) variance are those of the batch, and the running ones are moved in place, the
/// variance by its unbiased estimate; otherwise the running ones are used.   ShapeError when sizes do not fit or there
/// is one value per channel in training.
template <std::floating_point T>
Tensor<T> batch_norm(const Tensor<T>& x, const Tensor<T>& running_mean, const Tensor<T>& running_var,
                     const Tensor<T>& weight = {}, const Tensor<T>& bias = {}, const BatchNormOptions& o = {},
                     const Tensor<T>& residual = {}) {
  const detail::Timer timer("batch_norm");
  detail::check_batch_norm_options("batch_norm", o.momentum, o.eps);
  const auto s = detail::batch_norm_sizes(x, running_mean, running_var, weight, bias, o.training);
  check(!residual.defined() || residual.shape() == x.shape(), "[batch_norm] residual ",
        residual.defined() ? residual.shape() : Shape{}, " must have the shape of input ", x.shape());
  const MemoryOrder order = x.order();
  const Shape channels{s.c};
  const auto mean = Tensor<T>::empty(channels), variance = Tensor<T>::empty(channels);
  if (o.training) {
    kernels::batch_norm_moments(s, order, x.data(), mean.mutable_data(), variance.mutable_data());
  } else {
    const NoGrad no_grad;
    mean.copy_from(running_mean);
    variance.copy_from(running_var);
  }
  if (o.training && s.count() > 0)
    detail::update_running(static_cast<double>(s.count()), o.momentum, mean, variance, running_mean, running_var);
  const auto inverse = Tensor<T>::empty(channels), scale = Tensor<T>::empty(channels);  // 1 / deviation; times weight
  T *one_over_deviation = inverse.mutable_data(), *factor = scale.mutable_data();
  for (Index c = 0; c < s.c; ++c) {
    one_over_deviation[c] = static_cast<T>(1 / std::sqrt(static_cast<double>(variance.data()[c]) + o.eps));
    factor[c] = one_over_deviation[c] * (weight.defined() ? weight.data()[c] : T{1});
  }
  const auto shift = bias.defined() ? bias.clone() : Tensor<T>::zeros(channels);
  const auto y = Tensor<T>::empty(x.shape(), order);
  const auto added = residual.defined() ? to_order(residual.detach(), order) : residual;
  kernels::batch_norm_forward<T>(s, order, x.data(), {mean.data(), scale.data(), shift.data()},
                                 added.defined() ? added.data() : nullptr, o.relu, y.mutable_data());

  return record("batch_norm", y, {x, weight, bias, residual},
                [saved = detail::BatchNormSaved<T>{.sizes = s,
                                                   .training = o.training,
                                                   .relu = o.relu,
                                                   .residual = residual.defined(),
                                                   .x = save(x),
                                                   .y = o.relu && residual.defined() ? save(y) : Saved<T>{},
                                                   .mean = save(mean),
                                                   .inverse = save(inverse),
                                                   .scale = save(scale),
                                                   .shift = save(shift)}](const Tensor<T>& dy) {
                  return detail::batch_norm_backward(saved, dy);
                });
}

}  // namespace nasion
