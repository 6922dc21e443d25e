#include "nasion/nn/layers.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;

TEST_CASE("Conv2d") {
  Rng rng(1);
  const nn::Conv2d<double> conv(
      {.in = 4, .out = 6, .kernel = {3, 2}, .stride = 2, .padding = 1, .dilation = {1, 2}, .groups = 2}, rng);
  CHECK(conv.weight.shape() == Shape{6, 2, 3, 2});
  CHECK(conv.bias.shape() == Shape{6});
  const auto x = test::random({2, 4, 5, 6});
  CHECK(test::identical(
      conv(x), conv2d(x, conv.weight, conv.bias, {.stride = 2, .padding = 1, .dilation = {1, 2}, .groups = 2})));
  CHECK(test::check_module(conv, x) == "");
  const nn::Conv2d<double> plain({.in = 4, .out = 1, .bias = false, .algorithm = Conv2dAlgorithm::naive}, rng);
  CHECK_FALSE(plain.bias.defined());
  CHECK(plain.options.algorithm == Conv2dAlgorithm::naive);
  CHECK(nn::parameters(plain).size() == 1);
  CHECK(test::check_module(plain, x) == "");
}

TEST_CASE("Linear") {
  Rng rng(1);
  const nn::Linear<double> fc({.in = 3, .out = 2}, rng), plain({.in = 3, .out = 2, .bias = false}, rng);
  const auto x = test::random({4, 3});
  CHECK(test::identical(fc(x), linear(x, fc.weight, fc.bias)));
  CHECK(test::check_module(fc, x) == "");
  CHECK_FALSE(plain.bias.defined());
  CHECK(test::check_module(plain, x) == "");
  CHECK_THROWS_AS(fc(test::random({4, 2})), ShapeError);
}

TEST_CASE("Layers refuse sizes that make no sense") {
  Rng rng(1);
  CHECK_THROWS_WITH(nn::Conv2d<float>({.in = 0, .out = 3}, rng), ContainsSubstring("[Conv2d] in 0"));
  CHECK_THROWS_WITH(nn::Conv2d<float>({.in = 4, .out = 6, .groups = 4}, rng),
                    ContainsSubstring("groups 4 must divide"));
  CHECK_THROWS_AS(nn::Conv2d<float>({.in = 4, .out = -1}, rng), ValueError);
  CHECK_THROWS_AS(nn::Conv2d<float>({.in = 4, .out = 1, .kernel = {0, 3}}, rng), ValueError);
  CHECK_THROWS_AS(nn::Conv2d<float>({.in = 4, .out = 1, .kernel = 3, .stride = 0}, rng), ValueError);
  CHECK_THROWS_AS(nn::Conv2d<float>({.in = 4, .out = 1, .kernel = 3, .padding = -1}, rng), ValueError);
  CHECK_THROWS_AS(nn::Conv2d<float>({.in = 4, .out = 1, .kernel = 3, .dilation = 0}, rng), ValueError);
  CHECK_THROWS_WITH(nn::Linear<float>({.in = 3, .out = 0}, rng),
                    ContainsSubstring("[Linear]") && ContainsSubstring("out 0"));
}
