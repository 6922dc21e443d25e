#pragma once
// Heights and widths, as of kernels, strides and images.

#include <ostream>
#include <string>

#include "nasion/core/shape.hpp"

namespace nasion {

/// A height and a width; one number means both.
struct Size2 {
  Index h = 1, w = 1;
  Size2(Index both) : h(both), w(both) {}  // NOLINT: meant to convert
  Size2(Index height, Index width) : h(height), w(width) {}
  bool operator==(const Size2&) const = default;
  /// Whether low <= h <= high, and w as well.
  bool within(Index low, Index high) const { return h >= low && h <= high && w >= low && w <= high; }
  friend std::ostream& operator<<(std::ostream& out, const Size2& size) {
    return out << std::to_string(size.h) << "x" << std::to_string(size.w);
  }
};

/// Largest kernel, stride, padding and dilation, so that products of two stay far from overflow.
inline constexpr Index max_extent = Index{1} << 30;

}  // namespace nasion
