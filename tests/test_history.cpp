#include "nasion/training/history.hpp"

#include <limits>

#include "support/catch.hpp"

using nasion::training::History;

namespace {
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
}  // namespace

TEST_CASE("The best epoch is the first of the smallest validation loss") {
  History history;
  CHECK(history.best() == nullptr);
  history.add({1, 1, not_a_number, 0, 0});
  CHECK(history.best() == nullptr);
  history.add({2, 1, 0.5, 0, 0});
  history.add({3, 1, 0.25, 0, 0});
  history.add({4, 1, 0.25, 0, 0});
  CHECK(history.best()->epoch == 3);
  history.keep_until(2);
  CHECK(history.best()->epoch == 2);
  CHECK(history.last_epoch() == 2);
}

TEST_CASE("Epochs must follow each other") {
  History history;
  CHECK_THROWS_AS(history.add({0, 1, 1, 1, 1}), nasion::ValueError);
  history.add({3, 1, 1, 1, 1});
  CHECK_THROWS_WITH(history.add({3, 1, 1, 1, 1}), "[history] epoch 3 does not follow epoch 3");
}
