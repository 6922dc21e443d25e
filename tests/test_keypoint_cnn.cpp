#include "nasion/models/keypoint_cnn.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;

TEST_CASE("The network of part 1 has the course's layers") {
  Rng rng(0);
  const models::KeypointCnn<float> net(models::nose_tip_config(), rng);
  std::vector<std::string> names;
  for (const auto& p : nn::named_parameters(net)) names.push_back(message(p.name, " ", p.tensor.shape()));
  CHECK(names ==
        std::vector<std::string>{"convs.0.weight [12, 1, 3, 3]", "convs.0.bias [12]", "convs.1.weight [32, 12, 5, 5]",
                                 "convs.1.bias [32]", "convs.2.weight [64, 32, 5, 5]", "convs.2.bias [64]",
                                 "convs.3.weight [32, 64, 3, 3]", "convs.3.bias [32]", "fc1.weight [128, 12800]",
                                 "fc1.bias [128]", "fc2.weight [2, 128]", "fc2.bias [2]"});
  CHECK(net(Tensorf::zeros({3, 1, 60, 80})).shape() == Shape{3, 2});
}

TEST_CASE("A small keypoint network has the gradients it should have") {
  Rng rng(1);
  const models::KeypointCnn<double> net({.blocks = {{3, 3, 4}, {4, 3, 5}}, .hidden = 6, .outputs = 2}, rng);
  CHECK(test::check_module(net, test::random({2, 1, 8, 9})) == "");
}

TEST_CASE("Images that the network cannot take name the layer's operation and shapes") {
  Rng rng(2);
  const models::KeypointCnn<float> net(models::nose_tip_config(), rng);
  CHECK_THROWS_WITH(net(Tensorf::zeros({1, 3, 60, 80})),
                    ContainsSubstring("[conv2d] input [1, 3, 60, 80] has 3 channels but weight [12, 1, 3, 3]"));
  CHECK_THROWS_AS(models::KeypointCnn<float>({.blocks = {}}, rng), ValueError);
}
