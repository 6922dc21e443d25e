#include "nasion/core/parallel.hpp"

#include <cmath>
#include <cstring>
#include <functional>
#include <thread>

#include "support/catch.hpp"
#include "support/child.hpp"
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
