#pragma once
// The fully connected layer.

#include "nasion/core/autocast.hpp"
#include "nasion/kernels/conv2d/bfloat16.hpp"
#include "nasion/ops/matmul.hpp"
#include "nasion/ops/reduce.hpp"

namespace nasion {

namespace detail {

/// The same as a convolution of single pixels, for factors rounded to bfloat16. A template, for those who do not use
/// it.
template <std::same_as<float> T>
Tensor<T> linear_bfloat16(const Op& op, const kernels::Conv2dSizes& s, const Tensor<T>& x, const Tensor<T>& w,
                          const Tensor<T>& b) {
  const auto y = Tensor<T>::empty({s.n, s.k});
  kernels::conv2d_bfloat16_forward(s, x.data(), w.data(), b.defined() ? b.data() : nullptr, Activation::none,
                                   Op::writable(y));
  return op.record(y, {x, w, b}, [s, x = save(x), w = save(w)](const Tensor<T>& dy) {
    Tensor<T> dx, dw;
    if (x.requires_grad()) {
      dx = Tensor<T>::empty(x->shape());
      kernels::conv2d_bfloat16_backward_input(s, dy.data(), w->data(), Op::writable(dx));
    }
    if (w.requires_grad()) {
      dw = Tensor<T>::empty(w->shape());
      kernels::conv2d_bfloat16_backward_weight(s, x->data(), dy.data(), Op::writable(dw));
    }
    return Grads<T>{dx, dw, dy};
  });
}

}  // namespace detail

/// y = x W^T + b.   x [.., in], w [out, in], b [out] or undefined -> y [.., out].   ShapeError when they do not fit.
template <Real T>
Tensor<T> linear(const Tensor<T>& x, const Tensor<T>& w, const Tensor<T>& b = {}) {
  const Op op("linear");
  using enum kernels::Factor;
  op.check(x.rank() >= 1 && w.rank() == 2 && x.dim(-1) == w.dim(1), "input ", x.shape(), " does not fit weight ",
           w.shape(), ": [.., in] and [out, in] are needed, with equal inner sizes");
  if (x.rank() != 2) {
    const Shape y = x.shape().with(-1, w.dim(0));
    const Index rows = x.shape().with(-1, 1).size();
    return reshape(linear(reshape(x, Shape{rows, x.dim(-1)}), w, b), y);
  }
  if (b.defined()) op.check(b.shape() == Shape{w.dim(0)}, "bias ", b.shape(), " does not fit weight ", w.shape());
  const Index n = x.dim(0), in = x.dim(1), out = w.dim(0);
  Op::flops(2 * static_cast<double>(n * out) * static_cast<double>(in));
  if constexpr (std::is_same_v<T, float>) {
    const kernels::Conv2dSizes s{.n = n, .c = in, .h = 1, .w = 1, .k = out, .kh = 1, .kw = 1, .oh = 1, .ow = 1};
    if (autocast_enabled() && kernels::bfloat16_pays(s)) return detail::linear_bfloat16(op, s, x, w, b);
  }
  auto y = b.defined() ? detail::broadcast_copy(b, {n, out}, MemoryOrder::row_major) : Tensor<T>::empty({n, out});
  kernels::parallel_gemm<plain, transposed>(n, out, in, x.data(), in, w.data(), in, Op::writable(y), out,
                                            b.defined() ? kernels::Into::sum : kernels::Into::fresh);
  return op.record(y, {x, w, b}, [x = save(x), w = save(w)](const Tensor<T>& dy) -> Grads<T> {
    return {x.requires_grad() ? detail::product<plain, plain>(dy, *w) : Tensor<T>{},
            w.requires_grad() ? detail::product<transposed, plain>(dy, *x) : Tensor<T>{}, dy};
  });
}

}  // namespace nasion
