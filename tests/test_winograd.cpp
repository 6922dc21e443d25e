#include "nasion/kernels/conv2d/winograd.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "nasion/ops/conv2d.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using test::random;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity(),
                not_a_number = std::numeric_limits<float>::quiet_NaN();

template <class T>
struct Passes {
  Tensor<T> y, dx, dw;
};

/// All three passes, images channels-last.
template <class T>
Passes<T> run(Conv2dAlgorithm algorithm, const Tensor<T>& x, const Tensor<T>& w, const Tensor<T>& dy) {
  const auto p = to_order(x, MemoryOrder::channels_last).detach().set_requires_grad();
  const auto q = w.detach().set_requires_grad();
  const auto y = conv2d(p, q, {}, {.padding = w.dim(2) / 2, .algorithm = algorithm});
  y.backward(dy);
  return {y.detach(), p.grad(), q.grad()};
}

Tensord exact(const Tensorf& x) {
  const auto values = test::values(x);
  return Tensord::from(x.shape(), std::vector<double>(values.begin(), values.end()));
}

/// Largest difference, as a part of the largest number.
double error(const Tensorf& a, const Tensord& truth) {
  double largest = 0;
  for (const double v : test::values(truth)) largest = std::max(largest, std::abs(v));
  return test::max_difference(exact(a), truth) / largest;
}

void scale(const Tensorf& x, float by) {
  std::for_each(x.mutable_data(), x.mutable_data() + x.size(), [by](float& v) { v *= by; });
}

/// Images after a ReLU, weights at Kaiming's scale, gradients.
struct Problem {
  Tensorf x, w, dy;
  Problem(Index n, Index c, Index side, Index k, Index kernel)
      : x(random<float>({n, c, side, side + 1})),
        w(random<float>({k, c, kernel, kernel}, 8)),
        dy(random<float>({n, k, side, side + 1}, 9)) {
    std::for_each(x.mutable_data(), x.mutable_data() + x.size(), [](float& v) { v = std::max(v, 0.0F); });
    scale(w, std::sqrt(2.0F / static_cast<float>(c * kernel * kernel)));
  }
};

bool same_kind(float a, float b) { return std::isnan(a) ? std::isnan(b) : std::isinf(a) ? a == b : std::isfinite(b); }

/// The same numbers are NaN, infinite (of the same sign) and finite, and the finite ones agree.
bool same_kinds(const Tensorf& a, const Tensorf& b) {
  const auto p = test::values(a), q = test::values(b);
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (!same_kind(p[i], q[i])) return false;
    if (!std::isfinite(q[i])) continue;
    largest = std::max(largest, std::abs(double{q[i]}));
    difference = std::max(difference, std::abs(double{p[i]} - double{q[i]}));
  }
  return difference <= 1e-5 * largest;
}

const std::pair<Conv2dAlgorithm, Index> kinds[] = {
    {Conv2dAlgorithm::winograd, 3}, {Conv2dAlgorithm::winograd, 5}, {Conv2dAlgorithm::winograd_small, 3}};

}  // namespace

TEST_CASE("Winograd's errors are about a millionth of the largest result") {
  // Independent of how many vectors there are in a register: with and without fused multiply-adds.
  for (const auto& [algorithm, kernel] : kinds)
    for (const Index c : {8, 64, 320}) {
      const Problem p(2, c, 14, 24, kernel);
      const auto got = run(algorithm, p.x, p.w, p.dy);
      const auto truth = run(Conv2dAlgorithm::direct, exact(p.x), exact(p.w), exact(p.dy));
      INFO(c << " channels, kernel " << kernel << ", algorithm " << static_cast<int>(algorithm));
      CHECK(error(got.y, truth.y) < 1.5e-6);
      CHECK(error(got.dx, truth.dx) < 1.5e-6);
      CHECK(error(got.dw, truth.dw) < 1.5e-6);
    }
}

TEST_CASE("Winograd lets NaN and infinity reach what the definition lets them reach") {
  for (const auto& [algorithm, kernel] : kinds)
    for (const float bad : {not_a_number, infinity, -infinity}) {
      INFO("kernel " << kernel << ", algorithm " << static_cast<int>(algorithm) << ", " << bad);
      const Problem p(3, 16, 14, 24, kernel);
      const auto clean = run(algorithm, p.x, p.w, p.dy);
      p.x.set({1, 3, 6, 7}, bad);
      const auto got = run(algorithm, p.x, p.w, p.dy), naive = run(Conv2dAlgorithm::naive, p.x, p.w, p.dy);
      CHECK(same_kinds(got.y, naive.y));
      CHECK(same_kinds(got.dw, naive.dw));
      CHECK(test::identical(got.dx, clean.dx));
      // Other images keep their bits.
      CHECK(std::equal(got.y.memory(), got.y.memory() + got.y.size() / 3, clean.y.memory()));
      std::ptrdiff_t spoiled = 0;
      for (const float v : test::values(got.y)) spoiled += !std::isfinite(v);
      CHECK(spoiled == kernel * kernel * 24);
      p.x.set({1, 3, 6, 7}, 1);
      p.dy.set({0, 2, 13, 14}, bad);
      CHECK(same_kinds(run(algorithm, p.x, p.w, p.dy).dx, run(Conv2dAlgorithm::naive, p.x, p.w, p.dy).dx));
    }
}

TEST_CASE("Winograd overflows only where the result does") {
  for (const auto& [algorithm, kernel] : kinds)
    for (const float by : {1e36F, 1e37F, 5e37F}) {
      INFO("kernel " << kernel << ", algorithm " << static_cast<int>(algorithm) << ", " << by);
      const Problem p(2, 16, 14, 24, kernel);
      scale(p.x, by);
      scale(p.dy, 1e-3F);
      const auto got = run(algorithm, p.x, p.w, p.dy), direct = run(Conv2dAlgorithm::direct, p.x, p.w, p.dy);
      CHECK(same_kinds(got.y, direct.y));
      CHECK(same_kinds(got.dw, direct.dw));
    }
}

TEST_CASE("Winograd gives the same bits for any number of threads when results are not finite") {
  for (const auto& [algorithm, kernel] : kinds) {
    const Problem p(3, 16, 14, 24, kernel);
    p.x.set({1, 3, 6, 7}, not_a_number);
    p.dy.set({2, 3, 6, 7}, infinity);
    CHECK(test::same_for_all_thread_counts([&, kind = algorithm] { return run(kind, p.x, p.w, p.dy); },
                                           [](const auto& a, const auto& b) {
                                             return test::identical(a.y, b.y) && test::identical(a.dx, b.dx) &&
                                                    test::identical(a.dw, b.dw);
                                           }));
  }
}

TEST_CASE("Winograd of zeros is zero") {
  for (const auto& [algorithm, kernel] : kinds) {
    const Problem p(1, 8, 9, 8, kernel);
    const auto zeros = run(algorithm, Tensorf::zeros(p.x.shape()), p.w, Tensorf::zeros(p.dy.shape()));
    for (const auto& result : {zeros.y, zeros.dx, zeros.dw})
      CHECK(std::ranges::all_of(test::values(result), [](float v) { return v == 0; }));
  }
}
