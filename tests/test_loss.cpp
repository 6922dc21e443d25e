#include "nasion/ops/loss.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

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

TEST_CASE("smooth_l1_loss is a parabola near 0 and l1_loss beyond") {
  const auto p = Tensord::from({4}, {0.25, -0.5, 2, -3}), t = Tensord::zeros({4});
  CHECK(values(smooth_l1_loss(p, t, Reduction::none)) == Vector{0.03125, 0.125, 1.5, 2.5});
  CHECK(values(smooth_l1_loss(p, t, Reduction::none, 0.5)) == Vector{0.0625, 0.25, 1.75, 2.75});
  CHECK(values(smooth_l1_loss(p, t, Reduction::none, 0)) == values(l1_loss(p, t, Reduction::none)));
  CHECK(smooth_l1_loss(p, t).item() == Approx((0.03125 + 0.125 + 1.5 + 2.5) / 4));
  for (const double beta : {0., 0.7, 1.})
    for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none})
      CHECK(gradcheck([&](const auto& x) { return smooth_l1_loss(x[0], x[1], reduction, beta); },
                      {random({2, 3, 2, 2}), random({2, 3, 2, 2}, 8)}) == "");
  CHECK_THROWS_WITH(smooth_l1_loss(p, Tensord::zeros({2, 2})), ContainsSubstring("[smooth_l1_loss] prediction [4]"));
  CHECK_THROWS_WITH(smooth_l1_loss(p, t, Reduction::mean, -1), ContainsSubstring("beta must not be negative, got -1"));
  CHECK_THROWS_AS(smooth_l1_loss(p, t, Reduction::mean, std::nan("")), ValueError);
}

TEST_CASE("wing_loss by its formula, without a jump") {
  const double w = 3, epsilon = 0.5;
  const auto p = Tensord::from({5}, {0, 1, -2, 3, -7}), t = Tensord::zeros({5});
  const auto y = wing_loss(p, t, Reduction::none, w, epsilon);
  const double c = w - w * std::log(1 + w / epsilon);
  CHECK(y.at({0}) == 0);
  CHECK(y.at({1}) == Approx(w * std::log(1 + 1 / epsilon)));
  CHECK(y.at({2}) == Approx(w * std::log(1 + 2 / epsilon)));
  CHECK(y.at({3}) == Approx(w * std::log(1 + w / epsilon)));
  CHECK(y.at({4}) == Approx(7 - c));
  // The defaults are pixels of a 250-pixel image.
  CHECK(250 * wing_loss(p / 250, t).item() == Approx(wing_loss(p, t, Reduction::mean, 10, 2).item()));
  for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none})
    CHECK(gradcheck([&](const auto& x) { return wing_loss(x[0], x[1], reduction, 1.1, 0.6); },
                    {random({2, 3, 2, 2}), random({2, 3, 2, 2}, 8)}) == "");
  CHECK_THROWS_WITH(wing_loss(p, Tensord::zeros({2, 2})), ContainsSubstring("[wing_loss] prediction [5]"));
  CHECK_THROWS_WITH(wing_loss(p, t, Reduction::mean, 0), ContainsSubstring("[wing_loss] w 0"));
  CHECK_THROWS_AS(wing_loss(p, t, Reduction::mean, 1, -1), ValueError);
}

