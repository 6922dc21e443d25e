#pragma once
// Convolution as matrix products: im2col lays out the pixels under each kernel position as columns of a matrix. For any
// stride, padding, dilation and number of groups, in both memory orders. Weights are [k, c / groups, kh, kw].
//
// The idea is that of Chellapilla, Puri and Simard, "High performance convolutional neural networks for document
// processing" (2006). What it costs is memory: kh kw times the image, which is why only some rows of results at a time
// are laid out, so many that their columns stay in L2.

#include <vector>

#include "nasion/core/strided.hpp"
#include "nasion/kernels/conv2d/kernel.hpp"
#include "nasion/kernels/gemm.hpp"
#include "nasion/kernels/scratch.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// Output rows [row, row_end) of one group: image x [c / groups, h, w] -> columns [taps = (c, kh, kw), pixels of the
/// rows].
///
/// Loops over taps are outermost and along a row of pixels innermost: a row of the matrix is what one tap sees, and
/// both reads and writes are contiguous at stride 1.
template <class T>
void im2col_row_major(const Conv2dSizes& s, const T* x, Index row, Index row_end, T* columns) {
  for (Index c = 0; c < s.group_c(); ++c)
    for (Index i = 0; i < s.kh; ++i)
      for (Index j = 0; j < s.kw; ++j) {
        const auto [first, last] = s.inside_w(j);  // once, so that the loops along a row test nothing
        for (Index r = row; r < row_end; ++r, columns += s.ow) {
          const Index y = r * s.stride_h - s.pad_h + i * s.dilation_h;
          if (y < 0 || y >= s.h) {  // a row of the padding
            std::fill_n(columns, s.ow, T{0});
            continue;
          }
          const T* src = x + (c * s.h + y) * s.w + j * s.dilation_w - s.pad_w;
          std::fill(columns, columns + first, T{0});
          if (s.stride_w == 1)
            std::copy(src + first, src + last, columns + first);
          else
            for (Index o = first; o < last; ++o) columns[o] = src[o * s.stride_w];
          std::fill(columns + last, columns + s.ow, T{0});
        }
      }
}

/// The adjoint of im2col_row_major, for the gradient of the input: adds each column entry to the pixel it came from.
/// Columns overlap in the image, so rows of one image must not be added by two threads.
template <class T>
void col2im_row_major(const Conv2dSizes& s, const T* columns, Index row, Index row_end, T* x) {
  for (Index c = 0; c < s.group_c(); ++c)
    for (Index i = 0; i < s.kh; ++i)
      for (Index j = 0; j < s.kw; ++j) {
        const auto [first, last] = s.inside_w(j);
        for (Index r = row; r < row_end; ++r, columns += s.ow) {
          const Index y = r * s.stride_h - s.pad_h + i * s.dilation_h;
          if (y < 0 || y >= s.h) continue;
          T* dst = x + (c * s.h + y) * s.w + j * s.dilation_w - s.pad_w;
          for (Index o = first; o < last; ++o) dst[o * s.stride_w] += columns[o];
        }
      }
}

/// Output rows [row, row_end) of one group: image x [h, w, c], from the group's first channel on -> columns
/// [pixels of the rows, taps = (kh, kw, c / groups)].
///
/// Loops over pixels are outermost here: the channels of a pixel are contiguous in the image, and so are all taps of a
/// pixel in the matrix, which is written from front to back.
template <class T>
void im2col_channels_last(const Conv2dSizes& s, const T* x, Index row, Index row_end, T* columns) {
  const Index channels = s.group_c();  // contiguous, so that a tap is one copy
  for (Index r = row; r < row_end; ++r)
    for (Index o = 0; o < s.ow; ++o)
      for (Index i = 0; i < s.kh; ++i) {
        const Index y = r * s.stride_h - s.pad_h + i * s.dilation_h;
        for (Index j = 0; j < s.kw; ++j, columns += channels) {
          const Index z = o * s.stride_w - s.pad_w + j * s.dilation_w;
          if (y < 0 || y >= s.h || z < 0 || z >= s.w)  // padding
            std::fill_n(columns, channels, T{0});
          else
            std::copy_n(x + (y * s.w + z) * s.c, channels, columns);
        }
      }
}

