#pragma once
// Shape: the sizes of a tensor, with NumPy's broadcasting rule.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <ostream>
#include <span>
#include <string>

#include "nasion/core/error.hpp"

namespace nasion {

/// Sizes, positions and strides. Signed, so that differences and loops downwards are safe; 64 bits on every processor,
/// so that products of sizes and numbers of operations fit.
using Index = std::int64_t;

/// Most dimensions of a tensor.
inline constexpr int max_rank = 6;
/// Most elements of a tensor: far from where sums of sizes overflow, and numbers of bytes in the processor's words.
inline constexpr Index max_size = std::numeric_limits<std::ptrdiff_t>::max() / (sizeof(std::ptrdiff_t) < 8 ? 16 : 64);

/// Up to six sizes, each >= 0, kept without heap memory. Prints as `[16, 3, 224, 224]`.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<Index> sizes) : Shape(std::span<const Index>(sizes.begin(), sizes.size())) {}
  /// ShapeError above rank 6, for a negative size, or when the number of elements (or, without any, a stride)
  /// overflows.
  explicit Shape(std::span<const Index> sizes) : rank_(static_cast<int>(sizes.size())) {
    check(sizes.size() <= max_rank, "[Shape] rank ", sizes.size(), " is above the limit of ", max_rank);
    std::copy(sizes.begin(), sizes.end(), sizes_.begin());
    Index nonzero = 1;  // product without the zeros: bounds the strides
    for (const Index n : sizes) {
      check(n >= 0, "[Shape] negative size in ", *this);
      check(n == 0 || nonzero <= max_size / n, "[Shape] too many elements in ", *this);
      nonzero *= std::max<Index>(n, 1);
      size_ *= n;
    }
  }

  /// Number of dimensions, 0 to 6.
  int rank() const { return rank_; }
  /// Number of elements; 1 for rank 0.
  Index size() const { return size_; }
  /// Size of dimension `d`; negative `d` counts from the end. ShapeError outside -rank .. rank-1.
  Index operator[](int d) const { return sizes_[static_cast<std::size_t>(axis(d))]; }
  const Index* begin() const { return sizes_.data(); }
  const Index* end() const { return sizes_.data() + rank_; }

  /// `d` as 0 .. rank-1, where negative values count from the end. ShapeError outside -rank .. rank-1.
  int axis(int d) const {
    check(d >= -rank_ && d < rank_, "[Shape] dimension ", d, " does not exist in ", *this);
    return d < 0 ? d + rank_ : d;
  }

  /// The same shape with dimension `d` of size `n`. ShapeError for a dimension that does not exist, and as for any
  /// shape.
  Shape with(int d, Index n) const {
    Shape changed = *this;
    changed.sizes_[static_cast<std::size_t>(axis(d))] = n;
    return Shape(std::span<const Index>(changed.begin(), changed.end()));
  }

  bool operator==(const Shape& other) const { return std::equal(begin(), end(), other.begin(), other.end()); }

  /// `[2, 1024]`, in any locale: `[2, 1,024]` would have three dimensions.
  friend std::ostream& operator<<(std::ostream& out, const Shape& shape) {
    out << '[';
    for (int d = 0; d < shape.rank_; ++d)
      out << (d ? ", " : "") << std::to_string(shape.sizes_[static_cast<std::size_t>(d)]);
    return out << ']';
  }

 private:
  std::array<Index, max_rank> sizes_{};
  Index size_ = 1;
  int rank_ = 0;
};

/// Whether `from` can be broadcast to `to`: aligned at the last dimension, each size equal or 1.
inline bool broadcasts_to(const Shape& from, const Shape& to) {
  if (from.rank() > to.rank()) return false;
  for (int d = 1; d <= from.rank(); ++d)
    if (from[-d] != to[-d] && from[-d] != 1) return false;
  return true;
}

/// The shape both operands broadcast to. ShapeError (naming `op`) when there is none.
inline Shape broadcast_shape(const char* op, const Shape& a, const Shape& b) {
  std::array<Index, max_rank> sizes{};
  const int rank = std::max(a.rank(), b.rank());
  for (int d = 1; d <= rank; ++d) {
    const Index m = d <= a.rank() ? a[-d] : 1, n = d <= b.rank() ? b[-d] : 1;
    check(m == n || m == 1 || n == 1, "[", op, "] first ", a, " and second ", b,
          " do not broadcast: sizes must be equal or 1, but dimension -", d, " has ", m, " and ", n);
    sizes[static_cast<std::size_t>(rank - d)] = m == 1 ? n : m;
  }
  return Shape(std::span<const Index>(sizes.data(), static_cast<std::size_t>(rank)));
}

}  // namespace nasion
