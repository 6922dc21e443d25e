#include "lab/src/face_collage.hpp"

#include "nasion/vision/draw.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using lab::FaceCollages;
using lab::FacePhoto;

namespace {

/// A bright disc on black, as wide as the box around the points.
FacePhoto disc(int width, int height, vision::Point middle, double radius) {
  vision::Image photo(width, height, 3);
  vision::draw_point(photo, middle, vision::colours::white, radius);
  const double r = radius;
  return {photo,
          {{middle.x - r, middle.y}, {middle.x + r, middle.y}, {middle.x, middle.y - r}, {middle.x, middle.y + r}}};
}

struct Counts {
  int faces = 0, nothing = 0, ignored = 0, bright = 0;
};

/// Of all cells; and how many of the faces have something bright in their middle.
Counts count(const FaceCollages& collages) {
  constexpr int cells = FaceCollages::cells, area = cells * cells;
  Counts counts;
  for (Index i = 0; i < collages.size(); ++i) {
    Rng rng = Rng(4).split(static_cast<std::uint64_t>(i));
    const auto example = collages.get(i, rng);
    const auto target = example.target.values(), pixels = example.input.values();
    for (int k = 0; k < area; ++k) {
      const auto at = [&](int channel) {
        return static_cast<double>(target[static_cast<std::size_t>(channel * area + k)]);
      };
      if (at(0) == 1) {
        ++counts.faces;
        CHECK(at(1) == 1);
        const auto box = FaceCollages::Finder::face_of({at(2), at(3), at(4)}, FaceCollages::Finder::place(k % cells),
                                                       FaceCollages::Finder::place(k / cells));
        CHECK(std::abs(std::log2(box.width / 32)) < 0.36);
        const int x = std::clamp(static_cast<int>(box.x + box.width / 2), 0, FaceCollages::side - 1);
        const int y = std::clamp(static_cast<int>(box.y + box.width / 2), 0, FaceCollages::side - 1);
        counts.bright += pixels[static_cast<std::size_t>(y * FaceCollages::side + x)] > 0;
      } else {
        (at(1) == 1 ? counts.nothing : counts.ignored) += 1;
      }
    }
  }
  return counts;
}

}  // namespace

TEST_CASE("A photo is kept small and grey, with its points") {
  const auto photo = disc(800, 400, {300, 200}, 128);
  CHECK(photo.image.width == 200);
  CHECK(photo.image.height == 100);
  CHECK(photo.image.channels == 1);
  CHECK(photo.points[1].x == Approx(107));
  CHECK(photo.points[1].y == Approx(50));
  CHECK(disc(90, 60, {30, 30}, 20).image.width == 90);  // small already
}

TEST_CASE("Collages have faces where their cells say so") {
  const std::vector<FacePhoto> photos{disc(128, 128, {64, 64}, 32), disc(200, 120, {90, 50}, 30)};
  const FaceCollages collages(photos, 60);
  CHECK(collages.size() == 60);
  Rng rng(1);
  const auto example = collages.get(0, rng);
  CHECK(example.input.shape() == Shape{1, 128, 128});
  CHECK(example.target.shape() == Shape{5, 16, 16});
  for (const float v : example.input.values()) REQUIRE(std::abs(v) <= 0.5f);

  const auto counts = count(collages);
  CHECK(counts.faces > 60);
  CHECK(counts.bright > 0.85 * counts.faces);  // some are hidden in part
  CHECK(counts.nothing > 0.6 * 60 * 256);
}

TEST_CASE("Nothing is learned from faces that nobody labelled, and a closer look is taken at what looks like one") {
  const std::vector<FacePhoto> plain{disc(128, 128, {64, 64}, 32)};
  auto unlabelled = plain, lookalikes = plain;
  unlabelled[0].unlabelled = {{0, 0, 48, 48}, {70, 0, 40, 40}};
  lookalikes[0].lookalikes = {{0, 0, 16, 16}};
  const auto before = count(FaceCollages(plain, 60));
  CHECK(count(FaceCollages(unlabelled, 60)).ignored > 1.3 * before.ignored);
  // Pieces that are aimed at a small thing show the face too large for these cells.
  CHECK(count(FaceCollages(lookalikes, 60)).faces < 0.8 * before.faces);
}

TEST_CASE("A collage depends on its generator alone") {
  const std::vector<FacePhoto> photos{disc(128, 128, {64, 64}, 32)};
  const FaceCollages collages(photos, 5);
  Rng a(8), b(8), other(9);
  const auto example = collages.get(0, a);
  CHECK(test::identical(example.input, collages.get(3, b).input));
  CHECK_FALSE(test::identical(example.input, collages.get(0, other).input));
}

TEST_CASE("No photos, no collages") {
  const std::vector<FacePhoto> none;
  CHECK_THROWS_AS(FaceCollages(none, 5), ValueError);
}
