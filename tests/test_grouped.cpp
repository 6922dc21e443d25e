#include "nasion/kernels/conv2d/grouped.hpp"

#include <cmath>
#include <limits>
#include <ostream>
#include <vector>

#include "nasion/ops/conv2d.hpp"
#include "support/activations.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using test::error;
using test::random;

namespace {

/// `in` and `out` channels in each group.
struct Case {
  Index groups, in, out, h, w, kh, kw;
  Conv2dOptions options{};
  Index n = 2;

  friend std::ostream& operator<<(std::ostream& to, const Case& c) {
    return to << c.groups << " groups of " << c.in << " -> " << c.out << ", " << c.h << "x" << c.w << ", kernel "
              << c.kh << "x" << c.kw << ", stride " << c.options.stride << ", padding " << c.options.padding
              << ", dilation " << c.options.dilation;
  }
};

const Case cases[] = {
    {2, 1, 1, 5, 6, 3, 3, {.padding = 1}},
    {16, 1, 1, 7, 7, 3, 3, {.padding = 1}},
    {33, 1, 1, 9, 14, 3, 3, {.stride = 2, .padding = 1}},
    {70, 1, 1, 14, 15, 5, 5, {.stride = 2, .padding = 2}},
    {20, 1, 1, 9, 12, 5, 5, {.padding = 2}},
    {49, 1, 1, 13, 3, 5, 5, {.stride = 2, .padding = 2}},
    {32, 1, 1, 10, 9, 3, 3, {.padding = {0, 1}}},
    {17, 1, 1, 12, 2, 3, 3, {.stride = 2, .padding = 1}},
    {16, 1, 1, 11, 7, 3, 3},
    {19, 1, 1, 30, 8, 3, 3, {.padding = 2, .dilation = 2}},
    {8, 1, 1, 8, 9, 2, 4, {.stride = {2, 3}, .padding = {0, 1}}},
    {12, 1, 1, 6, 6, 1, 1},
    {40, 1, 1, 4, 40, 7, 7, {.padding = 3}},
    {9, 1, 1, 3, 3, 3, 3},
    {5, 1, 1, 4, 4, 2, 2, {.stride = 3}},  // pixels that no tap reads
    {10, 1, 2, 9, 8, 3, 3, {.padding = 1}},
    {7, 1, 3, 9, 8, 3, 3, {.stride = 2, .padding = 1}},
    {8, 2, 1, 9, 8, 3, 3, {.padding = 1}},
    {8, 2, 2, 9, 8, 3, 3, {.padding = 1}},
    {9, 4, 4, 8, 15, 3, 3, {.padding = 1}},
    {6, 3, 5, 7, 7, 3, 2, {.stride = {1, 2}, .padding = 1, .dilation = {2, 1}}},
    {5, 7, 2, 7, 9, 3, 3, {.padding = 1}},
    {3, 20, 4, 6, 7, 3, 3, {.padding = 1}},
    {2, 4, 24, 6, 7, 3, 3, {.padding = 1}},
    {64, 4, 4, 40, 3, 3, 3, {.padding = 1}, 1},
};

template <class T>
struct Results {
  Tensor<T> y, dx, dw, db;
};

template <class T>
Results<T> run(const Case& c, Conv2dAlgorithm algorithm, MemoryOrder order, Activation activation = Activation::none) {
  const Index in = c.groups * c.in, out = c.groups * c.out;
  const auto x = to_order(random<T>({c.n, in, c.h, c.w}), order).set_requires_grad();
  const auto w = random<T>({out, c.in, c.kh, c.kw}, 8).set_requires_grad();
  const auto b = random<T>({out}, 9).set_requires_grad();
  Conv2dOptions options = c.options;
  options.groups = c.groups, options.algorithm = algorithm, options.activation = activation;
  const auto y = conv2d(x, w, b, options);
  if (!y.requires_grad()) return {y, {}, {}, {}};
  y.backward(random<T>(y.shape(), 10));
  return {y.detach(), x.grad(), w.grad(), b.grad()};
}

template <class T>
void compare(const Results<T>& got, const Results<T>& expected, double tolerance) {
  CHECK(error(got.y, expected.y) < tolerance);
  CHECK(error(got.dx, expected.dx) < tolerance);
  CHECK(error(got.dw, expected.dw) < tolerance);
  CHECK(error(got.db, expected.db) < tolerance);
}

constexpr auto grouped = Conv2dAlgorithm::grouped, naive = Conv2dAlgorithm::naive;

}  // namespace

TEMPLATE_TEST_CASE("The kernel for groups computes the definition, and its gradients", "", float, double) {
  const double tolerance = std::is_same_v<TestType, float> ? 1e-5 : 1e-12;
  for (const auto& c : cases)
    for (const auto order : {MemoryOrder::channels_last, MemoryOrder::row_major}) {
      INFO(c << ", " << order);
      const SerialScope serial;
      const auto got = run<TestType>(c, grouped, order);
      CHECK(got.y.order() == MemoryOrder::channels_last);
      compare(got, run<TestType>(c, naive, order), tolerance);
      for (const auto activation : test::activations) {
        const auto of_naive = run<TestType>(c, naive, order, activation);
        compare(run<TestType>(c, grouped, order, activation), of_naive, tolerance);
        const NoGrad no_grad;  // in which curves are applied by the kernel, too
        CHECK(error(run<TestType>(c, grouped, order, activation).y, of_naive.y) < tolerance);
      }
    }
}

