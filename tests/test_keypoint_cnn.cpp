#include "nasion/models/keypoint_cnn.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;

TEST_CASE("A small KeypointCnn: shapes, names and gradients") {
  Rng rng(1);
  const models::KeypointCnn<double> net({.in_channels = 2, .blocks = {{3, 3, 4}, {2, 2, 5}}, .hidden = 6, .outputs = 4},
                                        rng);
  const auto x = test::random({2, 2, 7, 9});
  CHECK(net(x).shape() == Shape{2, 4});
  std::vector<std::string> names;
  for (const auto& p : nn::named_parameters(net)) names.push_back(p.name);
  CHECK(names == std::vector<std::string>{"convs.0.weight", "convs.0.bias", "convs.1.weight", "convs.1.bias",
                                          "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"});
  CHECK(test::check_module(net, x, {.step = 1e-6, .tolerance = 1e-5, .most = 40}) == "");
}

TEST_CASE("The network of part 1 has the sizes of the course") {
  Rng rng(1);
  const models::KeypointCnn<float> net(models::nose_tip_config(), rng);
  CHECK(net.fc1.weight.shape() == Shape{128, 12800});
  CHECK(nn::parameter_count(net) == 120 + 9632 + 51264 + 18464 + 1638528 + 258);
  CHECK(net(Tensorf::zeros({1, 1, 60, 80})).shape() == Shape{1, 2});
  CHECK_THROWS_WITH(net(Tensorf::zeros({1, 3, 60, 80})),
                    ContainsSubstring("[conv2d]") && ContainsSubstring("[1, 3, 60, 80]"));
}

TEST_CASE("The network of part 2 has the sizes of the course") {
  Rng rng(1);
  const models::KeypointCnn<float> net(models::full_face_config(), rng);
  CHECK(net.fc1.weight.shape() == Shape{128, 3200});
  CHECK(net(Tensorf::zeros({1, 1, 120, 160})).shape() == Shape{1, 116});
}

TEST_CASE("A KeypointCnn refuses sizes that make no sense") {
  Rng rng(1);
  CHECK_THROWS_WITH(models::KeypointCnn<float>({}, rng), ContainsSubstring("[KeypointCnn]"));
  CHECK_THROWS_AS(models::KeypointCnn<float>({.blocks = {{0, 3, 4}}}, rng), ValueError);
  CHECK_THROWS_AS(models::KeypointCnn<float>({.blocks = {{3, 3, 0}}}, rng), ValueError);
}
