#include "nasion/ops/conv2d.hpp"

#include <algorithm>

#include "nasion/ops/activation.hpp"
#include "nasion/ops/conv_transpose2d.hpp"
#include "nasion/ops/pool.hpp"
#include "nasion/ops/reduce.hpp"
#include "support/activations.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using test::error;
using test::gradcheck;
using test::random;

namespace {

struct Case {
  Index n, c, h, w, k, kh, kw;
  Conv2dOptions options = {};
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.n << " of " << c.c << "x" << c.h << "x" << c.w << ", weight " << c.k << "x" << c.kh << "x" << c.kw
             << ", stride " << c.options.stride << ", padding " << c.options.padding << ", dilation "
             << c.options.dilation << ", groups " << c.options.groups;
}

// Each with something odd about it.
const std::vector<Case> cases = {
    {1, 1, 3, 3, 1, 3, 3},
    {2, 3, 7, 5, 4, 3, 3},
    {3, 2, 6, 9, 3, 2, 5},
    {0, 2, 5, 5, 3, 3, 3},
    {4, 3, 5, 6, 2, 1, 1},
    {5, 4, 4, 4, 6, 1, 1, {.groups = 2}},
    {2, 3, 5, 6, 4, 1, 1, {.stride = 2}},
    {2, 3, 5, 6, 4, 1, 1, {.padding = 1}},
    {2, 3, 8, 7, 4, 3, 3, {.stride = 2, .padding = 1}},
    {1, 2, 9, 11, 3, 3, 5, {.stride = {2, 3}, .padding = {0, 2}}},
    {2, 2, 9, 10, 3, 3, 3, {.padding = 2, .dilation = 2}},
    {1, 2, 11, 9, 2, 3, 2, {.stride = {3, 1}, .padding = {4, 1}, .dilation = {2, 3}}},
    {2, 6, 6, 6, 9, 3, 3, {.padding = 1, .groups = 3}},
    {2, 4, 7, 5, 8, 3, 3, {.stride = 2, .padding = 1, .dilation = 2, .groups = 4}},
    {3, 5, 6, 7, 5, 3, 3, {.groups = 5}},
    {1, 1, 2, 2, 2, 4, 4, {.padding = 1}},
    {1, 2, 1, 1, 2, 3, 3, {.padding = 3}},               // most outputs see padding alone
    {2, 1, 4, 3, 2, 2, 2, {.stride = 5, .padding = 1}},  // gaps between the windows
    {2, 3, 7, 5, 4, 3, 3, {.padding = {0, 1, 2, 0}}},
    {2, 4, 9, 8, 6, 2, 4, {.stride = 2, .padding = {1, 0, 0, 3}, .dilation = {1, 2}, .groups = 2}},
};

Conv2dOptions with(Conv2dOptions options, Conv2dAlgorithm algorithm) {
  options.algorithm = algorithm;
  return options;
}

/// By the definition, on logical positions alone: independent of every kernel.
template <class T>
Tensor<T> reference(const Tensor<T>& x, const Tensor<T>& w, const Tensor<T>& b, const Conv2dOptions& o) {
  const Index oh = (x.dim(2) + o.padding.top + o.padding.bottom - o.dilation.h * (w.dim(2) - 1) - 1) / o.stride.h + 1;
  const Index ow = (x.dim(3) + o.padding.left + o.padding.right - o.dilation.w * (w.dim(3) - 1) - 1) / o.stride.w + 1;
  const auto y = Tensor<T>::zeros({x.dim(0), w.dim(0), oh, ow});
  for (Index n = 0; n < x.dim(0); ++n)
    for (Index k = 0; k < w.dim(0); ++k)
      for (Index p = 0; p < oh; ++p)
        for (Index q = 0; q < ow; ++q) {
          double sum = b.defined() ? b.at({k}) : 0;
          for (Index c = 0; c < w.dim(1); ++c)
            for (Index i = 0; i < w.dim(2); ++i)
              for (Index j = 0; j < w.dim(3); ++j) {
                const Index row = p * o.stride.h + i * o.dilation.h - o.padding.top;
                const Index col = q * o.stride.w + j * o.dilation.w - o.padding.left;
                const Index channel = k / (w.dim(0) / o.groups) * w.dim(1) + c;
                if (row >= 0 && row < x.dim(2) && col >= 0 && col < x.dim(3))
                  sum += double{x.at({n, channel, row, col})} * double{w.at({k, c, i, j})};
              }
          y.set({n, k, p, q}, static_cast<T>(sum));
        }
  return y;
}

template <class T>
struct Results {
  Tensor<T> y, dx, dw, db;
};

/// Convolution and all gradients for given inputs and gradient of the result.
template <class T>
Results<T> run(const Tensor<T>& x, const Tensor<T>& w, const Tensor<T>& b, const Conv2dOptions& o,
               MemoryOrder gradient_order) {
  const auto p = x.detach().set_requires_grad(), q = w.detach().set_requires_grad();
  const auto r = b.detach().set_requires_grad();
  const auto y = conv2d(p, q, r, o);
  y.backward(to_order(random<T>(y.shape(), 99), gradient_order));
  return {y.detach(), p.grad(), q.grad(), r.grad()};
}

template <class T>
void compare_with_naive(const Case& c, double tolerance,
                        const std::vector<Conv2dAlgorithm>& algorithms = {
                            Conv2dAlgorithm::im2col, Conv2dAlgorithm::direct, Conv2dAlgorithm::automatic}) {
  const auto x = random<T>({c.n, c.c, c.h, c.w}), w = random<T>({c.k, c.c / c.options.groups, c.kh, c.kw}, 8);
  const auto b = random<T>({c.k}, 9);
  const auto naive = run(x, w, b, with(c.options, Conv2dAlgorithm::naive), MemoryOrder::row_major);
  CHECK(error(naive.y, reference(x, w, b, c.options)) < tolerance);
  for (const auto algorithm : algorithms)
    for (const auto x_order : {MemoryOrder::row_major, MemoryOrder::channels_last})
      for (const auto w_order : {MemoryOrder::row_major, MemoryOrder::channels_last})
        for (const auto g_order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
          const auto r = run(to_order(x, x_order), to_order(w, w_order), b, with(c.options, algorithm), g_order);
          INFO("algorithm " << static_cast<int>(algorithm) << ", x " << x_order << ", weight " << w_order
                            << ", gradient " << g_order);
          const bool both = algorithm == Conv2dAlgorithm::naive || algorithm == Conv2dAlgorithm::im2col;
          CHECK(r.y.order() == (both ? x_order : MemoryOrder::channels_last));
          CHECK(r.dx.order() == x_order);
          CHECK(r.dw.order() == w_order);
          CHECK(error(r.y, naive.y) < tolerance);
          CHECK(error(r.dx, naive.dx) < tolerance);
          CHECK(error(r.dw, naive.dw) < tolerance);
          CHECK(error(r.db, naive.db) < tolerance);
        }
}

}  // namespace

