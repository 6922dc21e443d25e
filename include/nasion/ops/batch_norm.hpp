#pragma once
// Batch normalisation (Ioffe and Szegedy 2015).

#include <cmath>
#include <functional>
#include <span>
#include <vector>

#include "nasion/kernels/batch_norm.hpp"
#include "nasion/ops/activation.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion {

/// Replaces numbers by their sums over all processes that share a batch, as distributed::Session::sum does. All of them
/// must call it at the same time.
using SumOverProcesses = std::function<void(std::span<double>)>;

/// `training`: normalise by the statistics of the batch, and move the running ones towards them by the part `momentum`,
/// in [0, 1]. `eps`, not negative, is added to the variance. `activation`: of the result, in the same pass.
/// `sum_over_processes`: the batch has parts in other processes.
struct BatchNormOptions {
  bool training = false;
  double momentum = 0.1, eps = 1e-5;
  Activation activation = Activation::none;
  SumOverProcesses sum_over_processes = {};
};

namespace detail {

inline void check_batch_norm_options(const Checker& at, double momentum, double eps) {
  at.check<ValueError>(eps >= 0 && momentum >= 0 && momentum <= 1, "eps ", eps, " must not be negative and momentum ",
                       momentum, " must be in [0, 1]");
}

/// ShapeError unless x is [N, C], [N, C, L] or [N, C, H, W] and every defined one of the others is [C].
template <class T>
kernels::BatchNormSizes batch_norm_sizes(const Op& op, const Tensor<T>& x, const Tensor<T>& running_mean,
                                         const Tensor<T>& running_var, const Tensor<T>& weight, const Tensor<T>& bias) {
  op.check(x.rank() >= 2 && x.rank() <= 4, "input ", x.shape(), " must be [N, C], [N, C, L] or [N, C, H, W]");
  const auto check_channels = [&](const char* role, const Tensor<T>& v) {
    op.check(v.shape() == Shape{x.dim(1)}, "input ", x.shape(), " has ", x.dim(1), " channels but ", role, " is ",
             v.shape());
  };
  check_channels("running mean", running_mean);
  check_channels("running variance", running_var);
  if (weight.defined()) check_channels("weight", weight);
  if (bias.defined()) check_channels("bias", bias);
  return {x.dim(0), x.dim(1), x.dim(0) * x.dim(1) == 0 ? 0 : x.size() / (x.dim(0) * x.dim(1))};
}

/// [N, C] and [N, C, L] as images of one row; of one pixel, in the order that has vectors of channels.
template <class T>
Tensor<T> as_rows(const Tensor<T>& x) {
  const Index length = x.rank() == 3 ? x.dim(2) : 1;
  return to_order(reshape(x, Shape{x.dim(0), x.dim(1), 1, length}),
                  length == 1 ? MemoryOrder::channels_last : MemoryOrder::row_major);
}

/// Makes mean and variance of `count` numbers of each channel here those of all processes; returns how many numbers
/// that are. Squares are taken from the common mean, so that large means cost no digits.
template <class T>
double merge_moments(double count, const SumOverProcesses& sum, const Tensor<T>& mean, const Tensor<T>& variance) {
  T *m = Op::writable(mean), *v = Op::writable(variance);
  const auto channels = static_cast<std::size_t>(mean.size());
  std::vector<double> sums(channels + 1, count), squares(channels);
  for (std::size_t c = 0; c < channels; ++c) sums[c] = count * double{m[c]};
  sum(sums);
  const double all = sums[channels];
  for (std::size_t c = 0; c < channels; ++c) {
    const double d = double{m[c]} - sums[c] / all;
    squares[c] = count * (double{v[c]} + d * d);
  }
  sum(squares);
  for (std::size_t c = 0; c < channels; ++c) {
    m[c] = static_cast<T>(sums[c] / all);
    v[c] = static_cast<T>(squares[c] / all);
  }
  return all;
}

/// running = (1 - momentum) running + momentum (that of the batch), where the variance is made unbiased.
template <class T>
void update_running(double count, double momentum, const Tensor<T>& mean, const Tensor<T>& variance,
                    const Tensor<T>& running_mean, const Tensor<T>& running_var) {
  const double unbiased = count / (count - 1);
  T *to_mean = Op::writable(running_mean), *to_var = Op::writable(running_var);
  for (Index c = 0; c < mean.size(); ++c) {
    const double m = double{mean.data()[c]}, v = double{variance.data()[c]} * unbiased;
    to_mean[c] = static_cast<T>(momentum * m + (1 - momentum) * double{to_mean[c]});
    to_var[c] = static_cast<T>(momentum * v + (1 - momentum) * double{to_var[c]});
  }
}

/// What the gradients need. The activation's is found by x; when a residual was added before it, by what is kept beside
/// x: the result, where it tells (relu, relu6), or the residual.
template <class T>
struct BatchNormSaved {
  kernels::BatchNormSizes sizes;
  bool training, residual;
  Activation activation;
  double count;  // numbers of each channel, in all processes
  SumOverProcesses sum_over_processes;
  Saved<T> x, kept;
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
  T *dw = Op::writable(dweight), *db = Op::writable(dbias);
  kernels::BatchNormGradient<T> from{.dy = dy.memory(), .activation = saved.activation};
  auto dresidual = saved.residual ? dy : Tensor<T>{};
  if (saved.residual && saved.activation != Activation::none) {
    dresidual = Tensor<T>::empty(x.shape(), order);
    from.kept = saved.kept->memory();
    from.g = Op::writable(dresidual);
  }
  kernels::batch_norm_gradient_sums(s, order, x.memory(), from, line, db, dw);
  for (Index c = 0; c < s.c; ++c) dw[c] *= inverse.data()[c];
  if (!saved.x.requires_grad()) return {Tensor<T>{}, dweight, dbias, dresidual};

