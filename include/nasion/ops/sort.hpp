#pragma once
// Sorting along a dimension.

#include "nasion/ops/index.hpp"

namespace nasion {

/// Sorted elements, and where along the dimension they stood.
template <Real T>
struct Sorted {
  Tensor<T> values;
  IntegerArray indices;
};

namespace detail {

/// Positions of the first k elements of each line along `axis`, sorted; equal elements in the order in which they
/// stand. NaN counts as larger than every number.
template <class T>
IntegerArray first_sorted(const Tensor<T>& x, int axis, Index k, bool descending) {
  const Index n = x.dim(axis), step = x.strides()[static_cast<std::size_t>(axis)];
  const Shape shape = x.shape().with(axis, k), lines = x.shape().with(axis, 1);
  const Index to_step = dense_strides(shape, MemoryOrder::row_major)[static_cast<std::size_t>(axis)];
  IntegerArray sorted(shape, std::vector<Index>(static_cast<std::size_t>(shape.size())));
  if (shape.size() == 0) return sorted;
  Strides from = x.strides(), to = dense_strides(shape, MemoryOrder::row_major);
  const Walk<2> walk(lines, {to, from});
  const auto inner = walk.inner();
  parallel_for(walk.runs(), std::max<Index>(1, 4096 / (n * inner.size)), [&](Index first, Index last) {
    std::vector<Index> positions(static_cast<std::size_t>(n));
    walk.for_runs(first, last, [&](const std::array<Index, 2>& offset) {
      for (Index i = 0; i < inner.size; ++i) {
        const T* line = x.memory() + offset[1] + i * inner.step[1];
        const auto before = [=](Index a, Index b) {
          const T p = line[a * step], q = line[b * step];
          const bool less = p < q || (std::isnan(q) && !std::isnan(p)),
                     more = q < p || (std::isnan(p) && !std::isnan(q));
          return less != more ? less != descending : a < b;
        };
        std::iota(positions.begin(), positions.end(), Index{0});
        if (k < n)
          std::partial_sort(positions.begin(), positions.begin() + k, positions.end(), before);
        else
          std::sort(positions.begin(), positions.end(), before);
        for (Index j = 0; j < k; ++j)
          sorted.values[static_cast<std::size_t>(offset[0] + i * inner.step[0] + j * to_step)] =
              positions[static_cast<std::size_t>(j)];
      }
    });
  });
  return sorted;
}

}  // namespace detail

/// The elements along `dim` in rising order, or falling, and their positions; row-major. Equal ones keep their order;
/// NaN counts as larger than every number.   ShapeError for a dimension that does not exist.
template <Real T>
Sorted<T> sort(const Tensor<T>& x, int dim = -1, bool descending = false) {
  const Op op("sort");
  const int axis = x.shape().axis(dim);
  auto indices = detail::first_sorted(x, axis, x.dim(axis), descending);
  const auto values = gather(x, axis, indices);
  return {values, std::move(indices)};
}

/// The k largest elements along `dim`, the largest first, or the k smallest: x [2, 5], k 3 -> [2, 3]. In all else as
/// sort(). ValueError unless 0 <= k <= the size of the dimension.
template <Real T>
Sorted<T> topk(const Tensor<T>& x, Index k, int dim = -1, bool largest = true) {
  const Op op("topk");
  const int axis = x.shape().axis(dim);
  op.check<ValueError>(k >= 0 && k <= x.dim(axis), "k ", k, " is outside dimension ", dim, " of input ", x.shape());
  auto indices = detail::first_sorted(x, axis, k, largest);
  const auto values = gather(x, axis, indices);
  return {values, std::move(indices)};
}

}  // namespace nasion