TEST_CASE("Depthwise results too large for caches") {
  for (const Index stride : {1, 2}) {
    const Case c{64, 1, 1, 150, 112, 3, 3, {.stride = stride, .padding = 1}, 4};
    INFO(c);
    const auto algorithm = [&](Conv2dAlgorithm a) { return run<float>(c, a, MemoryOrder::channels_last); };
    compare(algorithm(grouped), algorithm(Conv2dAlgorithm::im2col), 1e-5);
  }
}

TEST_CASE("The kernel for groups gives the same bits with any number of threads") {
  const Case large[] = {{40, 1, 1, 60, 50, 3, 3, {.stride = 2, .padding = 1}, 3},
                        {24, 4, 4, 40, 30, 3, 3, {.padding = 1}, 3}};
  for (const auto& c : large)
    CHECK(test::same_for_all_thread_counts([&] { return run<float>(c, grouped, MemoryOrder::channels_last); },
                                           [](const auto& a, const auto& b) {
                                             return test::identical(a.y, b.y) && test::identical(a.dx, b.dx) &&
                                                    test::identical(a.dw, b.dw) && test::identical(a.db, b.db);
                                           }));
}

TEST_CASE("NaN and infinity stay in their group and within the kernel's reach") {
  const SerialScope serial;
  for (const Index in : {1, 3}) {
    const Index groups = 7;
    const auto x = to_order(random<float>({2, groups * in, 9, 10}), MemoryOrder::channels_last);
    x.set({0, 2 * in, 4, 5}, std::numeric_limits<float>::quiet_NaN());
    x.set({1, 5 * in, 0, 9}, std::numeric_limits<float>::infinity());
    const auto w = random<float>({groups * in, in, 3, 3}, 8);
    const auto with = [&](Conv2dAlgorithm algorithm) {
      return test::values(conv2d(x, w, {}, {.padding = 1, .groups = groups, .algorithm = algorithm}));
    };
    const auto got = with(grouped), expected = with(naive);
    for (std::size_t i = 0; i < got.size(); ++i)
      CHECK((std::isnan(expected[i])   ? std::isnan(got[i])
             : std::isinf(expected[i]) ? got[i] == expected[i]
                                       : std::isfinite(got[i])));
  }
}

TEST_CASE("Weights for groups are prepared once for inference, until they change") {
  const SerialScope serial;
  const NoGrad no_grad;
  const auto x = to_order(random<float>({1, 24, 9, 8}), MemoryOrder::channels_last),
             w = random<float>({24, 1, 3, 3}, 8);
  const auto with = [&](Conv2dAlgorithm algorithm) {
    return conv2d(x, w, {}, {.padding = 1, .groups = 24, .algorithm = algorithm});
  };
  CHECK(test::max_difference(with(grouped), with(naive)) < 1e-5);
  const auto before = memory_stats();
  CHECK(test::max_difference(with(grouped), with(naive)) < 1e-5);
  CHECK(memory_stats().in_use == before.in_use);
  w.set({3, 0, 1, 1}, 100);
  CHECK(test::max_difference(with(grouped), with(naive)) < 1e-3);
}

TEST_CASE("Groups of few channels take the kernel for them by themselves") {
  using enum Conv2dPass;
  const auto of = [](Index groups, Index in, Index out, Conv2dPass pass) {
    return conv2d_algorithm({2, groups * in, 14, 14}, {groups * out, in, 3, 3}, {.padding = 1, .groups = groups}, pass);
  };
  for (const auto pass : {forward, backward_input, backward_weight}) {
    CHECK(of(576, 1, 1, pass) == grouped);
    CHECK(of(32, 4, 4, pass) == grouped);
    CHECK(of(4, 32, 32, pass) != grouped);
    CHECK(of(1, 4, 4, pass) != grouped);
  }
}

TEST_CASE("The kernel for groups refuses a convolution without groups") {
  CHECK_THROWS_AS(conv2d(random({1, 4, 5, 5}), random({4, 4, 3, 3}), {}, {.algorithm = grouped}), ValueError);
  CHECK_THROWS_WITH(conv2d(random({1, 4, 5, 5}), random({4, 4, 3, 3}), {}, {.algorithm = grouped}),
                    ContainsSubstring("[conv2d] grouped") && ContainsSubstring("[4, 4, 3, 3]"));
}

TEST_CASE("Gradients of a depthwise convolution are those of its values") {
  const Conv2dOptions options{.stride = 2, .padding = 1, .groups = 5, .algorithm = grouped};
  CHECK(test::gradcheck([&](const auto& in) { return conv2d(in[0], in[1], in[2], options); },
                        {random({2, 5, 5, 4}), random({5, 1, 3, 3}, 2), random({5}, 3)}) == "");
}
