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
