#include "nasion/kernels/conv2d/im2col_eigen.hpp"

#include <limits>
#include <utility>

#include "nasion/ops/conv2d.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;

namespace {

struct Case {
  Shape x, w;
  Conv2dOptions options;
};
// Products of both orders and all three passes: with columns and without, of groups, of one row, of several blocks.
const std::vector<Case> cases{{{2, 3, 7, 6}, {4, 3, 3, 3}, {.padding = 1}},
                              {{3, 5, 9, 8}, {6, 5, 5, 3}, {.stride = {2, 1}, .padding = 2, .dilation = {1, 2}}},
                              {{2, 6, 5, 4}, {7, 6, 1, 1}, {}},
                              {{1, 8, 6, 6}, {4, 2, 3, 3}, {.groups = 4}},
                              {{17, 4, 3, 3}, {5, 4, 3, 3}, {}},
                              {{2, 24, 40, 33}, {5, 24, 5, 5}, {.padding = 2}},
                              {{0, 3, 5, 5}, {2, 3, 3, 3}, {}}};

template <class T>
Tensor<T> random(const Shape& shape, std::uint64_t seed) {
  Rng rng(seed);
  return Tensor<T>::uniform(shape, rng, -1, 1);
}

/// y, dx, dw and db, in row-major order.
template <class T>
std::vector<Tensor<T>> run(const Case& c, Conv2dAlgorithm algorithm, MemoryOrder order, T first = T(0.5)) {
  auto x = random<T>(c.x, 1);
  if (x.size() > 0) x.set({0, 0, 0, 0}, first);
  x = to_order(x, order).detach().set_requires_grad();
  const auto w = random<T>(c.w, 2).set_requires_grad(), b = random<T>(Shape{c.w[0]}, 3).set_requires_grad();
  auto options = c.options;
  options.algorithm = algorithm;
  const auto y = conv2d(x, w, b, options);
  y.backward(random<T>(y.shape(), 4));
  return {contiguous(y.detach()), contiguous(x.grad()), contiguous(w.grad()), b.grad()};
}

}  // namespace

TEMPLATE_TEST_CASE("Eigen's products compute the definition, in both memory orders", "", float, double) {
  for (const auto& c : cases)
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      const auto expected = run<TestType>(c, Conv2dAlgorithm::naive, order);
      const auto got = run<TestType>(c, Conv2dAlgorithm::im2col_eigen, order);
      for (std::size_t i = 0; i < got.size(); ++i) {
        INFO("x " << c.x << ", weight " << c.w << ", result " << i << ", " << order);
        const double tolerance =
            (std::is_same_v<TestType, float> ? 2e-6 : 2e-15) * static_cast<double>(c.x.size() + 10);
        CHECK(test::max_difference(got[i], expected[i]) <= tolerance);
      }
    }
}

TEST_CASE("Gradients by Eigen's products against central differences") {
  for (const auto& c : cases) {
    if (c.x.size() == 0 || c.x.size() > 2000) continue;
    INFO("x " << c.x << ", weight " << c.w);
    auto options = c.options;
    options.algorithm = Conv2dAlgorithm::im2col_eigen;
    CHECK(test::gradcheck([&](const auto& t) { return conv2d(t[0], t[1], t[2], options); },
                          {random<double>(c.x, 1), random<double>(c.w, 2), random<double>(Shape{c.w[0]}, 3)}) == "");
  }
}

TEST_CASE("Eigen's products give the same bits for any number of threads") {
  const auto same = [](const auto& a, const auto& b) {
    return std::equal(a.begin(), a.end(), b.begin(),
                      [](const auto& p, const auto& q) { return test::identical(p, q); });
  };
  for (const auto& c : cases)
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      INFO("x " << c.x << ", weight " << c.w << ", " << order);
      CHECK(
          test::same_for_all_thread_counts([&] { return run<float>(c, Conv2dAlgorithm::im2col_eigen, order); }, same));
    }
}

TEST_CASE("NaN and infinity reach what the definition lets them reach with Eigen's products") {
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      const auto expected = run<float>(cases[0], Conv2dAlgorithm::naive, order, value);
      const auto got = run<float>(cases[0], Conv2dAlgorithm::im2col_eigen, order, value);
      for (std::size_t i = 0; i < got.size(); ++i)
        for (Index j = 0; j < got[i].size(); ++j)
          CHECK(std::isfinite(got[i].values()[static_cast<std::size_t>(j)]) ==
                std::isfinite(expected[i].values()[static_cast<std::size_t>(j)]));
    }
}

TEST_CASE("Without the header, im2col_eigen is an error that names it") {
  const auto* products = std::exchange(kernels::eigen_products<float>, nullptr);
  CHECK_THROWS_WITH(conv2d(Tensorf::ones({1, 1, 3, 3}), Tensorf::ones({1, 1, 3, 3}), {},
                           {.algorithm = Conv2dAlgorithm::im2col_eigen}),
                    ContainsSubstring("programs that include nasion/kernels/conv2d/im2col_eigen.hpp"));
  kernels::eigen_products<float> = products;
}