TEST_CASE("bce_with_logits_loss stays finite where the sigmoid is 0 or 1") {
  const auto x = Tensord::from({4}, {0.3, -1.2, 1000, -1000}), t = Tensord::from({4}, {1, 0.25, 0, 1});
  const auto y = bce_with_logits_loss(x, t, Reduction::none);
  const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  CHECK(y.at({0}) == Approx(-std::log(sigmoid(0.3))));
  CHECK(y.at({1}) == Approx(-0.25 * std::log(sigmoid(-1.2)) - 0.75 * std::log(1 - sigmoid(-1.2))));
  CHECK(y.at({2}) == 1000);
  CHECK(y.at({3}) == 1000);
  CHECK(bce_with_logits_loss(x, t, Reduction::none, 3).at({1}) ==
        Approx(-0.75 * std::log(sigmoid(-1.2)) - 0.75 * std::log(1 - sigmoid(-1.2))));
  const auto leaf = x.clone().set_requires_grad();
  bce_with_logits_loss(leaf, t, Reduction::sum).backward();
  CHECK(leaf.grad().at({2}) == 1);
  CHECK(leaf.grad().at({3}) == -1);
  for (const double pos_weight : {1., 2.5})
    for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none})
      CHECK(gradcheck([&](const auto& in) { return bce_with_logits_loss(in[0], in[1], reduction, pos_weight); },
                      {random({2, 3, 2, 2}), random({2, 3, 2, 2}, 8)}) == "");
  CHECK_THROWS_WITH(bce_with_logits_loss(x, Tensord::zeros({2, 2})), ContainsSubstring("[bce_with_logits_loss]"));
  CHECK_THROWS_WITH(bce_with_logits_loss(x, t, Reduction::mean, -2),
                    ContainsSubstring("pos_weight must not be negative"));
}

TEST_CASE("spatial_cross_entropy is the cross-entropy of each map over its pixels") {
  for (const auto& shape : {Shape{2, 3, 4, 5}, Shape{3, 1, 1, 1}, Shape{1, 2, 40, 33}, Shape{1, 600, 3, 2}}) {
    const Index maps = shape[0] * shape[1], pixels = shape[2] * shape[3];
    const auto logits = 3 * random(shape), target = softmax(reshape(random(shape, 8), {maps, pixels}), 1);
    const auto expected = cross_entropy(reshape(logits, {maps, pixels}), target, Reduction::none);
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      const auto t = reshape(target, shape);
      const auto each = spatial_cross_entropy(to_order(logits, order), t, Reduction::none);
      REQUIRE(each.shape() == Shape{shape[0], shape[1]});
      CHECK(test::max_difference(reshape(each, {maps}), expected) < 1e-12);
      CHECK(spatial_cross_entropy(logits, to_order(t, order)).item() == Approx(mean(expected).item()));
    }
  }
}

TEST_CASE("spatial_cross_entropy has the gradients it should have, also for targets whose sum is not 1") {
  for (const auto& shape : {Shape{2, 3, 3, 2}, Shape{1, 1, 4, 1}, Shape{1, 2, 30, 20}})
    for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none})
      CHECK(gradcheck([&](const auto& x) { return spatial_cross_entropy(x[0], x[1], reduction); },
                      {random(shape), random(shape, 8)}) == "");
}

TEST_CASE("spatial_cross_entropy of large logits, of no maps, and of what does not fit") {
  const auto logits = Tensorf::from({1, 1, 1, 3}, {1000, -1000, 999}), target = Tensorf::from({1, 1, 1, 3}, {0, 0, 1});
  CHECK(spatial_cross_entropy(logits, target).item() == Approx(std::log1p(std::exp(1.))));
  CHECK(std::isnan(spatial_cross_entropy(Tensorf::full({1, 1, 1, 3}, NAN), target).item()));
  CHECK(spatial_cross_entropy(Tensord::zeros({0, 3, 2, 2}), Tensord::zeros({0, 3, 2, 2}), Reduction::none).shape() ==
        Shape{0, 3});
  CHECK(spatial_cross_entropy(Tensord::zeros({2, 0, 2, 2}, MemoryOrder::channels_last), Tensord::zeros({2, 0, 2, 2}),
                              Reduction::none)
            .shape() == Shape{2, 0});
  CHECK_THROWS_WITH(spatial_cross_entropy(logits, Tensorf::zeros({1, 1, 3, 1})),
                    ContainsSubstring("[spatial_cross_entropy] prediction [1, 1, 1, 3] and target [1, 1, 3, 1]"));
  CHECK_THROWS_WITH(spatial_cross_entropy(Tensord::zeros({2, 3}), Tensord::zeros({2, 3})),
                    ContainsSubstring("[spatial_cross_entropy] logits [2, 3] must be [N, K, H, W]"));
  CHECK_THROWS_AS(spatial_cross_entropy(Tensord::zeros({2, 3, 0, 2}), Tensord::zeros({2, 3, 0, 2})), ShapeError);
}

