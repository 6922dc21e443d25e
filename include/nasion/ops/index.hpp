#pragma once
// Picking elements by their positions.

#include <numeric>
#include <utility>

#include "nasion/core/integer_array.hpp"
#include "nasion/core/op.hpp"
#include "nasion/kernels/select.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion {

namespace detail {

/// A dense tensor, in either order, lies in memory as [outer][n][inner], n along `axis`.
inline kernels::AxisSizes axis_sizes(const Shape& shape, MemoryOrder order, int axis) {
  const Index n = shape[axis], inner = dense_strides(shape, order)[static_cast<std::size_t>(axis)];
  return {n * inner == 0 ? 0 : shape.size() / (n * inner), n, inner};
}

inline void check_positions(const Op& op, const std::vector<Index>& positions, Index n, int dim, const Shape& shape) {
  for (const Index i : positions)
    op.check<ValueError>(i >= 0 && i < n, "index ", i, " is outside dimension ", dim, " of input ", shape);
}

/// Its members are public, so that they may have been changed one by one.
inline void check_filled(const Op& op, const IntegerArray& indices) {
  op.check(static_cast<Index>(indices.values.size()) == indices.size(), indices.values.size(), " indices do not fill ",
           indices.shape);
}

}  // namespace detail

/// The elements at `indices` along `dim`, in the order of x: x [2, 3, 4], k indices along 1 -> [2, k, 4]. Gradients of
/// an element that is picked several times are summed.   ShapeError for a dimension that does not exist, ValueError
/// for an index outside of it.
template <Real T>
Tensor<T> index_select(const Tensor<T>& x, int dim, const std::vector<Index>& indices) {
  const Op op("index_select");
  const int axis = x.shape().axis(dim);
  detail::check_positions(op, indices, x.dim(axis), dim, x.shape());
  const auto s = detail::axis_sizes(x.shape(), x.order(), axis);
  const auto y = Tensor<T>::empty(x.shape().with(axis, static_cast<Index>(indices.size())), x.order());
  kernels::select(s, indices, x.memory(), Op::writable(y));
  op.option("dim", axis);
  op.option("indices", indices);
  return op.record(y, {x}, [s, indices, shape = x.shape(), order = x.order()](const Tensor<T>& grad) -> Grads<T> {
    const auto dy = to_order(grad, order), dx = Tensor<T>::zeros(shape, order);
    kernels::add_selected(s, indices, dy.memory(), Op::writable(dx));
    return {dx};
  });
}

/// y[i][j][k] = x[i][indices[i][j][k]][k], here for dim 1 of three: the shape of the indices, which have as many
/// dimensions as x, and in the others no more elements; row-major.   ShapeError when they do not fit, ValueError for an
/// index outside.
template <Real T>
Tensor<T> gather(const Tensor<T>& x, int dim, const IntegerArray& indices) {
  const Op op("gather");
  const int axis = x.shape().axis(dim);
  detail::check_filled(op, indices);
  bool fits = indices.shape.rank() == x.rank();
  for (int d = 0; fits && d < x.rank(); ++d) fits = d == axis || indices.shape[d] <= x.dim(d);
  op.check(fits, "indices ", indices.shape, " do not fit input ", x.shape(), " along dimension ", dim);
  detail::check_positions(op, indices.values, x.dim(axis), dim, x.shape());
  Strides lines = x.strides();  // of the places where the lines along `axis` begin
  const Index step = std::exchange(lines[static_cast<std::size_t>(axis)], 0);
  const auto y = Tensor<T>::empty(indices.shape);
  const auto picked = std::make_shared<const IntegerArray>(indices);
  T* to = Op::writable(y);
  kernels::for_picked(*picked, lines, step, [to, from = x.memory()](Index at, Index at_x) { to[at] = from[at_x]; });
  return op.record(y, {x}, [=, shape = x.shape(), order = x.order()](const Tensor<T>& grad) -> Grads<T> {
    const auto dy = contiguous(grad), dx = Tensor<T>::zeros(shape, order);
    T* sums = Op::writable(dx);
    kernels::for_picked(*picked, lines, step, [sums, g = dy.data()](Index at, Index at_x) { sums[at_x] += g[at]; });
    return {dx};
  });
}

