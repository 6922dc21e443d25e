#pragma once
// Max and average pooling, regular and adaptive. Results keep the memory order of the input.

#include <memory>

#include "nasion/core/integer_array.hpp"
#include "nasion/core/size2.hpp"
#include "nasion/kernels/avg_pool.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion {

/// Windows of `kernel` every `stride` (0: as large as the kernel), over the input with `padding` on all sides, at most
/// half of the kernel. With `ceil_mode` a last, incomplete window is kept, also when it is the only one. `dilation`,
/// for maxima only: the pixels of a window are so far apart. `count_include_pad`, for means only: whether padding
/// counts as zeros, or not at all.
struct PoolOptions {
  Size2 kernel = 2, stride = 0, padding = 0;
  bool ceil_mode = false;
  Size2 dilation = 1;
  bool count_include_pad = true;
};

/// Maxima, and where in their planes H x W they stood: row times W plus column.
template <Real T>
struct MaxPooled {
  Tensor<T> values;
  IntegerArray indices;
};

namespace detail {

/// Windows along one axis, as PyTorch counts them; 0 or fewer when none fits.
inline Index pool_outputs(Index size, Index kernel, Index stride, Index padding, bool ceil_mode) {
  const Index room = size + 2 * padding - kernel + (ceil_mode ? stride - 1 : 0);
  if (room < 0) return 0;
  const Index outputs = room / stride + 1;
  return ceil_mode && (outputs - 1) * stride >= size + padding ? outputs - 1 : outputs;  // the last must start inside
}

inline kernels::PoolSizes pool_sizes(const Op& op, const Shape& x, PoolOptions o) {
  if (o.stride == Size2{0}) o.stride = o.kernel;
  op.check(x.rank() == 4, "input ", x, " must be [N, C, H, W]");
  op.check<ValueError>(
      o.kernel.within(1, max_extent) && o.stride.within(1, max_extent) && o.dilation.within(1, max_extent), "kernel ",
      o.kernel, ", stride ", o.stride, " and dilation ", o.dilation, " must be in 1 .. ", max_extent);
  op.check<ValueError>(
      o.padding.h >= 0 && o.padding.w >= 0 && 2 * o.padding.h <= o.kernel.h && 2 * o.padding.w <= o.kernel.w,
      "padding ", o.padding, " must be 0 up to half of kernel ", o.kernel);
  const Size2 reach{(o.kernel.h - 1) * o.dilation.h + 1, (o.kernel.w - 1) * o.dilation.w + 1};
  const Index rows = pool_outputs(x[2], reach.h, o.stride.h, o.padding.h, o.ceil_mode);
  const Index columns = pool_outputs(x[3], reach.w, o.stride.w, o.padding.w, o.ceil_mode);
  op.check(x[2] > 0 && x[3] > 0 && rows > 0 && columns > 0, "kernel ", o.kernel, " is larger than input ", x,
           " with padding ", o.padding, " and dilation ", o.dilation);
  kernels::PoolSizes s{x[0],
                       x[1],
                       x[2],
                       x[3],
                       kernels::regular_windows(x[2], o.kernel.h, o.stride.h, o.padding.h, rows, o.dilation.h),
                       kernels::regular_windows(x[3], o.kernel.w, o.stride.w, o.padding.w, columns, o.dilation.w)};
  for (auto* windows : {&s.rows, &s.columns})
    for (auto& window : *windows) {
      op.check(window.begin < window.end, "kernel ", o.kernel, " with dilation ", o.dilation, " and padding ",
               o.padding, " meets no pixel of input ", x);
      if (!o.count_include_pad) window.count = window.end - window.begin;
    }
  return s;
}

inline void trace_pool(const Op& op, const PoolOptions& o) {
  op.option("kernel", o.kernel.h, o.kernel.w);
  op.option("stride", o.stride.h, o.stride.w);
  op.option("padding", o.padding.h, o.padding.w);
  op.option("ceil_mode", o.ceil_mode);
  op.option("dilation", o.dilation.h, o.dilation.w);
  op.option("count_include_pad", o.count_include_pad);
}

inline kernels::PoolSizes adaptive_pool_sizes(const Op& op, const Shape& x, const Size2& output) {
  op.check(x.rank() == 4 && Size2(x[2], x[3]).within(1, max_extent), "input ", x, " must be [N, C, H, W] with pixels");
  op.check<ValueError>(output.within(1, max_extent), "output size ", output, " must be in 1 .. ", max_extent);
  op.check(x[0] * x[1] == 0 || output.h <= max_size / output.w / (x[0] * x[1]), "output size ", output,
           " is too large for input ", x);
  return {x[0], x[1], x[2], x[3], kernels::adaptive_windows(x[2], output.h), kernels::adaptive_windows(x[3], output.w)};
}

inline Shape pooled_shape(const kernels::PoolSizes& s) {
  return {s.n, s.c, static_cast<Index>(s.rows.size()), static_cast<Index>(s.columns.size())};
}

template <class T>
Tensor<T> max_pool(const Op& op, const Tensor<T>& x, const kernels::PoolSizes& s) {
  op.check(s.in_area() <= std::numeric_limits<std::int32_t>::max(), "images of input ", x.shape(), " are too large");
  const auto y = Tensor<T>::empty(pooled_shape(s), x.order());
  std::shared_ptr<Buffer> at;  // where they were: only the gradient asks
  if (nasion::grad_enabled() && x.requires_grad())
    at = std::make_shared<Buffer>(kernels::max_pool_bytes<T>(s, x.order()));
  kernels::max_pool_forward(s, x.order(), x.memory(), Op::writable(y), at ? at->data() : nullptr);
  return op.record(y, {x}, [s, at, order = x.order(), shape = x.shape()](const Tensor<T>& dy) -> Grads<T> {
    const auto dx = Tensor<T>::empty(shape, order);
    kernels::max_pool_backward(s, order, to_order(dy, order).memory(), at->data(), Op::writable(dx));
    return {dx};
  });
}

template <class T>
Tensor<T> avg_pool(const Op& op, const Tensor<T>& x, const kernels::PoolSizes& s) {
  const auto y = Tensor<T>::empty(pooled_shape(s), x.order());
  kernels::avg_pool_forward(s, x.order(), x.memory(), Op::writable(y));
  return op.record(y, {x}, [s, order = x.order(), shape = x.shape()](const Tensor<T>& dy) -> Grads<T> {
    const auto dx = Tensor<T>::empty(shape, order);
    kernels::avg_pool_backward(s, order, to_order(dy, order).memory(), Op::writable(dx));
    return {dx};
  });
}

}  // namespace detail

