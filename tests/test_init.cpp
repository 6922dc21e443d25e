#include "nasion/nn/init.hpp"

#include "support/catch.hpp"

using namespace nasion;

TEST_CASE("Default weights and biases fill the range of PyTorch's") {
  Rng rng(1);
  const Shape shape{64, 16, 5, 5};
  CHECK(nn::fan_in(shape) == 400);
  CHECK(nn::fan_in({7, 3}) == 3);
  CHECK(nn::fan_in({0, 3}) == 0);
  const auto weight = nn::default_weight<float>(shape, rng);
  CHECK(weight.requires_grad());
  CHECK(weight.is_leaf());
  const auto [low, high] = std::minmax_element(weight.values().begin(), weight.values().end());
  CHECK(*low >= -0.05f);
  CHECK(*high < 0.05f);
  CHECK(*low < -0.0499f);
  CHECK(*high > 0.0499f);
  double squares = 0;
  for (const float v : weight.values()) squares += double{v} * double{v};
  CHECK(squares / static_cast<double>(weight.size()) == Approx(0.05 * 0.05 / 3).epsilon(0.02));
  const auto bias = nn::default_bias<float>(shape, rng);
  CHECK(bias.shape() == Shape{64});
  for (const float v : bias.values()) CHECK(std::abs(v) <= 0.05f);
}

TEST_CASE("Initial values depend on the generator alone") {
  Rng a(1), b(1), c(2);
  const auto x = nn::default_weight<double>({3, 4}, a), y = nn::default_weight<double>({3, 4}, b),
             z = nn::default_weight<double>({3, 4}, c);
  CHECK(std::equal(x.values().begin(), x.values().end(), y.values().begin()));
  CHECK_FALSE(std::equal(x.values().begin(), x.values().end(), z.values().begin()));
}
