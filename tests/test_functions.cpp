#include "nasion/nn/functions.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::identical;

TEST_CASE("Modules without parameters are their operations") {
  const auto x = test::random({2, 3, 4, 5});
  CHECK(identical(nn::ReLU<double>{}(x), relu(x)));
  CHECK(identical(nn::LeakyReLU<double>{}(x), leaky_relu(x, 0.01)));
  CHECK(identical(nn::LeakyReLU<double>{0.3}(x), leaky_relu(x, 0.3)));
  CHECK(identical(nn::ReLU6<double>{}(x * 9), relu6(x * 9)));
  CHECK(identical(nn::SiLU<double>{}(x), silu(x)));
  CHECK(identical(nn::Hardsigmoid<double>{}(x), hardsigmoid(x)));
  CHECK(identical(nn::Hardswish<double>{}(x), hardswish(x)));
  CHECK(identical(nn::GELU<double>{}(x), gelu(x)));
  CHECK(identical(nn::Sigmoid<double>{}(x), sigmoid(x)));
  CHECK(identical(nn::Tanh<double>{}(x), tanh(x)));
  CHECK(identical(nn::Softmax<double>{}(x), softmax(x, 1)));
  CHECK(identical(nn::LogSoftmax<double>{3}(x), log_softmax(x, 3)));
  CHECK(identical(nn::Flatten<double>{}(x), flatten(x)));
  CHECK(identical(nn::MaxPool2d<double>{{.kernel = 3, .stride = 1}}(x), max_pool2d(x, {.kernel = 3, .stride = 1})));
  CHECK(identical(nn::AvgPool2d<double>{{.kernel = 2}}(x), avg_pool2d(x, {.kernel = 2})));
  CHECK(identical(nn::AdaptiveMaxPool2d<double>{{7, 2}}(x), adaptive_max_pool2d(x, {7, 2})));
  CHECK(identical(nn::AdaptiveAvgPool2d<double>{1}(x), adaptive_avg_pool2d(x, 1)));
  CHECK(nn::Identity<double>{}(x).same_as(x));
  CHECK(identical(nn::ELU<double>{}(x), elu(x)));
  CHECK(identical(nn::ELU<double>{0.3}(x), elu(x, 0.3)));
  CHECK(identical(nn::SELU<double>{}(x), selu(x)));
  CHECK(identical(nn::Softplus<double>{}(x), softplus(x)));
  CHECK(identical(nn::Softplus<double>{3, 0.5}(x), softplus(x, 3, 0.5)));
  const auto deep = test::random({2, 8, 3, 3});
  CHECK(identical(nn::PixelShuffle<double>{}(deep), pixel_shuffle(deep, 2)));
  CHECK(nn::parameters(nn::ReLU<double>{}).empty());
}

TEST_CASE("Dropout has a stream of its own and rests in eval mode") {
  Rng rng(1);
  nn::Dropout<double> a(0.5, rng), b(0.5, rng);
  const auto x = Tensord::ones({200});
  CHECK_FALSE(identical(a(x), b(x)));
  CHECK_FALSE(identical(a(x), a(x)));
  const auto state = a.rng.state();
  nn::eval(a);
  CHECK(a(x).same_as(x));
  CHECK(a.rng.state() == state);
  nn::train(a);
  const auto next = a(x);
  a.rng = Rng(state);
  CHECK(identical(a(x), next));
  CHECK_THROWS_WITH(nn::Dropout<double>(1.1, rng), ContainsSubstring("[Dropout]") && ContainsSubstring("1.1"));
}

TEST_CASE("Dropout2d drops channels while training") {
  Rng rng(1);
  nn::Dropout2d<double> drop(0.5, rng);
  const auto x = Tensord::ones({20, 5, 2, 2});
  Rng same = drop.rng;
  CHECK(identical(drop(x), dropout2d(x, 0.5, same)));
  CHECK(drop.rng.state() == same.state());
  nn::eval(drop);
  CHECK(drop(x).same_as(x));
  CHECK(nn::traverse(drop).rngs.size() == 1);
  CHECK_THROWS_AS(nn::Dropout2d<double>(-0.1, rng), ValueError);
}
