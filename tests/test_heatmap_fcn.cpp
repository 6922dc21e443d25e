#include "nasion/models/heatmap_fcn.hpp"

#include "nasion/ops/reduce.hpp"
#include "support/catch.hpp"

using namespace nasion;

TEST_CASE("The course's fully convolutional network: its layers, and a map per point") {
  Rng rng(1);
  models::HeatmapFcn<float> net({}, rng);
  std::vector<Shape> weights;
  for (const auto& p : nn::named_parameters(net))
    if (p.tensor.rank() == 4) weights.push_back(p.tensor.shape());
  CHECK(weights == std::vector<Shape>{{12, 1, 3, 3},
                                      {32, 12, 5, 5},
                                      {64, 32, 5, 5},
                                      {64, 64, 5, 5},
                                      {64, 64, 5, 5},
                                      {128, 64, 3, 3},
                                      {64, 128, 3, 3},
                                      {58, 64, 1, 1}});
  const auto images = Tensorf::normal({2, 1, 120, 160}, rng);
  const auto y = net(images);
  REQUIRE(y.shape() == Shape{2, 58, 120, 160});
  sum(square(y)).backward();
  for (const auto& [name, p] : nn::named_parameters(net)) {
    INFO(name);
    CHECK(p.grad().defined());
  }
  nn::eval(net);
  const auto once = net(images), twice = net(images);
  CHECK(max(abs(once - twice)).item() == 0);  // no dropout in eval mode
}

TEST_CASE("The FCN refuses images with other channels") {
  Rng rng(1);
  CHECK_THROWS_WITH(models::HeatmapFcn<float>({}, rng)(Tensorf::zeros({1, 3, 120, 160})),
                    ContainsSubstring("[1, 3, 120, 160]"));
}
