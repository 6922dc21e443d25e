#pragma once
// Spatial soft-argmax: where a heatmap has its mass, as differentiable coordinates.

#include "nasion/ops/matmul.hpp"
#include "nasion/ops/softmax.hpp"

namespace nasion {

/// Expected position under the softmax of each map: logits [N, K, H, W] -> [N, 2 K], x and y of each map as parts of
/// width and height, a pixel counting at its centre (integral regression: Sun et al., ECCV 2018).   ShapeError unless
/// rank 4 with pixels.
template <std::floating_point T>
Tensor<T> soft_argmax2d(const Tensor<T>& logits) {
  check(logits.rank() == 4 && logits.dim(2) > 0 && logits.dim(3) > 0, "[soft_argmax2d] logits ", logits.shape(),
        " must be [N, K, H, W] with pixels");
  const Index n = logits.dim(0), k = logits.dim(1), h = logits.dim(2), w = logits.dim(3);
  const auto centres = Tensor<T>::empty({h * w, 2});
  T* at = centres.mutable_data();
  for (Index i = 0; i < h * w; ++i) {
    *at++ = (static_cast<T>(i % w) + T{0.5}) / static_cast<T>(w);
    *at++ = (static_cast<T>(i / w) + T{0.5}) / static_cast<T>(h);
  }
  return reshape(matmul(softmax(reshape(logits, {n * k, h * w}), 1), centres), {n, 2 * k});
}

}  // namespace nasion
