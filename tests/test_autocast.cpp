#include "nasion/core/autocast.hpp"

#include <thread>

#include "nasion/core/bfloat16.hpp"
#include "nasion/ops/conv2d.hpp"
#include "nasion/ops/linear.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using test::error;
using test::identical;
using test::random;

namespace {

struct Case {
  Index n, c, h, w, k, kh, kw;
  Conv2dOptions options = {};
};

// Odd numbers of channels, pixels and blocks; every kind of run.
const std::vector<Case> cases = {
    {1, 1, 3, 3, 1, 3, 3},
    {2, 3, 7, 5, 4, 3, 3},
    {0, 2, 5, 5, 3, 3, 3},
    {3, 9, 6, 9, 17, 2, 5},
    {2, 8, 19, 17, 33, 1, 1, {.stride = 2}},
    {2, 7, 8, 7, 70, 3, 3, {.stride = 2, .padding = 1}},
    {1, 2, 11, 9, 2, 3, 2, {.stride = {3, 1}, .padding = {4, 1}, .dilation = {2, 3}}},
    {2, 6, 6, 6, 9, 3, 3, {.padding = 1, .groups = 3}},
    {3, 5, 6, 7, 5, 3, 3, {.groups = 5}},
    {2, 12, 9, 10, 20, 3, 3, {.padding = 4, .dilation = 4, .groups = 2}},
    {1, 130, 8, 9, 67, 3, 3, {.padding = 1}},
    {2, 1, 4, 3, 2, 2, 2, {.stride = 5, .padding = 1}},
};

Tensord as_double(const Tensorf& x) {
  const auto numbers = test::values(x);
  return to_order(Tensord::from(x.shape(), std::vector<double>(numbers.begin(), numbers.end())), x.order());
}

Tensord rounded(const Tensorf& x) {
  return map_elements(as_double(x), [](double v) { return double{round_to_bfloat16(static_cast<float>(v))}; });
}

template <class T>
struct Results {
  Tensor<T> y, dx, dw, db;
};

/// f(x, w, b) and its gradients, of which `dy` is the result's.
template <class T, class F>
Results<T> run(F&& f, const Tensor<T>& x, const Tensor<T>& w, const Tensor<T>& b, const Tensor<T>& dy) {
  const auto p = x.detach().set_requires_grad(), q = w.detach().set_requires_grad();
  const auto r = b.detach().set_requires_grad();
  const auto y = f(p, q, r);
  y.backward(dy);
  return {y.detach(), p.grad(), q.grad(), r.grad()};
}

/// Compares with double, where every pass gets the factors that bfloat16 has.
template <class F>
void compare(F&& f, const Tensorf& x, const Tensorf& w, const Tensorf& b, const Tensorf& dy) {
  const auto computed = run(f, x, w, b, dy);
  const auto expected = run(f, rounded(x), rounded(w), as_double(b), rounded(dy));
  CHECK(computed.y.order() == (computed.y.rank() == 4 ? MemoryOrder::channels_last : MemoryOrder::row_major));
  CHECK(error(as_double(computed.y), expected.y) < 1e-5);
  CHECK(error(as_double(computed.dx), expected.dx) < 1e-5);
  CHECK(error(as_double(computed.dw), expected.dw) < 1e-5);
  CHECK(error(as_double(computed.db), run(f, as_double(x), as_double(w), as_double(b), as_double(dy)).db) < 1e-5);
}

// Where Autocast rounds: dilated, so nothing for Winograd, and with enough channels.
const Conv2dOptions dilated{.padding = 2, .dilation = 2};

}  // namespace

TEST_CASE("Convolution in bfloat16 is the one of rounded factors, summed in float") {
  for (const auto& c : cases)
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last})
      for (const auto dy_order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
        INFO(c.n << " of " << c.c << "x" << c.h << "x" << c.w << ", weight " << c.k << "x" << c.kh << "x" << c.kw
                 << ", groups " << c.options.groups << ", " << order << ", gradient " << dy_order);
        const auto x = random<float>({c.n, c.c, c.h, c.w}, 7, order);
        const auto w = random<float>({c.k, c.c / c.options.groups, c.kh, c.kw}, 8, order), b = random<float>({c.k}, 9);
        const auto shape = conv2d(x, w, b, c.options).shape();
        compare(
            [&]<class T>(const Tensor<T>& p, const Tensor<T>& q, const Tensor<T>& r) {
              auto options = c.options;
              options.algorithm = std::is_same_v<T, float> ? Conv2dAlgorithm::direct_bfloat16 : Conv2dAlgorithm::naive;
              return conv2d(p, q, r, options);
            },
            x, w, b, random<float>(shape, 10, dy_order));
      }
}

TEST_CASE("Under Autocast convolutions and linear layers are computed in bfloat16") {
  const Autocast autocast;
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
    const auto x = random<float>({3, 11, 9, 7}, 7, order), w = random<float>({18, 11, 3, 3}, 8);
    CHECK(conv2d_algorithm(x.shape(), w.shape(), dilated) == Conv2dAlgorithm::direct_bfloat16);
    compare([](const auto& p, const auto& q, const auto& r) { return conv2d(p, q, r, dilated); }, x, w,
            random<float>({18}, 9), random<float>({3, 18, 9, 7}, 10, order));
  }
  for (const auto& [n, in, out] : {std::array<Index, 3>{128, 8, 8}, {167, 530, 129}, {133, 37, 16}})
    compare([](const auto& p, const auto& q, const auto& r) { return linear(p, q, r); }, random<float>({n, in}),
            random<float>({out, in}, 8), random<float>({out}, 9), random<float>({n, out}, 10));
}