TEST_CASE("spatial_cross_entropy gives the same bits for any number of threads") {
  const auto x = random<float>({5, 7, 33, 31}), t = random<float>({5, 7, 33, 31}, 8);
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last})
    CHECK(test::same_for_all_thread_counts(
        [&] {
          const auto leaf = to_order(x, order).clone().set_requires_grad();
          const auto loss = spatial_cross_entropy(leaf, t);
          loss.backward();
          return std::pair{loss.detach(), leaf.grad()};
        },
        [](const auto& p, const auto& q) {
          return test::identical(p.first, q.first) && test::identical(p.second, q.second);
        }));
}

TEST_CASE("bce_with_logits_loss takes a weight for each class") {
  const auto x = test::random({3, 2}), t = sigmoid(test::random({3, 2}, 5)), one = Tensord::from({2}, {1, 1});
  CHECK(test::max_difference(bce_with_logits_loss(x, t, one), bce_with_logits_loss(x, t)) < 1e-14);
  const auto weights = Tensord::from({2}, {0.5, 3});
  const auto each = bce_with_logits_loss(x, t, weights, Reduction::none);
  for (const Index c : {0, 1}) {
    const auto column =
        bce_with_logits_loss(slice(x, 1, c, c + 1), slice(t, 1, c, c + 1), Reduction::none, weights.at({c}));
    CHECK(test::max_difference(slice(each, 1, c, c + 1), column) < 1e-14);
  }
  CHECK(test::gradcheck([&](const auto& v) { return bce_with_logits_loss(v[0], v[1], weights); }, {x, t}) == "");
  CHECK_THROWS_WITH(bce_with_logits_loss(x, t, Tensord::ones({3})),
                    ContainsSubstring("pos_weight [3] does not fit target [3, 2]"));
  CHECK_THROWS_AS(bce_with_logits_loss(x, t, Tensord::from({2}, {1, -1})), ValueError);
}

TEST_CASE("bce_with_logits_loss keeps its digits for confident negatives and positives") {
  // Against the same formula in double: value and gradient, each within a few units in the last place of float.
  const auto softplus = [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); };
  const auto sigmoid_of = [](double x) { return 1 / (1 + std::exp(-x)); };
  for (const float weight : {1.f, 0.25f, 3.f})
    for (const float t : {0.f, 1.f, 0.01f, 0.5f})
      for (const float x : {-80.f, -40.f, -20.f, -15.f, -10.f, -5.f, -0.5f, 0.f, 0.5f, 5.f, 10.f, 15.f, 20.f, 80.f}) {
        INFO("logit " << x << ", target " << t << ", pos_weight " << weight);
        const double value = (1 - double{t}) * softplus(x) + double{weight} * double{t} * softplus(-x);
        const double slope = (1 - double{t}) * sigmoid_of(x) - double{weight} * double{t} * sigmoid_of(-x);
        const auto logit = Tensorf::from({1, 1}, {x}).set_requires_grad(), target = Tensorf::from({1, 1}, {t});
        const auto by_number = bce_with_logits_loss(logit, target, Reduction::sum, weight);
        CHECK(double{by_number.item()} == Approx(value).epsilon(1e-6).margin(1e-40));
        by_number.backward();
        CHECK(double{logit.grad().item()} == Approx(slope).epsilon(2e-6).margin(1e-7 * (t > 0 && t < 1 ? 1 : 0)));
        logit.zero_grad();
        const auto by_class = bce_with_logits_loss(logit, target, Tensorf::full({1}, weight), Reduction::sum);
        CHECK(double{by_class.item()} == Approx(value).epsilon(1e-6).margin(1e-40));
        by_class.backward();
        CHECK(double{logit.grad().item()} == Approx(slope).epsilon(2e-6).margin(1e-7 * (t > 0 && t < 1 ? 1 : 0)));
      }
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
