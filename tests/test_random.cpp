#include "nasion/core/random.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include "support/catch.hpp"

using namespace nasion;

TEST_CASE("Philox4x32-10 gives the known answers of its authors") {
  using Words = std::array<std::uint32_t, 4>;
  CHECK(detail::philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t ones = 0xffffffff;
  CHECK(detail::philox4x32({ones, ones, ones, ones}, {ones, ones}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(detail::philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("A stream depends on its seed alone") {
  Rng a(5), b(5), c(6);
  std::vector<std::uint64_t> x, y, z;
  for (int i = 0; i < 100; ++i) x.push_back(a()), y.push_back(b()), z.push_back(c());
  CHECK(x == y);
  CHECK(x != z);
  CHECK(std::set<std::uint64_t>(x.begin(), x.end()).size() == 100);
}

TEST_CASE("The state restores a stream in the middle") {
  Rng a(5);
  for (int i = 0; i < 7; ++i) a.normal();
  const Rng::State saved = a.state();
  const double next = a.uniform();
  Rng b(saved);
  CHECK(b.state() == saved);
  CHECK(b.uniform() == next);
  CHECK(b.state() == a.state());
}

TEST_CASE("Split streams are reproducible, differ, and leave the parent alone") {
  const Rng parent(5);
  Rng a = parent.split(1), again = parent.split(1), b = parent.split(2), deeper = parent.split(1).split(1);
  CHECK(parent.state() == Rng(5).state());
  std::set<std::uint64_t> all;
  for (int i = 0; i < 50; ++i) {
    const auto v = a();
    CHECK(v == again());
    all.insert({v, b(), deeper()});
  }
  Rng whole(5);
  for (int i = 0; i < 50; ++i) all.insert(whole());
  CHECK(all.size() == 200);
  Rng moved(5);
  moved();
  CHECK(moved.split(1).state() == parent.split(1).state());

  // Neighbouring streams are uncorrelated: the mean of the products of n pairs has deviation 1 / sqrt(n).
  Rng p = parent.split(10), q = parent.split(11);
  double product = 0;
  for (int i = 0; i < 40000; ++i) product += p.normal() * q.normal();
  CHECK(std::abs(product / 40000) < 4 / std::sqrt(40000.));
}

TEST_CASE("Ranges and moments") {
  Rng rng(1);
  constexpr int n = 100000;
  double sum = 0, squares = 0, lowest = 1, highest = 0;
  for (int i = 0; i < n; ++i) {
    const double u = rng.uniform();
    lowest = std::min(lowest, u);
    highest = std::max(highest, u);
    sum += u;
    squares += u * u;
  }
  CHECK(lowest >= 0);
  CHECK(lowest < 0.001);
  CHECK(highest < 1);
  CHECK(highest > 0.999);
  CHECK(sum / n == Approx(0.5).margin(0.004));  // 4 deviations of 1 / sqrt(12 n)
  CHECK(squares / n == Approx(1. / 3).margin(0.004));

  double moments[5] = {};
  for (int i = 0; i < n; ++i) {
    const double z = rng.normal();
    for (int k = 1; k <= 4; ++k) moments[k] += std::pow(z, k) / n;
  }
  CHECK(moments[1] == Approx(0).margin(0.013));
  CHECK(moments[2] == Approx(1).margin(0.018));
  CHECK(moments[3] == Approx(0).margin(0.05));
  CHECK(moments[4] == Approx(3).margin(0.13));
  CHECK(rng.normal(10, 0) == 10);
  int heads = 0;
  for (int i = 0; i < n; ++i) heads += rng.chance(0.3);
  CHECK(heads == Approx(0.3 * n).margin(600));
  CHECK_FALSE(rng.chance(0));
  CHECK(rng.chance(1));
}

TEST_CASE("below is uniform over its range") {
  Rng rng(1);
  std::vector<int> count(7, 0);
  for (int i = 0; i < 70000; ++i) ++count.at(static_cast<std::size_t>(rng.below(7)));
  for (const int c : count) CHECK(c == Approx(10000).margin(400));
  CHECK(rng.below(1) == 0);
  CHECK(rng.below(std::numeric_limits<std::int64_t>::max()) >= 0);
  CHECK_THROWS_AS(rng.below(0), ValueError);
  CHECK_THROWS_WITH(rng.below(-3), ContainsSubstring("got -3"));
}

TEST_CASE("shuffle gives each order equally often") {
  Rng rng(1);
  std::vector<int> count(6, 0);
  for (int i = 0; i < 6000; ++i) {
    std::vector<int> v{0, 1, 2};
    rng.shuffle(v.begin(), v.end());
    std::vector<int> sorted = v;
    std::sort(sorted.begin(), sorted.end());
    REQUIRE(sorted == std::vector<int>{0, 1, 2});
    ++count[static_cast<std::size_t>(v[0] * 2 + (v[1] > v[2]))];
  }
  for (const int c : count) CHECK(c == Approx(1000).margin(120));
  std::vector<int> none;
  rng.shuffle(none.begin(), none.end());
  CHECK(none.empty());
}