/// The rows of `weight` [words, D] with the numbers `indices`, of any shape -> [.., D]. Gradients of a row that is
/// picked several times are summed; those of the row `padding` (none when negative) are left out.   ShapeError for a
/// weight of another rank, ValueError for a number outside.
template <Real T>
Tensor<T> embedding(const IntegerArray& indices, const Tensor<T>& weight, Index padding = -1) {
  const Op op("embedding");
  detail::check_filled(op, indices);
  op.check(weight.rank() == 2, "weight ", weight.shape(), " must be [words, D]");
  op.check<ValueError>(padding < weight.dim(0), "padding ", padding, " is outside weight ", weight.shape());
  detail::check_positions(op, indices.values, weight.dim(0), 0, weight.shape());
  const kernels::AxisSizes s{1, weight.dim(0), weight.dim(1)};
  std::vector<Index> sizes(indices.shape.begin(), indices.shape.end());
  sizes.push_back(s.inner);
  const auto y = Tensor<T>::empty(Shape(std::span<const Index>(sizes)));
  kernels::select(s, indices.values, weight.data(), Op::writable(y));
  return op.record(y, {weight}, [=, list = indices.values](const Tensor<T>& grad) -> Grads<T> {
    const auto dy = contiguous(grad), dw = Tensor<T>::zeros({s.n, s.inner});
    kernels::add_selected(s, list, dy.data(), Op::writable(dw));
    if (padding >= 0) std::fill_n(Op::writable(dw) + padding * s.inner, s.inner, T{0});
    return {dw};
  });
}

/// 1 at the number of each class, 0 elsewhere: indices of any shape -> [.., classes]. Say the type:
/// one_hot<float>(labels, 10).   ValueError for a number outside 0 .. classes-1.
template <Real T>
Tensor<T> one_hot(const IntegerArray& indices, Index classes) {
  const Op op("one_hot");
  detail::check_filled(op, indices);
  op.check<ValueError>(classes > 0, "number of classes ", classes, " must be positive");
  std::vector<Index> sizes(indices.shape.begin(), indices.shape.end());
  sizes.push_back(classes);
  const auto y = Tensor<T>::zeros(Shape(std::span<const Index>(sizes)));
  T* row = Op::writable(y);
  for (const Index i : indices.values) {
    op.check<ValueError>(i >= 0 && i < classes, "index ", i, " is no class of ", classes);
    row[i] = 1;
    row += classes;
  }
  return y;
}

/// The elements along `dims` in reverse order.   ShapeError for a dimension that does not exist.
template <Real T>
Tensor<T> flip(const Tensor<T>& x, const std::vector<int>& dims) {
  const Op op("flip");
  Tensor<T> y = x;
  for (const int d : dims) {
    std::vector<Index> backwards(static_cast<std::size_t>(x.dim(d)));
    std::iota(backwards.rbegin(), backwards.rend(), Index{0});
    y = index_select(y, d, backwards);
  }
  return y;
}

/// What stands around an image: its edge repeated, or the image mirrored at the edge, which is not repeated.
enum class PadMode { replicate, reflect };

/// x with `before[d]` and `after[d]` of its own elements around it in dimension d.   ShapeError unless there are two
/// amounts for each dimension, none negative, and enough elements: one to replicate, one more than the amount to
/// reflect.
template <Real T>
Tensor<T> pad(const Tensor<T>& x, const std::vector<Index>& before, const std::vector<Index>& after, PadMode mode) {
  const Op op("pad");
  op.check(static_cast<int>(before.size()) == x.rank() && after.size() == before.size(), "", before.size(), " and ",
           after.size(), " amounts given for input ", x.shape(), ": one per dimension is needed");
  Tensor<T> y = x;
  for (int d = 0; d < x.rank(); ++d) {
    const Index low = before[static_cast<std::size_t>(d)], high = after[static_cast<std::size_t>(d)], n = x.dim(d);
    op.check(low >= 0 && high >= 0, "negative amount ", std::min(low, high), " in dimension ", d, " of input ",
             x.shape());
    op.check(low <= max_size && high <= max_size, "amount ", std::max(low, high), " in dimension ", d, " of input ",
             x.shape(), " is too large");
    if (low + high == 0) continue;
    const Index needed = mode == PadMode::reflect ? std::max(low, high) + 1 : 1;
    x.shape().with(d, n + low + high);  // throws where that is no size
    op.check(n >= needed, "amounts ", low, " and ", high, " in dimension ", d, " of input ", x.shape(), " need ",
             needed, " elements");
    std::vector<Index> from;
    for (Index i = -low; i < n + high; ++i)
      from.push_back(mode == PadMode::replicate ? std::clamp<Index>(i, 0, n - 1)
                     : i < 0                    ? -i
                     : i >= n                   ? 2 * (n - 1) - i
                                                : i);
    y = index_select(y, d, from);
  }
  return y;
}

}  // namespace nasion
