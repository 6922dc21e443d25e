#pragma once
// The sizes of a 2-D convolution.

#include <algorithm>
#include <utility>

#include "nasion/core/instruction_set.hpp"
#include "nasion/core/shape.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// All sizes of a 2-D convolution. x [n, c, h, w], weight [k, c / groups, kh, kw], y [n, k, oh, ow].
struct Conv2dSizes {
  Index n, c, h, w, k, kh, kw, oh, ow;
  Index stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0, dilation_h = 1, dilation_w = 1, groups = 1;

  /// Channels of a group, in x and in y.
  Index group_c() const { return c / groups; }
  Index group_k() const { return k / groups; }
  /// Pixels of one image of y.
  Index pixels() const { return oh * ow; }
  /// Terms of each output element: the inner size of the matrix product.
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

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
