#pragma once
// Losses. Each compares a prediction with a target and returns a scalar (or, unreduced, one number per element or
// sample).

#include "nasion/ops/compare.hpp"
#include "nasion/ops/cross_entropy.hpp"
#include "nasion/ops/soft_argmax.hpp"

namespace nasion {

namespace detail {

/// A loss of single elements, value(x, t) with derivatives dx(x, t) and dt(x, t): one pass over the numbers each way.
template <class T, class F, class DX, class DT>
Tensor<T> elementwise_loss(const Op& op, const Tensor<T>& x, const Tensor<T>& target, Reduction reduction, F value,
                           DX dx, DT dt) {
  check_same_shape(op, x, target);
  const auto t = to_order(target, x.order());
  const bool reduce = reduction != Reduction::none;
  const T count = reduction == Reduction::mean ? static_cast<T>(x.size()) : T{1};
  const auto loss = reduce ? Tensor<T>::scalar(kernels::zip_sum(x.size(), x.memory(), t.memory(), value) / count)
                           : zip_elements(op, x, t, value);
  return op.record(loss, {x, t}, [=, x = save(x), t = save(t)](const Tensor<T>& dy) -> Grads<T> {
    const auto gradient = [&](auto derivative) {
      if (!reduce) return dy * zip_elements(*x, *t, derivative);
      return zip_elements(*x, *t, [g = dy.item() / count, derivative](T p, T q) { return g * derivative(p, q); });
    };
    return {x.requires_grad() ? gradient(dx) : Tensor<T>{}, t.requires_grad() ? gradient(dt) : Tensor<T>{}};
  });
}

/// The same for a loss of d = x - t.
template <class T, class F, class D>
Tensor<T> difference_loss(const Op& op, const Tensor<T>& x, const Tensor<T>& t, Reduction reduction, F value, D slope) {
  return elementwise_loss(
      op, x, t, reduction, [=](T p, T q) { return value(p - q); }, [=](T p, T q) { return slope(p - q); },
      [=](T p, T q) { return -slope(p - q); });
}

/// loss(prediction, target, reduction), each element times its weight, and their mean that of the weights; without one,
/// as it is. What has weight 0 may be anything, also NaN.
template <class T, class Loss>
Tensor<T> weighted_loss(const Op& op, const Tensor<T>& prediction, const Tensor<T>& target, const Tensor<T>& weight,
                        Reduction reduction, Loss loss) {
  check_same_shape(op, prediction, target);
  if (!weight.defined()) return loss(prediction, target, reduction);
  op.check(broadcasts_to(weight.shape(), prediction.shape()), "weight ", weight.shape(),
           " does not broadcast to prediction ", prediction.shape());
  for (const T w : std::span(weight.memory(), static_cast<std::size_t>(weight.size())))
    op.check<ValueError>(w >= 0, "weight must not be negative, got ", w);
  const auto w = weight.detach(), nothing = Tensor<T>::scalar(0);
  const auto each = w * loss(where(w, prediction, nothing), where(w, target, nothing), Reduction::none);
  if (reduction != Reduction::mean) return reduced(each, reduction);
  const T total = sum(broadcast_to(w, prediction.shape())).item();
  return sum(each) / (total > 0 ? total : T{1});
}

/// -1, 0 or 1
template <class T>
T sign(T d) {
  return static_cast<T>((d > 0) - (d < 0));
}

}  // namespace detail

/// Squared error: (prediction - target)^2, of any shape. The mean or sum over all elements, [], or unreduced that
/// shape. ShapeError unless the shapes are equal.
///
/// `weight`, if defined, broadcasts to that shape, and multiplies the single losses; their mean is sum(weight loss) /
/// sum(weight), or 0 where all weights are. So points that are not labelled get weight 0, and any target, NaN too:
/// weights [N, points, 1] for points [N, points, 2]. ShapeError when it does not broadcast, ValueError for one below 0.
template <Real T>
Tensor<T> mse_loss(const Tensor<T>& prediction, const Tensor<T>& target, Reduction reduction = Reduction::mean,
                   const Tensor<T>& weight = {}) {
  const Op op("mse_loss");
  return detail::weighted_loss(op, prediction, target, weight, reduction,
                               [&](const auto& x, const auto& t, Reduction r) {
                                 return detail::difference_loss(
                                     op, x, t, r, [](T d) { return d * d; }, [](T d) { return 2 * d; });
                               });
}

/// Absolute error: |prediction - target|. Shapes, reductions, weights and errors as for mse_loss().
template <Real T>
Tensor<T> l1_loss(const Tensor<T>& prediction, const Tensor<T>& target, Reduction reduction = Reduction::mean,
                  const Tensor<T>& weight = {}) {
  const Op op("l1_loss");
  return detail::weighted_loss(op, prediction, target, weight, reduction,
                               [&](const auto& x, const auto& t, Reduction r) {
                                 return detail::difference_loss(
                                     op, x, t, r, [](T d) { return std::abs(d); }, [](T d) { return detail::sign(d); });
                               });
}

/// Smooth absolute error (Girshick, Fast R-CNN, ICCV 2015): d^2 / (2 beta) up to |d| = beta, |d| - beta / 2 beyond, for
/// d = prediction - target.   ValueError unless beta >= 0; 0 gives l1_loss. In all else as mse_loss().
template <Real T>
Tensor<T> smooth_l1_loss(const Tensor<T>& prediction, const Tensor<T>& target, Reduction reduction = Reduction::mean,
                         std::type_identity_t<T> beta = 1, const Tensor<T>& weight = {}) {
  const Op op("smooth_l1_loss");
  detail::check_same_shape(op, prediction, target);
  op.check<ValueError>(beta >= 0, "beta must not be negative, got ", beta);
  if (beta == 0) return l1_loss(prediction, target, reduction, weight);
  return detail::weighted_loss(
      op, prediction, target, weight, reduction, [&](const auto& x, const auto& t, Reduction r) {
        return detail::difference_loss(
            op, x, t, r,
            [beta](T d) {
              const T small = std::min(std::abs(d), beta);  // where the loss bends; the rest is straight
              return small * small / (2 * beta) + (std::abs(d) - small);
            },
            [beta](T d) {
              const T slope = d / beta;
              return std::abs(slope) > 1 ? std::copysign(T{1}, slope) : slope;
            });
      });
}

/// Huber's loss (1964): d^2 / 2 up to |d| = delta, delta (|d| - delta / 2) beyond: delta times smooth_l1_loss().
/// ValueError unless delta > 0. In all else as mse_loss().
template <Real T>
Tensor<T> huber_loss(const Tensor<T>& prediction, const Tensor<T>& target, Reduction reduction = Reduction::mean,
                     std::type_identity_t<T> delta = 1, const Tensor<T>& weight = {}) {
  const Op op("huber_loss");
  op.check<ValueError>(delta > 0, "delta must be positive, got ", delta);
  return detail::weighted_loss(op, prediction, target, weight, reduction,
                               [&](const auto& x, const auto& t, Reduction r) {
                                 return detail::difference_loss(
                                     op, x, t, r,
                                     [delta](T d) {
                                       const T small = std::min(std::abs(d), delta);
                                       return small * (std::abs(d) - small / 2);
                                     },
                                     [delta](T d) { return std::abs(d) > delta ? std::copysign(delta, d) : d; });
                               });
}

/// Wing loss for landmarks (Feng et al., CVPR 2018): w log(1 + |d| / epsilon) up to |d| = w, |d| - C beyond, where C
/// makes both meet. Small errors count more than in l1_loss. The defaults are the paper's w = 10 and epsilon = 2 pixels
/// for coordinates divided by an image size of 250 pixels.   ValueError unless both are positive. In all else as
/// mse_loss().
template <Real T>
Tensor<T> wing_loss(const Tensor<T>& prediction, const Tensor<T>& target, Reduction reduction = Reduction::mean,
                    std::type_identity_t<T> w = T(0.04), std::type_identity_t<T> epsilon = T(0.008),
                    const Tensor<T>& weight = {}) {
  const Op op("wing_loss");
  detail::check_same_shape(op, prediction, target);
  op.check<ValueError>(w > 0 && epsilon > 0, "w ", w, " and epsilon ", epsilon, " must be positive");
  return detail::weighted_loss(op, prediction, target, weight, reduction,
                               [&](const auto& x, const auto& t, Reduction r) {
                                 return detail::difference_loss(
                                     op, x, t, r,
                                     [=](T d) {
                                       const T small = std::min(std::abs(d), w);
                                       return w * kernels::log1p(small / epsilon) + (std::abs(d) - small);
                                     },
                                     [=](T d) {
                                       const T steep = w / (epsilon + std::abs(d));
                                       return detail::sign(d) * (std::abs(d) < w ? steep : T{1});
                                     });
                               });
}

/// Divergence of Kullback and Leibler: target (log(target) - x), where x are logarithms of probabilities, of any shape,
/// and so, with `log_target`, are the targets; 0 where the target is 0. In all else as mse_loss(): the mean is that of
/// all elements, as in PyTorch; divide the sum by N for that of samples.
template <Real T>
Tensor<T> kl_div(const Tensor<T>& x, const Tensor<T>& target, Reduction reduction = Reduction::mean,
                 bool log_target = false) {
  const Op op("kl_div");
  if (log_target)
    return detail::elementwise_loss(
        op, x, target, reduction, [](T v, T t) { return kernels::exp(t) * (t - v); },
        [](T, T t) { return -kernels::exp(t); }, [](T v, T t) { return kernels::exp(t) * (t - v + 1); });
  return detail::elementwise_loss(
      op, x, target, reduction,
      [](T v, T t) {
        const T some = t * (std::log(t) - v);
        return t == 0 ? T{0} : some;
      },
      [](T, T t) { return -t; }, [](T v, T t) { return std::log(t) + 1 - v; });
}

/// Binary cross-entropy of sigmoid(logits) against probabilities, from the logits, so that nothing overflows:
/// -pos_weight target log(sigmoid(x)) - (1 - target) log(1 - sigmoid(x)).   Logits are any numbers, targets in [0, 1],
/// which is not checked; ValueError unless pos_weight >= 0. In all else as mse_loss().
template <Real T>
Tensor<T> bce_with_logits_loss(const Tensor<T>& logits, const Tensor<T>& target, Reduction reduction = Reduction::mean,
                               std::type_identity_t<T> pos_weight = 1) {
  const Op op("bce_with_logits_loss");
  detail::check_same_shape(op, logits, target);
  op.check<ValueError>(pos_weight >= 0, "pos_weight must not be negative, got ", pos_weight);
  // -log(sigmoid(x)) = log(1 + e^-x) = max(-x, 0) + log(1 + e^-|x|), and -log(1 - sigmoid(x)) is the same for -x. No
  // two large numbers are subtracted from each other, so that small losses keep their digits on both sides.
  const auto near_zero = [](T x) { return kernels::log1p(kernels::exp(-std::abs(x))); };
  return detail::elementwise_loss(
      op, logits, target, reduction,
      [=](T x, T t) {
        const T rest = near_zero(x);
        return (1 - t) * (std::max(x, T{0}) + rest) + pos_weight * t * (std::max(-x, T{0}) + rest);
      },
      [=](T x, T t) {
        const T e = kernels::exp(-std::abs(x)), likely = 1 / (1 + e), unlikely = e * likely;
        return (1 - t) * (x < 0 ? unlikely : likely) - pos_weight * t * (x < 0 ? likely : unlikely);
      },
      [=](T x, T) { return pos_weight * std::max(-x, T{0}) - std::max(x, T{0}) + (pos_weight - 1) * near_zero(x); });
}

/// The same with a weight for each class, broadcast over the targets: pos_weight [C] for logits [N, C].   ShapeError
/// when it does not broadcast, ValueError for a weight below 0.
template <Real T>
Tensor<T> bce_with_logits_loss(const Tensor<T>& logits, const Tensor<T>& target, const Tensor<T>& pos_weight,
                               Reduction reduction = Reduction::mean) {
  const Op op("bce_with_logits_loss");
  detail::check_same_shape(op, logits, target);
  op.check(broadcasts_to(pos_weight.shape(), target.shape()), "pos_weight ", pos_weight.shape(),
           " does not fit target ", target.shape());
  for (const T w : std::span(pos_weight.memory(), static_cast<std::size_t>(pos_weight.size())))
    op.check<ValueError>(w >= 0, "pos_weight must not be negative, got ", w);
  const auto of_class = [&](T t) {
    return bce_with_logits_loss(logits, Tensor<T>::full(logits.shape(), t, logits.order()), Reduction::none);
  };
  return detail::reduced((1 - target) * of_class(0) + pos_weight * target * of_class(1), reduction);
}

/// Cross-entropy of heatmaps: each map's softmax over its pixels against a target distribution, -sum over pixels of
/// target log softmax(logits).   logits and target [N, K, H, W] -> [], reduced over N and K, or unreduced [N, K].
/// ShapeError for other ranks, maps without pixels, or when the shapes differ.
template <Real T>
Tensor<T> spatial_cross_entropy(const Tensor<T>& logits, const Tensor<T>& target,
                                Reduction reduction = Reduction::mean) {
  const Op op("spatial_cross_entropy");
  const auto s = detail::map_sizes(op, logits.shape());
  detail::check_same_shape(op, logits, target);
  const MemoryOrder order = logits.order();
  const auto t = to_order(target, order);
  const auto loss = Tensor<T>::empty({s.n, s.k});
  kernels::SpatialCrossEntropyState<T> state(s);
  kernels::spatial_cross_entropy_forward(s, order, logits.memory(), t.memory(), Op::writable(loss), state);
  const auto each = op.record(
      loss, {logits, t}, [s, order, state, x = save(logits), t = save(t)](const Tensor<T>& dloss) -> Grads<T> {
        Tensor<T> dx, dt;
        if (x.requires_grad()) {
          dx = Tensor<T>::empty(x->shape(), order);
          kernels::spatial_cross_entropy_backward(s, order, x->memory(), t->memory(), state, dloss.data(),
                                                  Op::writable(dx));
        }
        if (t.requires_grad()) {
          dt = Tensor<T>::empty(x->shape(), order);
          kernels::spatial_cross_entropy_backward_target(s, order, x->memory(), state, dloss.data(), Op::writable(dt));
        }
        return {dx, dt};
      });
  return detail::reduced(each, reduction);
}

}  // namespace nasion
