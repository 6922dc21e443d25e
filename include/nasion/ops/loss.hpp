#pragma once
// Losses. Each compares a prediction with a target and returns a scalar (or, unreduced, one number per element or
// sample).

#include "nasion/ops/reduce.hpp"
#include "nasion/ops/soft_argmax.hpp"
#include "nasion/ops/softmax.hpp"

namespace nasion {

/// What becomes of the single losses: their mean or their sum, of rank 0, or all of them as they are.
enum class Reduction { mean, sum, none };

namespace detail {
template <class T>
Tensor<T> reduced(const Tensor<T>& loss, Reduction reduction) {
  return reduction == Reduction::none ? loss : reduction == Reduction::sum ? sum(loss) : mean(loss);
}

template <class T>
void check_same_shape(const Op& op, const Tensor<T>& prediction, const Tensor<T>& target) {
  op.check(prediction.shape() == target.shape(), "prediction ", prediction.shape(), " and target ", target.shape(),
           " must have the same shape");
}
}  // namespace detail

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

/// -1, 0 or 1
template <class T>
T sign(T d) {
  return static_cast<T>((d > 0) - (d < 0));
}

}  // namespace detail

/// Squared error: (prediction - target)^2, of any shape. The mean or sum over all elements, [], or unreduced that
/// shape. ShapeError unless the shapes are equal.
template <Real T>
Tensor<T> mse_loss(const Tensor<T>& prediction, const Tensor<T>& target, Reduction reduction = Reduction::mean) {
  const Op op("mse_loss");
  return detail::difference_loss(
      op, prediction, target, reduction, [](T d) { return d * d; }, [](T d) { return 2 * d; });
}

/// Absolute error: |prediction - target|. Shapes, reductions and errors as for mse_loss().
template <Real T>
Tensor<T> l1_loss(const Tensor<T>& prediction, const Tensor<T>& target, Reduction reduction = Reduction::mean) {
  const Op op("l1_loss");
  return detail::difference_loss(
      op, prediction, target, reduction, [](T d) { return std::abs(d); }, [](T d) { return detail::sign(d); });
}

/// Smooth absolute error (Girshick, Fast R-CNN, ICCV 2015): d^2 / (2 beta) up to |d| = beta, |d| - beta / 2 beyond, for
/// d = prediction - target.   ValueError unless beta >= 0; 0 gives l1_loss. In all else as mse_loss().
template <Real T>
Tensor<T> smooth_l1_loss(const Tensor<T>& prediction, const Tensor<T>& target, Reduction reduction = Reduction::mean,
                         std::type_identity_t<T> beta = 1) {
  const Op op("smooth_l1_loss");
  detail::check_same_shape(op, prediction, target);
  op.check<ValueError>(beta >= 0, "beta must not be negative, got ", beta);
  if (beta == 0) return l1_loss(prediction, target, reduction);
  return detail::difference_loss(
      op, prediction, target, reduction,
      [beta](T d) {
        const T small = std::min(std::abs(d), beta);  // where the loss bends; the rest is straight
        return small * small / (2 * beta) + (std::abs(d) - small);
      },
      [beta](T d) {
        const T slope = d / beta;
        return std::abs(slope) > 1 ? std::copysign(T{1}, slope) : slope;
      });
}

/// Wing loss for landmarks (Feng et al., CVPR 2018): w log(1 + |d| / epsilon) up to |d| = w, |d| - C beyond, where C
/// makes both meet. Small errors count more than in l1_loss. The defaults are the paper's w = 10 and epsilon = 2 pixels
/// for coordinates divided by an image size of 250 pixels.   ValueError unless both are positive. In all else as
/// mse_loss().
template <Real T>
Tensor<T> wing_loss(const Tensor<T>& prediction, const Tensor<T>& target, Reduction reduction = Reduction::mean,
                    std::type_identity_t<T> w = T(0.04), std::type_identity_t<T> epsilon = T(0.008)) {
  const Op op("wing_loss");
  detail::check_same_shape(op, prediction, target);
  op.check<ValueError>(w > 0 && epsilon > 0, "w ", w, " and epsilon ", epsilon, " must be positive");
  return detail::difference_loss(
      op, prediction, target, reduction,
      [=](T d) {
        const T small = std::min(std::abs(d), w);
        return w * kernels::log1p(small / epsilon) + (std::abs(d) - small);
      },
      [=](T d) {
        const T steep = w / (epsilon + std::abs(d));
        return detail::sign(d) * (std::abs(d) < w ? steep : T{1});
      });
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

/// Cross-entropy against class numbers: -log softmax(logits)[class]. logits [N, C, ...], `classes` N x ... numbers in 0
/// .. C-1, row-major -> [], or unreduced [N, ...]. ShapeError for logits of fewer dimensions or another number of
/// classes, ValueError for one outside.
template <Real T>
Tensor<T> cross_entropy(const Tensor<T>& logits, const std::vector<Index>& classes,
                        Reduction reduction = Reduction::mean) {
  const Op op("cross_entropy");
  op.check(logits.rank() >= 2, "logits ", logits.shape(), " must be [N, C, ...]");
  const auto p = log_softmax(logits, 1);
  const auto s = detail::softmax_sizes(op, p.shape(), 1);
  op.check(static_cast<Index>(classes.size()) == s.outer * s.inner, classes.size(), " classes given for logits ",
           logits.shape(), ", which need ", s.outer * s.inner);
  std::vector<Index> sizes{p.dim(0)};
  for (int d = 2; d < p.rank(); ++d) sizes.push_back(p.dim(d));
  const auto loss = Tensor<T>::empty(Shape(std::span<const Index>(sizes)));
  T* values = Op::writable(loss);
  // Place of the chosen class of sample (o, i) in p.
  const auto chosen = [s, classes](Index o, Index i) {
    return (o * s.n + classes[static_cast<std::size_t>(o * s.inner + i)]) * s.inner + i;
  };
  for (const Index c : classes)
    op.check<ValueError>(c >= 0 && c < s.n, "class ", c, " is outside logits ", logits.shape());
  for (Index o = 0; o < s.outer; ++o)
    for (Index i = 0; i < s.inner; ++i) values[o * s.inner + i] = -p.data()[chosen(o, i)];
  const auto each = op.record(loss, {p}, [s, chosen, shape = p.shape()](const Tensor<T>& grad) -> Grads<T> {
    const auto dy = contiguous(grad);
    const auto dp = Tensor<T>::zeros(shape);
    T* to = Op::writable(dp);
    for (Index o = 0; o < s.outer; ++o)
      for (Index i = 0; i < s.inner; ++i) to[chosen(o, i)] = -dy.data()[o * s.inner + i];
    return {dp};
  });
  return detail::reduced(each, reduction);
}

/// Cross-entropy against probabilities: -sum over classes of target log softmax(logits). logits and target [N, C, ...]
/// -> [], reduced over N x ... as in PyTorch, or unreduced [N, ...]. Targets are taken as they are, also if they do not
/// sum to 1. ShapeError when the shapes differ or have fewer dimensions.
template <Real T>
Tensor<T> cross_entropy(const Tensor<T>& logits, const Tensor<T>& target, Reduction reduction = Reduction::mean) {
  const Op op("cross_entropy");
  op.check(logits.rank() >= 2, "logits ", logits.shape(), " must be [N, C, ...]");
  detail::check_same_shape(op, logits, target);
  return detail::reduced(-sum(target * log_softmax(logits, 1), {1}), reduction);
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