TEST_CASE("Every algorithm computes the definition, in both memory orders") {
  for (const auto& c : cases) {
    INFO(c);
    const SerialScope serial;
    compare_with_naive<double>(
        c, 1e-12,
        {Conv2dAlgorithm::naive, Conv2dAlgorithm::im2col, Conv2dAlgorithm::direct, Conv2dAlgorithm::automatic});
    compare_with_naive<float>(c, 1e-5);
  }
}

TEST_CASE("Images of several row blocks and deep columns", "[long]") {
  const SerialScope serial;
  // Rows are convolved in blocks of about half a mebibyte of columns: here there are several.
  compare_with_naive<float>({2, 24, 40, 33, 5, 5, 5, {.padding = 2}}, 1e-5);
  compare_with_naive<float>({17, 3, 9, 70, 4, 3, 3, {}}, 1e-5);  // more images than parts of the weight gradient
  compare_with_naive<float>({1, 3, 90, 80, 4, 1, 1, {}}, 1e-5);  // pointwise, in blocks of pixels
  // More channels than fit in a tile, and weights of which L2 holds some taps at a time.
  compare_with_naive<float>({2, 600, 6, 5, 150, 3, 3, {.padding = 1}}, 2e-5, {Conv2dAlgorithm::direct});
  // Tiles of every width, over blocks of pixels that end within a row.
  for (const Index k : {1, 15, 17, 31, 33, 47, 63, 65})
    compare_with_naive<float>({3, 5, 19, 17, k, 3, 3, {.stride = 2, .padding = 1}}, 1e-5, {Conv2dAlgorithm::direct});
}

