#include "nasion/core/parallel.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <thread>

#include "nasion/nasion.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;

TEST_CASE("parallel_for covers each position once, for any number of threads") {
  for (const int threads : {1, 2, 3, 7}) {
    const test::Threads use(threads);
    CHECK(num_threads() == test::expected_threads(threads));
    for (const Index n : {0, 1, 5, 64, 1000})
      for (const Index grain : {1, 3, 64, 5000, 0}) {
        std::vector<int> seen(static_cast<std::size_t>(n), 0);
        parallel_for(n, grain, [&](Index begin, Index end) {
          for (Index i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
        });
        REQUIRE(seen == std::vector<int>(static_cast<std::size_t>(n), 1));
      }
  }
  parallel_for(-5, 1, [](Index, Index) { FAIL("no work for a negative size"); });
}

TEST_CASE("Pieces depend on the size alone") {
  const auto cut = [](int threads) {
    const test::Threads use(threads);
    std::vector<Index> ends(10, 0);
    parallel_for(100, 11, [&](Index begin, Index end) { ends[static_cast<std::size_t>(begin / 11)] = end; });
    return ends;
  };
  CHECK(cut(1) == std::vector<Index>{11, 22, 33, 44, 55, 66, 77, 88, 99, 100});
  CHECK(cut(3) == cut(1));
}

TEST_CASE("parallel_reduce gives the same bits for any number of threads") {
  const auto harmonic = [](int threads) {
    const test::Threads use(threads);
    return parallel_reduce(
        100000, 777, 0.5f,
        [](Index begin, Index end) {
          float sum = 0;
          for (Index i = begin; i < end; ++i) sum += 1 / static_cast<float>(i + 1);
          return sum;
        },
        [](float a, float b) { return a + b; });
  };
  const float one = harmonic(1);
  CHECK(one == Approx(12.59).epsilon(0.001));
  for (const int threads : {2, 3, 7}) {
    const float other = harmonic(threads);
    CHECK(std::memcmp(&one, &other, sizeof one) == 0);
  }
  const auto text = parallel_reduce(
      5, 2, std::string(">"), [](Index begin, Index end) { return std::to_string(begin) + std::to_string(end); },
      [](const std::string& a, const std::string& b) { return a + b; });
  CHECK(text == ">022445");
  CHECK(parallel_reduce(
            0, 2, 3, [](Index, Index) { return 1; }, [](int a, int b) { return a + b; }) == 3);
  CHECK_FALSE(parallel_reduce(
      100, 1, true, [](Index i, Index) { return i != 50; }, [](bool a, bool b) { return a && b; }));
}

TEST_CASE("An exception of a piece arrives at the caller, and the next loop works") {
  for (const int threads : {1, 3}) {
    const test::Threads use(threads);
    CHECK_THROWS_WITH(parallel_for(100, 1,
                                   [](Index i, Index) {
                                     if (i == 42) throw ValueError("piece 42");
                                   }),
                      "piece 42");
    std::atomic<int> count = 0;
    parallel_for(100, 1, [&](Index, Index) { ++count; });
    CHECK(count == 100);
  }
}

TEST_CASE("SerialScope keeps loops on the calling thread") {
  const test::Threads use(4);
  const auto here = std::this_thread::get_id();
  std::atomic<int> elsewhere = 0;
  const auto look = [&](Index, Index) { elsewhere += std::this_thread::get_id() != here; };
  {
    const SerialScope serial;
    {
      const SerialScope nested;
      parallel_for(50, 1, look);
    }
    parallel_for(50, 1, look);
  }
  CHECK(elsewhere == 0);
}

TEST_CASE("Loops may be nested and started by several threads") {
  const test::Threads use(3);
  std::atomic<int> count = 0;
  const auto nested = [&] {
    parallel_for(10, 1, [&](Index, Index) { parallel_for(10, 1, [&](Index, Index) { ++count; }); });
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back(nested);
  }
  CHECK(count == 300);
}

TEST_CASE("The number of threads") {
  CHECK_THROWS_WITH(set_num_threads(-1), ContainsSubstring("got -1"));
  CHECK_THROWS_WITH(set_num_threads(1 << 20), ContainsSubstring("got 1048576"));
  const test::Threads use(0);
  CHECK(num_threads() >= 1);
}

TEST_CASE("A process made by fork() after work in parallel computes, on one thread") {
  const test::Threads use(3);
  const auto sum = [] {
    return parallel_reduce(
        1000, 10, Index{0}, [](Index begin, Index end) { return (begin + end - 1) * (end - begin) / 2; }, std::plus());
  };
  REQUIRE(sum() == 499500);
  CHECK(test::holds_in_child([&] { return num_threads() == 1 && sum() == 499500; }));
  CHECK(num_threads() == test::expected_threads(3));  // here nothing has changed
}

namespace {

/// Large enough for several pieces of every loop; 2 % each are NaN, +inf and -inf.
Tensorf with_exceptions(const Shape& shape, std::uint64_t seed, MemoryOrder order) {
  Rng rng(seed);
  const auto x = Tensorf::normal(shape, rng);
  constexpr float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  for (Index i = 0; i < x.size(); ++i)
    for (const float exception : {nan, inf, -inf})
      if (rng.chance(0.02)) x.mutable_data()[i] = exception;
  return to_order(x, order).clone();
}

struct Operation {
  const char* name;
  std::function<Tensorf(const Tensorf&, const Tensorf&)> apply;  // of two images [2, 16, 60, 44]
};

const Tensorf& kernel(Index size, Index out = 16) {
  static std::map<std::pair<Index, Index>, Tensorf> made;
  auto& w = made[{size, out}];
  if (!w.defined()) {
    Rng rng(9);
    w = Tensorf::normal({out, 16, size, size}, rng);
  }
  return w;
}

const Operation operations[] = {
    {"add", [](const auto& x, const auto& y) { return x + y; }},
    {"sub", [](const auto& x, const auto& y) { return x - y; }},
    {"mul", [](const auto& x, const auto& y) { return x * y; }},
    {"div", [](const auto& x, const auto& y) { return x / y; }},
    {"number div", [](const auto& x, const auto&) { return 3 / x; }},
    {"broadcast",
     [](const auto& x, const auto& y) {
       return x * sum(y, {0, 2}, true);
     }},
    {"maximum", [](const auto& x, const auto& y) { return maximum(x, y); }},
    {"minimum", [](const auto& x, const auto& y) { return minimum(x, y); }},
    {"add_relu", [](const auto& x, const auto& y) { return add_relu(x, y); }},
    {"exp", [](const auto& x, const auto&) { return exp(x); }},
    {"log", [](const auto& x, const auto&) { return log(x); }},
    {"sqrt", [](const auto& x, const auto&) { return sqrt(x); }},
    {"square", [](const auto& x, const auto&) { return square(x); }},
    {"pow", [](const auto& x, const auto&) { return pow(x, 1.5f); }},
    {"abs", [](const auto& x, const auto&) { return abs(x); }},
    {"clamp", [](const auto& x, const auto&) { return clamp(x, -1, 1); }},
    {"relu", [](const auto& x, const auto&) { return relu(x); }},
    {"relu6", [](const auto& x, const auto&) { return relu6(x); }},
    {"silu", [](const auto& x, const auto&) { return silu(x); }},
    {"hardswish", [](const auto& x, const auto&) { return hardswish(x); }},
    {"leaky_relu", [](const auto& x, const auto&) { return leaky_relu(x); }},
    {"elu", [](const auto& x, const auto&) { return elu(x); }},
    {"sigmoid", [](const auto& x, const auto&) { return sigmoid(x); }},
    {"tanh", [](const auto& x, const auto&) { return tanh(x); }},
    {"softmax 1", [](const auto& x, const auto&) { return softmax(x, 1); }},
    {"softmax 3", [](const auto& x, const auto&) { return softmax(x, 3); }},
    {"log_softmax 3", [](const auto& x, const auto&) { return log_softmax(x, 3); }},
    {"spatial_softmax", [](const auto& x, const auto&) { return spatial_softmax(x); }},
    {"soft_argmax2d", [](const auto& x, const auto&) { return soft_argmax2d(x); }},
    {"sum",
     [](const auto& x, const auto&) {
       return sum(x, {0, 3});
     }},
    {"mean", [](const auto& x, const auto&) { return mean(x); }},
    {"max", [](const auto& x, const auto&) { return max(x, 2); }},
    {"min", [](const auto& x, const auto&) { return min(x, 1); }},
    {"permute",
     [](const auto& x, const auto&) {
       return permute(x, {3, 1, 0, 2});
     }},
    {"pad, slice, concat",
     [](const auto& x, const auto& y) {
       return concat<float>({slice(x, 2, 3, 50), pad(slice(y, 2, 3, 48), {0, 0, 1, 0}, {0, 0, 1, 0})}, 1);
     }},
    {"matmul",
     [](const auto& x, const auto& y) {
       return matmul(reshape(x, {960, 88}), transpose(slice(reshape(y, {960, 88}), 0, 0, 40), 0, 1));
     }},
    {"linear",
     [](const auto& x, const auto& y) {
       return linear(reshape(x, {960, 88}), slice(reshape(y, {960, 88}), 0, 0, 40));
     }},
    {"max_pool2d", [](const auto& x, const auto&) { return max_pool2d(x, {.kernel = 3, .stride = 2}); }},
    {"avg_pool2d", [](const auto& x, const auto&) { return avg_pool2d(x, {.kernel = 3, .stride = 2}); }},
    {"avg_pool2d, many windows", [](const auto& x, const auto&) { return avg_pool2d(x, {.kernel = 8, .stride = 1}); }},
    {"adaptive_avg_pool2d",
     [](const auto& x, const auto&) {
       return adaptive_avg_pool2d(x, {70, 5});
     }},
    {"interpolate",
     [](const auto& x, const auto&) {
       return interpolate(x, {.size = {70, 50}, .mode = Interpolation::bilinear});
     }},
    {"batch_norm",
     [](const auto& x, const auto& y) {
       const auto zeros = Tensorf::zeros({16}), ones = Tensorf::ones({16});
       return batch_norm(x, zeros, ones, ones, zeros, {.training = true, .activation = Activation::relu6}, y);
     }},
    {"conv2d naive",
     [](const auto& x, const auto&) { return conv2d(x, kernel(3), {}, {.algorithm = Conv2dAlgorithm::naive}); }},
    {"conv2d im2col",
     [](const auto& x, const auto&) { return conv2d(x, kernel(3), {}, {.algorithm = Conv2dAlgorithm::im2col}); }},
    {"conv2d direct",
     [](const auto& x, const auto&) {
       return conv2d(x, kernel(3), Tensorf::ones({16}),
                     {.algorithm = Conv2dAlgorithm::direct, .activation = Activation::relu6});
     }},
    {"conv2d winograd",
     [](const auto& x, const auto&) { return conv2d(x, kernel(5), {}, {.algorithm = Conv2dAlgorithm::winograd}); }},
    {"conv2d of x",
     [](const auto& x, const auto& y) {
       return conv2d(x, reshape(slice(slice(y, 2, 0, 9), 3, 0, 8), {9, 16, 4, 4}));
     }},
    {"conv_transpose2d", [](const auto& x, const auto&) { return conv_transpose2d(x, kernel(2), {}, {.stride = 2}); }},
    {"dropout",
     [](const auto& x, const auto&) {
       Rng rng(3);
       return dropout(x, 0.3, rng);
     }},
    {"mse_loss", [](const auto& x, const auto& y) { return mse_loss(x, y); }},
    {"smooth_l1_loss", [](const auto& x, const auto& y) { return smooth_l1_loss(x, y, Reduction::none); }},
    {"wing_loss", [](const auto& x, const auto& y) { return wing_loss(x, y); }},
    {"bce_with_logits_loss", [](const auto& x, const auto& y) { return bce_with_logits_loss(x, y); }},
    {"cross_entropy", [](const auto& x, const auto& y) { return cross_entropy(x, y); }},
    {"spatial_cross_entropy", [](const auto& x, const auto& y) { return spatial_cross_entropy(x, y); }},
};

/// The bits of the result and of both gradients, computed with n threads.
std::vector<std::uint32_t> bits(const Operation& operation, MemoryOrder order, int n) {
  const test::Threads use(n);
  const auto x = with_exceptions({2, 16, 60, 44}, 1, order).set_requires_grad(),
             y = with_exceptions({2, 16, 60, 44}, 2, order).set_requires_grad();
  const auto result = operation.apply(x, y);
  result.backward(with_exceptions(result.shape(), 3, MemoryOrder::row_major));
  std::vector<std::uint32_t> all;
  for (const auto& tensor : {result.detach(), x.grad(), y.grad()})
    if (tensor.defined())
      for (const float v : test::values(tensor)) all.push_back(std::bit_cast<std::uint32_t>(v));
  return all;
}

}  // namespace

TEST_CASE("Every operation gives the same bits for any number of threads, those of NaN included") {
  for (const auto& operation : operations)
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      INFO(operation.name << ", " << order);
      const auto one = bits(operation, order, 1);
      for (const int n : {2, 3, 7}) CHECK((bits(operation, order, n) == one));
    }
}
