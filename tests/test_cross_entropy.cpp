#include "nasion/ops/cross_entropy.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::gradcheck;
using test::random;

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

TEST_CASE("The cross-entropy of a confident network is small, not 0, and so is its gradient") {
  for (const float x : {10.f, 15.f, 20.f, 40.f}) {
    const double missing = std::log1p(std::exp(-double{x}));
    const auto logits = Tensorf::from({1, 2}, {x, 0}).set_requires_grad();
    const auto loss = cross_entropy(logits, std::vector<Index>{0});
    CHECK(double{loss.item()} == Approx(missing).epsilon(1e-6));
    loss.backward();
    const double p = std::exp(-double{x}) / (1 + std::exp(-double{x}));
    CHECK(double{logits.grad().at({0, 0})} == Approx(-p).epsilon(1e-6));
    CHECK(double{logits.grad().at({0, 1})} == Approx(p).epsilon(1e-6));
  }
}

TEST_CASE("Cross-entropy by its definition, with all options") {
  for (const bool flat : {true, false})
    for (const double smoothing : {0., 0.3, 1.})
      for (const bool weighted : {false, true}) {
        const auto x = random({2, 3, 4}), p = log_softmax(x, 1);
        const auto weight = weighted ? Tensord::from({3}, {0.5, 2, 1}) : Tensord::ones({3});
        const std::vector<Index> list{0, 2, 7, 1, 1, 7, 0, 2};
        const IntegerArray classes = flat ? IntegerArray(list) : IntegerArray({2, 4}, list);
        const auto loss = [&](const auto& logits, Reduction r) {
          return cross_entropy(logits, classes,
                               {.weight = weighted ? weight : Tensord{},
                                .ignore_index = 7,
                                .label_smoothing = smoothing,
                                .reduction = r});
        };
        const auto each = loss(x, Reduction::none);
        CHECK(each.shape() == Shape{2, 4});
        double all = 0, weights = 0;
        for (Index n = 0; n < 2; ++n)
          for (Index i = 0; i < 4; ++i) {
            const Index c = list[static_cast<std::size_t>(4 * n + i)];
            double expected = 0;
            if (c < 3) {
              weights += weight.at({c});
              for (Index k = 0; k < 3; ++k)
                expected -= ((k == c ? 1 - smoothing : 0) + smoothing / 3) * weight.at({k}) * p.at({n, k, i});
            }
            CHECK(each.at({n, i}) == Approx(expected).margin(1e-15));
            all += expected;
          }
        CHECK(loss(x, Reduction::sum).item() == Approx(all));
        CHECK(loss(x, Reduction::mean).item() == Approx(all / weights));
        for (const auto r : {Reduction::mean, Reduction::sum, Reduction::none})
          CHECK(gradcheck([&](const auto& t) { return loss(t[0], r); }, {x}) == "");
      }
}

TEST_CASE("nll_loss is cross_entropy from logarithms") {
  const auto x = random({2, 3, 2, 2}), weight = Tensord::from({3}, {0.5, 2, 1});
  const IntegerArray classes({2, 2, 2}, {0, 2, 1, 1, -100, 2, 0, 1});
  for (const auto r : {Reduction::mean, Reduction::sum, Reduction::none}) {
    CHECK(test::identical(nll_loss(log_softmax(x, 1), classes, {.weight = weight, .reduction = r}),
                          cross_entropy(x, classes, {.weight = weight, .reduction = r})));
    CHECK(gradcheck([&](const auto& t) { return nll_loss(t[0], classes, {.weight = weight, .reduction = r}); }, {x}) ==
          "");
  }
  CHECK(std::isnan(nll_loss(x, IntegerArray(std::vector<Index>(8, -100))).item()));
  CHECK_THROWS_WITH(nll_loss(x, IntegerArray({4, 2}, std::vector<Index>(8))),
                    ContainsSubstring("[nll_loss] 8 classes given") && ContainsSubstring("[2, 2, 2]"));
  CHECK_THROWS_AS(nll_loss(random({3}), IntegerArray({0})), ShapeError);
}

TEST_CASE("Cross-entropy against probabilities, with all options") {
  const auto x = random({2, 3, 2, 2}), target = softmax(random({2, 3, 2, 2}, 8), 1);
  const auto weight = Tensord::from({3}, {0.5, 2, 1});
  const auto p = log_softmax(x, 1);
  double all = 0;
  for (Index n = 0; n < 2; ++n)
    for (Index c = 0; c < 3; ++c)
      for (Index i = 0; i < 4; ++i)
        all -= weight.at({c}) * (0.8 * target.at({n, c, i / 2, i % 2}) + 0.2 / 3) * p.at({n, c, i / 2, i % 2});
  const auto loss = [&](const auto& t, Reduction r) {
    return cross_entropy(t[0], t[1], {.weight = weight, .label_smoothing = 0.2, .reduction = r});
  };
  CHECK(loss(test::Tensors{x, target}, Reduction::sum).item() == Approx(all));
  CHECK(loss(test::Tensors{x, target}, Reduction::mean).item() == Approx(all / 8));
  for (const auto r : {Reduction::mean, Reduction::sum, Reduction::none})
    CHECK(gradcheck([&](const auto& t) { return loss(t, r); }, {x, target}) == "");
}

TEST_CASE("Cross-entropy refuses options that do not fit") {
  const auto x = random({2, 3});
  const std::vector<Index> classes{0, 1};
  CHECK_THROWS_WITH(cross_entropy(x, classes, {.weight = Tensord::ones({2})}),
                    ContainsSubstring("[cross_entropy] weight [2] must be [C] for input [2, 3]"));
  CHECK_THROWS_WITH(cross_entropy(x, classes, {.label_smoothing = 1.5}), ContainsSubstring("label smoothing 1.5"));
  CHECK_THROWS_AS(cross_entropy(x, x, {.label_smoothing = -0.5}), ValueError);
  CHECK_THROWS_AS(cross_entropy(x, x, {.weight = Tensord::ones({2})}), ShapeError);
  CHECK_THROWS_WITH(cross_entropy(x, x, {.ignore_index = 1}), ContainsSubstring("ignore_index 1"));
  CHECK_THROWS_AS(cross_entropy(x, IntegerArray({2, 1}, classes)), ShapeError);
}