TEST_CASE("Gradients of every algorithm against central differences") {
  for (const auto algorithm : {Conv2dAlgorithm::naive, Conv2dAlgorithm::im2col, Conv2dAlgorithm::direct})
    for (const auto& c : cases) {
      if (c.n == 0) continue;
      INFO(c << ", algorithm " << static_cast<int>(algorithm));
      const auto o = with(c.options, algorithm);
      CHECK(gradcheck([&](const auto& t) { return conv2d(t[0], t[1], t[2], o); },
                      {random({c.n, c.c, c.h, c.w}), random({c.k, c.c / o.groups, c.kh, c.kw}, 8), random({c.k}, 9)},
                      {.most = 12}) == "");
    }
}

TEST_CASE("Bias and gradients are optional") {
  const auto x = random({2, 3, 5, 5}), w = random({4, 3, 3, 3}, 8);
  CHECK(test::max_difference(conv2d(x, w), reference(x, w, {}, {})) < 1e-12);
  CHECK(gradcheck([](const auto& t) { return conv2d(t[0], t[1]); }, {x, w}, {.most = 20}) == "");
  const auto leaf = w.detach().set_requires_grad();
  const auto y = conv2d(x, leaf, random({4}));
  y.backward(random(y.shape()));
  CHECK(leaf.grad().shape() == w.shape());
  CHECK_FALSE(conv2d(x, w).requires_grad());
}

TEST_CASE("An empty batch has empty results and zero gradients") {
  for (const auto algorithm : {Conv2dAlgorithm::naive, Conv2dAlgorithm::im2col, Conv2dAlgorithm::direct}) {
    const auto r = run(Tensord::zeros({0, 3, 5, 5}), random({4, 3, 3, 3}), random({4}), with({}, algorithm),
                       MemoryOrder::row_major);
    CHECK(r.y.shape() == Shape{0, 4, 3, 3});
    CHECK(r.dx.shape() == Shape{0, 3, 5, 5});
    CHECK(test::values(r.dw) == std::vector<double>(108, 0));
    CHECK(test::values(r.db) == std::vector<double>(4, 0));
  }
}

TEST_CASE("NaN and infinity reach exactly the outputs that see them") {
  const auto x = Tensorf::ones({1, 1, 5, 5});
  x.set({0, 0, 0, 0}, std::numeric_limits<float>::quiet_NaN());
  x.set({0, 0, 4, 4}, std::numeric_limits<float>::infinity());
  for (const auto algorithm : {Conv2dAlgorithm::naive, Conv2dAlgorithm::im2col, Conv2dAlgorithm::direct}) {
    const auto y = conv2d(x, Tensorf::ones({1, 1, 3, 3}), {}, with({}, algorithm));
    for (Index i = 0; i < 3; ++i)
      for (Index j = 0; j < 3; ++j) {
        CHECK(std::isnan(y.at({0, 0, i, j})) == (i == 0 && j == 0));
        CHECK(std::isinf(y.at({0, 0, i, j})) == (i == 2 && j == 2));
      }
  }
}