/// The adjoint of im2col_channels_last, in the same way. Columns are read from front to back. The pixels that a
/// position adds to are those of the position before, but for `stride` columns of them, and so in L1.
template <class T>
void col2im_channels_last(const Conv2dSizes& s, const T* columns, Index row, Index row_end, T* x) {
  const Index channels = s.group_c();
  for (Index r = row; r < row_end; ++r)
    for (Index o = 0; o < s.ow; ++o)
      for (Index i = 0; i < s.kh; ++i) {
        const Index y = r * s.stride_h - s.pad_h + i * s.dilation_h;
        for (Index j = 0; j < s.kw; ++j, columns += channels) {
          const Index z = o * s.stride_w - s.pad_w + j * s.dilation_w;
          if (y < 0 || y >= s.h || z < 0 || z >= s.w) continue;
          T* dst = x + (y * s.w + z) * s.c;
          for (Index c = 0; c < channels; ++c) dst[c] += columns[c];
        }
      }
}

/// The products that the passes need, c += a b as gemm() computes it on one thread: of plain factors, with b
/// transposed, and with a transposed.
template <class T>
struct Im2colProducts {
  using Product = void (*)(Index m, Index n, Index k, const T* a, Index lda, const T* b, Index ldb, T* c, Index ldc);
  Product plain, b_transposed, a_transposed;
};

/// Those of Eigen, which kernels/conv2d/im2col_eigen.hpp sets in programs that include it; null in others, whose
/// compilers are spared Eigen's headers.
template <class T>
inline const Im2colProducts<T>* eigen_products = nullptr;

namespace detail {

template <Factor a_is, Factor b_is, class T>
void own_product(Index m, Index n, Index k, const T* a, Index lda, const T* b, Index ldb, T* c, Index ldc) {
  gemm<a_is, b_is>(m, n, k, a, lda, b, ldb, c, ldc);
}
template <class T>
inline constexpr Im2colProducts<T> own_products{own_product<Factor::plain, Factor::plain, T>,
                                                own_product<Factor::plain, Factor::transposed, T>,
                                                own_product<Factor::transposed, Factor::plain, T>};

/// Output rows whose columns are 512 KiB: they stay in an L2 of 1 MiB, beside the weights, until the product has read
/// them.
template <class T>
Index rows_at_once(const Conv2dSizes& s) {
  // Without columns, 4096 pixels bound the piece of work instead.
  if (s.is_pointwise()) return std::max<Index>(1, std::min(s.oh, 4096 / std::max<Index>(1, s.ow)));
  const Index row_bytes = std::max<Index>(1, s.ow * s.taps() * static_cast<Index>(sizeof(T)));
  // At least 64 pixels, so that the matrix product stays efficient with very deep columns.
  const Index least = (63 + s.ow) / std::max<Index>(1, s.ow);
  return std::clamp<Index>((Index{1} << 19) / row_bytes, std::min(least, s.oh), std::max<Index>(1, s.oh));
}

/// Offset of group g of image n, in x with `channels` channels of `area` pixels.
inline Index image_offset(MemoryOrder order, Index n, Index g, Index channels, Index groups, Index area) {
  return n * channels * area + g * (channels / groups) * (order == MemoryOrder::row_major ? area : 1);
}

/// The weight in the order of the columns: itself for row-major images, a copy [k, kh, kw, c / groups] for
/// channels-last ones.
/// The copy is as small as the weight and made once for a call; the columns, which are kh kw times the image, need no
/// second order that way.
template <class T>
class Im2colWeight {
 public:
  Im2colWeight(const Conv2dSizes& s, MemoryOrder order, const T* weight)
      : copy_(order == MemoryOrder::row_major ? 0 : s.k * s.taps()),
        data_(order == MemoryOrder::row_major ? weight : copy_.data()) {
    if (order == MemoryOrder::row_major) return;
    const Index area = s.kh * s.kw, c = s.group_c();
    parallel_for(s.k, 64, [&](Index begin, Index end) {
      for (Index k = begin; k < end; ++k)
        for (Index t = 0; t < area; ++t)
          for (Index i = 0; i < c; ++i) copy_.data()[(k * area + t) * c + i] = weight[(k * c + i) * area + t];
    });
  }
  const T* data() const { return data_; }

 private:
  Scratch<T> copy_;
  const T* data_;
};

}  // namespace detail

