#include "nasion/ops/soft_argmax.hpp"

#include "nasion/ops/softmax.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

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

TEST_CASE("spatial_softmax is the softmax over the pixels of each map, in both memory orders") {
  for (const auto& shape : {Shape{2, 3, 4, 5}, Shape{3, 1, 1, 1}, Shape{1, 2, 40, 33}, Shape{1, 600, 3, 2}}) {
    const auto x = 5 * test::random(shape);
    const auto expected = reshape(softmax(reshape(x, {shape[0] * shape[1], shape[2] * shape[3]}), 1), shape);
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      const auto y = spatial_softmax(to_order(x, order));
      CHECK(y.order() == order);
      CHECK(test::max_difference(y, expected) < 1e-14);
    }
  }
  CHECK(test::values(spatial_softmax(Tensorf::from({1, 1, 1, 3}, {1000, -1000, 1000}))) ==
        std::vector<float>{0.5f, 0, 0.5f});
  CHECK(std::isnan(spatial_softmax(Tensorf::from({1, 1, 1, 3}, {1, NAN, 2})).at({0, 0, 0, 0})));
  CHECK(spatial_softmax(Tensord::zeros({0, 3, 2, 2})).shape() == Shape{0, 3, 2, 2});
}

TEST_CASE("spatial_softmax has the gradient it should have, and one result for all thread counts") {
  for (const auto& shape : {Shape{2, 3, 3, 2}, Shape{1, 1, 4, 1}, Shape{1, 2, 30, 20}})
    CHECK(test::gradcheck([](const auto& x) { return spatial_softmax(x[0]); }, {test::random(shape)}) == "");
  const auto x = test::random<float>({5, 7, 33, 31});
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last})
    CHECK(test::same_for_all_thread_counts(
        [&] {
          const auto leaf = to_order(x, order).clone().set_requires_grad();
          const auto y = spatial_softmax(leaf);
          y.backward(x);
          return std::pair{y.detach(), leaf.grad()};
        },
        [](const auto& p, const auto& q) {
          return test::identical(p.first, q.first) && test::identical(p.second, q.second);
        }));
  CHECK_THROWS_WITH(spatial_softmax(Tensord::zeros({2, 3, 4})),
                    ContainsSubstring("[spatial_softmax] logits [2, 3, 4]"));
}