TEST_CASE("conv2d refuses sizes that do not fit") {
  const auto x = random({2, 3, 8, 8});
  CHECK_THROWS_WITH(conv2d(x, random({16, 4, 3, 3})), ContainsSubstring("[conv2d]") &&
                                                          ContainsSubstring("[2, 3, 8, 8] has 3 channels") &&
                                                          ContainsSubstring("[16, 4, 3, 3] expects 4"));
  CHECK_THROWS_WITH(conv2d(x, random({4, 3, 9, 3})),
                    ContainsSubstring("[4, 3, 9, 3]") && ContainsSubstring("larger than input [2, 3, 8, 8]"));
  CHECK_THROWS_AS(conv2d(x, random({4, 3, 5, 5}), {}, {.dilation = 2}), ShapeError);
  CHECK_NOTHROW(conv2d(x, random({4, 3, 5, 5}), {}, {.padding = {1, 1}, .dilation = 2}));
  CHECK_THROWS_WITH(conv2d(x, random({4, 3, 3, 3}), random({3})),
                    ContainsSubstring("bias [3]") && ContainsSubstring("[4, 3, 3, 3]"));
  CHECK_THROWS_AS(conv2d(random({3, 8, 8}), random({4, 3, 3, 3})), ShapeError);
  CHECK_THROWS_AS(conv2d(x, random({4, 3, 3})), ShapeError);
  CHECK_THROWS_WITH(conv2d(x, random({4, 1, 3, 3}), {}, {.groups = 3}), ContainsSubstring("groups do not divide"));
  CHECK_THROWS_AS(conv2d(x, random({4, 3, 3, 3}), {}, {.groups = 2}), ShapeError);
  CHECK_THROWS_WITH(conv2d(x, Tensord::zeros({4, 3, 0, 3})), ContainsSubstring("empty or far too large kernel"));
  CHECK_THROWS_AS(conv2d(Tensord::zeros({2, 0, 8, 8}), Tensord::zeros({4, 0, 3, 3})), ShapeError);
  CHECK_THROWS_AS(conv2d(x, random({4, 3, 3, 3}), {}, {.stride = 0}), ValueError);
  CHECK_THROWS_AS(conv2d(x, random({4, 3, 3, 3}), {}, {.padding = {0, -1}}), ValueError);
  CHECK_THROWS_AS(conv2d(x, random({4, 3, 3, 3}), {}, {.dilation = {1, 0}}), ValueError);
  CHECK_THROWS_AS(conv2d(x, random({4, 3, 3, 3}), {}, {.groups = 0}), ValueError);
  // Sizes whose sums or products would overflow.
  const Index huge = std::numeric_limits<Index>::max();
  CHECK_THROWS_AS(conv2d(x, random({4, 3, 3, 3}), {}, {.padding = huge}), std::exception);
  CHECK_THROWS_AS(conv2d(x, random({4, 3, 3, 3}), {}, {.dilation = huge}), std::exception);
  CHECK_THROWS_AS(conv2d(x, random({4, 3, 3, 3}), {}, {.groups = huge}), std::exception);
  CHECK_THROWS_AS(conv2d(x, random({4, 3, 3, 3}), {}, {.stride = huge}), std::exception);
  CHECK(conv2d(x, random({4, 3, 3, 3}), {}, {.stride = max_extent}).shape() == Shape{2, 4, 1, 1});
  CHECK_THROWS_AS(conv2d(x, random({4, 3, 3, 3}), {}, {.padding = max_extent}), std::exception);
}

TEST_CASE("conv2d gives the same bits for any number of threads, forward and backward") {
  for (const auto& c :
       {Case{3, 4, 30, 29, 6, 3, 3, {.padding = 1}}, Case{19, 8, 12, 12, 6, 3, 3, {.stride = 2, .groups = 2}},
        Case{2, 16, 36, 40, 5, 5, 5, {}}, Case{2, 16, 90, 80, 5, 1, 1, {}}})
    for (const auto algorithm : {Conv2dAlgorithm::naive, Conv2dAlgorithm::im2col, Conv2dAlgorithm::direct})
      for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
        INFO(c << ", algorithm " << static_cast<int>(algorithm) << ", " << order);
        const auto x = to_order(random<float>({c.n, c.c, c.h, c.w}), order);
        const auto w = random<float>({c.k, c.c / c.options.groups, c.kh, c.kw}, 8), b = random<float>({c.k}, 9);
        CHECK(test::same_for_all_thread_counts([&] { return run(x, w, b, with(c.options, algorithm), order); },
                                               [](const auto& p, const auto& q) {
                                                 return test::identical(p.y, q.y) && test::identical(p.dx, q.dx) &&
                                                        test::identical(p.dw, q.dw) && test::identical(p.db, q.db);
                                               }));
      }
}

