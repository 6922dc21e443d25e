#pragma once
// What losses have in common.

#include "nasion/ops/reduce.hpp"

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

}  // namespace nasion
