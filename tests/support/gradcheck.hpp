#pragma once
// What nasion/testing has, in the namespace of the tests, and comparisons that only they need.

#include <algorithm>

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
         std::equal(reinterpret_cast<const char*>(a.data()), reinterpret_cast<const char*>(a.data() + a.size()),
                    reinterpret_cast<const char*>(b.data()));
}

}  // namespace test