TEST_CASE("Winograd computes the definition, and says where it cannot") {
  const SerialScope serial;
  for (const auto& c :
       {Case{2, 3, 9, 11, 5, 3, 3, {}}, Case{1, 16, 4, 4, 16, 3, 3, {.padding = 1}},
        Case{2, 5, 7, 6, 70, 3, 3, {.padding = {2, 1}}}, Case{2, 8, 13, 10, 6, 3, 3, {.padding = 1, .groups = 2}},
        Case{1, 2, 3, 3, 1, 3, 3, {}}, Case{1, 3, 1, 1, 2, 3, 3, {.padding = 3}}, Case{0, 2, 5, 5, 3, 3, 3, {}},
        Case{2, 3, 9, 11, 5, 5, 5, {}}, Case{2, 17, 7, 6, 70, 5, 5, {.padding = {2, 1}}},
        Case{3, 4, 8, 9, 6, 5, 5, {.padding = 4, .groups = 2}}}) {
    INFO(c);
    std::vector algorithms{Conv2dAlgorithm::winograd};
    if (c.kh == 3) algorithms.push_back(Conv2dAlgorithm::winograd_small);
    compare_with_naive<double>(c, 1e-11, algorithms);
    compare_with_naive<float>(c, 1e-5, algorithms);
  }
  const auto x = random({2, 3, 9, 9});
  CHECK_THROWS_WITH(conv2d(x, random({4, 3, 3, 3}), {}, with({.stride = 2}, Conv2dAlgorithm::winograd)),
                    ContainsSubstring("[conv2d] winograd") && ContainsSubstring("[4, 3, 3, 3] at stride 2x2"));
  CHECK_THROWS_AS(conv2d(x, random({4, 3, 7, 7}), {}, with({}, Conv2dAlgorithm::winograd)), ValueError);
  CHECK_THROWS_WITH(conv2d(x, random({4, 3, 3, 3}), {}, with({}, Conv2dAlgorithm{99})),
                    ContainsSubstring("[conv2d] there is no algorithm 99"));
  CHECK_THROWS_AS(conv2d(x, random({4, 3, 3, 5}), {}, with({}, Conv2dAlgorithm::winograd)), ValueError);
  CHECK_THROWS_WITH(
      conv2d(x, random({4, 3, 5, 5}), {}, with({}, Conv2dAlgorithm::winograd_small)),
      ContainsSubstring("[conv2d] winograd_small is for 3x3 kernels") && ContainsSubstring("[4, 3, 5, 5]"));
}

TEST_CASE("Winograd over many channels and tiles", "[long]") {
  const SerialScope serial;
  compare_with_naive<float>({3, 130, 30, 20, 66, 3, 3, {.padding = 1}}, 1e-5, {Conv2dAlgorithm::winograd});
  compare_with_naive<float>({2, 40, 36, 33, 20, 5, 5, {.padding = 2}}, 1e-5, {Conv2dAlgorithm::winograd});
  // More weights than tiles, where each block of weights is a piece of work from beginning to end.
  compare_with_naive<float>({2, 300, 6, 5, 520, 3, 3, {.padding = 1}}, 1e-5,
                            {Conv2dAlgorithm::winograd, Conv2dAlgorithm::winograd_small});
}