  // What the statistics of the batch take back from each gradient; nothing when they are the running ones.
  const auto offset = Tensor<T>::zeros(inverse.shape()), slope = Tensor<T>::zeros(inverse.shape());
  if (saved.training) {
    const T part = T{1} / static_cast<T>(std::max(1.0, saved.count));
    T *a = Op::writable(offset), *b = Op::writable(slope);
    std::copy_n(db, s.c, a);
    std::copy_n(dw, s.c, b);
    if (saved.sum_over_processes) {
      std::vector<double> sums(a, a + s.c);
      sums.insert(sums.end(), b, b + s.c);
      saved.sum_over_processes(sums);
      std::transform(sums.begin(), sums.begin() + s.c, a, [](double v) { return static_cast<T>(v); });
      std::transform(sums.begin() + s.c, sums.end(), b, [](double v) { return static_cast<T>(v); });
    }
    for (Index c = 0; c < s.c; ++c) {
      a[c] *= part;
      b[c] = b[c] * inverse.data()[c] * part;
    }
  }
  const auto dx = Tensor<T>::empty(x.shape(), order);
  kernels::batch_norm_backward(s, order, x.memory(), from, line, offset.data(), slope.data(), Op::writable(dx));
  return {dx, dweight, dbias, dresidual};
}

}  // namespace detail

/// y = (x - mean) / sqrt(variance + eps) weight + bias, of each channel, plus the residual if there is one, in the
/// order of x, and then the activation.   x and residual [N, C, H, W], [N, C, L] or [N, C], the others [C]; weight and
/// bias may be undefined (1 and 0).
///
/// In training, mean and (biased) variance are those of the batch, of all processes if it is shared, and the running
/// ones are moved in place, the variance by its unbiased estimate; otherwise the running ones are used.   ShapeError
/// when sizes do not fit or there is one value per channel in training.
template <Real T>
Tensor<T> batch_norm(const Tensor<T>& x, const Tensor<T>& running_mean, const Tensor<T>& running_var,
                     const Tensor<T>& weight = {}, const Tensor<T>& bias = {}, const BatchNormOptions& o = {},
                     const Tensor<T>& residual = {}) {
  const Op op("batch_norm");
  detail::check_batch_norm_options(op, o.momentum, o.eps);
  detail::check_activation(op, o.activation);
  const auto s = detail::batch_norm_sizes(op, x, running_mean, running_var, weight, bias);
  op.check(!residual.defined() || residual.shape() == x.shape(), "residual ",
           residual.defined() ? residual.shape() : Shape{}, " must have the shape of input ", x.shape());
  if (x.rank() < 4)
    return reshape(batch_norm(detail::as_rows(x), running_mean, running_var, weight, bias, o,
                              residual.defined() ? detail::as_rows(residual) : residual),
                   x.shape());
  const MemoryOrder order = x.order();
  const Shape channels{s.c};
  const auto mean = Tensor<T>::empty(channels), variance = Tensor<T>::empty(channels);
  auto count = static_cast<double>(s.count());
  const auto check_count = [&] {
    op.check(count != 1, "expected more than 1 value per channel when training, got input ", x.shape(),
             " for running mean ", running_mean.shape());
  };
  if (o.training) {
    if (!o.sum_over_processes) check_count();
    kernels::batch_norm_moments(s, order, x.memory(), Op::writable(mean), Op::writable(variance));
    if (o.sum_over_processes) {
      count = detail::merge_moments(count, o.sum_over_processes, mean, variance);
      check_count();
    }
    if (count > 0) detail::update_running(count, o.momentum, mean, variance, running_mean, running_var);
  } else {
    const NoGrad no_grad;
    mean.copy_from(running_mean);
    variance.copy_from(running_var);
  }
  const auto inverse = Tensor<T>::empty(channels), scale = Tensor<T>::empty(channels);  // 1 / deviation; times weight
  T *one_over_deviation = Op::writable(inverse), *factor = Op::writable(scale);
  for (Index c = 0; c < s.c; ++c) {
    one_over_deviation[c] = static_cast<T>(1 / std::sqrt(static_cast<double>(variance.data()[c]) + o.eps));
    factor[c] = one_over_deviation[c] * (weight.defined() ? weight.data()[c] : T{1});
  }
  const auto shift = bias.defined() ? bias.clone() : Tensor<T>::zeros(channels);
  const auto y = Tensor<T>::empty(x.shape(), order);
  const auto added = residual.defined() ? to_order(residual.detach(), order) : residual;
  kernels::batch_norm_forward<T>(s, order, x.memory(), {mean.data(), scale.data(), shift.data()},
                                 added.defined() ? added.memory() : nullptr, o.activation, Op::writable(y));
  const bool keeps = residual.defined() && o.activation != Activation::none;

  op.option("eps", o.eps);
  op.option("activation", static_cast<int>(o.activation));
  op.option("training", o.training);
  op.option("mean", running_mean.values());  // neither is an input: they have no gradient
  op.option("variance", running_var.values());
  return op.record(y, {x, weight, bias, residual},
                   [saved = detail::BatchNormSaved<T>{
                        .sizes = s,
                        .training = o.training,
                        .residual = residual.defined(),
                        .activation = o.activation,
                        .count = count,
                        .sum_over_processes = o.sum_over_processes,
                        .x = save(x),
                        .kept = keeps ? save(kernels::is_curve(o.activation) ? added : y) : Saved<T>{},
                        .mean = save(mean),
                        .inverse = save(inverse),
                        .scale = save(scale),
                        .shift = save(shift)}](const Tensor<T>& dy) { return detail::batch_norm_backward(saved, dy); });
}

}  // namespace nasion
