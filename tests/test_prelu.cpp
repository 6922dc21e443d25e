#include "nasion/ops/prelu.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::gradcheck;
using test::random;

TEST_CASE("prelu is x or slope x") {
  const auto x = random({2, 3, 4, 5}), slope = random({3}, 8);
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
    const auto y = prelu(to_order(x, order), slope), of_one = prelu(to_order(x, order), Tensord::from({1}, {0.3}));
    CHECK(y.order() == order);
    for (Index n = 0; n < 2; ++n)
      for (Index c = 0; c < 3; ++c)
        for (Index i = 0; i < 20; ++i) {
          const double v = x.at({n, c, i / 5, i % 5});
          CHECK(y.at({n, c, i / 5, i % 5}) == Approx(v > 0 ? v : slope.at({c}) * v).margin(1e-15));
          CHECK(of_one.at({n, c, i / 5, i % 5}) == Approx(v > 0 ? v : 0.3 * v).margin(1e-15));
        }
  }
  CHECK(prelu(Tensord::zeros({0, 3}), slope).shape() == Shape{0, 3});
  CHECK(std::isnan(prelu(Tensord::from({1, 1}, {NAN}), random({1})).item()));
  CHECK(prelu(Tensord::scalar(-2), Tensord::from({1}, {0.5})).item() == -1);
}

TEST_CASE("Gradients of prelu") {
  const auto f = [](const auto& t) { return prelu(t[0], t[1]); };
  for (const auto& shape : {Shape{1, 1}, Shape{5, 3}, Shape{2, 3, 7}, Shape{2, 5, 3, 1}, Shape{3, 2, 4, 5}}) {
    CHECK(gradcheck(f, {random(shape), random({shape[1]}, 8)}) == "");
    CHECK(gradcheck(f, {random(shape), random({1}, 8)}) == "");
  }
  CHECK(gradcheck(f, {random({7}), random({1})}) == "");
}

TEST_CASE("prelu refuses slopes that do not fit") {
  CHECK_THROWS_WITH(prelu(random({2, 3, 4, 5}), random({4})),
                    ContainsSubstring("[prelu] slope [4]") && ContainsSubstring("[2, 3, 4, 5]"));
  CHECK_THROWS_AS(prelu(random({3}), random({3})), ShapeError);
  CHECK_THROWS_AS(prelu(random({2, 3}), random({3, 1})), ShapeError);
  CHECK_THROWS_AS(prelu(random({2, 3}), Tensord::scalar(1)), ShapeError);
}
