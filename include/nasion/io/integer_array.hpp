#pragma once
// Whole numbers in files: tensors hold floating-point numbers only.

#include <cstdint>
#include <vector>

#include "nasion/core/shape.hpp"

namespace nasion::io {

/// Integers, row-major.
struct IntegerArray {
  Shape shape;
  std::vector<std::int64_t> values;
  bool operator==(const IntegerArray&) const = default;
};

}  // namespace nasion::io
