#include "nasion/core/sqrt.hpp"

#include <array>

#include "support/catch.hpp"

using namespace nasion;

namespace {
template <class T>
void compare() {
  constexpr auto lanes = static_cast<std::size_t>(simd::lanes<T>);
  for (int round = 0; round < 100; ++round) {
    std::array<T, lanes> x{}, y{};
    for (std::size_t i = 0; i < lanes; ++i)
      x[i] = std::ldexp(static_cast<T>(1.0 + 0.37 * static_cast<double>(i)), 3 * round - 150 + static_cast<int>(i));
    x[0] = T{0};
    simd::store(y.data(), simd::sqrt(simd::load(x.data())));
    for (std::size_t i = 0; i < lanes; ++i) CHECK(y[i] == std::sqrt(x[i]));
  }
  std::array<T, lanes> x{}, y{};
  x.fill(T{-1});
  simd::store(y.data(), simd::sqrt(simd::load(x.data())));
  CHECK(std::isnan(y[lanes - 1]));
}
}  // namespace

TEST_CASE("Square roots of a register are those of its numbers") {
  compare<float>();
  compare<double>();
}
