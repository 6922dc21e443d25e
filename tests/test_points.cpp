#include "nasion/vision/points.hpp"

#include "support/catch.hpp"

using namespace nasion;
using namespace nasion::vision;

TEST_CASE("transform moves every point") {
  const Points points{{1, 2}, {3, 4}};
  CHECK(transform(Affine::translate(10, 20), points) == Points{{11, 22}, {13, 24}});
  CHECK(transform(Affine{}, {}).empty());
}

TEST_CASE("bounding_box holds all points") {
  CHECK(bounding_box({{3, 4}, {-1, 10}, {2, 5}}) == Box{-1, 4, 4, 6});
  CHECK(bounding_box({{3, 4}}) == Box{3, 4, 0, 0});
  CHECK_THROWS_WITH(bounding_box({}), "[bounding_box] no points");
}
