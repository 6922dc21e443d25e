#include "nasion/ops/loss.hpp"

#include <functional>

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

TEST_CASE("huber_loss is a parabola near 0 and straight beyond") {
  const auto p = Tensord::from({4}, {0.25, -0.5, 2, -3}), t = Tensord::zeros({4});
  CHECK(values(huber_loss(p, t, Reduction::none)) == Vector{0.03125, 0.125, 1.5, 2.5});
  CHECK(test::max_difference(huber_loss(p, t, Reduction::none, 0.5), 0.5 * smooth_l1_loss(p, t, Reduction::none, 0.5)) <
        1e-15);
  for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none})
    CHECK(gradcheck([&](const auto& x) { return huber_loss(x[0], x[1], reduction, 0.7); },
                    {random({2, 3, 2, 2}), random({2, 3, 2, 2}, 8)}) == "");
  CHECK_THROWS_WITH(huber_loss(p, t, Reduction::mean, 0), ContainsSubstring("[huber_loss] delta"));
  CHECK_THROWS_AS(huber_loss(p, Tensord::zeros({3})), ShapeError);
}

TEST_CASE("kl_div of probabilities and of their logarithms") {
  const auto x = log_softmax(random({3, 4}), 1), q = softmax(random({3, 4}, 8), 1);
  double expected = 0;
  for (std::size_t i = 0; i < 12; ++i) expected += values(q)[i] * (std::log(values(q)[i]) - values(x)[i]);
  CHECK(kl_div(x, q).item() == Approx(expected / 12));
  CHECK(kl_div(x, log(q), Reduction::sum, true).item() == Approx(expected));
  CHECK(kl_div(x, Tensord::zeros({3, 4}), Reduction::sum).item() == 0);
  CHECK(kl_div(x, exp(x), Reduction::sum).item() == Approx(0).margin(1e-14));
  for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
    CHECK(gradcheck([&](const auto& t) { return kl_div(t[0], t[1], reduction); }, {x, q}) == "");
    CHECK(gradcheck([&](const auto& t) { return kl_div(t[0], t[1], reduction, true); }, {x, log(q)}) == "");
  }
  CHECK_THROWS_WITH(kl_div(x, Tensord::zeros({4, 3})), ContainsSubstring("[kl_div] prediction [3, 4]"));
}

TEST_CASE("Points that are not labelled have weight 0") {
  using Loss = std::function<Tensord(const Tensord&, const Tensord&, Reduction, const Tensord&)>;
  const std::pair<const char*, Loss> losses[] = {
      {"mse_loss", [](auto& p, auto& t, auto r, auto& w) { return mse_loss(p, t, r, w); }},
      {"l1_loss", [](auto& p, auto& t, auto r, auto& w) { return l1_loss(p, t, r, w); }},
      {"smooth_l1_loss", [](auto& p, auto& t, auto r, auto& w) { return smooth_l1_loss(p, t, r, 0.5, w); }},
      {"l1_loss", [](auto& p, auto& t, auto r, auto& w) { return smooth_l1_loss(p, t, r, 0, w); }},
      {"huber_loss", [](auto& p, auto& t, auto r, auto& w) { return huber_loss(p, t, r, 0.5, w); }},
      {"wing_loss", [](auto& p, auto& t, auto r, auto& w) { return wing_loss(p, t, r, 0.5, 0.2, w); }}};
  const auto p = random({3, 4, 2}), t = random({3, 4, 2}, 8);
  const auto weight = Tensord::from({3, 4, 1}, {1, 0, 2, 1, 0, 0, 0.5, 1, 3, 1, 1, 0});
  for (const auto& [name, loss] : losses) {
    INFO(name);
    const auto each = loss(p, t, Reduction::none, {}), weighted = loss(p, t, Reduction::none, weight);
    CHECK(test::max_difference(weighted, each * weight) < 1e-15);
    CHECK(loss(p, t, Reduction::sum, weight).item() == Approx(sum(each * weight).item()));
    CHECK(loss(p, t, Reduction::mean, weight).item() == Approx(sum(each * weight).item() / 21));
    CHECK(loss(p, t, Reduction::mean, Tensord::ones({1})).item() == Approx(loss(p, t, Reduction::mean, {}).item()));
    const auto gaps = where(weight, t, Tensord::scalar(NAN)), leaf = p.clone().set_requires_grad();
    CHECK(loss(leaf, gaps, Reduction::mean, weight).item() == loss(p, t, Reduction::mean, weight).item());
    loss(leaf, gaps, Reduction::mean, weight).backward();
    CHECK(leaf.grad().at({0, 1, 0}) == 0);
    CHECK(leaf.grad().at({0, 2, 0}) != 0);
    CHECK(loss(p, gaps, Reduction::mean, Tensord::zeros({1})).item() == 0);
    for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none})
      CHECK(gradcheck([&, &f = loss](const auto& x) { return f(x[0], x[1], reduction, weight); }, {p, t}) == "");
    CHECK_THROWS_WITH(loss(p, t, Reduction::mean, Tensord::ones({4})),
                      ContainsSubstring(std::string("[") + name + "] weight [4] does not broadcast"));
    CHECK_THROWS_AS(loss(p, t, Reduction::mean, Tensord::full({1}, -1)), ValueError);
  }
  const auto images = to_order(random({2, 3, 4, 5}), MemoryOrder::channels_last), mask = gt(random({2, 1, 4, 5}, 3), 0);
  CHECK(mse_loss(images, random({2, 3, 4, 5}, 8), Reduction::none, mask).order() == MemoryOrder::channels_last);
}
