#include "nasion/faces/mirror.hpp"

#include "nasion/ops/reduce.hpp"
#include "support/catch.hpp"

using namespace nasion;
using namespace nasion::vision;
using namespace nasion::faces;

TEST_CASE("Images are mirrored, in either memory order") {
  const auto images = Tensorf::from({1, 2, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
    const auto mirrored = contiguous(mirror_images(to_order(images, order)));
    const std::vector<float> values(mirrored.values().begin(), mirrored.values().end());
    CHECK(values == std::vector<float>{3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10});
  }
  CHECK_THROWS_WITH(mirror_images(Tensorf::zeros({2, 3})), "[mirror_images] needs [N, C, H, W], got [2, 3]");
}

TEST_CASE("Coordinates in the mirror become those of the points' counterparts") {
  const std::vector<int> mirrored{1, 0, 2};
  const auto coordinates = Tensord::from({1, 6}, {0.1, 0.2, 0.7, 0.3, 0.5, 0.9});
  const auto back = mirror_coordinates(coordinates, mirrored);
  const std::vector<double> expected{0.3, 0.3, 0.9, 0.2, 0.5, 0.9};
  for (std::size_t i = 0; i < 6; ++i) CHECK(back.values()[i] == Approx(expected[i]));
  const auto twice = mirror_coordinates(back, mirrored);
  for (std::size_t i = 0; i < 6; ++i) CHECK(twice.values()[i] == Approx(coordinates.values()[i]));
  CHECK_THROWS_WITH(mirror_coordinates(Tensord::zeros({1, 4}), mirrored),
                    "[mirror_coordinates] coordinates [1, 4] must be [N, 6]");
}

TEST_CASE("The average of a face and its mirror image does not depend on which of them is given") {
  // Says where the brightness is: x of one point, from the left and right half of the image.
  const auto model = [](const Tensord& images) {
    const auto left = sum(slice(images, 3, 0, 2)), right = sum(slice(images, 3, 2, 4));
    const double l = left.item(), r = right.item();
    return Tensord::from({1, 2}, {(0.2 * l + 0.9 * r) / (l + r), 0.25});  // a model that leans to the right
  };
  const std::vector<int> mirrored{0};
  const auto image = Tensord::from({1, 1, 1, 4}, {1, 2, 3, 4});
  const auto seen = mirror_average(model, image, mirrored),
             in_mirror = mirror_average(model, mirror_images(image), mirrored);
  CHECK(seen.at({0, 0}) == Approx(((0.2 * 3 + 0.9 * 7) / 10 + 1 - (0.2 * 7 + 0.9 * 3) / 10) / 2));
  CHECK(seen.at({0, 0}) == Approx(1 - in_mirror.at({0, 0})));
  CHECK(seen.at({0, 1}) == Approx(0.25));
}
