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

TEST_CASE("Kaiming-normal weights have the deviation that their fan-out asks for") {
  Rng rng(1);
  const Shape shape{64, 16, 5, 5};
  CHECK(nn::fan_out(shape) == 1600);
  CHECK(nn::fan_out({7, 3}) == 7);
  const auto weight = nn::kaiming_normal_weight<double>(shape, rng);
  CHECK(weight.shape() == shape);
  CHECK(weight.requires_grad());
  double sum = 0, squares = 0;
  for (const double v : weight.values()) {
    sum += v;
    squares += v * v;
  }
  const double n = static_cast<double>(weight.size());
  CHECK(squares / n == Approx(2.0 / 1600).epsilon(0.05));  // 5.6 deviations of the estimate
  CHECK(std::abs(sum / n) < 5 * std::sqrt(2.0 / 1600 / n));
}

TEST_CASE("Initial values depend on the generator alone") {
  Rng a(1), b(1), c(2);
  const auto x = nn::default_weight<double>({3, 4}, a), y = nn::default_weight<double>({3, 4}, b),
             z = nn::default_weight<double>({3, 4}, c);
  CHECK(std::equal(x.values().begin(), x.values().end(), y.values().begin()));
  CHECK_FALSE(std::equal(x.values().begin(), x.values().end(), z.values().begin()));
}
