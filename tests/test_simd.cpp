#include "nasion/core/simd.hpp"

#include "support/catch.hpp"

using namespace nasion;

TEMPLATE_TEST_CASE("A vector holds a register of numbers, and computes with each", "", float, double) {
  using Vec = simd::Vector<TestType>;
  constexpr Index lanes = simd::lanes<TestType>;
  STATIC_REQUIRE(sizeof(Vec) == static_cast<std::size_t>(simd::register_bytes));
  TestType numbers[lanes + 1], results[lanes + 1] = {};
  for (Index i = 0; i <= lanes; ++i) numbers[i] = static_cast<TestType>(i);
  const Vec v = simd::load(numbers + 1);  // not aligned
  simd::store(results + 1, v * v + (TestType{3} - Vec{}));
  for (Index i = 1; i <= lanes; ++i) CHECK(results[i] == numbers[i] * numbers[i] + 3);
  CHECK(simd::sum<TestType>(v) == static_cast<TestType>(lanes * (lanes + 1) / 2));
}
