#pragma once
// Losses of classifiers, against class numbers or probabilities.

#include "nasion/core/integer_array.hpp"
#include "nasion/ops/reduction.hpp"
#include "nasion/ops/softmax.hpp"

namespace nasion {

/// `weight`: one for each class, [C], or undefined; the mean is then divided by the weights of the targets. Targets of
/// the number `ignore_index` count for nothing.
template <Real T>
struct NllLossOptions {
  Tensor<T> weight{};
  Index ignore_index = -100;
  Reduction reduction = Reduction::mean;
};

/// As NllLossOptions; `label_smoothing`, in [0, 1], is the part of each target that is spread over all classes.
template <Real T>
struct CrossEntropyOptions {
  Tensor<T> weight{};
  Index ignore_index = -100;
  double label_smoothing = 0;
  Reduction reduction = Reduction::mean;
};

namespace detail {

/// One target for each sample and place of [N, C, ...]: what it is, and what it weighs.
template <class T>
struct ClassTargets {
  kernels::SoftmaxSizes sizes;  // outer samples, n classes, inner places
  std::vector<Index> classes;
  std::vector<T> class_weights;
  Index ignored;
  T smoothing;

  /// Calls f(target, first place of its classes) for each that counts.
  template <class F>
  void for_each(F&& f) const {
    for (Index o = 0, at = 0; o < sizes.outer; ++o)
      for (Index i = 0; i < sizes.inner; ++i, ++at)
        if (classes[static_cast<std::size_t>(at)] != ignored) f(at, o * sizes.n * sizes.inner + i);
  }
  Index chosen(Index at) const { return classes[static_cast<std::size_t>(at)]; }
  T weight(Index c) const { return class_weights[static_cast<std::size_t>(c)]; }
  /// What class c contributes to the loss of a target: its factor of -log(p).
  T share(Index at, Index c) const {
    const T spread = smoothing / static_cast<T>(sizes.n);
    return weight(c) * (c == chosen(at) ? 1 - smoothing + spread : spread);
  }
};

/// [N, C, ...] without the classes
inline Shape without_classes(const Shape& x) {
  std::vector<Index> sizes{x[0]};
  for (int d = 2; d < x.rank(); ++d) sizes.push_back(x[d]);
  return Shape(std::span<const Index>(sizes));
}

template <class T>
void check_class_weight(const Op& op, const Tensor<T>& weight, const Shape& x) {
  op.check(!weight.defined() || weight.shape() == Shape{x[1]}, "weight ", weight.defined() ? weight.shape() : Shape{},
           " must be [C] for input ", x);
}

template <class T>
ClassTargets<T> class_targets(const Op& op, const Shape& x, const IntegerArray& classes,
                              const CrossEntropyOptions<T>& o) {
  op.check(x.rank() >= 2, "logits ", x, " must be [N, C, ...]");
  op.check<ValueError>(o.label_smoothing >= 0 && o.label_smoothing <= 1, "label smoothing ", o.label_smoothing,
                       " must be in [0, 1]");
  check_class_weight(op, o.weight, x);
  const auto s = softmax_sizes(op, x, 1);
  const auto count = static_cast<Index>(classes.values.size());
  op.check(count == s.outer * s.inner && (classes.shape.rank() == 1 || classes.shape == without_classes(x)), count,
           " classes given for logits ", x, ", which need ", s.outer * s.inner, " of shape ", without_classes(x));
  for (const Index c : classes.values)
    op.check<ValueError>((c >= 0 && c < s.n) || c == o.ignore_index, "class ", c, " is outside logits ", x);
  std::vector<T> weights(static_cast<std::size_t>(s.n), T{1});
  if (o.weight.defined()) std::copy_n(o.weight.data(), s.n, weights.begin());
  return {s, classes.values, std::move(weights), o.ignore_index, static_cast<T>(o.label_smoothing)};
}

/// The loss for logarithms of probabilities p.
template <class T>
Tensor<T> class_loss(const Op& op, const Tensor<T>& log_p, const IntegerArray& classes,
                     const CrossEntropyOptions<T>& o) {
  const auto p = contiguous(log_p);
  const auto targets = std::make_shared<const ClassTargets<T>>(class_targets(op, p.shape(), classes, o));
  const auto loss = Tensor<T>::zeros(without_classes(p.shape()));
  T* values = Op::writable(loss);
  const auto& s = targets->sizes;
  T total = 0;
  bool all_count_one = true;
  for (const Index c : targets->classes) all_count_one &= c != o.ignore_index && !o.weight.defined();
  targets->for_each([&](Index at, Index first) {
    const T* from = p.data() + first;
    if (targets->smoothing == 0)
      values[at] = -targets->weight(targets->chosen(at)) * from[targets->chosen(at) * s.inner];
    else
      for (Index c = 0; c < s.n; ++c) values[at] -= targets->share(at, c) * from[c * s.inner];
    total += targets->weight(targets->chosen(at));
  });
  const auto each = op.record(loss, {p}, [targets, shape = p.shape()](const Tensor<T>& grad) -> Grads<T> {
    const auto dy = contiguous(grad), dp = Tensor<T>::zeros(shape);
    T* to = Op::writable(dp);
    const auto& sizes = targets->sizes;
    targets->for_each([&](Index at, Index first) {
      const T g = dy.data()[at];
      if (targets->smoothing == 0)
        to[first + targets->chosen(at) * sizes.inner] = -g * targets->weight(targets->chosen(at));
      else
        for (Index c = 0; c < sizes.n; ++c) to[first + c * sizes.inner] = -g * targets->share(at, c);
    });
    return {dp};
  });
  return o.reduction == Reduction::mean && !all_count_one ? sum(each) / total : reduced(each, o.reduction);
}

}  // namespace detail

/// Negative log-likelihood of classes: -x[class], where x are logarithms of probabilities, as of log_softmax().
/// x [N, C, ...], `classes` N x ... numbers in 0 .. C-1, [N, ...] or one after the other -> [], or unreduced [N, ...];
/// NaN for the mean of none.   ShapeError for other shapes, ValueError for a class outside.
template <Real T>
Tensor<T> nll_loss(const Tensor<T>& x, const IntegerArray& classes, const NllLossOptions<T>& options = {}) {
  const Op op("nll_loss");
  return detail::class_loss<T>(
      op, x, classes, {.weight = options.weight, .ignore_index = options.ignore_index, .reduction = options.reduction});
}

/// Cross-entropy against class numbers: nll_loss() of log_softmax(logits), in all else the same. ValueError also for a
/// label smoothing outside [0, 1].
///
///     cross_entropy(logits, classes, {.ignore_index = 255, .label_smoothing = 0.1})
template <Real T>
Tensor<T> cross_entropy(const Tensor<T>& logits, const IntegerArray& classes,
                        const CrossEntropyOptions<T>& options = {}) {
  const Op op("cross_entropy");
  op.check(logits.rank() >= 2, "logits ", logits.shape(), " must be [N, C, ...]");
  return detail::class_loss<T>(op, log_softmax(logits, 1), classes, options);
}
/// The same without other options than the reduction.
template <Real T>
Tensor<T> cross_entropy(const Tensor<T>& logits, const std::vector<Index>& classes,
                        Reduction reduction = Reduction::mean) {
  return cross_entropy(logits, IntegerArray(classes), CrossEntropyOptions<T>{.reduction = reduction});
}

/// Cross-entropy against probabilities: -sum over classes of weight target log softmax(logits). logits and target
/// [N, C, ...] -> [], reduced over N x ... as in PyTorch, whatever the weights, or unreduced [N, ...]. Targets are
/// taken as they are, also if they do not sum to 1. ShapeError when the shapes differ or have fewer dimensions,
/// ValueError for an ignore_index, of which there is no use, or a label smoothing outside [0, 1].
template <Real T>
Tensor<T> cross_entropy(const Tensor<T>& logits, const Tensor<T>& target, const CrossEntropyOptions<T>& options) {
  const Op op("cross_entropy");
  op.check(logits.rank() >= 2, "logits ", logits.shape(), " must be [N, C, ...]");
  detail::check_same_shape(op, logits, target);
  detail::check_class_weight(op, options.weight, logits.shape());
  op.check<ValueError>(options.ignore_index < 0, "ignore_index ", options.ignore_index, " is for class numbers");
  const auto smoothing = static_cast<T>(options.label_smoothing);
  op.check<ValueError>(smoothing >= 0 && smoothing <= 1, "label smoothing ", smoothing, " must be in [0, 1]");
  auto p = target;
  if (smoothing > 0) p = (1 - smoothing) * p + smoothing / static_cast<T>(logits.dim(1));
  if (options.weight.defined()) {
    std::vector<Index> sizes(static_cast<std::size_t>(logits.rank()) - 1, 1);
    sizes[0] = logits.dim(1);
    p = p * reshape(options.weight, Shape(std::span<const Index>(sizes)));
  }
  return detail::reduced(-sum(p * log_softmax(logits, 1), {1}), options.reduction);
}
template <Real T>
Tensor<T> cross_entropy(const Tensor<T>& logits, const Tensor<T>& target, Reduction reduction = Reduction::mean) {
  return cross_entropy(logits, target, CrossEntropyOptions<T>{.reduction = reduction});
}

}  // namespace nasion
