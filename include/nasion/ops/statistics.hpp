#pragma once
// Variances, norms and running sums over dimensions.

#include "nasion/ops/reduce.hpp"

namespace nasion {

/// Variance over `dims`, all if empty: squared deviations from the mean, by their number less `correction` (1 as in
/// PyTorch; 0 for that of a population). NaN where too few elements are left. Shapes and errors as for sum().
template <Real T>
Tensor<T> var(const Tensor<T>& x, const Dims& dims = {}, bool keep = false, Index correction = 1) {
  const Op op("var");
  const Index count = x.size() / std::max<Index>(1, detail::reduced_shape(op, x.shape(), dims).size());
  // Of deviations from a mean that is taken as given: the gradient that goes through the mean is 0.
  const auto deviation = x - mean(x.detach(), dims, true);
  return sum(square(deviation), dims, keep) / static_cast<T>(std::max<Index>(0, count - correction));
}

namespace detail {
/// Square root of a sum of squares: the gradient at 0 is 0.
template <class T>
Tensor<T> root(const Op& op, const Tensor<T>& x) {
  return elementwise(
      op, x, [](T v) { return std::sqrt(v); }, [](T g, T y) { return y == 0 ? T{0} : g / (2 * y); },
      DerivativeOf::result);
}
}  // namespace detail

/// Standard deviation over `dims`, PyTorch's `std`: the square root of var(). The gradient is 0 where it is.
template <Real T>
Tensor<T> stddev(const Tensor<T>& x, const Dims& dims = {}, bool keep = false, Index correction = 1) {
  const Op op("stddev");
  return detail::root(op, var(x, dims, keep, correction));
}

/// (sum of |x|^p)^(1/p) over `dims`, all if empty: for p 2 the length of a vector. The gradient is 0 where the norm is.
/// Shapes and errors as for sum(); ValueError unless p >= 1 and finite.
template <Real T>
Tensor<T> norm(const Tensor<T>& x, std::type_identity_t<T> p = 2, const Dims& dims = {}, bool keep = false) {
  const Op op("norm");
  op.check<ValueError>(p >= 1 && std::isfinite(p), "p ", p, " must be at least 1, and finite");
  if (p == 1) return sum(abs(x), dims, keep);
  if (p == 2) return detail::root(op, sum(square(x), dims, keep));
  return elementwise(
      op, sum(pow(abs(x), p), dims, keep), [p](T v) { return std::pow(v, 1 / p); },
      [p](T g, T v) { return v == 0 ? T{0} : g * std::pow(v, 1 / p - 1) / p; });
}

/// log(sum(exp(x))) over `dims`, all if empty, without overflow. Shapes and errors as for sum(), and ShapeError when
/// there is nothing to sum.
template <Real T>
Tensor<T> logsumexp(const Tensor<T>& x, const Dims& dims = {}, bool keep = false) {
  const Op op("logsumexp");
  const Shape kept = detail::reduced_shape(op, x.shape(), dims);
  op.check(x.size() > 0, "input ", x.shape(), " is empty");
  Tensor<T> largest = x.detach();
  for (int d = 0; d < x.rank(); ++d)
    if (kept[d] == 1) largest = max(largest, d, true);
  // Of infinite elements none can be subtracted.
  const auto offset = map_elements(largest, [](T v) { return std::isfinite(v) ? v : T{0}; });
  const auto y = log(sum(exp(x - offset), dims, true)) + offset;
  return keep ? y : reshape(y, detail::dropped(kept, dims));
}

/// Running sums along `dim`: y[j] = x[0] + .. + x[j]. Any shape -> the same, in the order of x. ShapeError for a
/// dimension that does not exist.
template <Real T>
Tensor<T> cumsum(const Tensor<T>& x, int dim) {
  const Op op("cumsum");
  const auto s = detail::axis_sizes(x.shape(), x.order(), x.shape().axis(dim));
  const auto y = Tensor<T>::empty(x.shape(), x.order());
  kernels::running_sums(s, false, x.memory(), Op::writable(y));
  return op.record(y, {x}, [s, order = x.order()](const Tensor<T>& grad) -> Grads<T> {
    const auto dy = to_order(grad, order), dx = Tensor<T>::empty(grad.shape(), order);
    kernels::running_sums(s, true, dy.memory(), Op::writable(dx));
    return {dx};
  });
}

}  // namespace nasion