/// y = conv2d(x, weight) + bias (null: none). A piece of work is some rows of one group of one image, whose columns are
/// multiplied while they are in L2. Row-major images make y = weight columns, channels-last ones y = columns weight^T.
template <class T>
void conv2d_im2col_forward(const Conv2dSizes& s, MemoryOrder order, const T* x, const T* weight, const T* bias, T* y,
                           const Im2colProducts<T>& products = detail::own_products<T>) {
  const Index rows = detail::rows_at_once<T>(s), blocks = (s.oh + rows - 1) / rows;
  const detail::Im2colWeight<T> filters(s, order, weight);
  parallel_for(s.n * s.groups * blocks, 1, [&](Index item, Index) {
    const Index n = item / (s.groups * blocks), g = item / blocks % s.groups;
    const Index row = item % blocks * rows, row_end = std::min(s.oh, row + rows), pixels = (row_end - row) * s.ow;
    const T* image = x + detail::image_offset(order, n, g, s.c, s.groups, s.h * s.w);
    T* result = y + detail::image_offset(order, n, g, s.k, s.groups, s.pixels());
    const T* w = filters.data() + g * s.group_k() * s.taps();
    const T* b = bias ? bias + g * s.group_k() : nullptr;
    // A pointwise kernel needs no columns: the image is the matrix.
    const Scratch<T> columns(s.is_pointwise() ? 0 : pixels * s.taps());
    // In both orders the contiguous side of y is that of the product's columns: pixels row-major, channels otherwise.
    if (order == MemoryOrder::row_major) {
      result += row * s.ow;
      // The product is added to the bias.
      for (Index k = 0; k < s.group_k(); ++k) std::fill_n(result + k * s.pixels(), pixels, b ? b[k] : T{0});
      if (s.is_pointwise())
        return products.plain(s.group_k(), pixels, s.taps(), w, s.taps(), image + row * s.ow, s.pixels(), result,
                              s.pixels());
      im2col_row_major(s, image, row, row_end, columns.data());
      products.plain(s.group_k(), pixels, s.taps(), w, s.taps(), columns.data(), pixels, result, s.pixels());
    } else {
      result += row * s.ow * s.k;
      for (Index p = 0; p < pixels; ++p)
        for (Index k = 0; k < s.group_k(); ++k) result[p * s.k + k] = b ? b[k] : T{0};
      if (s.is_pointwise())
        return products.b_transposed(pixels, s.group_k(), s.taps(), image + row * s.ow * s.c, s.c, w, s.taps(), result,
                                     s.k);
      im2col_channels_last(s, image, row, row_end, columns.data());
      products.b_transposed(pixels, s.group_k(), s.taps(), columns.data(), s.taps(), w, s.taps(), result, s.k);
    }
  });
}

/// dx = gradient of the input: columns = weight^T dy (or dy weight), which are added to the pixels they came from. dx
/// must hold zeros.
template <class T>
void conv2d_im2col_backward_input(const Conv2dSizes& s, MemoryOrder order, const T* dy, const T* weight, T* dx,
                                  const Im2colProducts<T>& products = detail::own_products<T>) {
  const Index rows = detail::rows_at_once<T>(s);
  const detail::Im2colWeight<T> filters(s, order, weight);
  parallel_for(s.n * s.groups, 1,
               [&](Index item, Index) {  // blocks of rows overlap in dx: one image is one piece of work
                 const Index n = item / s.groups, g = item % s.groups;
                 const T* gradient = dy + detail::image_offset(order, n, g, s.k, s.groups, s.pixels());
                 T* image = dx + detail::image_offset(order, n, g, s.c, s.groups, s.h * s.w);
                 const T* w = filters.data() + g * s.group_k() * s.taps();
                 const Scratch<T> columns(s.is_pointwise() ? 0 : rows * s.ow * s.taps());
                 for (Index row = 0; row < s.oh; row += rows) {
                   const Index row_end = std::min(s.oh, row + rows), pixels = (row_end - row) * s.ow;
                   std::fill_n(columns.data(), s.is_pointwise() ? 0 : pixels * s.taps(), T{0});
                   if (order == MemoryOrder::row_major) {
                     const T* part = gradient + row * s.ow;
                     T* dst = s.is_pointwise() ? image + row * s.ow : columns.data();
                     products.a_transposed(s.taps(), pixels, s.group_k(), w, s.taps(), part, s.pixels(), dst,
                                           s.is_pointwise() ? s.pixels() : pixels);
                     if (!s.is_pointwise()) col2im_row_major(s, columns.data(), row, row_end, image);
                   } else {
                     const T* part = gradient + row * s.ow * s.k;
                     T* dst = s.is_pointwise() ? image + row * s.ow * s.c : columns.data();
                     products.plain(pixels, s.taps(), s.group_k(), part, s.k, w, s.taps(), dst,
                                    s.is_pointwise() ? s.c : s.taps());
                     if (!s.is_pointwise()) col2im_channels_last(s, columns.data(), row, row_end, image);
                   }
                 }
               });
}

