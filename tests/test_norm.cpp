#include "nasion/ops/norm.hpp"

#include "nasion/nn/norm.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::gradcheck;
using test::random;

TEST_CASE("layer_norm makes mean 0 and variance 1 of what a sample has") {
  const auto y = layer_norm(random({5, 7}) * 3 + 10, {7});
  for (Index n = 0; n < 5; ++n) {
    double total = 0, squares = 0;
    for (Index i = 0; i < 7; ++i) total += y.at({n, i}), squares += y.at({n, i}) * y.at({n, i});
    CHECK(total / 7 == Approx(0).margin(1e-12));
    CHECK(squares / 7 == Approx(1).epsilon(1e-4));
  }
  const auto f = [](const auto& t) { return layer_norm(t[0], {2, 3}, t[1], t[2]); };
  CHECK(gradcheck(f, {random({4, 5, 2, 3}), random({2, 3}), random({2, 3})}) == "");
  CHECK(gradcheck([](const auto& t) { return layer_norm(t[0], t[0].shape()); }, {random({2, 3, 2, 3})}) == "");
  CHECK(layer_norm(Tensord::zeros({0, 3}), {3}).shape() == Shape{0, 3});
  CHECK_THROWS_WITH(layer_norm(random({2, 3}), {2}),
                    ContainsSubstring("[layer_norm] input [2, 3] does not end in [2]"));
  CHECK_THROWS_AS(layer_norm(random({2, 3}), {}), ShapeError);
  CHECK_THROWS_AS(layer_norm(Tensord::zeros({2, 0}), {0}), ShapeError);
  CHECK_THROWS_WITH(layer_norm(random({2, 3}), {3}, random({2})),
                    ContainsSubstring("weight [2] does not fit shape [3]"));
  CHECK_THROWS_WITH(layer_norm(random({2, 3}), {3}, {}, random({1, 3})), ContainsSubstring("bias [1, 3]"));
  CHECK_THROWS_AS(layer_norm(random({2, 3}), {3}, {}, {}, 0), ValueError);
}

TEST_CASE("group_norm and instance_norm") {
  for (const Index groups : {1, 2, 3, 6}) {
    const auto f = [&](const auto& t) { return group_norm(t[0], groups, t[1], t[2]); };
    CHECK(gradcheck(f, {random({2, 6, 3, 2}), random({6}), random({6})}) == "");
  }
  CHECK(test::max_difference(instance_norm(random({2, 3, 4, 5})), group_norm(random({2, 3, 4, 5}), 3)) == 0);
  CHECK(gradcheck([](const auto& t) { return instance_norm(t[0], t[1], t[2]); },
                  {random({2, 3, 5}), random({3}), random({3})}) == "");
  CHECK(group_norm(Tensord::zeros({0, 4, 2}), 2).shape() == Shape{0, 4, 2});
  CHECK(instance_norm(Tensord::zeros({2, 0, 2})).shape() == Shape{2, 0, 2});
  CHECK_THROWS_WITH(group_norm(random({2, 6, 3}), 4),
                    ContainsSubstring("[group_norm] 4 groups") && ContainsSubstring("[2, 6, 3]"));
  CHECK_THROWS_AS(group_norm(random({6}), 1), ShapeError);
  CHECK_THROWS_WITH(group_norm(random({2, 6}), 2, random({2})), ContainsSubstring("weight [2]"));
  CHECK_THROWS_WITH(instance_norm(random({2})), ContainsSubstring("[instance_norm] input [2]"));
  CHECK_THROWS_AS(instance_norm(random({2, 3, 4}), random({4})), ShapeError);
}

TEST_CASE("Normalised rows keep their digits beside a large mean") {
  const auto small = random<float>({4, 300});
  CHECK(test::max_difference(layer_norm(small + 1000, {300}), layer_norm(small, {300})) < 1e-3);
}

TEST_CASE("Layers that normalise each sample") {
  const auto x = random({2, 6, 3, 4});
  const auto check = [&](const auto& layer, const Tensord& expected, Index parameters) {
    CHECK(test::identical(layer(x), expected));
    CHECK(test::check_module(layer, x) == "");
    CHECK(nn::parameter_count(layer) == parameters);
  };
  check(nn::LayerNorm<double>({.shape = {3, 4}}), layer_norm(x, {3, 4}), 24);
  check(nn::LayerNorm<double>({.shape = {4}, .eps = 0.1, .bias = false}), layer_norm(x, {4}, {}, {}, 0.1), 4);
  check(nn::LayerNorm<double>({.shape = {4}, .affine = false}), layer_norm(x, {4}), 0);
  check(nn::GroupNorm<double>({.groups = 3, .features = 6}), group_norm(x, 3), 12);
  check(nn::GroupNorm<double>({.groups = 2, .features = 6, .eps = 0.1, .affine = false}), group_norm(x, 2, {}, {}, 0.1),
        0);
  check(nn::InstanceNorm2d<double>({.features = 6}), instance_norm(x), 0);
  check(nn::InstanceNorm2d<double>({.features = 6, .eps = 0.1, .affine = true}), instance_norm(x, {}, {}, 0.1), 12);
}

TEST_CASE("Layers that normalise each sample refuse what does not fit") {
  CHECK_THROWS_WITH(nn::LayerNorm<float>({}), ContainsSubstring("[LayerNorm] shape [] is empty"));
  CHECK_THROWS_AS(nn::LayerNorm<float>({.shape = {3}, .eps = 0}), ValueError);
  CHECK_THROWS_AS(nn::LayerNorm<double>({.shape = {3}})(random({3, 4})), ShapeError);
  CHECK_THROWS_WITH(nn::GroupNorm<float>({.groups = 4, .features = 6}), ContainsSubstring("groups 4 must divide"));
  CHECK_THROWS_AS(nn::GroupNorm<float>({.groups = 0, .features = 6}), ValueError);
  CHECK_THROWS_AS(nn::GroupNorm<float>({.features = 6, .eps = -1}), ValueError);
  CHECK_THROWS_WITH(nn::GroupNorm<double>({.groups = 2, .features = 6})(random({2, 4, 5})),
                    ContainsSubstring("[GroupNorm] input [2, 4, 5] must be [N, 6, ...]"));
  CHECK_THROWS_AS(nn::InstanceNorm2d<float>({.features = 0}), ValueError);
  CHECK_THROWS_WITH(nn::InstanceNorm2d<double>({.features = 3})(random({3, 4, 5})),
                    ContainsSubstring("[InstanceNorm2d] input [3, 4, 5]"));
  CHECK_THROWS_AS(nn::InstanceNorm2d<double>({.features = 3})(random({2, 3, 1, 1})), ShapeError);
}
