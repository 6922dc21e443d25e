#include "nasion/nn/sequential.hpp"

#include "nasion/nn/functions.hpp"
#include "nasion/nn/layers.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;

namespace {
nn::Sequential<double> make() {
  Rng rng(1);
  return nn::Sequential<double>(nn::Conv2d<double>({.in = 1, .out = 2, .kernel = 2}, rng), nn::Tanh<double>{},
                                nn::Flatten<double>{}, nn::Linear<double>({.in = 8, .out = 3}, rng));
}
}  // namespace

TEST_CASE("Sequential applies its modules in order and names them by number") {
  auto net = make();
  const auto x = test::random({2, 1, 3, 3});
  const auto& conv = net.get<nn::Conv2d<double>>(0);
  const auto& fc = net.get<nn::Linear<double>>(3);
  CHECK(test::identical(net(x), fc(flatten(tanh(conv(x))))));
  std::vector<std::string> names;
  for (const auto& p : nn::named_parameters(net)) names.push_back(p.name);
  CHECK(names == std::vector<std::string>{"0.weight", "0.bias", "3.weight", "3.bias"});
  CHECK(net.size() == 4);
  CHECK_THROWS_WITH(net.get<nn::Linear<double>>(0), ContainsSubstring("[Sequential] module 0 of 4"));
  CHECK_THROWS_AS(net.get<nn::Linear<double>>(4), ValueError);
  CHECK(test::check_module(net, x) == "");
}

TEST_CASE("An empty Sequential is the identity; modules can be appended and nested") {
  nn::Sequential<double> net;
  const auto x = test::random({2, 3});
  CHECK(net(x).same_as(x));
  Rng rng(1);
  net.append(nn::Sequential<double>(nn::Linear<double>({.in = 3, .out = 2}, rng))).append(nn::ReLU<double>{});
  CHECK(nn::named_parameters(net)[0].name == "0.0.weight");
  CHECK(net(x).shape() == Shape{2, 2});
}

TEST_CASE("Copies share parameters, clones have their own") {
  auto net = make();
  auto copy = net;
  auto twin = nn::clone(net);
  CHECK(nn::parameters(copy)[0].same_as(nn::parameters(net)[0]));
  CHECK_FALSE(nn::parameters(twin)[0].same_as(nn::parameters(net)[0]));
  CHECK(test::identical(nn::parameters(twin)[0], nn::parameters(net)[0]));
  nn::parameters(twin)[0].detach().fill(0);
  nn::load_state_dict(twin, nn::state_dict(std::as_const(net)));
  const auto x = test::random({1, 1, 3, 3});
  CHECK(test::identical(twin(x), net(x)));
  auto moved = std::move(copy);
  CHECK(test::identical(moved(x), net(x)));
  moved = twin;
  CHECK(nn::parameters(moved)[0].same_as(nn::parameters(twin)[0]));
}

TEST_CASE("train and eval reach modules inside") {
  Rng rng(1);
  nn::Sequential<double> net(nn::Sequential<double>(nn::Dropout<double>(0.5, rng)));
  const auto x = Tensord::ones({100});
  CHECK_FALSE(test::identical(net(x), x));
  nn::eval(net);
  CHECK(net(x).same_as(x));
}
