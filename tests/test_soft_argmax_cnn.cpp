#include "nasion/models/soft_argmax_cnn.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;

TEST_CASE("The soft-argmax network answers with coordinates within the image") {
  Rng rng(0);
  const models::SoftArgmaxCnn<float> net({.points = 3}, rng);
  const auto y = net(Tensorf::normal({2, 1, 60, 80}, rng));
  REQUIRE(y.shape() == Shape{2, 6});
  for (const float v : y.values()) {
    CHECK(v > 0);
    CHECK(v < 1);
  }
}

TEST_CASE("A small soft-argmax network has the gradients it should have") {
  Rng rng(1);
  const models::SoftArgmaxCnn<double> net({.points = 2, .width = 8, .dilations = {2}}, rng);
  CHECK(test::check_module(net, test::random({2, 1, 12, 16})) == "");
}

TEST_CASE("Images too small for the soft-argmax network are refused") {
  Rng rng(2);
  const models::SoftArgmaxCnn<float> net({}, rng);
  CHECK_THROWS_AS(net(Tensorf::zeros({1, 1, 1, 1})), ShapeError);
}
