#pragma once
// Batches of channels-last images, of which one group of a convolution uses some channels.

#include "nasion/core/instruction_set.hpp"
#include "nasion/core/shape.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// Images [n, h, w, channels] of which a group uses `used` channels from `first` on.
template <class T>
struct Images {
  T* data;
  Index n, h, w, channels, first, used;

  T* pixel(Index image, Index row, Index column) const {
    return data + ((image * h + row) * w + column) * channels + first;
  }
  bool inside(Index row, Index column) const { return row >= 0 && row < h && column >= 0 && column < w; }
};

}  // namespace detail

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
