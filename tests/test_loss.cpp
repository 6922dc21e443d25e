#include "nasion/ops/loss.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::gradcheck;
using test::random;
using test::values;
using Vector = std::vector<double>;

TEST_CASE("mse_loss and l1_loss with every reduction") {
  const auto p = Tensord::from({2, 2}, {1, 2, 3, 4}), t = Tensord::from({2, 2}, {1, 4, 0, 4});
  CHECK(mse_loss(p, t).item() == 13. / 4);
  CHECK(mse_loss(p, t, Reduction::sum).item() == 13);
  CHECK(values(mse_loss(p, t, Reduction::none)) == Vector{0, 4, 9, 0});
  CHECK(l1_loss(p, t).item() == 5. / 4);
  CHECK(l1_loss(p, t, Reduction::sum).item() == 5);
  CHECK(values(l1_loss(p, t, Reduction::none)) == Vector{0, 2, 3, 0});
  for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
    CHECK(gradcheck([&](const auto& x) { return mse_loss(x[0], x[1], reduction); },
                    {random({2, 3, 2, 2}), random({2, 3, 2, 2}, 8)}) == "");
    CHECK(gradcheck([&](const auto& x) { return l1_loss(x[0], x[1], reduction); },
                    {random({2, 3, 2, 2}), random({2, 3, 2, 2}, 8)}) == "");
  }
  CHECK(std::isnan(mse_loss(Tensord::zeros({0, 2}), Tensord::zeros({0, 2})).item()));
  CHECK_THROWS_WITH(mse_loss(p, Tensord::zeros({4})),
                    ContainsSubstring("[mse_loss] prediction [2, 2]") && ContainsSubstring("target [4]"));
  CHECK_THROWS_WITH(l1_loss(p, Tensord::zeros({2, 1})), ContainsSubstring("[l1_loss]"));
}

TEST_CASE("Cross-entropy against class numbers") {
  const auto logits = Tensord::from({2, 3}, {1, 2, 3, 0, 0, 0});
  const double first = std::log(std::exp(1.) + std::exp(2.) + std::exp(3.)) - 2, second = std::log(3.);
  CHECK(cross_entropy(logits, {1, 0}).item() == Approx((first + second) / 2));
  CHECK(cross_entropy(logits, {1, 0}, Reduction::sum).item() == Approx(first + second));
  CHECK(cross_entropy(logits, {1, 0}, Reduction::none).shape() == Shape{2});
  for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
    CHECK(gradcheck(
              [&](const auto& x) {
                return cross_entropy(x[0], {2, 0, 1, 1}, reduction);
              },
              {random({4, 3})}) == "");
    CHECK(gradcheck(
              [&](const auto& x) {
                return cross_entropy(x[0], {2, 0, 1, 1, 0, 2, 2, 0}, reduction);
              },
              {random({2, 3, 2, 2})}) == "");
  }
}

TEST_CASE("Cross-entropy over pixels reads classes in row-major order") {
  const auto logits = random({2, 3, 2, 2});
  const auto each =
      cross_entropy(to_order(logits, MemoryOrder::channels_last), {0, 1, 2, 0, 1, 1, 2, 2}, Reduction::none);
  CHECK(each.shape() == Shape{2, 2, 2});
  CHECK(each.at({0, 1, 0}) == Approx(-log_softmax(logits, 1).at({0, 2, 1, 0})));
  CHECK(each.at({1, 1, 1}) == Approx(-log_softmax(logits, 1).at({1, 2, 1, 1})));
}

TEST_CASE("Cross-entropy against probabilities") {
  const auto logits = random({2, 3, 2, 2}), target = softmax(random({2, 3, 2, 2}, 8), 1);
  // Certain targets are classes.
  const auto certain = Tensord::zeros({2, 3});
  certain.set({0, 1}, 1);
  certain.set({1, 0}, 1);
  const auto x = random({2, 3});
  CHECK(cross_entropy(x, certain).item() == Approx(cross_entropy(x, {1, 0}).item()));
  CHECK(cross_entropy(logits, target, Reduction::none).shape() == Shape{2, 2, 2});
  CHECK(cross_entropy(logits, target).item() ==
        Approx(cross_entropy(logits, target, Reduction::sum).item() / 8));  // over samples and pixels
  for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none})
    CHECK(gradcheck([&](const auto& t) { return cross_entropy(t[0], t[1], reduction); }, {logits, target}) == "");
}

TEST_CASE("Cross-entropy refuses what does not fit") {
  const auto logits = random({2, 3});
  CHECK_THROWS_WITH(cross_entropy(logits, {1, 3}),
                    ContainsSubstring("[cross_entropy] class 3") && ContainsSubstring("[2, 3]"));
  CHECK_THROWS_AS(cross_entropy(logits, {-1, 0}), ValueError);
  CHECK_THROWS_WITH(cross_entropy(logits, {1, 1, 1}),
                    ContainsSubstring("[cross_entropy] 3 classes") && ContainsSubstring("need 2"));
  CHECK_THROWS_WITH(cross_entropy(random({3}), {1}), ContainsSubstring("logits [3] must be [N, C, ...]"));
  CHECK_THROWS_WITH(cross_entropy(logits, random({3, 2})),
                    ContainsSubstring("[cross_entropy] prediction [2, 3]") && ContainsSubstring("target [3, 2]"));
  CHECK_THROWS_AS(cross_entropy(Tensord::zeros({2, 0}), {0, 0}), ShapeError);
  CHECK(std::isnan(cross_entropy(Tensord::zeros({0, 3}), std::vector<Index>{}).item()));
}
