#pragma once
// Convolution by its definition: seven loops, the reference that tests compare every other kernel with. It reads any
// layout through strides, and is as slow as it is plain.

#include "nasion/kernels/conv2d/kernel.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {
/// Offset of element (a, b, c, d).
inline Index offset(const Strides& s, Index a, Index b, Index c, Index d) {
  return a * s[0] + b * s[1] + c * s[2] + d * s[3];
}

/// Calls f(channel in its group, kernel row, kernel column, y, x) for each tap of output pixel (row, col)
/// that lies inside the image.
template <class F>
void for_taps(const Conv2dSizes& s, Index row, Index col, F&& f) {
  for (Index c = 0; c < s.group_c(); ++c)
    for (Index i = 0; i < s.kh; ++i)
      for (Index j = 0; j < s.kw; ++j) {
        const Index y = row * s.stride_h - s.pad_h + i * s.dilation_h,
                    x = col * s.stride_w - s.pad_w + j * s.dilation_w;
        if (y >= 0 && y < s.h && x >= 0 && x < s.w) f(c, i, j, y, x);
      }
}
}  // namespace detail

// No blocking and no vectors: loops stand in the order of the definition. Each sum is taken in T, one term after the
// other, so that its error grows with the number of taps: tests that need a truth take double.

/// y = conv2d(x, weight) + bias (null: none). x has strides xs, weight ws, and y ys.
template <class T>
void conv2d_naive_forward(const Conv2dSizes& s, const T* x, const Strides& xs, const T* weight, const Strides& ws,
                          const T* bias, T* y, const Strides& ys) {
  // A plane of the result is a piece of work: nobody else writes there.
  parallel_for(s.n * s.k, 1, [&](Index item, Index) {
    const Index n = item / s.k, k = item % s.k, c0 = k / s.group_k() * s.group_c();
    for (Index row = 0; row < s.oh; ++row)
      for (Index col = 0; col < s.ow; ++col) {
        T sum = bias ? bias[k] : T{0};
        detail::for_taps(s, row, col, [&](Index c, Index i, Index j, Index yy, Index xx) {
          sum += x[detail::offset(xs, n, c0 + c, yy, xx)] * weight[detail::offset(ws, k, c, i, j)];
        });
        y[detail::offset(ys, n, k, row, col)] = sum;
      }
  });
}

/// dx += gradient of the input. An image is a piece of work: its taps overlap in dx.
template <class T>
void conv2d_naive_backward_input(const Conv2dSizes& s, const T* dy, const Strides& ys, const T* weight,
                                 const Strides& ws, T* dx, const Strides& xs) {
  parallel_for(s.n, 1, [&](Index n, Index) {
    for (Index k = 0; k < s.k; ++k)
      for (Index row = 0; row < s.oh; ++row)
        for (Index col = 0; col < s.ow; ++col) {
          const Index c0 = k / s.group_k() * s.group_c();
          const T g = dy[detail::offset(ys, n, k, row, col)];
          detail::for_taps(s, row, col, [&](Index c, Index i, Index j, Index yy, Index xx) {
            dx[detail::offset(xs, n, c0 + c, yy, xx)] += g * weight[detail::offset(ws, k, c, i, j)];
          });
        }
  });
}

/// dw += gradient of the weight. A channel of the result is a piece of work: all images add to its weights, in order.
template <class T>
void conv2d_naive_backward_weight(const Conv2dSizes& s, const T* x, const Strides& xs, const T* dy, const Strides& ys,
                                  T* dw, const Strides& ws) {
  parallel_for(s.k, 1, [&](Index k, Index) {
    const Index c0 = k / s.group_k() * s.group_c();
    for (Index n = 0; n < s.n; ++n)
      for (Index row = 0; row < s.oh; ++row)
        for (Index col = 0; col < s.ow; ++col) {
          const T g = dy[detail::offset(ys, n, k, row, col)];
          detail::for_taps(s, row, col, [&](Index c, Index i, Index j, Index yy, Index xx) {
            dw[detail::offset(ws, k, c, i, j)] += g * x[detail::offset(xs, n, c0 + c, yy, xx)];
          });
        }
  });
}

/// The reference, for images in any order.
struct NaiveConv2d : Conv2dKernel {
  static constexpr auto algorithm = Conv2dAlgorithm::naive;
  static constexpr const char* name = "naive";

  template <class T>
  static void forward(const Conv2dSizes& s, MemoryOrder order, const T* x, const T* weight, const T* bias, Activation,
                      T* y, const T*) {
    conv2d_naive_forward(s, x, x_strides(s, order), weight, weight_strides(s), bias, y, y_strides(s, order));
  }
  template <class T>
  static void backward_input(const Conv2dSizes& s, MemoryOrder order, const T* dy, const T* weight, T* dx) {
    std::fill_n(dx, s.n * s.c * s.h * s.w, T{0});
    conv2d_naive_backward_input(s, dy, y_strides(s, order), weight, weight_strides(s), dx, x_strides(s, order));
  }
  template <class T>
  static void backward_weight(const Conv2dSizes& s, MemoryOrder order, const T* x, const T* dy, T* dw) {
    std::fill_n(dw, s.k * s.taps(), T{0});
    conv2d_naive_backward_weight(s, x, x_strides(s, order), dy, y_strides(s, order), dw, weight_strides(s));
  }

 private:
  static Strides x_strides(const Conv2dSizes& s, MemoryOrder order) {
    return dense_strides({s.n, s.c, s.h, s.w}, order);
  }
  static Strides y_strides(const Conv2dSizes& s, MemoryOrder order) {
    return dense_strides({s.n, s.k, s.oh, s.ow}, order);
  }
  static Strides weight_strides(const Conv2dSizes& s) {
    return dense_strides({s.k, s.group_c(), s.kh, s.kw}, MemoryOrder::row_major);
  }
};

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
