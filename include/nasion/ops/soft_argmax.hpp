#pragma once
// Heatmaps as distributions over pixels: softmax over each map, and where its mass lies.

#include "nasion/kernels/spatial_softmax.hpp"
#include "nasion/ops/matmul.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion {

namespace detail {
inline kernels::MapSizes map_sizes(const Op& op, const Shape& logits) {
  op.check(logits.rank() == 4 && logits[2] > 0 && logits[3] > 0, "logits ", logits,
           " must be [N, K, H, W] with pixels");
  return {logits[0], logits[1], logits[2] * logits[3]};
}
}  // namespace detail

/// exp(x) / sum(exp(x)) over the H x W pixels of each map: logits [N, K, H, W] -> the same shape and order.
/// ShapeError unless rank 4 with pixels.
template <Real T>
Tensor<T> spatial_softmax(const Tensor<T>& logits) {
  const Op op("spatial_softmax");
  const auto s = detail::map_sizes(op, logits.shape());
  const auto y = Tensor<T>::empty(logits.shape(), logits.order());
  kernels::spatial_softmax_forward(s, y.order(), logits.memory(), Op::writable(y));
  return op.record(y, {logits}, [s, y = save(y)](const Tensor<T>& grad) -> Grads<T> {
    const auto dy = to_order(grad, y->order());
    const auto dx = Tensor<T>::empty(y->shape(), y->order());
    kernels::spatial_softmax_backward(s, y->order(), y->memory(), dy.memory(), Op::writable(dx));
    return {dx};
  });
}

/// Expected position under the softmax of each map: logits [N, K, H, W] -> [N, 2 K], x and y of each map as parts of
/// width and height, a pixel counting at its centre (integral regression: Sun et al., ECCV 2018).   ShapeError unless
/// rank 4 with pixels.
template <Real T>
Tensor<T> soft_argmax2d(const Tensor<T>& logits) {
  const Op op("soft_argmax2d");
  detail::map_sizes(op, logits.shape());
  const Index n = logits.dim(0), k = logits.dim(1), h = logits.dim(2), w = logits.dim(3);
  const auto centres = Tensor<T>::empty({h * w, 2});
  T* at = Op::writable(centres);
  for (Index i = 0; i < h * w; ++i) {
    *at++ = (static_cast<T>(i % w) + T{0.5}) / static_cast<T>(w);
    *at++ = (static_cast<T>(i / w) + T{0.5}) / static_cast<T>(h);
  }
  return reshape(matmul(reshape(spatial_softmax(logits), {n * k, h * w}), centres), {n, 2 * k});
}

}  // namespace nasion
