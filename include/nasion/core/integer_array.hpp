#pragma once
// Whole numbers with a shape: class numbers, tokens of a text, positions. Tensors hold floating-point numbers only.

#include <utility>
#include <vector>

#include "nasion/core/shape.hpp"

namespace nasion {

/// Integers, `values` in row-major order of `shape`; a vector of n of them is one of shape [n].
struct IntegerArray {
  Shape shape{0};
  std::vector<Index> values;

  IntegerArray() = default;
  IntegerArray(std::vector<Index> list) : shape{static_cast<Index>(list.size())}, values(std::move(list)) {}
  /// ShapeError unless there is a value for every element.
  IntegerArray(const Shape& of, std::vector<Index> list) : shape(of), values(std::move(list)) {
    check(static_cast<Index>(values.size()) == shape.size(), "[IntegerArray] ", values.size(), " values do not fill ",
          shape);
  }
  /// Number of elements.
  Index size() const { return shape.size(); }
  bool operator==(const IntegerArray&) const = default;
};

}  // namespace nasion
