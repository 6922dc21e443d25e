#pragma once
// Softmax and log-softmax.

#include "nasion/kernels/softmax.hpp"
#include "nasion/ops/elementwise.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion {

namespace detail {
inline kernels::SoftmaxSizes softmax_sizes(const Op& op, const Shape& x, int dim) {
  const int axis = x.axis(dim);
  op.check(x[axis] > 0, "dimension ", dim, " of input ", x, " is empty");
  kernels::SoftmaxSizes s{1, x[axis], 1};
  for (int d = 0; d < axis; ++d) s.outer *= x[d];
  for (int d = axis + 1; d < x.rank(); ++d) s.inner *= x[d];
  return s;
}
}  // namespace detail

/// Logarithm of softmax along `dim`.   Any shape -> the same, row-major.   ShapeError when the dimension is empty or
/// does not exist.
template <Real T>
Tensor<T> log_softmax(const Tensor<T>& input, int dim) {
  const Op op("log_softmax");
  const auto x = contiguous(input);
  const auto s = detail::softmax_sizes(op, x.shape(), dim);
  const auto y = Tensor<T>::empty(x.shape());
  kernels::log_softmax_forward(s, x.data(), Op::writable(y));
  op.option("dim", dim);
  return op.record(y, {x}, [s, y = save(y)](const Tensor<T>& grad) -> Grads<T> {
    const auto dy = contiguous(grad);
    const auto dx = Tensor<T>::empty(y->shape());
    kernels::log_softmax_backward(s, y->data(), dy.data(), Op::writable(dx));
    return {dx};
  });
}

/// exp(x) / sum(exp(x)) along `dim`.   Any shape -> the same, row-major.   Errors as for log_softmax.
template <Real T>
Tensor<T> softmax(const Tensor<T>& x, int dim) {
  const Op op("softmax");
  return exp(log_softmax(x, dim));
}

}  // namespace nasion
