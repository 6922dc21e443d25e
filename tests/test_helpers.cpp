#include "nasion/core/helpers.hpp"

#include <chrono>
#include <list>
#include <system_error>
#include <thread>
#include <vector>

#include "nasion/core/error.hpp"
#include "support/catch.hpp"

using nasion::Index;
using nasion::detail::Helpers;
using nasion::detail::Patience;

namespace {

/// Plain threads, which ThreadSanitizer can see into. They live to the end of the process, and so does what they use.
void start_threads(Helpers& helpers, int n) {
  for (int i = 0; i < n; ++i) std::thread([&helpers] { helpers.help(); }).detach();
}

Helpers& new_helpers() {
  static auto& all = *new std::list<Helpers>;
  return all.emplace_back();
}

template <class F>
bool run(Helpers& helpers, Index pieces, int threads, const F& f, Helpers::Start start = start_threads) {
  return helpers.run(
      pieces, &f, [](const void* work, Index i) { (*static_cast<const F*>(work))(i); }, threads, start);
}

}  // namespace

TEST_CASE("Each piece runs once, with more and with fewer threads than before, and what it wrote is seen") {
  auto& helpers = new_helpers();
  for (const int threads : {1, 2, 8, 3, 1, 5})
    for (int repeat = 0; repeat < 200; ++repeat) {
      std::vector<int> seen(static_cast<std::size_t>(repeat % 20), 0);
      REQUIRE(run(helpers, repeat % 20, threads, [&](Index i) { ++seen[static_cast<std::size_t>(i)]; }));
      REQUIRE(seen == std::vector<int>(seen.size(), 1));
    }
}

TEST_CASE("Helpers take pieces, and no more of them than were asked for") {
  auto& helpers = new_helpers();
  for (const int threads : {3, 2}) {
    std::atomic<int> inside = 0, most = 0;
    // Nobody leaves before all have come.
    REQUIRE(run(helpers, threads, threads, [&](Index) {
      ++inside;
      while (inside < threads) std::this_thread::yield();
    }));
    REQUIRE(run(helpers, 100, threads, [&](Index) {
      const int now = ++inside - threads;
      int before = most;
      while (before < now && !most.compare_exchange_weak(before, now)) {}
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      --inside;
    }));
    CHECK(most <= threads);
  }
}

TEST_CASE("A loop does not wait for helpers that have not come") {
  auto& helpers = new_helpers();
  int count = 0;
  REQUIRE(run(
      helpers, 10, 4, [&](Index) { ++count; }, [](Helpers&, int) {}));
  CHECK(count == 10);
  REQUIRE(run(
      helpers, 10, 8, [&](Index) { ++count; },
      [](Helpers&, int) { throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again)); }));
  CHECK(count == 20);
}

TEST_CASE("The first exception of a piece arrives at the starter, and the other pieces are run") {
  auto& helpers = new_helpers();
  for (const int threads : {1, 4}) {
    std::atomic<int> count = 0;
    CHECK_THROWS_WITH(run(helpers, 100, threads,
                          [&](Index i) {
                            ++count;
                            if (i == 42) throw nasion::ValueError("piece 42");
                          }),
                      "piece 42");
    CHECK(count == 100);
    CHECK(run(helpers, 3, threads, [](Index) {}));
  }
}

TEST_CASE("Helpers work for one thread at a time, and refuse the others") {
  auto& helpers = new_helpers();
  bool refused = false;
  run(helpers, 1, 2, [&](Index) { std::jthread([&] { refused = !run(helpers, 1, 2, [](Index) {}); }).join(); });
  CHECK(refused);
  std::atomic<int> ran = 0, turned_away = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (int repeat = 0; repeat < 500; ++repeat)
          if (!run(helpers, 5, 3, [&](Index) { ++ran; })) ++turned_away;
      });
  }
  CHECK(ran + 5 * turned_away == 4 * 500 * 5);
}

TEST_CASE("Helpers that have fallen asleep come again") {
  auto& helpers = new_helpers();
  for (int repeat = 0; repeat < 3; ++repeat) {
    std::atomic<int> inside = 0;
    REQUIRE(run(helpers, 3, 3, [&](Index) {
      ++inside;
      while (inside < 3) std::this_thread::yield();
    }));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

namespace {

/// Each look at it takes a microsecond, or what the test says.
struct TestClock {
  using duration = std::chrono::microseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<TestClock>;
  static inline duration time{0}, look{1};
  static time_point now() { return time_point(time += look); }
};

}  // namespace

TEST_CASE("Patience watches for a while and then sleeps; where it was disturbed, it sleeps at once the next time") {
  Patience<TestClock> patience;
  int looks = 0, slept = 0;
  const auto wait = [&](bool ready) {
    looks = slept = 0;
    patience.wait([&] { return ++looks, ready || slept == 1; }, [&] { ++slept; });
  };
  wait(true);
  CHECK(looks == 1);
  CHECK(slept == 0);

  wait(false);
  CHECK(slept == 1);
  CHECK(looks > 2000);  // for three milliseconds

  TestClock::look = std::chrono::microseconds(600);  // another program has the processor meanwhile
  wait(false);
  CHECK(slept == 1);
  CHECK(looks <= 4);
  TestClock::look = std::chrono::microseconds(1);
  wait(false);
  CHECK(slept == 1);
  CHECK(looks <= 4);
  for (int i = 0; i < 100; ++i) wait(false);  // and a little longer each time
  CHECK(looks > 50);
}
