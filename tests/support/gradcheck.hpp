#pragma once
// What nasion/testing has, in the namespace of the tests, and comparisons that only they need.

#include <algorithm>
#include <cmath>

#include "nasion/ops/shape.hpp"
#include "nasion/testing/check_module.hpp"
#include "nasion/testing/gradcheck.hpp"

namespace test {

using namespace nasion;
using testing::check_module, testing::distinct, testing::gradcheck, testing::GradcheckOptions, testing::max_difference,
    testing::random, testing::Tensors, testing::detail::values;

/// Same shape, order and bytes.
template <class T>
bool identical(const Tensor<T>& a, const Tensor<T>& b) {
  return a.shape() == b.shape() && a.order() == b.order() &&
         std::equal(reinterpret_cast<const char*>(a.memory()), reinterpret_cast<const char*>(a.memory() + a.size()),
                    reinterpret_cast<const char*>(b.memory()));
}

/// Largest difference, relative to the largest number expected where that is above 1.
template <class T>
double error(const Tensor<T>& a, const Tensor<T>& expected) {
  double largest = 1;
  for (const T v : values(expected)) largest = std::max(largest, std::abs(double{v}));
  return max_difference(a, expected) / largest;
}

}  // namespace test
