#include "nasion/kernels/math.hpp"

#include <limits>
#include <vector>

#include "support/catch.hpp"

using namespace nasion;

namespace {

/// Numbers from `low` to `high`, and as many close to 0 on both sides as lie inside.
template <class T>
std::vector<T> numbers(double low, double high) {
  std::vector<T> x;
  for (int i = 0; i <= 200000; ++i) x.push_back(static_cast<T>(low + (high - low) * i / 200000));
  for (double small = 1; small > 1e-30; small *= 0.83)
    for (const double v : {small, -small})
      if (v >= low && v <= high) x.push_back(static_cast<T>(v));
  return x;
}

/// The largest error of f beside the precise `expected`, in units of the last place of the result.
template <class T, class F, class Expected>
double worst_error(double low, double high, F f, Expected expected) {
  double worst = 0;
  for (const T x : numbers<T>(low, high)) {
    const long double right = expected(static_cast<long double>(x));
    const T near = std::abs(static_cast<T>(right));
    const T unit = std::nextafter(near, std::numeric_limits<T>::infinity()) - near;
    worst = std::max(worst, static_cast<double>(std::abs(static_cast<long double>(f(x)) - right) / unit));
  }
  return worst;
}

template <class T>
constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();

}  // namespace

TEMPLATE_TEST_CASE("exp and its relatives are right to a few units in the last place", "", float, double) {
  using T = TestType;
  const bool single = std::is_same_v<T, float>;
  const double low = single ? -87 : -708, high = single ? 88.7 : 709.7;
  CHECK(worst_error<T>(low, high, kernels::exp<T>, [](long double x) { return std::exp(x); }) < 2);
  CHECK(worst_error<T>(low, 80, kernels::expm1<T>, [](long double x) { return std::expm1(x); }) < 3);
  CHECK(worst_error<T>(0, 1, kernels::log1p<T>, [](long double x) { return std::log1p(x); }) < 6);
  CHECK(worst_error<T>(0, 1e6, kernels::log1p<T>, [](long double x) { return std::log1p(x); }) < 6);
  CHECK(worst_error<T>(-80, 80, kernels::sigmoid<T>, [](long double x) { return 1 / (1 + std::exp(-x)); }) < 4);
  CHECK(worst_error<T>(-20, 20, kernels::tanh<T>, [](long double x) { return std::tanh(x); }) < 5);
}

TEMPLATE_TEST_CASE("exp and its relatives at the ends of their ranges", "", float, double) {
  using T = TestType;
  CHECK(kernels::exp(T{0}) == 1);
  CHECK(kernels::exp(-infinity<T>) == 0);
  CHECK(kernels::exp(infinity<T>) == infinity<T>);
  CHECK(kernels::exp(std::numeric_limits<T>::lowest()) == 0);
  CHECK(kernels::exp(std::numeric_limits<T>::max()) == infinity<T>);
  const T small = std::log(std::numeric_limits<T>::min()) - 3;  // where results have fewer digits
  CHECK(kernels::exp(small) == Approx(std::exp(small)).epsilon(1e-5));
  CHECK(kernels::log1p(T{0}) == 0);
  CHECK(kernels::sigmoid(-infinity<T>) == 0);
  CHECK(kernels::sigmoid(infinity<T>) == 1);
  CHECK(kernels::tanh(infinity<T>) == 1);
  CHECK(kernels::tanh(-infinity<T>) == -1);
  CHECK(kernels::tanh(T{0}) == 0);
  for (const auto f : {kernels::exp<T>, kernels::expm1<T>, kernels::log1p<T>, kernels::sigmoid<T>, kernels::tanh<T>})
    CHECK(std::isnan(f(not_a_number<T>)));
}
