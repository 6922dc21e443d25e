#include "nasion/ops/dropout.hpp"

#include "nasion/ops/reduce.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;

TEST_CASE("dropout zeroes its share and keeps the mean") {
  Rng rng(1);
  const auto y = dropout(Tensorf::ones({100, 1000}), 0.2, rng);
  Index zeros = 0;
  for (const float v : y.values()) {
    REQUIRE((v == 0 || v == 1.25f));
    zeros += v == 0;
  }
  CHECK(zeros == Approx(20000).margin(600));  // 4.7 deviations
  CHECK(mean(y).item() == Approx(1).epsilon(0.01));
}

TEST_CASE("dropout by nothing and by everything") {
  Rng rng(1);
  const auto x = test::random({3, 4});
  CHECK(test::values(dropout(x, 0, rng)) == test::values(x));
  CHECK(test::values(dropout(x, 1, rng)) == std::vector<double>(12, 0));
  CHECK_THROWS_WITH(dropout(x, 1.5, rng), ContainsSubstring("[dropout]") && ContainsSubstring("1.5"));
  CHECK_THROWS_AS(dropout(x, -0.1, rng), ValueError);
  CHECK_THROWS_AS(dropout(x, std::nan(""), rng), ValueError);
}

TEST_CASE("The gradient of dropout passes where the value did") {
  CHECK(test::gradcheck(
            [](const auto& t) {
              Rng rng(4);
              return dropout(contiguous(t[0]), 0.5, rng);
            },
            {test::random({2, 3, 2, 3})}) == "");
  CHECK(test::gradcheck(
            [](const auto& t) {
              Rng rng(4);
              return dropout(to_order(t[0], MemoryOrder::channels_last), 0.5, rng);
            },
            {test::random({2, 3, 2, 3})}) == "");
}

TEST_CASE("The generator decides, and advances") {
  Rng a(1), b(1);
  const auto x = Tensorf::ones({100});
  const auto first = dropout(x, 0.5, a);
  CHECK(test::identical(first, dropout(x, 0.5, b)));
  CHECK_FALSE(test::identical(first, dropout(x, 0.5, a)));
}

TEST_CASE("dropout2d zeroes its share of whole channels, the same in both memory orders") {
  Rng rng(1);
  const auto y = dropout2d(Tensorf::ones({200, 100, 2, 3}), 0.2, rng);
  Index zeros = 0;
  for (Index map = 0; map < 20000; ++map) {
    const auto pixels = y.values().subspan(static_cast<std::size_t>(6 * map), 6);
    REQUIRE((pixels[0] == 0 || pixels[0] == 1.25f));
    REQUIRE(std::count(pixels.begin(), pixels.end(), pixels[0]) == 6);
    zeros += pixels[0] == 0;
  }
  CHECK(zeros == Approx(4000).margin(270));  // 4.8 deviations
  Rng again(1);
  const auto other = dropout2d(Tensorf::ones({200, 100, 2, 3}, MemoryOrder::channels_last), 0.2, again);
  CHECK(other.order() == MemoryOrder::channels_last);
  CHECK(test::values(other) == test::values(y));
}

TEST_CASE("The gradient of dropout2d, and what it refuses") {
  CHECK(test::gradcheck(
            [](const auto& t) {
              Rng rng(4);
              return dropout2d(t[0], 0.5, rng);
            },
            {test::random({2, 3, 2, 3})}) == "");
  Rng rng(1);
  const auto x = test::random({2, 3, 2, 2});
  CHECK(test::values(dropout2d(x, 0, rng)) == test::values(x));
  CHECK(test::values(dropout2d(x, 1, rng)) == std::vector<double>(24, 0));
  CHECK_THROWS_WITH(dropout2d(x, 1.5, rng), ContainsSubstring("[dropout2d] probability") && ContainsSubstring("1.5"));
  CHECK_THROWS_WITH(dropout2d(test::random({2, 3}), 0.5, rng), ContainsSubstring("[dropout2d] input [2, 3]"));
}
