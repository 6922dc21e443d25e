#pragma once
// 2-D convolution (cross-correlation, as everywhere in deep learning).

#include "nasion/core/autocast.hpp"
#include "nasion/core/size2.hpp"
#include "nasion/kernels/conv2d/conv2d.hpp"
#include "nasion/ops/activation.hpp"
#include "nasion/ops/shape.hpp"

#ifdef NASION_COMPILED
#include "nasion/kernels/compiled.hpp"
#endif

namespace nasion {

/// `padding` is of zeros, the same on opposite sides or, as {top, left, bottom, right}, of each; `groups` divides both
/// numbers of channels; all else as in PyTorch. `algorithm` names a kernel instead of the fastest for these sizes.
struct Conv2dOptions {
  Size2 stride = 1;
  Padding padding = 0;
  Size2 dilation = 1;
  Index groups = 1;
  Conv2dAlgorithm algorithm = Conv2dAlgorithm::automatic;
  Activation activation = Activation::none;  ///< of the result, without a pass or memory of its own
};

namespace detail {

inline void check_conv2d_options(const Checker& at, const Conv2dOptions& o) {
  at.check<ValueError>(o.stride.within(1, max_extent) && o.dilation.within(1, max_extent) &&
                           o.padding.within(0, max_extent) && o.groups > 0 && o.groups <= max_extent,
                       "stride ", o.stride, ", dilation ", o.dilation, " and groups ", o.groups,
                       " must be at least 1, padding ", o.padding, " at least 0, and none above ", max_extent);
  check_activation(at, o.activation);
}

/// The sizes of the convolution of x [N, C, H, W] with weight [K, C / groups, kh, kw]. ShapeError when they do not fit.
inline kernels::Conv2dSizes conv2d_sizes(const Checker& op, const Shape& x, const Shape& weight,
                                         const Conv2dOptions& o) {
  check_conv2d_options(op, o);
  op.check(x.rank() == 4 && weight.rank() == 4, "input ", x, " and weight ", weight,
           " must be [N, C, H, W] and [K, C / groups, kh, kw]");
  op.check(weight[1] > 0 && weight[1] <= max_extent && Size2(weight[2], weight[3]).within(1, max_extent), "weight ",
           weight, " has an empty or far too large kernel");
  op.check(x[1] == weight[1] * o.groups, "input ", x, " has ", x[1], " channels but weight ", weight, " expects ",
           weight[1] * o.groups);
  op.check(weight[0] % o.groups == 0, "weight ", weight, " has ", weight[0], " output channels, which ", o.groups,
           " groups do not divide");
  const Index reach_h = (weight[2] - 1) * o.dilation.h + 1, reach_w = (weight[3] - 1) * o.dilation.w + 1;
  const Index room_h = x[2] + o.padding.top + o.padding.bottom - reach_h;
  const Index room_w = x[3] + o.padding.left + o.padding.right - reach_w;
  op.check(room_h >= 0 && room_w >= 0, "weight ", weight, " (reach ", reach_h, "x", reach_w, ") is larger than input ",
           x, " with padding ", o.padding);
  return {.n = x[0],
          .c = x[1],
          .h = x[2],
          .w = x[3],
          .k = weight[0],
          .kh = weight[2],
          .kw = weight[3],
          .oh = room_h / o.stride.h + 1,
          .ow = room_w / o.stride.w + 1,
          .stride_h = o.stride.h,
          .stride_w = o.stride.w,
          .pad_h = o.padding.top,
          .pad_w = o.padding.left,
          .dilation_h = o.dilation.h,
          .dilation_w = o.dilation.w,
          .groups = o.groups};
}

/// What is asked for, or what Autocast takes in the place of the direct kernel.
template <class T>
Conv2dAlgorithm autocast_algorithm(Conv2dAlgorithm asked, const kernels::Conv2dSizes& s) {
  using enum Conv2dAlgorithm;
  const bool replaced =
      std::is_same_v<T, float> && nasion::autocast_enabled() && asked == automatic && kernels::bfloat16_pays(s) &&
      kernels::conv2d_algorithm(automatic, Conv2dPass::forward, s, MemoryOrder::channels_last) == direct;
  return replaced ? direct_bfloat16 : asked;
}

/// ValueError for an algorithm that is not for these sizes or this type.
template <class T>
void check_conv2d_algorithm(const Checker& op, Conv2dAlgorithm algorithm, const kernels::Conv2dSizes& s) {
  const auto fastest = kernels::conv2d_algorithm(algorithm, Conv2dPass::forward, s, MemoryOrder::channels_last);
  const bool exists = kernels::Conv2dKernels::with(fastest, [&]<class Kernel>() {
    op.check<ValueError>(Kernel::fits(s), Kernel::name, " is for ", Kernel::for_sizes, ", not for weight ",
                         Shape{s.k, s.group_c(), s.kh, s.kw}, " at stride ", Size2(s.stride_h, s.stride_w),
                         " and dilation ", Size2(s.dilation_h, s.dilation_w));
    op.check<ValueError>(Kernel::template supports<T>, Kernel::name, " is for float tensors");
  });
  op.check<ValueError>(exists, "there is no algorithm ", static_cast<int>(algorithm));
}

/// The order of images in the kernels, and of the result: channels-last, which the fastest kernels are for, or that of
/// x when another kernel is asked for. So a network that never speaks of orders converts its first images, and no
/// others.
inline MemoryOrder conv2d_order(Conv2dAlgorithm asked, MemoryOrder order) {
  bool channels_last = asked == Conv2dAlgorithm::automatic;
  kernels::Conv2dKernels::with(asked, [&]<class Kernel>() { channels_last = Kernel::channels_last; });
  return channels_last ? MemoryOrder::channels_last : order;
}

/// The weight as the kernel reads it, where no gradient is recorded: computed once and kept beside it until it changes.
/// Null for a weight whose changes would not be seen.
template <class T>
std::shared_ptr<const kernels::Scratch<T>> prepared_weight(const Tensor<T>& weight, const kernels::Conv2dSizes& s,
                                                           Conv2dAlgorithm algorithm) {
  bool prepares = false;
  kernels::Conv2dKernels::with(algorithm, [&]<class Kernel>() { prepares = Kernel::prepares(s); });
  if (!prepares || (nasion::grad_enabled() && weight.requires_grad())) return nullptr;
  const auto& impl = Access::impl(weight);
  if (impl->buffer->shared()) return nullptr;
  const Buffer::Key key{simd::register_bytes,
                        static_cast<Index>(algorithm),
                        static_cast<Index>(impl->order),
                        impl->offset,
                        s.k,
                        s.group_c(),
                        s.kh,
                        s.kw,
                        s.groups};
  return impl->buffer->template derived<kernels::Scratch<T>>(
      key, [&] { return kernels::conv2d_prepare(algorithm, s, contiguous(weight.detach()).data()); });
}

/// Of any one pass.
inline double conv2d_flops(const kernels::Conv2dSizes& s) {
  const auto product = [](auto... sizes) { return (1.0 * ... * static_cast<double>(sizes)); };  // of any size
  return 2 * product(s.n, s.oh, s.ow, s.k, s.c / s.groups, s.kh, s.kw);
}

/// The gradients of x, weight and bias, from what conv2d() kept of them.
template <class T>
struct Conv2dBackward {
  kernels::Conv2dSizes sizes;
  Conv2dAlgorithm algorithm;
  MemoryOrder order, x_order;  // of the images in the kernels, which include x here, and as x was given
  Saved<T> x, weight, y;       // y: with an activation
  Activation activation;       // none, relu or relu6
  bool need_dx, need_db;