/// Largest number of each window; padding never wins.   x [N, C, H, W] -> [N, C, OH, OW] for OH windows down and OW
/// across, floor((H + 2 padding - dilation (kernel - 1) - 1) / stride) + 1 without ceil_mode.   ShapeError for other
/// ranks, or when no window fits; ValueError for options out of range.
template <Real T>
Tensor<T> max_pool2d(const Tensor<T>& x, const PoolOptions& options = {}) {
  const Op op("max_pool2d");
  detail::trace_pool(op, options);
  const auto s = detail::pool_sizes(op, x.shape(), options);
  if (options.dilation == Size2{1}) return detail::max_pool(op, x, s);
  return to_order(detail::max_pool(op, contiguous(x), s), x.order());
}

/// max_pool2d(), and where the maxima stood, as max_unpool2d() needs it.   Shapes and errors as for max_pool2d(); both
/// results are row-major.
template <Real T>
MaxPooled<T> max_pool2d_with_indices(const Tensor<T>& x, const PoolOptions& options = {}) {
  const Op op("max_pool2d_with_indices");
  const auto s = detail::pool_sizes(op, x.shape(), options);
  op.check(s.in_area() <= std::numeric_limits<std::int32_t>::max(), "images of input ", x.shape(), " are too large");
  const auto planes = contiguous(x), y = Tensor<T>::empty(detail::pooled_shape(s));
  const auto at = std::make_shared<std::vector<std::int32_t>>(static_cast<std::size_t>(y.size()));
  kernels::max_pool_forward(s, MemoryOrder::row_major, planes.data(), Op::writable(y), at->data());
  const auto values = op.record(y, {planes}, [s, at, shape = x.shape()](const Tensor<T>& dy) -> Grads<T> {
    const auto dx = Tensor<T>::empty(shape);
    kernels::max_pool_backward(s, MemoryOrder::row_major, contiguous(dy).data(), at->data(), Op::writable(dx));
    return {dx};
  });
  return {values, IntegerArray(y.shape(), std::vector<Index>(at->begin(), at->end()))};
}

