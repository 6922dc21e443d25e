#include "nasion/models/unet.hpp"

#include "nasion/ops/reduce.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;

TEST_CASE("A U-Net answers at the resolution of the image, also where halving leaves a rest") {
  Rng rng(1);
  const models::UNet<float> net({.outputs = 5, .width = 4, .levels = 3}, rng);
  for (const auto& [h, w] : {std::pair<Index, Index>{24, 32}, {30, 41}, {8, 8}}) {
    const auto y = net(Tensorf::normal({2, 1, h, w}, rng));
    CHECK(y.shape() == Shape{2, 5, h, w});
  }
}

TEST_CASE("A U-Net widens level by level, up to max_width") {
  Rng rng(2);
  const models::UNet<float> net({.width = 16, .max_width = 64, .levels = 4}, rng);
  REQUIRE(net.down.size() == 5);
  REQUIRE(net.up.size() == 4);
  std::vector<Index> channels;
  for (const auto& block : net.down) channels.push_back(block.second.conv.weight.dim(0));
  CHECK(channels == std::vector<Index>{16, 32, 64, 64, 64});
  CHECK(net.up[1].first.conv.weight.dim(1) == 32 + 64);  // the skip connection and what comes from below
}

TEST_CASE("A small U-Net has the gradients it should have") {
  Rng rng(3);
  const models::UNet<double> net({.outputs = 2, .width = 3, .max_width = 4, .levels = 2}, rng);
  CHECK(test::check_module(net, test::random({2, 1, 9, 8}), {.step = 1e-6, .tolerance = 1e-4, .most = 40}) == "");
}

TEST_CASE("Details of the image reach the answer past the lowest level") {
  // A U-Net whose way from below is cut still tells neighbouring pixels apart.
  Rng rng(4);
  models::UNet<float> net({.outputs = 1, .width = 4, .levels = 2}, rng);
  nn::eval(net);
  const NoGrad no_grad;
  auto& weight = net.up[0].first.conv.weight;  // [4, 4 from the skip, 8 from below, 3, 3]
  for (Index o = 0; o < weight.dim(0); ++o)
    for (Index c = 4; c < weight.dim(1); ++c)
      for (Index i = 0; i < 9; ++i) weight.set({o, c, i / 3, i % 3}, 0);
  auto image = Tensorf::zeros({1, 1, 16, 16});
  const auto before = net(image);
  image.set({0, 0, 8, 8}, 1);
  const auto change = abs(net(image) - before);
  CHECK(change.at({0, 0, 8, 8}) > 0);
  CHECK(change.at({0, 0, 1, 1}) == 0);
}

TEST_CASE("A U-Net refuses what makes no sense") {
  Rng rng(5);
  CHECK_THROWS_WITH(models::UNet<float>({.levels = 0}, rng), ContainsSubstring("[UNet]"));
  CHECK_THROWS_AS(models::UNet<float>({.width = 0}, rng), ValueError);
  CHECK_THROWS_AS(models::UNet<float>({.width = 32, .max_width = 16}, rng), ValueError);
  const models::UNet<float> net({.width = 2, .levels = 3}, rng);
  CHECK_THROWS_WITH(net(Tensorf::zeros({1, 1, 4, 40})),
                    ContainsSubstring("[UNet] images [1, 1, 4, 40]") && ContainsSubstring("at least 8"));
  CHECK_THROWS_WITH(net(Tensorf::zeros({1, 3, 32, 32})), ContainsSubstring("[1, 3, 32, 32]"));
}
