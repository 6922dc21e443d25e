#pragma once
// Convolution by a chosen kernel. Images and weights lie in the same memory order; what is written need not hold zeros.

#include "nasion/kernels/conv2d_direct.hpp"
#include "nasion/kernels/conv2d_im2col.hpp"
#include "nasion/kernels/conv2d_naive.hpp"
#include "nasion/kernels/conv2d_winograd.hpp"

namespace nasion {

/// Which kernel computes a convolution: `naive` is the reference, `im2col` the parallel matrix product, `direct` keeps
/// tiles of the result in registers, `winograd` saves multiplications (3x3 at stride 1, with a few digits less). The
/// last two are for channels-last images; others are converted.
enum class Conv2dAlgorithm { automatic, naive, im2col, direct, winograd };

namespace kernels {

namespace detail {
inline Strides image_strides(const Conv2dSizes& s, MemoryOrder order) {
  return dense_strides({s.n, s.c, s.h, s.w}, order);
}
inline Strides weight_strides(const Conv2dSizes& s, MemoryOrder order) {
  return dense_strides({s.k, s.group_c(), s.kh, s.kw}, order);
}
inline Strides result_strides(const Conv2dSizes& s, MemoryOrder order) {
  return dense_strides({s.n, s.k, s.oh, s.ow}, order);
}
}  // namespace detail

enum class Conv2dPass { forward, backward_input, backward_weight };

/// The kernel that runs. `automatic` takes the direct one for channels-last images, except where few channels would
/// leave its vectors empty.
inline Conv2dAlgorithm conv2d_algorithm(Conv2dAlgorithm asked, Conv2dPass pass, const Conv2dSizes& s,
                                        MemoryOrder order) {
  if (asked != Conv2dAlgorithm::automatic) return asked;
  if (order == MemoryOrder::row_major) return Conv2dAlgorithm::im2col;
  const bool full = pass == Conv2dPass::forward ? s.group_k() >= 8 : s.group_c() >= 16;
  return full ? Conv2dAlgorithm::direct : Conv2dAlgorithm::im2col;
}

/// y = conv2d(x, weight) + bias (null: none).
template <class T>
void conv2d_forward(Conv2dAlgorithm algorithm, const Conv2dSizes& s, MemoryOrder order, const T* x, const T* weight,
                    const T* bias, T* y) {
  switch (conv2d_algorithm(algorithm, Conv2dPass::forward, s, order)) {
    case Conv2dAlgorithm::naive:
      return conv2d_naive_forward(s, x, detail::image_strides(s, order), weight, detail::weight_strides(s, order), bias,
                                  y, detail::result_strides(s, order));
    case Conv2dAlgorithm::direct:
      return conv2d_direct_forward(s, x, weight, bias, y);
    case Conv2dAlgorithm::winograd:
      return conv2d_winograd_forward(s, x, weight, bias, y);
    default:
      return conv2d_im2col_forward(s, order, x, weight, bias, y);
  }
}

/// dx = gradient of the input.
template <class T>
void conv2d_backward_input(Conv2dAlgorithm algorithm, const Conv2dSizes& s, MemoryOrder order, const T* dy,
                           const T* weight, T* dx) {
  algorithm = conv2d_algorithm(algorithm, Conv2dPass::backward_input, s, order);
  if (algorithm == Conv2dAlgorithm::direct) return conv2d_direct_backward_input(s, dy, weight, dx);
  if (algorithm == Conv2dAlgorithm::winograd) return conv2d_winograd_backward_input(s, dy, weight, dx);
  std::fill_n(dx, s.n * s.c * s.h * s.w, T{0});
  if (algorithm == Conv2dAlgorithm::naive)
    return conv2d_naive_backward_input(s, dy, detail::result_strides(s, order), weight,
                                       detail::weight_strides(s, order), dx, detail::image_strides(s, order));
  conv2d_im2col_backward_input(s, order, dy, weight, dx);
}

/// dw = gradient of the weight.
template <class T>
void conv2d_backward_weight(Conv2dAlgorithm algorithm, const Conv2dSizes& s, MemoryOrder order, const T* x, const T* dy,
                            T* dw) {
  algorithm = conv2d_algorithm(algorithm, Conv2dPass::backward_weight, s, order);
  if (algorithm == Conv2dAlgorithm::direct) return conv2d_direct_backward_weight(s, x, dy, dw);
  if (algorithm == Conv2dAlgorithm::winograd) return conv2d_winograd_backward_weight(s, x, dy, dw);
  std::fill_n(dw, s.k * s.taps(), T{0});
  if (algorithm == Conv2dAlgorithm::naive)
    return conv2d_naive_backward_weight(s, x, detail::image_strides(s, order), dy, detail::result_strides(s, order), dw,
                                        detail::weight_strides(s, order));
  conv2d_im2col_backward_weight(s, order, x, dy, dw);
}

}  // namespace kernels

}  // namespace nasion
