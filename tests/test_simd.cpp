#include "nasion/core/simd.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <type_traits>
#include <vector>

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

TEMPLATE_TEST_CASE("A part of a register is loaded and stored at any address, nothing beside it", "", float, double,
                   std::int32_t, std::int64_t) {
  const auto check = [](auto width) {
    TestType elements[width + 2], results[width + 2] = {};
    for (Index i = 0; i < width + 2; ++i) elements[i] = static_cast<TestType>(i + 1);
    simd::Lanes<TestType, width> v = simd::load<width>(elements + 1);
    simd::store<width>(results + 1, v + v);
    CHECK(results[0] == 0);
    CHECK(results[width + 1] == 0);
    for (Index i = 1; i <= width; ++i) CHECK(results[i] == 2 * elements[i]);
  };
  check(std::integral_constant<Index, 1>());
  check(std::integral_constant<Index, 2>());
  check(std::integral_constant<Index, simd::register_bytes / static_cast<Index>(sizeof(TestType))>());
}

TEMPLATE_TEST_CASE("The first lanes alone are loaded and stored, for every number of them", "", float, double) {
  constexpr Index lanes = simd::lanes<TestType>;
  for (Index count = 0; count <= lanes; ++count) {
    INFO(count << " of " << lanes);
    // Memory of exactly this size, so that a checker of addresses sees what reads or writes behind it.
    std::vector<TestType> numbers(static_cast<std::size_t>(count)), results = numbers;
    std::iota(numbers.begin(), numbers.end(), TestType{1});
    TestType all[lanes];
    simd::store(all, simd::load_n(numbers.data(), count));
    for (Index i = 0; i < lanes; ++i) CHECK(all[i] == (i < count ? static_cast<TestType>(i + 1) : TestType{0}));
    simd::store_n(results.data(), simd::load(all), count);
    CHECK(results == numbers);
    TestType guarded[lanes + 1];
    std::fill_n(guarded, lanes + 1, TestType{-1});
    simd::store_n(guarded, simd::load(all), count);
    for (Index i = 0; i <= lanes; ++i) CHECK(guarded[i] == (i < count ? static_cast<TestType>(i + 1) : TestType{-1}));
  }
}

TEMPLATE_TEST_CASE("permute() takes each lane from where it is told", "", float, double) {
  constexpr Index lanes = simd::lanes<TestType>;
  TestType numbers[lanes], results[lanes];
  std::int32_t place[lanes];
  for (Index i = 0; i < lanes; ++i) {
    numbers[i] = static_cast<TestType>(10 + i);
    place[i] = static_cast<std::int32_t>(i / 2);
  }
  for (const std::int32_t offset : {0, 1}) {
    simd::store(results, simd::permute<TestType>(simd::load(numbers), place, offset));
    for (Index i = 0; i < lanes; ++i) CHECK(results[i] == static_cast<TestType>(10 + i / 2 + offset));
  }
}