/// Puts each element at its place in a plane of `output`, and zeros elsewhere: x and indices [N, C, H, W], as of
/// max_pool2d_with_indices() -> [N, C, output.h, output.w], row-major. Of several for one place the last stays.
/// ShapeError when the shapes differ, ValueError for a place outside.
template <Real T>
Tensor<T> max_unpool2d(const Tensor<T>& x, const IntegerArray& indices, const Size2& output) {
  const Op op("max_unpool2d");
  op.check(x.rank() == 4, "input ", x.shape(), " must be [N, C, H, W]");
  op.check(indices.shape == x.shape() && static_cast<Index>(indices.values.size()) == x.size(), "indices ",
           indices.shape, " do not fit input ", x.shape());
  op.check<ValueError>(output.within(1, max_extent), "output size ", output, " must be in 1 .. ", max_extent);
  const auto y = Tensor<T>::zeros({x.dim(0), x.dim(1), output.h, output.w});
  const Index area = output.h * output.w, pixels = x.dim(2) * x.dim(3);
  const auto from = contiguous(x);
  auto places = std::make_shared<std::vector<Index>>(indices.values);
  for (Index i = 0; i < x.size(); ++i) {
    Index& at = (*places)[static_cast<std::size_t>(i)];
    op.check<ValueError>(at >= 0 && at < area, "index ", at, " is outside a plane of ", output);
    at += i / pixels * area;
    Op::writable(y)[at] = from.data()[i];
  }
  return op.record(y, {from}, [places, shape = x.shape()](const Tensor<T>& grad) -> Grads<T> {
    const auto dy = contiguous(grad), dx = Tensor<T>::empty(shape);
    std::transform(places->begin(), places->end(), Op::writable(dx), [&](Index at) { return dy.data()[at]; });
    return {dx};
  });
}

/// Mean of each window; padding counts as zeros unless options say otherwise.   Shapes and errors as for max_pool2d;
/// ValueError also for a dilation, which means have not.
template <Real T>
Tensor<T> avg_pool2d(const Tensor<T>& x, const PoolOptions& options = {}) {
  const Op op("avg_pool2d");
  detail::trace_pool(op, options);
  op.check<ValueError>(options.dilation == Size2{1}, "dilation ", options.dilation, " is for maxima only");
  return detail::avg_pool(op, x, detail::pool_sizes(op, x.shape(), options));
}

/// Largest numbers over output.h x output.w windows that cover the image; the output may be larger than the input. [N,
/// C, H, W] -> [N, C, output.h, output.w].   ShapeError for other ranks or images without pixels, ValueError for an
/// empty output.
template <Real T>
Tensor<T> adaptive_max_pool2d(const Tensor<T>& x, const Size2& output) {
  const Op op("adaptive_max_pool2d");
  op.option("output", output.h, output.w);
  return detail::max_pool(op, x, detail::adaptive_pool_sizes(op, x.shape(), output));
}

/// Means over output.h x output.w windows that cover the image; the output may be larger than the input.   Shapes and
/// errors as for adaptive_max_pool2d.
template <Real T>
Tensor<T> adaptive_avg_pool2d(const Tensor<T>& x, const Size2& output) {
  const Op op("adaptive_avg_pool2d");
  op.option("output", output.h, output.w);
  return detail::avg_pool(op, x, detail::adaptive_pool_sizes(op, x.shape(), output));
}

}  // namespace nasion