TEST_CASE("conv2d with an activation is the same as that function after it") {
  const SerialScope serial;
  const auto activation = GENERATE(from_range(test::activations));
  for (const auto algorithm : {Conv2dAlgorithm::naive, Conv2dAlgorithm::im2col, Conv2dAlgorithm::direct,
                               Conv2dAlgorithm::winograd, Conv2dAlgorithm::winograd_small, Conv2dAlgorithm::automatic})
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last})
      for (const bool with_bias : {true, false}) {
        INFO("activation " << static_cast<int>(activation) << ", algorithm " << static_cast<int>(algorithm) << ", "
                           << order << ", bias " << with_bias);
        const auto x = to_order(random({2, 9, 11, 7}), order), w = random({20, 9, 3, 3}, 8);
        const auto b = with_bias ? random({20}, 9) : Tensord{};
        const Conv2dOptions o{.padding = 1, .algorithm = algorithm};
        auto fused = o;
        fused.activation = activation;
        const auto gradients = [&](auto&& f) {
          const auto p = x.detach().set_requires_grad(), q = w.detach().set_requires_grad();
          const auto r = with_bias ? b.detach().set_requires_grad() : b;
          const auto y = f(p, q, r);
          y.backward(random(y.shape(), 99));
          return std::vector{y.detach(), p.grad(), q.grad(), with_bias ? r.grad() : y.detach()};
        };
        const auto got = gradients([&](auto& p, auto& q, auto& r) { return conv2d(p, q, r, fused); });
        const auto expected = gradients(
            [&](auto& p, auto& q, auto& r) { return nasion::detail::activate(conv2d(p, q, r, o), activation); });
        for (std::size_t i = 0; i < got.size(); ++i) CHECK(test::max_difference(got[i], expected[i]) < 1e-12);
        const NoGrad no_grad;
        const auto inferred = conv2d(x, w, b, fused);
        CHECK(inferred.order() == got[0].order());
        CHECK(test::max_difference(inferred, expected[0]) < 1e-12);
      }
}

TEST_CASE("conv2d with an activation keeps NaN, and infinity as that function has it") {
  const auto activation = GENERATE(from_range(test::activations));
  for (const auto algorithm : {Conv2dAlgorithm::im2col, Conv2dAlgorithm::direct, Conv2dAlgorithm::winograd})
    for (const float v : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -3e38f}) {
      INFO(static_cast<int>(activation) << ", " << static_cast<int>(algorithm) << ", " << v);
      const auto x = Tensorf::full({1, 1, 3, 3}, v), w = Tensorf::ones({1, 1, 3, 3});
      const float got = conv2d(x, w, {}, {.algorithm = algorithm, .activation = activation}).item();
      const float expected = nasion::detail::activate(conv2d(x, w, {}, {.algorithm = algorithm}), activation).item();
      CHECK((std::isnan(expected) ? std::isnan(got) : got == expected));
    }
}

TEST_CASE("conv2d refuses an activation that there is not") {
  const auto x = Tensorf::ones({1, 1, 3, 3});
  CHECK_THROWS_WITH(conv2d(x, x, {}, {.activation = Activation(5)}), "[conv2d] there is no activation 5");
}

TEST_CASE("Weights are prepared once for inference, until they change") {
  const SerialScope serial;
  for (const auto algorithm : {Conv2dAlgorithm::direct, Conv2dAlgorithm::winograd, Conv2dAlgorithm::winograd_small}) {
    const auto x = to_order(random<float>({2, 9, 11, 7}), MemoryOrder::channels_last);
    const auto w = random<float>({20, 9, 3, 3}, 8).set_requires_grad();
    const Conv2dOptions o{.algorithm = algorithm};
    const auto expected = conv2d(x, w, {}, o).detach();
    const NoGrad no_grad;
    CHECK(test::identical(conv2d(x, w, {}, o), expected));
    const auto before = memory_stats();
    CHECK(test::identical(conv2d(x, w, {}, o), expected));
    CHECK(memory_stats().in_use == before.in_use);
    // Other sizes of images, the same weight; another part of the same memory; other numbers.
    const auto small = to_order(random<float>({1, 9, 5, 5}), MemoryOrder::channels_last);
    CHECK(test::max_difference(conv2d(small, w, {}, o), conv2d(small, w, {}, {})) < 1e-4);
    CHECK(test::max_difference(conv2d(x, slice(w, 0, 10, 20), {}, o), slice(expected, 1, 10, 20)) < 1e-4);
    w.set({0, 0, 0, 0}, 100);
    CHECK(memory_stats().in_use < before.in_use);
    CHECK(test::max_difference(conv2d(x, w, {}, o), conv2d(x, w, {}, {.algorithm = Conv2dAlgorithm::naive})) < 1e-3);
  }
}

