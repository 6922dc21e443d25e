#pragma once
// Transposed convolution: the gradient of conv2d with respect to its input, as an operation of its own. It enlarges
// images by learned patterns.

#include "nasion/ops/conv2d.hpp"
#include "nasion/ops/reduce.hpp"

namespace nasion {

/// `output_padding` adds rows and columns at the end: a strided convolution shrinks several sizes to one, and this says
/// which is meant. It must be below stride or dilation.
struct ConvTranspose2dOptions {
  Size2 stride = 1, padding = 0, output_padding = 0, dilation = 1;
  Index groups = 1;
};

namespace detail {

inline void check_conv_transpose2d_options(const Checker& at, const ConvTranspose2dOptions& o) {
  check_conv2d_options(at, {.stride = o.stride, .padding = o.padding, .dilation = o.dilation, .groups = o.groups});
  at.check<ValueError>(o.output_padding.h >= 0 && o.output_padding.h < std::max(o.stride.h, o.dilation.h) &&
                           o.output_padding.w >= 0 && o.output_padding.w < std::max(o.stride.w, o.dilation.w),
                       "output_padding ", o.output_padding, " must be at least 0 and below stride ", o.stride,
                       " or dilation ", o.dilation);
}

/// The sizes of the convolution whose gradient this is: from the result back to x.
inline kernels::Conv2dSizes conv_transpose2d_sizes(const Op& op, const Shape& x, const Shape& weight,
                                                   const ConvTranspose2dOptions& o) {
  check_conv_transpose2d_options(op, o);
  op.check(x.rank() == 4 && weight.rank() == 4, "input ", x, " and weight ", weight,
           " must be [N, C, H, W] and [C, K / groups, kh, kw]");
  op.check(Size2(x[2], x[3]).within(1, max_extent), "input ", x, " has no or far too many pixels");
  op.check(weight[1] > 0 && weight[1] <= max_extent && Size2(weight[2], weight[3]).within(1, max_extent), "weight ",
           weight, " has an empty or far too large kernel");
  op.check(x[1] == weight[0], "input ", x, " has ", x[1], " channels but weight ", weight, " expects ", weight[0]);
  op.check(x[1] % o.groups == 0, "input ", x, " has ", x[1], " channels, which ", o.groups, " groups do not divide");
  const Index h = (x[2] - 1) * o.stride.h - 2 * o.padding.h + o.dilation.h * (weight[2] - 1) + o.output_padding.h + 1;
  const Index w = (x[3] - 1) * o.stride.w - 2 * o.padding.w + o.dilation.w * (weight[3] - 1) + o.output_padding.w + 1;
  op.check(h > 0 && w > 0, "padding ", o.padding, " leaves nothing of input ", x, " and weight ", weight);
  return {.n = x[0],
          .c = weight[1] * o.groups,
          .h = h,
          .w = w,
          .k = x[1],
          .kh = weight[2],
          .kw = weight[3],
          .oh = x[2],
          .ow = x[3],
          .stride_h = o.stride.h,
          .stride_w = o.stride.w,
          .pad_h = o.padding.h,
          .pad_w = o.padding.w,
          .dilation_h = o.dilation.h,
          .dilation_w = o.dilation.w,
          .groups = o.groups};
}

/// y [N, K, H, W] += bias [K], in place.
template <class T>
void add_bias(const Tensor<T>& y, const Tensor<T>& bias) {
  kernels::zip_broadcast(y.shape(), y.memory(), y.strides(), bias.data(),
                         broadcast_strides({1, bias.size(), 1, 1}, MemoryOrder::row_major, y.shape()), Op::writable(y),
                         y.order(), [](T v, T b) { return v + b; });
}

}  // namespace detail

/// x [N, C, H, W] with weight [C, K / groups, kh, kw] and bias [K] (or undefined) -> [N, K, OH, OW], where
/// OH = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1. The result is
/// channels-last.   ShapeError when they do not fit; ValueError for options out of range.
template <Real T>
Tensor<T> conv_transpose2d(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias = {},
                           const ConvTranspose2dOptions& options = {}) {
  const Op op("conv_transpose2d");
  const kernels::Conv2dSizes s = detail::conv_transpose2d_sizes(op, x.shape(), weight.shape(), options);
  if (bias.defined())
    op.check(bias.shape() == Shape{s.c}, "bias ", bias.shape(), " does not fit weight ", weight.shape(), " in ",
             s.groups, " groups");
  Op::flops(detail::conv2d_flops(s));
  constexpr auto algorithm = Conv2dAlgorithm::automatic;
  constexpr auto order = MemoryOrder::channels_last;
  const auto y = Tensor<T>::empty({s.n, s.c, s.h, s.w}, order);
  const auto images = to_order(x.detach(), order);
  kernels::conv2d_backward_input(algorithm, s, order, images.memory(), contiguous(weight.detach()).data(),
                                 Op::writable(y));
  if (bias.defined()) detail::add_bias(y, bias);

  op.option("stride", options.stride.h, options.stride.w);
  op.option("padding", options.padding.h, options.padding.w);
  op.option("output_padding", options.output_padding.h, options.output_padding.w);
  op.option("dilation", options.dilation.h, options.dilation.w);
  op.option("groups", options.groups);
  return op.record(y, {x, weight, bias},
                   [s, x = save(images), x_order = x.order(), need_dx = x.requires_grad(), weight = save(weight),
                    need_db = bias.defined() && bias.requires_grad()](const Tensor<T>& grad) -> Grads<T> {
                     const auto dy = to_order(grad, order);
                     Tensor<T> dx, dw;
                     if (need_dx) {
                       Op::flops(detail::conv2d_flops(s));
                       dx = Tensor<T>::empty(x->shape(), order);
                       kernels::conv2d_forward<T>(algorithm, s, order, dy.memory(), contiguous(*weight).data(), nullptr,
                                                  Activation::none, Op::writable(dx));
                       dx = to_order(dx, x_order);
                     }
                     if (weight.requires_grad()) {
                       Op::flops(detail::conv2d_flops(s));
                       dw = Tensor<T>::empty(weight->shape());
                       kernels::conv2d_backward_weight(algorithm, s, order, dy.memory(), x->memory(), Op::writable(dw));
                       dw = to_order(dw, weight->order());
                     }
                     return {dx, dw, need_db ? sum(dy, {0, 2, 3}) : Tensor<T>{}};
                   });
}

}  // namespace nasion
