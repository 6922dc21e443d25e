#pragma once
// Losses. Each compares a prediction with a target and returns a scalar (or, unreduced, one number per element or
// sample).

#include "nasion/ops/reduce.hpp"
#include "nasion/ops/softmax.hpp"

namespace nasion {

/// What becomes of the single losses.
enum class Reduction { mean, sum, none };

namespace detail {
template <class T>
Tensor<T> reduced(const Tensor<T>& loss, Reduction reduction) {
  return reduction == Reduction::none ? loss : reduction == Reduction::sum ? sum(loss) : mean(loss);
}

template <class T>
void check_same_shape(const char* op, const Tensor<T>& prediction, const Tensor<T>& target) {
  check(prediction.shape() == target.shape(), "[", op, "] prediction ", prediction.shape(), " and target ",
        target.shape(), " must have the same shape");
}
}  // namespace detail

/// Mean squared error: (prediction - target)^2.
template <std::floating_point T>
Tensor<T> mse_loss(const Tensor<T>& prediction, const Tensor<T>& target, Reduction reduction = Reduction::mean) {
  detail::check_same_shape("mse_loss", prediction, target);
  return detail::reduced(square(prediction - target), reduction);
}

/// Mean absolute error: |prediction - target|.
template <std::floating_point T>
Tensor<T> l1_loss(const Tensor<T>& prediction, const Tensor<T>& target, Reduction reduction = Reduction::mean) {
  detail::check_same_shape("l1_loss", prediction, target);
  return detail::reduced(abs(prediction - target), reduction);
}

/// Cross-entropy against class numbers: -log softmax(logits)[class].
/// logits [N, C, ...], `classes` N x ... numbers in 0 .. C-1, row-major. ShapeError / ValueError otherwise.
template <std::floating_point T>
Tensor<T> cross_entropy(const Tensor<T>& logits, const std::vector<Index>& classes,
                        Reduction reduction = Reduction::mean) {
  check(logits.rank() >= 2, "[cross_entropy] logits ", logits.shape(), " must be [N, C, ...]");
  const auto p = log_softmax(logits, 1);
  const auto s = detail::softmax_sizes("cross_entropy", p.shape(), 1);
  check(static_cast<Index>(classes.size()) == s.outer * s.inner, "[cross_entropy] ", classes.size(),
        " classes given for logits ", logits.shape(), ", which need ", s.outer * s.inner);
  std::vector<Index> sizes{p.dim(0)};
  for (int d = 2; d < p.rank(); ++d) sizes.push_back(p.dim(d));
  const auto loss = Tensor<T>::empty(Shape(std::span<const Index>(sizes)));
  T* values = loss.mutable_data();
  // Place of the chosen class of sample (o, i) in p.
  const auto chosen = [s, classes](Index o, Index i) {
    return (o * s.n + classes[static_cast<std::size_t>(o * s.inner + i)]) * s.inner + i;
  };
  for (const Index c : classes)
    check<ValueError>(c >= 0 && c < s.n, "[cross_entropy] class ", c, " is outside logits ", logits.shape());
  for (Index o = 0; o < s.outer; ++o)
    for (Index i = 0; i < s.inner; ++i) values[o * s.inner + i] = -p.data()[chosen(o, i)];
  const auto each =
      record("cross_entropy", loss, {p}, [s, chosen, shape = p.shape()](const Tensor<T>& grad) -> Grads<T> {
        const auto dy = contiguous(grad);
        const auto dp = Tensor<T>::zeros(shape);
        T* to = dp.mutable_data();
        for (Index o = 0; o < s.outer; ++o)
          for (Index i = 0; i < s.inner; ++i) to[chosen(o, i)] = -dy.data()[o * s.inner + i];
        return {dp};
      });
  return detail::reduced(each, reduction);
}

/// Cross-entropy against probabilities: -sum over classes of target log softmax(logits).
/// logits and target [N, C, ...]; reduced over N x ... as in PyTorch.
template <std::floating_point T>
Tensor<T> cross_entropy(const Tensor<T>& logits, const Tensor<T>& target, Reduction reduction = Reduction::mean) {
  check(logits.rank() >= 2, "[cross_entropy] logits ", logits.shape(), " must be [N, C, ...]");
  detail::check_same_shape("cross_entropy", logits, target);
  return detail::reduced(-sum(target * log_softmax(logits, 1), {1}), reduction);
}

}  // namespace nasion
