#pragma once
// The fully connected layer.

#include "nasion/ops/matmul.hpp"
#include "nasion/ops/reduce.hpp"

namespace nasion {

/// y = x W^T + b.   x [N, in], w [out, in], b [out] or undefined -> y [N, out].   ShapeError when they do not fit.
template <std::floating_point T>
Tensor<T> linear(const Tensor<T>& x, const Tensor<T>& w, const Tensor<T>& b = {}) {
  const detail::Timer timer("linear");
  using enum kernels::Factor;
  check(x.rank() == 2 && w.rank() == 2 && x.dim(1) == w.dim(1), "[linear] input ", x.shape(), " does not fit weight ",
        w.shape(), ": [N, in] and [out, in] are needed, with equal inner sizes");
  if (b.defined()) check(b.shape() == Shape{w.dim(0)}, "[linear] bias ", b.shape(), " does not fit weight ", w.shape());
  const Index n = x.dim(0), in = x.dim(1), out = w.dim(0);
  detail::count_cost(2 * static_cast<double>(n * out) * static_cast<double>(in));
  auto y = b.defined() ? detail::broadcast_copy(b, {n, out}, MemoryOrder::row_major) : Tensor<T>::empty({n, out});
  kernels::parallel_gemm<plain, transposed>(n, out, in, x.data(), in, w.data(), in, y.mutable_data(), out,
                                            b.defined() ? kernels::Into::sum : kernels::Into::fresh);
  return record("linear", y, {x, w, b}, [x = save(x), w = save(w)](const Tensor<T>& dy) -> Grads<T> {
    return {x.requires_grad() ? detail::product<plain, plain>(dy, *w) : Tensor<T>{},
            w.requires_grad() ? detail::product<transposed, plain>(dy, *x) : Tensor<T>{}, dy};
  });
}

}  // namespace nasion
