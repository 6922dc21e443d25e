#pragma once
// How far numbers are from what they should be.

#include <algorithm>
#include <cmath>
#include <vector>

namespace test {

/// Largest difference, as a part of the largest number expected.
template <class T>
double relative_error(const std::vector<T>& got, const std::vector<double>& expected) {
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    difference = std::max(difference, std::abs(static_cast<double>(got[i]) - expected[i]));
  }
  return difference / largest;
}

}  // namespace test
