#pragma once
// The sizes of a convolution, and im2col: the pixels under each kernel position, laid out as a matrix.

#include <algorithm>
#include <utility>

#include "nasion/core/instruction_set.hpp"
#include "nasion/core/shape.hpp"

namespace nasion::kernels::inline NASION_INSTRUCTION_SET {

/// All sizes of a 2-D convolution. x [n, c, h, w], weight [k, c / groups, kh, kw], y [n, k, oh, ow].
struct Conv2dSizes {
  Index n, c, h, w, k, kh, kw, oh, ow;
  Index stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0, dilation_h = 1, dilation_w = 1, groups = 1;

  Index group_c() const { return c / groups; }
  Index group_k() const { return k / groups; }
  Index pixels() const { return oh * ow; }
  /// Terms of each output number: the inner size of the matrix product.
  Index taps() const { return group_c() * kh * kw; }
  /// Whether the matrix of im2col is the image itself.
  bool is_pointwise() const {
    return kh == 1 && kw == 1 && stride_h == 1 && stride_w == 1 && pad_h == 0 && pad_w == 0 && oh == h && ow == w;
  }
  /// Output positions [first, last) along x for which kernel column `j` falls inside the image.
  std::pair<Index, Index> inside_w(Index j) const {
    const Index shift = pad_w - j * dilation_w;  // position o reads column o * stride_w - shift
    const Index first = shift > 0 ? (shift + stride_w - 1) / stride_w : 0;
    const Index last = w - 1 + shift < 0 ? 0 : (w - 1 + shift) / stride_w + 1;
    return {std::min(first, ow), std::clamp(last, std::min(first, ow), ow)};
  }
};

/// Output rows [row, row_end) of one group: image x [c / groups, h, w] -> columns [taps = (c, kh, kw), pixels of the
/// rows].
template <class T>
void im2col_row_major(const Conv2dSizes& s, const T* x, Index row, Index row_end, T* columns) {
  for (Index c = 0; c < s.group_c(); ++c)
    for (Index i = 0; i < s.kh; ++i)
      for (Index j = 0; j < s.kw; ++j) {
        const auto [first, last] = s.inside_w(j);
        for (Index r = row; r < row_end; ++r, columns += s.ow) {
          const Index y = r * s.stride_h - s.pad_h + i * s.dilation_h;
          if (y < 0 || y >= s.h) {
            std::fill_n(columns, s.ow, T{0});
            continue;
          }
          const T* from = x + (c * s.h + y) * s.w + j * s.dilation_w - s.pad_w;
          std::fill(columns, columns + first, T{0});
          if (s.stride_w == 1)
            std::copy(from + first, from + last, columns + first);
          else
            for (Index o = first; o < last; ++o) columns[o] = from[o * s.stride_w];
          std::fill(columns + last, columns + s.ow, T{0});
        }
      }
}

/// The adjoint of im2col_row_major: adds each column entry to the pixel it came from.
template <class T>
void col2im_row_major(const Conv2dSizes& s, const T* columns, Index row, Index row_end, T* x) {
  for (Index c = 0; c < s.group_c(); ++c)
    for (Index i = 0; i < s.kh; ++i)
      for (Index j = 0; j < s.kw; ++j) {
        const auto [first, last] = s.inside_w(j);
        for (Index r = row; r < row_end; ++r, columns += s.ow) {
          const Index y = r * s.stride_h - s.pad_h + i * s.dilation_h;
          if (y < 0 || y >= s.h) continue;
          T* to = x + (c * s.h + y) * s.w + j * s.dilation_w - s.pad_w;
          for (Index o = first; o < last; ++o) to[o * s.stride_w] += columns[o];
        }
      }
}

/// Output rows [row, row_end) of one group: image x [h, w, c], from the group's first channel on -> columns
/// [pixels of the rows, taps = (kh, kw, c / groups)].
template <class T>
void im2col_channels_last(const Conv2dSizes& s, const T* x, Index row, Index row_end, T* columns) {
  const Index channels = s.group_c();
  for (Index r = row; r < row_end; ++r)
    for (Index o = 0; o < s.ow; ++o)
      for (Index i = 0; i < s.kh; ++i) {
        const Index y = r * s.stride_h - s.pad_h + i * s.dilation_h;
        for (Index j = 0; j < s.kw; ++j, columns += channels) {
          const Index z = o * s.stride_w - s.pad_w + j * s.dilation_w;
          if (y < 0 || y >= s.h || z < 0 || z >= s.w)
            std::fill_n(columns, channels, T{0});
          else
            std::copy_n(x + (y * s.w + z) * s.c, channels, columns);
        }
      }
}

/// The adjoint of im2col_channels_last.
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
          T* to = x + (y * s.w + z) * s.c;
          for (Index c = 0; c < channels; ++c) to[c] += columns[c];
        }
      }
}

}  // namespace nasion::kernels::inline NASION_INSTRUCTION_SET
