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

/// What is added around an image, at each of its sides.
struct Padding {
  Index top = 0, left = 0, bottom = 0, right = 0;
  Padding(Index all) : Padding(all, all) {}                // NOLINT: meant to convert
  Padding(const Size2& both) : Padding(both.h, both.w) {}  // NOLINT: meant to convert
  Padding(Index height, Index width) : Padding(height, width, height, width) {}
  Padding(Index t, Index l, Index b, Index r) : top(t), left(l), bottom(b), right(r) {}
  bool operator==(const Padding&) const = default;
  /// Whether low <= each <= high.
  bool within(Index low, Index high) const {
    return Size2(top, left).within(low, high) && Size2(bottom, right).within(low, high);
  }
  friend std::ostream& operator<<(std::ostream& out, const Padding& p) {
    if (p.top == p.bottom && p.left == p.right) return out << Size2(p.top, p.left);
    return out << Size2(p.top, p.left) << " before and " << Size2(p.bottom, p.right) << " after";
  }
};

/// Largest kernel, stride, padding and dilation, so that products of two stay far from overflow.
inline constexpr Index max_extent = Index{1} << 30;

}  // namespace nasion
