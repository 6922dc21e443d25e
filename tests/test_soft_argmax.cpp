#include "nasion/ops/soft_argmax.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;

TEST_CASE("soft_argmax2d finds a sharp peak at the centre of its pixel") {
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
    auto logits = Tensord::zeros({2, 3, 4, 5}, order);
    logits.set({1, 2, 3, 1}, 100);
    const auto y = soft_argmax2d(logits);
    REQUIRE(y.shape() == Shape{2, 6});
    CHECK(y.at({1, 4}) == Approx(1.5 / 5));
    CHECK(y.at({1, 5}) == Approx(3.5 / 4));
    CHECK(y.at({0, 0}) == Approx(0.5));  // an even map has its mean in the middle
    CHECK(y.at({0, 1}) == Approx(0.5));
  }
}

TEST_CASE("soft_argmax2d lies between two equal peaks") {
  auto logits = Tensord::zeros({1, 1, 3, 8});
  logits.set({0, 0, 1, 1}, 80);
  logits.set({0, 0, 1, 4}, 80);
  CHECK(soft_argmax2d(logits).at({0, 0}) == Approx(3.0 / 8));
}

TEST_CASE("soft_argmax2d has the gradient it should have") {
  CHECK(test::gradcheck([](const auto& x) { return soft_argmax2d(x[0]); }, {test::random({2, 2, 3, 5})}) == "");
}

TEST_CASE("soft_argmax2d refuses what is no batch of maps") {
  CHECK_THROWS_WITH(soft_argmax2d(Tensord::zeros({2, 3, 4})), ContainsSubstring("[soft_argmax2d] logits [2, 3, 4]"));
  CHECK_THROWS_AS(soft_argmax2d(Tensord::zeros({2, 3, 0, 4})), ShapeError);
}