/// dw = gradient of the weight. Images are summed in at most 16 parts, which bounds their memory, combined in order.
template <class T>
void conv2d_im2col_backward_weight(const Conv2dSizes& s, MemoryOrder order, const T* x, const T* dy, T* dw,
                                   const Im2colProducts<T>& products = detail::own_products<T>) {
  const Index rows = detail::rows_at_once<T>(s), size = s.k * s.taps();
  // Parts by the number of images, never by that of threads: then the sums are the same for any number of them.
  const Index grain = (s.n + 15) / 16, parts = grain ? (s.n + grain - 1) / grain : 0;
  const Scratch<T> partial(parts * size);
  std::fill_n(partial.data(), parts * size, T{0});
  parallel_for(parts * s.groups, 1, [&](Index item, Index) {
    const Index part = item / s.groups, g = item % s.groups;
    T* sums = partial.data() + part * size + g * s.group_k() * s.taps();
    const Scratch<T> columns(s.is_pointwise() ? 0 : rows * s.ow * s.taps());
    for (Index n = part * grain; n < std::min(s.n, (part + 1) * grain); ++n) {
      const T* image = x + detail::image_offset(order, n, g, s.c, s.groups, s.h * s.w);
      const T* gradient = dy + detail::image_offset(order, n, g, s.k, s.groups, s.pixels());
      for (Index row = 0; row < s.oh; row += rows) {
        const Index row_end = std::min(s.oh, row + rows), pixels = (row_end - row) * s.ow;
        if (order == MemoryOrder::row_major) {
          if (!s.is_pointwise()) im2col_row_major(s, image, row, row_end, columns.data());
          products.b_transposed(s.group_k(), s.taps(), pixels, gradient + row * s.ow, s.pixels(),
                                s.is_pointwise() ? image + row * s.ow : columns.data(),
                                s.is_pointwise() ? s.pixels() : pixels, sums, s.taps());
        } else {
          if (!s.is_pointwise()) im2col_channels_last(s, image, row, row_end, columns.data());
          products.a_transposed(s.group_k(), s.taps(), pixels, gradient + row * s.ow * s.k, s.k,
                                s.is_pointwise() ? image + row * s.ow * s.c : columns.data(),
                                s.is_pointwise() ? s.c : s.taps(), sums, s.taps());
        }
      }
    }
  });
  const bool row_major = order == MemoryOrder::row_major;
  const Index area = row_major ? 1 : s.kh * s.kw, c = s.taps() / area;  // in the order of the columns
  parallel_for(s.k, std::max<Index>(1, 16384 / std::max<Index>(1, s.taps())), [&](Index begin, Index end) {
    for (Index k = begin; k < end; ++k)
      for (Index t = 0; t < area; ++t)
        for (Index i = 0; i < c; ++i) {
          T sum = 0;
          for (Index part = 0; part < parts; ++part) sum += partial.data()[part * size + (k * area + t) * c + i];
          dw[(k * c + i) * area + t] = sum;
        }
  });
}

/// Im2col by `Products::get<T>()`, for images in any order.
template <class Products>
struct BasicIm2colConv2d : Conv2dKernel {
  template <class T>
  static void forward(const Conv2dSizes& s, MemoryOrder order, const T* x, const T* weight, const T* bias, Activation,
                      T* y, const T*) {
    conv2d_im2col_forward(s, order, x, weight, bias, y, Products::template get<T>());
  }
  template <class T>
  static void backward_input(const Conv2dSizes& s, MemoryOrder order, const T* dy, const T* weight, T* dx) {
    std::fill_n(dx, s.n * s.c * s.h * s.w, T{0});
    conv2d_im2col_backward_input(s, order, dy, weight, dx, Products::template get<T>());
  }
  template <class T>
  static void backward_weight(const Conv2dSizes& s, MemoryOrder order, const T* x, const T* dy, T* dw) {
    conv2d_im2col_backward_weight(s, order, x, dy, dw, Products::template get<T>());
  }
};

/// With our matrix product.
struct Im2colConv2d : BasicIm2colConv2d<Im2colConv2d> {
  static constexpr auto algorithm = Conv2dAlgorithm::im2col;
  static constexpr const char* name = "im2col";
  static bool pays(Conv2dPass, const Conv2dSizes&) { return true; }
  template <class T>
  static const Im2colProducts<T>& get() {
    return detail::own_products<T>;
  }
};

/// With Eigen's.
struct Im2colEigenConv2d : BasicIm2colConv2d<Im2colEigenConv2d> {
  static constexpr auto algorithm = Conv2dAlgorithm::im2col_eigen;
  static constexpr const char* name = "im2col_eigen";
  static constexpr const char* for_sizes = "programs that include nasion/kernels/conv2d/im2col_eigen.hpp";
  static bool fits(const Conv2dSizes&) { return eigen_products<float> && eigen_products<double>; }
  template <class T>
  static const Im2colProducts<T>& get() {
    return *eigen_products<T>;
  }
};

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
