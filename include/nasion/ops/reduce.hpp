#pragma once
// Sums, means, maxima and minima over dimensions.

#include <limits>
#include <numeric>

#include "nasion/ops/elementwise.hpp"
#include "nasion/ops/index.hpp"

namespace nasion {

/// Dimensions to reduce; empty means all. Negative ones count from the end.
using Dims = std::vector<int>;

namespace detail {

/// The shape with the named dimensions of size 1. ShapeError for one that does not exist or is named twice.
inline Shape reduced_shape(const Op& op, const Shape& shape, const Dims& dims) {
  std::array<bool, max_rank> reduce{};
  for (const int d : dims) {
    bool& named = reduce[static_cast<std::size_t>(shape.axis(d))];
    op.check(!named, "dimension ", d, " is named twice for input ", shape);
    named = true;
  }
  Shape result = shape;
  for (int d = 0; d < shape.rank(); ++d)
    if (dims.empty() || reduce[static_cast<std::size_t>(d)]) result = result.with(d, 1);
  return result;
}

/// `kept` without its dimensions `dims`.
inline Shape dropped(const Shape& kept, const Dims& dims) {
  std::array<bool, max_rank> drop{};
  for (const int d : dims) drop[static_cast<std::size_t>(kept.axis(d))] = true;
  std::vector<Index> sizes;
  for (int d = 0; d < kept.rank(); ++d)
    if (!dims.empty() && !drop[static_cast<std::size_t>(d)]) sizes.push_back(kept[d]);
  return Shape(std::span<const Index>(sizes));
}

}  // namespace detail

/// x repeated along dimensions of size 1 (or missing in front) to `shape`: a copy, row-major.   ShapeError when it does
/// not broadcast.
template <Real T>
Tensor<T> broadcast_to(const Tensor<T>& x, const Shape& shape) {
  const Op op("broadcast_to");
  op.check(broadcasts_to(x.shape(), shape), "input ", x.shape(), " does not broadcast to ", shape);
  return op.record(detail::broadcast_copy(x, shape, MemoryOrder::row_major), {x},
                   [](const Tensor<T>& dy) -> Grads<T> { return {dy}; });
}

/// Sum over `dims`, all if empty: x [2, 3, 4] over {0, -1} -> [3], or with `keep` [1, 3, 1]; 0 over no elements.
/// ShapeError for a dimension that does not exist or is named twice.
template <Real T>
Tensor<T> sum(const Tensor<T>& x, const Dims& dims = {}, bool keep = false) {
  const Op op("sum");
  const Shape kept = detail::reduced_shape(op, x.shape(), dims);
  auto total = Tensor<T>::zeros(kept);
  strided_sum(x.shape(), x.memory(), x.strides(), Op::writable(total),
              broadcast_strides(kept, MemoryOrder::row_major, x.shape()), kept.size());
  const auto y = keep ? total : reshape(total, detail::dropped(kept, dims));
  op.option("dims", dims);
  op.option("keep", keep);
  return op.record(y, {x}, [shape = x.shape(), order = x.order(), kept](const Tensor<T>& dy) -> Grads<T> {
    return {detail::broadcast_copy(reshape(dy, kept), shape, order)};
  });
}

/// Mean over `dims`; NaN over no elements. Shapes and errors as for sum().
template <Real T>
Tensor<T> mean(const Tensor<T>& x, const Dims& dims = {}, bool keep = false) {
  const Op op("mean");
  const Index count = x.size() / std::max<Index>(1, detail::reduced_shape(op, x.shape(), dims).size());
  return sum(x, dims, keep) / static_cast<T>(count);
}

namespace detail {

/// Position along `dim` of the element that `better(candidate, best)` prefers, first one on ties; row-major in the
/// shape without `dim`. NaN is preferred to everything.
template <class T, class Better>
std::vector<Index> arg_best(const Op& op, const Tensor<T>& x, int dim, Better better) {
  const int axis = x.shape().axis(dim);
  const Index n = x.dim(axis);
  op.check(n > 0, "dimension ", dim, " of input ", x.shape(), " is empty");
  const Strides strides = x.strides();
  const Index step = strides[static_cast<std::size_t>(axis)];
  const Shape others = x.shape().with(axis, 1);
  const Walk<2> walk(others, {dense_strides(others, MemoryOrder::row_major), strides});
  std::vector<Index> best(static_cast<std::size_t>(others.size()));
  const auto inner = walk.inner();
  if (others.size() == 0) return best;
  parallel_for(walk.runs(), std::max<Index>(1, 16384 / (n * inner.size)), [&](Index first, Index last) {
    walk.for_runs(first, last, [&](const std::array<Index, 2>& offset) {
      for (Index i = 0; i < inner.size; ++i) {
        const T* values = x.memory() + offset[1] + i * inner.step[1];
        Index at = 0;
        for (Index j = 1; j < n && !std::isnan(values[at * step]); ++j)
          if (better(values[j * step], values[at * step]) || std::isnan(values[j * step])) at = j;
        best[static_cast<std::size_t>(offset[0] + i * inner.step[0])] = at;
      }
    });
  });
  return best;
}

template <class T, class Better>
Tensor<T> best(const Op& op, const Tensor<T>& x, int dim, bool keep, Better better) {
  const int axis = x.shape().axis(dim);
  const Shape kept = x.shape().with(axis, 1);
  const auto picked = gather(x, axis, IntegerArray(kept, arg_best(op, x, dim, better)));
  return keep ? picked : reshape(picked, dropped(kept, {axis}));
}

}  // namespace detail

/// Position of the largest element along `dim`, the first on ties, NaN counting as largest: row-major in the shape
/// without `dim`. ShapeError when the dimension is empty or does not exist.
template <Real T>
std::vector<Index> argmax(const Tensor<T>& x, int dim) {
  const Op op("argmax");
  return detail::arg_best(op, x, dim, [](T a, T b) { return a > b; });
}

/// Position of the smallest element along `dim`, in all else as argmax().
template <Real T>
std::vector<Index> argmin(const Tensor<T>& x, int dim) {
  const Op op("argmin");
  return detail::arg_best(op, x, dim, [](T a, T b) { return a < b; });
}

/// Largest element along `dim`: x [2, 3, 4] along 1 -> [2, 4], or with `keep` [2, 1, 4]. NaN wins, and the gradient
/// goes to the first of equals. ShapeError when the dimension is empty or does not exist.
template <Real T>
Tensor<T> max(const Tensor<T>& x, int dim, bool keep = false) {
  const Op op("max");
  return detail::best(op, x, dim, keep, [](T a, T b) { return a > b; });
}

/// Smallest element along `dim`, in all else as max().
template <Real T>
Tensor<T> min(const Tensor<T>& x, int dim, bool keep = false) {
  const Op op("min");
  return detail::best(op, x, dim, keep, [](T a, T b) { return a < b; });
}

/// Largest of all elements, []. NaN wins. ShapeError when there is none.
template <Real T>
Tensor<T> max(const Tensor<T>& x) {
  return max(flatten(x, 0), 0);
}
/// Smallest of all elements, []. NaN wins. ShapeError when there is none.
template <Real T>
Tensor<T> min(const Tensor<T>& x) {
  return min(flatten(x, 0), 0);
}

}  // namespace nasion