TEST_CASE("conv2d says which kernel runs") {
  using enum Conv2dAlgorithm;
  using enum Conv2dPass;
  CHECK(conv2d_algorithm({8, 64, 56, 56}, {64, 64, 3, 3}) == winograd);
  CHECK(conv2d_algorithm({8, 64, 56, 56}, {64, 64, 5, 5}, {}, backward_weight) == winograd);
  CHECK(conv2d_algorithm({8, 64, 56, 56}, {128, 64, 3, 3}, {.stride = 2}) == direct);
  CHECK(conv2d_algorithm({2, 512, 7, 7}, {512, 512, 3, 3}, {.padding = 1}) == winograd);
  CHECK(conv2d_algorithm({2, 512, 7, 7}, {512, 512, 3, 3}, {.padding = 1}, backward_weight) == direct);
  CHECK(conv2d_algorithm({1, 512, 7, 7}, {512, 512, 3, 3}, {.padding = 1}) == winograd_small);
  CHECK(conv2d_algorithm({1, 512, 7, 7}, {512, 512, 3, 3}, {.padding = 1}, backward_input) == winograd_small);
  CHECK(conv2d_algorithm({1, 512, 3, 3}, {512, 512, 3, 3}, {.padding = 1}) == direct);
  CHECK(conv2d_algorithm({2, 12, 12, 12}, {32, 12, 5, 5}) == direct);  // of 8 tiles, as 3x3 may be, and of 12
  CHECK(conv2d_algorithm({3, 12, 12, 12}, {32, 12, 5, 5}) == winograd);
  CHECK(conv2d_algorithm({8, 64, 56, 56}, {64, 64, 3, 3}, {.dilation = 2}) == direct);
  CHECK(conv2d_algorithm({8, 1, 56, 56}, {64, 1, 7, 7}) == direct);
  CHECK(conv2d_algorithm({8, 1, 56, 56}, {64, 1, 7, 7}, {}, backward_input) == im2col);
  CHECK(conv2d_algorithm({8, 64, 56, 56}, {64, 64, 3, 3}, {}, forward, MemoryOrder::row_major) == im2col);
  CHECK(conv2d_algorithm({8, 64, 56, 56}, {64, 64, 3, 3}, {.algorithm = naive}) == naive);
  CHECK_THROWS_AS(conv2d_algorithm({8, 64, 56, 56}, {64, 32, 3, 3}), ShapeError);
}

TEST_CASE("Winograd gives the same bits for any number of threads") {
  using enum Conv2dAlgorithm;
  for (const auto& [algorithm, c] :
       {std::pair{winograd, Case{5, 20, 30, 29, 33, 3, 3}}, std::pair{winograd, Case{5, 20, 30, 29, 33, 5, 5}},
        std::pair{winograd, Case{1, 200, 6, 7, 530, 3, 3}}, std::pair{winograd_small, Case{3, 20, 15, 13, 33, 3, 3}},
        std::pair{winograd_small, Case{1, 200, 6, 7, 530, 3, 3}}}) {
    INFO(c << ", algorithm " << static_cast<int>(algorithm));
    const auto x = random<float>({c.n, c.c, c.h, c.w}), w = random<float>({c.k, c.c, c.kh, c.kw}, 8);
    const auto b = random<float>({c.k}, 9);
    const auto options = with({}, algorithm);
    CHECK(test::same_for_all_thread_counts([&] { return run(x, w, b, options, MemoryOrder::channels_last); },
                                           [](const auto& p, const auto& q) {
                                             return test::identical(p.y, q.y) && test::identical(p.dx, q.dx) &&
                                                    test::identical(p.dw, q.dw) && test::identical(p.db, q.db);
                                           }));
  }
}

