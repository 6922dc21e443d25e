#include "nasion/optim/schedule.hpp"

#include "support/catch.hpp"

using namespace nasion;

TEST_CASE("A constant schedule stays at 1") {
  CHECK(optim::constant()(0) == 1);
  CHECK(optim::constant()(0.7) == 1);
}

TEST_CASE("A cosine falls from 1 to 0, after a linear rise if asked for") {
  const auto plain = optim::cosine();
  CHECK(plain(0) == Approx(1));
  CHECK(plain(0.5) == Approx(0.5));
  CHECK(plain(0.25) == Approx(0.5 * (1 + std::sqrt(0.5))));
  CHECK(plain(1) == Approx(0).margin(1e-12));
  const auto warm = optim::cosine(0.2);
  CHECK(warm(0) == 0);
  CHECK(warm(0.1) == Approx(0.5));
  CHECK(warm(0.2) == Approx(1));
  CHECK(warm(0.6) == Approx(0.5));
  CHECK_THROWS_AS(optim::cosine(1), ValueError);
  CHECK_THROWS_AS(optim::cosine(-0.1), ValueError);
}

TEST_CASE("Steps multiply by gamma at each milestone") {
  const auto steps = optim::step({0.5, 0.75}, 0.2);
  CHECK(steps(0) == 1);
  CHECK(steps(0.499) == 1);
  CHECK(steps(0.5) == Approx(0.2));
  CHECK(steps(0.75) == Approx(0.04));
  CHECK(steps(1) == Approx(0.04));
  CHECK(optim::step({})(0.9) == 1);
  CHECK_THROWS_WITH(optim::step({0.5}, 0), ContainsSubstring("[step] gamma must be positive"));
}

TEST_CASE("A warm-up goes before any schedule, which keeps all of its course") {
  const auto warm = optim::warm_up(0.2, optim::step({0.5}));
  CHECK(warm(0) == 0);
  CHECK(warm(0.05) == Approx(0.25));
  CHECK(warm(0.2) == 1);
  CHECK(warm(0.59) == 1);
  CHECK(warm(0.61) == Approx(0.1));
  CHECK(optim::warm_up(0, optim::constant())(0) == 1);
  for (const double progress : {0.0, 0.1, 0.3, 0.77, 1.0})
    CHECK(optim::warm_up(0.3, optim::cosine())(progress) == Approx(optim::cosine(0.3)(progress)).margin(1e-12));
  CHECK_THROWS_WITH(optim::warm_up(1, optim::constant()), ContainsSubstring("[warm_up] part must be in [0, 1)"));
  CHECK_THROWS_AS(optim::warm_up(std::nan(""), optim::constant()), ValueError);
}

TEST_CASE("One cycle rises to 1 and falls to almost nothing") {
  const auto cycle = optim::one_cycle();
  CHECK(cycle(0) == Approx(1 / 25.0));
  CHECK(cycle(0.15) == Approx((1 + 1 / 25.0) / 2));
  CHECK(cycle(0.3) == Approx(1));
  CHECK(cycle(0.65) == Approx((1 + 4e-6) / 2));
  CHECK(cycle(1) == Approx(1 / 25e4));
  CHECK(optim::one_cycle({.div_factor = 10})(0) == Approx(0.1));
  CHECK_THROWS_WITH(optim::one_cycle({.pct_start = 1}), ContainsSubstring("[one_cycle] pct_start 1"));
  CHECK_THROWS_AS(optim::one_cycle({.div_factor = 0}), ValueError);
}

TEST_CASE("The rate falls when the losses have stopped falling for longer than the patience") {
  const auto factor = [](const std::vector<double>& losses, const optim::PlateauOptions& options) {
    return optim::plateau_factor(losses, options);
  };
  CHECK(factor({}, {}) == 1);
  CHECK(factor({5, 4, 4, 4}, {.patience = 2}) == 1);
  CHECK(factor({5, 4, 4, 4, 4}, {.patience = 2}) == Approx(0.1));
  CHECK(factor({5, 4, 4, 4, 3}, {.patience = 2}) == 1);
  CHECK(factor({5, 4, 3.9999, 3.9998}, {.patience = 1}) == Approx(0.1));  // too small to be an improvement
  CHECK(factor({1, 1, 1, 1}, {.factor = 0.5, .patience = 0}) == Approx(0.125));
  CHECK(factor({1, 1, 1, 1}, {.factor = 0.5, .patience = 0, .cooldown = 1}) == Approx(0.25));
  CHECK(factor({1, 1, 1, 1}, {.factor = 0.5, .patience = 0, .min_factor = 0.3}) == 0.3);
  CHECK(factor({1, NAN, NAN}, {.patience = 1}) == Approx(0.1));
  CHECK_THROWS_WITH(factor({}, {.factor = 1}), ContainsSubstring("[plateau_factor] factor 1"));
  CHECK_THROWS_WITH(factor({}, {.patience = -1}), ContainsSubstring("[plateau_factor] patience -1"));
  CHECK_THROWS_AS(factor({}, {.min_factor = 2}), ValueError);
}
