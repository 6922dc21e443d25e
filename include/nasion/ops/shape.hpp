#pragma once
// Operations that move elements without computing: order, reshape, permute, slice, concat, stack, split, pad.

#include <iterator>

#include "nasion/core/op.hpp"

namespace nasion {

template <Real T>
Tensor<T> reshape(const Tensor<T>& x, const Shape& shape);
template <Real T>
Tensor<T> slice(const Tensor<T>& x, int dim, Index begin, Index end);

namespace detail {

/// The memory of x from element `offset` on, seen with another shape. No graph.
template <class T>
Tensor<T> view(const Tensor<T>& x, const Shape& shape, Index offset = 0, MemoryOrder order = MemoryOrder::row_major) {
  const auto alias = x.detach();
  const auto& impl = Access::impl(alias);
  impl->shape = shape;
  impl->order = order;
  impl->offset += offset;
  return alias;
}

template <class T>
Tensor<T> reordered(const Tensor<T>& x, MemoryOrder order) {
  auto y = Tensor<T>::empty(x.shape(), order);
  strided_copy(x.shape(), x.memory(), x.strides(), Op::writable(y), y.strides());
  return y;
}

}  // namespace detail

/// x in the given memory order: itself when it already is, a view when images of one channel or one pixel lie the same
/// in both, otherwise a copy. ShapeError for channels-last unless rank 4.
template <Real T>
Tensor<T> to_order(const Tensor<T>& x, MemoryOrder order) {
  if (x.order() == order) return x;
  const Op op("to_order");
  if (x.rank() == 4 && (x.dim(1) == 1 || x.dim(2) * x.dim(3) == 1))
    return op.record(detail::view(x, x.shape(), 0, order), {x}, [](const Tensor<T>& dy) -> Grads<T> { return {dy}; });
  return op.record(detail::reordered(x, order), {x}, [](const Tensor<T>& dy) -> Grads<T> { return {dy}; });
}

/// x in row-major order: itself when it already is, otherwise as to_order().
template <Real T>
Tensor<T> contiguous(const Tensor<T>& x) {
  return to_order(x, MemoryOrder::row_major);
}

namespace detail {
template <class T>
Tensor<T> reshaped(const Op& op, const Tensor<T>& x, const Shape& shape) {
  op.check(shape.size() == x.size(), "input ", x.shape(), " has ", x.size(), " elements but ", shape, " has ",
           shape.size());
  const auto dense = contiguous(x);
  return op.record(view(dense, shape), {dense},
                   [from = x.shape()](const Tensor<T>& dy) -> Grads<T> { return {reshape(dy, from)}; });
}
}  // namespace detail

/// x with another shape of as many elements, in row-major reading; one size may be -1 and follows from the others. A
/// view, unless x is channels-last.   ShapeError for another number of elements, or a -1 that does not follow.
template <Real T>
Tensor<T> reshape(const Tensor<T>& x, std::initializer_list<Index> sizes) {
  const Op op("reshape");
  std::vector<Index> full(sizes);
  const auto open = std::find(full.begin(), full.end(), Index{-1});
  if (open != full.end()) {
    op.check(std::find(open + 1, full.end(), Index{-1}) == full.end(), "more than one size is -1 for input ",
             x.shape());
    *open = 1;
    const Index known = Shape(std::span<const Index>(full)).size();
    op.check(known > 0 && x.size() % known == 0, "input ", x.shape(), " cannot be cut into pieces of ", known);
    *open = x.size() / known;
  }
  return detail::reshaped(op, x, Shape(std::span<const Index>(full)));
}
template <Real T>
Tensor<T> reshape(const Tensor<T>& x, const Shape& shape) {
  const Op op("reshape");
  return detail::reshaped(op, x, shape);
}

/// Dimensions `first` and following as one: [N, C, H, W] -> [N, C H W]; rank 0 becomes [1]. ShapeError when `first`
/// does not exist.
template <Real T>
Tensor<T> flatten(const Tensor<T>& x, int first = 1) {
  if (x.rank() == 0) return reshape(x, Shape{1});
  const int from = x.shape().axis(first);
  std::vector<Index> sizes(x.shape().begin(), x.shape().begin() + from);
  Index rest = 1;
  for (int d = from; d < x.rank(); ++d) rest *= x.dim(d);
  sizes.push_back(rest);
  return reshape(x, Shape(std::span<const Index>(sizes)));
}

/// Dimension d of the result is dimension dims[d] of x, negative ones counted from the end; a copy, row-major.
/// ShapeError unless dims names each dimension once.
template <Real T>
Tensor<T> permute(const Tensor<T>& x, const std::vector<int>& dims) {
  const Op op("permute");
  op.check(static_cast<int>(dims.size()) == x.rank(), "", dims.size(), " dimensions named for input ", x.shape());
  std::vector<Index> sizes;
  std::vector<int> inverse(dims.size(), -1);
  Strides strides{};
  for (std::size_t d = 0; d < dims.size(); ++d) {
    const int from = x.shape().axis(dims[d]);
    op.check(inverse[static_cast<std::size_t>(from)] < 0, "dimension ", dims[d], " is named twice for input ",
             x.shape());
    inverse[static_cast<std::size_t>(from)] = static_cast<int>(d);
    sizes.push_back(x.dim(from));
    strides[d] = x.strides()[static_cast<std::size_t>(from)];
  }
  const auto y = Tensor<T>::empty(Shape(std::span<const Index>(sizes)));
  strided_copy(y.shape(), x.memory(), strides, Op::writable(y), y.strides());
  op.option("dims", dims);
  return op.record(y, {x}, [inverse](const Tensor<T>& dy) -> Grads<T> { return {permute(dy, inverse)}; });
}

/// Dimensions a and b exchanged, by default the last two: [N, M] -> [M, N]; a copy, row-major. ShapeError when one does
/// not exist.
template <Real T>
Tensor<T> transpose(const Tensor<T>& x, int a = -2, int b = -1) {
  std::vector<int> dims(static_cast<std::size_t>(x.rank()));
  for (int d = 0; d < x.rank(); ++d) dims[static_cast<std::size_t>(d)] = d;
  std::swap(dims[static_cast<std::size_t>(x.shape().axis(a))], dims[static_cast<std::size_t>(x.shape().axis(b))]);
  return permute(x, dims);
}

/// Zeros, or `value`, around x: `before[d]` and `after[d]` elements in dimension d, which grows by both. The order
/// stays.   ShapeError unless there are two amounts for each dimension, none negative.
template <Real T>
Tensor<T> pad(const Tensor<T>& x, const std::vector<Index>& before, const std::vector<Index>& after,
              std::type_identity_t<T> value = T{0}) {
  const Op op("pad");
  op.check(static_cast<int>(before.size()) == x.rank() && after.size() == before.size(), "", before.size(), " and ",
           after.size(), " amounts given for input ", x.shape(), ": one per dimension is needed");
  Shape shape = x.shape();
  Index corner = 0;  // of x in the result
  for (int d = 0; d < x.rank(); ++d) {
    const Index low = before[static_cast<std::size_t>(d)], high = after[static_cast<std::size_t>(d)];
    op.check(low >= 0 && high >= 0, "negative amount ", std::min(low, high), " in dimension ", d, " of input ",
             x.shape());
    op.check(low <= max_size && high <= max_size, "amount ", std::max(low, high), " in dimension ", d, " of input ",
             x.shape(), " is too large");
    shape = shape.with(d, x.dim(d) + low + high);
  }
  const auto y = Tensor<T>::full(shape, value, x.order());
  const Strides strides = y.strides();
  for (std::size_t d = 0; d < before.size(); ++d) corner += before[d] * strides[d];
  strided_copy(x.shape(), x.memory(), x.strides(), Op::writable(y) + corner, strides);
  op.option("before", before);
  op.option("after", after);
  op.option("value", value);
  return op.record(y, {x}, [before, from = x.shape()](const Tensor<T>& dy) -> Grads<T> {
    Tensor<T> dx = dy;
    for (int d = 0; d < from.rank(); ++d) {
      const Index low = before[static_cast<std::size_t>(d)];
      dx = slice(dx, d, low, low + from[d]);
    }
    return {dx};
  });
}

/// Elements begin .. end-1 of dimension `dim`, which becomes end - begin long. A view for the first dimension of a
/// row-major tensor, otherwise a copy in the order of x.   ShapeError unless 0 <= begin <= end <= size, and for a
/// dimension that does not exist.
template <Real T>
Tensor<T> slice(const Tensor<T>& x, int dim, Index begin, Index end) {
  const Op op("slice");
  const int axis = x.shape().axis(dim);
  op.check(0 <= begin && begin <= end && end <= x.dim(axis), "range ", begin, " .. ", end, " is outside dimension ",
           dim, " of input ", x.shape());
  const Shape shape = x.shape().with(axis, end - begin);
  const Index offset = begin * x.strides()[static_cast<std::size_t>(axis)];
  Tensor<T> y;
  if (axis == 0 && x.order() == MemoryOrder::row_major) {
    y = detail::view(x, shape, offset);
  } else {
    y = Tensor<T>::empty(shape, x.order());
    strided_copy(shape, x.memory() + offset, x.strides(), Op::writable(y), y.strides());
  }
  op.option("dim", axis);
  op.option("range", begin, end);
  return op.record(y, {x}, [axis, begin, end, from = x.shape()](const Tensor<T>& dy) -> Grads<T> {
    std::vector<Index> before(static_cast<std::size_t>(from.rank()), 0), after = before;
    before[static_cast<std::size_t>(axis)] = begin;
    after[static_cast<std::size_t>(axis)] = from[axis] - end;
    return {pad(dy, before, after)};
  });
}

/// Tensors joined along `dim`, channels-last where one of them is: [2, 3] and [2, 5] along 1 -> [2, 8].   ShapeError
/// unless all other sizes are equal, ValueError for no tensors.
template <Real T>
Tensor<T> concat(const std::vector<Tensor<T>>& parts, int dim) {
  const Op op("concat");
  op.check<ValueError>(!parts.empty(), "needs at least one tensor");
  const int axis = parts[0].shape().axis(dim);
  Index total = 0;
  for (const auto& part : parts) {
    op.check(part.rank() == parts[0].rank() && part.shape().with(axis, 1) == parts[0].shape().with(axis, 1), "part ",
             part.shape(), " does not fit first part ", parts[0].shape(), ": sizes other than dimension ", dim,
             " must be equal");
    total += part.dim(axis);
  }
  const bool channels_last =
      std::any_of(parts.begin(), parts.end(), [](const auto& x) { return x.order() == MemoryOrder::channels_last; });
  const auto y = Tensor<T>::empty(parts[0].shape().with(axis, total),
                                  channels_last ? MemoryOrder::channels_last : MemoryOrder::row_major);
  const Strides strides = y.strides();
  T* to = Op::writable(y);
  for (const auto& part : parts) {
    strided_copy(part.shape(), part.memory(), part.strides(), to, strides);
    to += part.dim(axis) * strides[static_cast<std::size_t>(axis)];
  }
  std::vector<Index> ends;
  for (const auto& part : parts) ends.push_back((ends.empty() ? 0 : ends.back()) + part.dim(axis));
  op.option("dim", axis);
  return op.record(y, parts, [axis, ends](const Tensor<T>& dy) -> Grads<T> {
    Grads<T> grads;
    for (std::size_t i = 0; i < ends.size(); ++i)
      grads.push_back(detail::part_of(dy, axis, i ? ends[i - 1] : 0, ends[i]));
    return grads;
  });
}

/// x with a dimension of size 1 before dimension `dim` of the result: [2, 3], 1 -> [2, 1, 3]. ShapeError unless there
/// is such a place.
template <Real T>
Tensor<T> unsqueeze(const Tensor<T>& x, int dim) {
  const Op op("unsqueeze");
  op.check(dim >= -x.rank() - 1 && dim <= x.rank(), "there is no place ", dim, " for a dimension in input ", x.shape());
  std::vector<Index> sizes(x.shape().begin(), x.shape().end());
  sizes.insert(sizes.begin() + (dim < 0 ? dim + x.rank() + 1 : dim), 1);
  return reshape(x, Shape(std::span<const Index>(sizes)));
}

/// x without dimension `dim` where its size is 1, otherwise x. ShapeError for a dimension that does not exist.
template <Real T>
Tensor<T> squeeze(const Tensor<T>& x, int dim) {
  const int axis = x.shape().axis(dim);
  if (x.dim(axis) != 1) return x;
  std::vector<Index> sizes(x.shape().begin(), x.shape().end());
  sizes.erase(sizes.begin() + axis);
  return reshape(x, Shape(std::span<const Index>(sizes)));
}
/// x without all dimensions of size 1.
template <Real T>
Tensor<T> squeeze(const Tensor<T>& x) {
  std::vector<Index> sizes;
  std::copy_if(x.shape().begin(), x.shape().end(), std::back_inserter(sizes), [](Index n) { return n != 1; });
  return reshape(x, Shape(std::span<const Index>(sizes)));
}

/// Tensors of one shape along a new dimension `dim`: three of [2, 4] at 0 -> [3, 2, 4]. ShapeError when the shapes
/// differ, ValueError for no tensors.
template <Real T>
Tensor<T> stack(const std::vector<Tensor<T>>& parts, int dim = 0) {
  const Op op("stack");
  op.check<ValueError>(!parts.empty(), "needs at least one tensor");
  std::vector<Tensor<T>> rows;
  for (const auto& part : parts) {
    op.check(part.shape() == parts[0].shape(), "part ", part.shape(), " does not fit first part ", parts[0].shape());
    rows.push_back(unsqueeze(part, dim));
  }
  return concat(rows, dim);
}

/// x in pieces of `sizes` along `dim`. ShapeError unless they add up to the dimension.
template <Real T>
std::vector<Tensor<T>> split(const Tensor<T>& x, const std::vector<Index>& sizes, int dim = 0) {
  const Op op("split");
  const Index n = x.dim(dim);
  Index begin = 0;
  for (const Index size : sizes) {
    op.check(size >= 0 && size <= n - begin, "sizes of pieces do not add up to ", n, ", dimension ", dim, " of input ",
             x.shape());
    begin += size;
  }
  op.check(begin == n, "sizes of pieces add up to ", begin, ", not to ", n, ", dimension ", dim, " of input ",
           x.shape());
  std::vector<Tensor<T>> pieces;
  begin = 0;
  for (const Index size : sizes) {
    pieces.push_back(slice(x, dim, begin, begin + size));
    begin += size;
  }
  return pieces;
}
/// x in pieces of `size` along `dim`, the last of which may be smaller. ValueError unless the size is positive.
template <Real T>
std::vector<Tensor<T>> split(const Tensor<T>& x, Index size, int dim = 0) {
  const Op op("split");
  op.check<ValueError>(size > 0, "size ", size, " must be positive");
  std::vector<Index> sizes;
  for (Index left = x.dim(dim); left > 0; left -= size) sizes.push_back(std::min(size, left));
  return split(x, sizes, dim);
}
/// x in at most `chunks` pieces of equal size along `dim`, the last of which may be smaller: 10 in 4 -> 3, 3, 3, 1.
/// ValueError unless the number is positive.
template <Real T>
std::vector<Tensor<T>> chunk(const Tensor<T>& x, Index chunks, int dim = 0) {
  const Op op("chunk");
  op.check<ValueError>(chunks > 0, "number of chunks ", chunks, " must be positive");
  return split(x, std::max<Index>(1, (x.dim(dim) + chunks - 1) / chunks), dim);
}

}  // namespace nasion