TEST_CASE("No output channels, and strides that pass over pixels, have zero gradients") {
  for (const auto algorithm : {Conv2dAlgorithm::im2col, Conv2dAlgorithm::direct}) {
    const auto x = random({1, 16, 4, 4}).set_requires_grad();
    sum(conv2d(x, Tensord::zeros({0, 16, 3, 3}), {}, with({}, algorithm))).backward();
    CHECK(max(abs(x.grad())).item() == 0);
    const auto z = random({1, 2, 9, 9}).set_requires_grad();
    sum(conv2d(z, Tensord::ones({1, 2, 1, 1}), {}, with({.stride = 4}, algorithm))).backward();
    CHECK(sum(z.grad()).item() == 2 * 9);
    CHECK(z.grad().at({0, 1, 4, 8}) == 1);
    CHECK(z.grad().at({0, 1, 4, 7}) == 0);
  }
}

TEST_CASE("backward writes over no gradient that somebody else holds") {
  Rng rng(3);
  const auto x = Tensord::normal({2, 3, 5, 5}, rng).set_requires_grad();
  const auto weight = Tensord::normal({4, 3, 3, 3}, rng).set_requires_grad();
  const auto y = conv2d(x, weight, {}, {.activation = Activation::relu6});
  const auto dy = Tensord::normal(y.shape(), rng), kept = dy.clone();
  y.backward(dy, true);
  CHECK(std::ranges::equal(dy.values(), kept.values()));
  const auto first = grad<double>({y}, {x, y}, {dy}, true), again = grad<double>({y}, {x, y}, {dy});
  for (std::size_t i = 0; i < 2; ++i) CHECK(std::ranges::equal(first[i].values(), again[i].values()));
  CHECK(std::ranges::equal(again[0].values(), x.grad().values()));
  CHECK(std::ranges::equal(again[1].values(), kept.values()));
}

TEST_CASE("conv2d with relu or relu6 lets the gradient pass where the result is NaN") {
  const auto activation = GENERATE(Activation::relu, Activation::relu6);
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
    const auto x = to_order(Tensorf::full({1, 8, 3, 3}, NAN), order), w = Tensorf::ones({8, 8, 1, 1});
    const auto bias = Tensorf::zeros({8}).set_requires_grad();
    conv2d(x, w, bias, {.activation = activation}).backward(to_order(Tensorf::ones({1, 8, 3, 3}), order));
    for (const float v : bias.grad().values()) CHECK(v == 9);
  }
}

TEST_CASE("A network that never speaks of orders converts its first images alone") {
  const auto images = random<float>({2, 3, 20, 24}).set_requires_grad();
  const auto w1 = random<float>({16, 3, 3, 3}, 8).set_requires_grad(),
             w2 = random<float>({16, 1, 3, 3}, 9).set_requires_grad(),
             w3 = random<float>({8, 16, 1, 1}, 10).set_requires_grad();
  const Profile profile;
  auto y = relu(conv2d(images, w1, {}, {.stride = 2}));
  CHECK(y.order() == MemoryOrder::channels_last);
  y = y + conv2d(y, w2, {}, {.padding = 1, .groups = 16});
  y = conv_transpose2d(conv2d(max_pool2d(y), w3), w3);
  CHECK(y.order() == MemoryOrder::channels_last);
  y.backward(y.detach());
  CHECK(images.grad().order() == MemoryOrder::row_major);  // readable as the images are
  Index forward = 0, backward = 0;
  for (const auto& e : profile.entries())
    if (e.op == "to_order") (e.pass == Pass::forward ? forward : backward) += e.calls;
  CHECK(forward == 1);
  CHECK(backward == 1);  // the gradient of the images
}