  Grads<T> operator()(const Tensor<T>& grad) const {
    auto [dy, db] = before_activation(grad);
    Tensor<T> dx, dw;
    if (need_dx) {
      Op::flops(conv2d_flops(sizes));
      dx = Tensor<T>::empty(x->shape(), order);
      kernels::conv2d_backward_input(algorithm, sizes, order, dy.memory(), contiguous(*weight).data(),
                                     Op::writable(dx));
      dx = to_order(dx, x_order);
    }
    if (weight.requires_grad()) {
      Op::flops(conv2d_flops(sizes));
      dw = Tensor<T>::empty(weight->shape());
      kernels::conv2d_backward_weight(algorithm, sizes, order, x->memory(), dy.memory(), Op::writable(dw));
      dw = to_order(dw, weight->order());
    }
    return {dx, dw, db};
  }

 private:
  /// The gradient of the result before the activation, in `order`, and its sums over each channel, where they are
  /// needed.
  std::pair<Tensor<T>, Tensor<T>> before_activation(const Tensor<T>& grad) const {
    const bool active = activation != Activation::none;
    const bool spare = sole_owner(grad);  // memory that may be written to
    auto dy = to_order(grad, order);
    if (!active && !need_db) return {dy, {}};
    const auto db = Tensor<T>::empty({sizes.k});
    const auto sum = active && !spare ? Tensor<T>::empty(dy.shape(), order) : dy;
    kernels::conv2d_backward_result(sizes, order, activation, active ? y->memory() : nullptr, dy.memory(),
                                    active ? Op::writable(sum) : nullptr, Op::writable(db));
    return {sum, need_db ? db : Tensor<T>{}};
  }
};

}  // namespace detail

/// The kernel that computes a pass of the convolution of x with weight, of float: what `options` ask for, or what
/// `automatic` takes for these sizes when x is in `order`.   ShapeError when they do not fit.
inline Conv2dAlgorithm conv2d_algorithm(const Shape& x, const Shape& weight, const Conv2dOptions& options = {},
                                        Conv2dPass pass = Conv2dPass::forward,
                                        MemoryOrder order = MemoryOrder::channels_last) {
  const auto s = detail::conv2d_sizes(Checker("conv2d"), x, weight, options);
  return kernels::conv2d_algorithm(detail::autocast_algorithm<float>(options.algorithm, s), pass, s, order);
}

/// x [N, C, H, W] with weight [K, C / groups, kh, kw] and bias [K] (or undefined) -> [N, K, OH, OW], where
/// OH = floor((H + 2 padding - dilation (kh - 1) - 1) / stride) + 1 for the same padding at top and bottom. The result
/// is channels-last; in the order of x when an algorithm is asked for that takes both.   ShapeError when they do not
/// fit; ValueError for stride, dilation or groups below 1, a negative padding, an activation that there is not, or an
/// algorithm that is not for these sizes or this type.
template <Real T>
Tensor<T> conv2d(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias = {},
                 const Conv2dOptions& options = {}) {
  const Op op("conv2d");
  const kernels::Conv2dSizes s = detail::conv2d_sizes(op, x.shape(), weight.shape(), options);
  Op::flops(detail::conv2d_flops(s));
  if (bias.defined())
    op.check(bias.shape() == Shape{s.k}, "bias ", bias.shape(), " does not fit weight ", weight.shape());
  // The gradient of silu and hardswish needs what was before them, which a fused kernel does not leave behind.
  const bool recorded =
      grad_enabled() && (x.requires_grad() || weight.requires_grad() || (bias.defined() && bias.requires_grad()));
  const bool apart = recorded && kernels::is_curve(options.activation);
  const Activation fused = apart ? Activation::none : options.activation;
  const auto algorithm = detail::autocast_algorithm<T>(options.algorithm, s);
  detail::check_conv2d_algorithm<T>(op, algorithm, s);
  const MemoryOrder order = detail::conv2d_order(algorithm, x.order());
  const auto images = to_order(x.detach(), order), y = Tensor<T>::empty({s.n, s.k, s.oh, s.ow}, order);
  const auto kernel = kernels::conv2d_algorithm(algorithm, Conv2dPass::forward, s, order);
  const auto prepared = detail::prepared_weight(weight, s, kernel);
  kernels::conv2d_forward(kernel, s, order, images.memory(), contiguous(weight.detach()).data(),
                          bias.defined() ? bias.data() : nullptr, fused, Op::writable(y),
                          prepared ? prepared->data() : nullptr);

  op.option("stride", options.stride.h, options.stride.w);
  op.option("padding", options.padding.top, options.padding.left, options.padding.bottom, options.padding.right);
  op.option("dilation", options.dilation.h, options.dilation.w);
  op.option("groups", options.groups);
  op.option("activation", static_cast<int>(fused));
  const auto result = op.record(y, {x, weight, bias},
                                detail::Conv2dBackward<T>{.sizes = s,
                                                          .algorithm = algorithm,
                                                          .order = order,
                                                          .x_order = x.order(),
                                                          .x = save(images),
                                                          .weight = save(weight),
                                                          .y = fused != Activation::none ? save(y) : Saved<T>{},
                                                          .activation = fused,
                                                          .need_dx = x.requires_grad(),
                                                          .need_db = bias.defined() && bias.requires_grad()});
  return apart ? detail::activate(result, options.activation) : result;
}

}  // namespace nasion