TEST_CASE("Outside of Autocast, and where bfloat16 saves nothing, factors stay float") {
  const auto x = random<float>({2, 16, 13, 17}), w = random<float>({18, 16, 3, 3}, 8);
  const auto few = random<float>({2, 1, 9, 7}), filters = random<float>({18, 1, 3, 3}, 8);
  const auto rows = random<float>({140, 16}), matrix = random<float>({24, 16}, 8);
  const auto all = [&] {
    return std::vector{conv2d(x, w, {}, dilated), linear(rows, matrix), conv2d(x, w), conv2d(few, filters, {}, dilated),
                       linear(random<float>({3, 16}), matrix)};
  };
  const auto before = all();
  {
    const Autocast autocast;
    CHECK(autocast_enabled());
    const auto inside = all();
    for (std::size_t i = 0; i < inside.size(); ++i) CHECK(identical(inside[i], before[i]) == (i >= 2));
    const Autocast off(false);
    CHECK_FALSE(autocast_enabled());
    CHECK(identical(conv2d(x, w, {}, dilated), before[0]));
  }
  CHECK_FALSE(autocast_enabled());
  const auto after = all();
  for (std::size_t i = 0; i < after.size(); ++i) CHECK(identical(after[i], before[i]));
  const Autocast autocast;
  auto forced = dilated;
  forced.algorithm = Conv2dAlgorithm::direct;  // an explicit wish counts more
  CHECK(test::max_difference(conv2d(x, w, {}, forced), before[0]) < 1e-4);
}

TEST_CASE("Autocast is of one thread") {
  const Autocast autocast;
  bool other = true;
  std::thread([&] { other = autocast_enabled(); }).join();
  CHECK_FALSE(other);
  CHECK(autocast_enabled());
}

TEST_CASE("What was recorded under Autocast has its gradients in bfloat16, wherever backward() runs") {
  const auto x = random<float>({3, 16, 9, 7}).set_requires_grad(), w = random<float>({18, 16, 3, 3}, 8);
  const auto rows = random<float>({140, 16}).set_requires_grad(), matrix = random<float>({24, 16}, 8);
  const auto gradients = [&](bool forward, bool backward) {
    x.zero_grad();
    rows.zero_grad();
    Tensorf y, z;
    {
      const Autocast autocast(forward);
      y = conv2d(x, w, {}, dilated);
      z = linear(rows, matrix);
    }
    const Autocast autocast(backward);
    y.backward(random<float>(y.shape()));
    z.backward(random<float>(z.shape()));
    return std::pair{x.grad().clone(), rows.grad().clone()};
  };
  const auto inside = gradients(true, true), outside = gradients(true, false), never = gradients(false, true);
  CHECK(identical(inside.first, outside.first));
  CHECK(identical(inside.second, outside.second));
  CHECK_FALSE(identical(inside.first, never.first));
  CHECK_FALSE(identical(inside.second, never.second));
}

TEST_CASE("Autocast leaves double alone") {
  const auto x = random({3, 16, 9, 7}), w = random({18, 16, 3, 3}, 8), rows = random({140, 16});
  const auto y = conv2d(x, w, {}, dilated), z = linear(rows, rows);
  const Autocast autocast;
  CHECK(identical(conv2d(x, w, {}, dilated), y));
  CHECK(identical(linear(rows, rows), z));
  CHECK_THROWS_WITH(conv2d(x, w, {}, {.algorithm = Conv2dAlgorithm::direct_bfloat16}),
                    ContainsSubstring("[conv2d] direct_bfloat16 is for float"));
}

TEST_CASE("In bfloat16, too, NaN and infinity reach exactly the outputs that see them") {
  for (const Index c : {1, 2, 3}) {
    const auto x = Tensorf::ones({1, c, 5, 5});
    x.set({0, c - 1, 0, 0}, std::numeric_limits<float>::quiet_NaN());
    x.set({0, 0, 4, 4}, std::numeric_limits<float>::infinity());
    const auto w = Tensorf::ones({1, c, 3, 3}).set_requires_grad();
    const auto y = conv2d(x, w, {}, {.algorithm = Conv2dAlgorithm::direct_bfloat16});
    for (Index i = 0; i < 3; ++i)
      for (Index j = 0; j < 3; ++j) {
        CHECK(std::isnan(y.at({0, 0, i, j})) == (i == 0 && j == 0));
        CHECK(std::isinf(y.at({0, 0, i, j})) == (i == 2 && j == 2));
      }
    y.backward(Tensorf::ones(y.shape()));
    CHECK(std::isnan(w.grad().at({0, c - 1, 0, 0})));
    CHECK(std::isinf(w.grad().at({0, 0, 2, 2})));
    CHECK(w.grad().at({0, c - 1, 1, 1}) == 9);
  }
}

TEST_CASE("Under Autocast results are the same bits for any number of threads") {
  const auto x = random<float>({5, 24, 31, 29}, 7, MemoryOrder::channels_last), w = random<float>({70, 24, 3, 3}, 8);
  const auto rows = random<float>({200, 300}), matrix = random<float>({130, 300}, 8);
  CHECK(test::same_for_all_thread_counts(
      [&] {
        const Autocast autocast;
        std::vector<Tensorf> results;
        for (const bool images : {true, false}) {
          const auto p = (images ? x : rows).detach().set_requires_grad(),
                     q = (images ? w : matrix).detach().set_requires_grad();
          const auto y = images ? conv2d(p, q, {}, {.stride = 2, .padding = 1}) : linear(p, q);
          y.backward(y.detach());
          results.insert(results.end(), {y.detach(), p.grad(), q.grad()});
        }
        return results;
      },
      [](const auto& a, const auto& c) { return std::equal(a.begin(), a.end(), c.begin(), identical<float>); }));
}
