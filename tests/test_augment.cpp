#include "nasion/vision/augment.hpp"

#include <numbers>
#include <vector>

#include "support/catch.hpp"

using namespace nasion;
using namespace nasion::vision;

namespace {

constexpr int width = 80, height = 60;

/// A plane of middle grey, changed by the n-th draw.
std::vector<float> changed(const Augmentation& augmentation, std::uint64_t n) {
  Rng rng = Rng(11).split(n);
  std::vector<float> values(width * height);
  change_pixels(draw_augmentation(augmentation, width, height, rng), values, width, height);
  return values;
}

double deviation(const std::vector<float>& values) {
  double sum = 0, squares = 0;
  for (const double v : values) sum += v, squares += v * v;
  const auto n = static_cast<double>(values.size());
  return std::sqrt(squares / n - sum * sum / (n * n));
}

}  // namespace

TEST_CASE("No augmentation changes nothing") {
  Rng rng(1);
  const auto draw = draw_augmentation({}, 160, 120, rng);
  const Point p = draw.affine({30, 40});
  CHECK(p.x == Approx(30));
  CHECK(p.y == Approx(40));
  CHECK_FALSE(draw.mirrored);
  CHECK(draw.light(0.25f) == 0.25f);
}

TEST_CASE("Each range is kept, and used up to its ends") {
  Rng rng(2);
  double most_shift = 0, most_angle = 0, most_factor = 0, least_factor = 9;
  int mirrored = 0;
  for (int i = 0; i < 2000; ++i) {
    const auto moved = draw_augmentation({.shift = 0.1}, 200, 100, rng).affine({0, 0});
    CHECK(std::abs(moved.x) <= 20);
    CHECK(std::abs(moved.y) <= 10);
    most_shift = std::max(most_shift, std::abs(moved.x));

    const auto turned = draw_augmentation({.rotation = 30}, 200, 100, rng).affine;
    const double angle = std::atan2(turned.yx, turned.xx) * 180 / std::numbers::pi;
    CHECK(std::abs(angle) <= 30.001);
    most_angle = std::max(most_angle, std::abs(angle));
    const Point centre = turned({100, 50});
    CHECK(centre.x == Approx(100));
    CHECK(centre.y == Approx(50));

    const double factor = draw_augmentation({.scale = 0.25}, 200, 100, rng).affine.xx;
    most_factor = std::max(most_factor, factor);
    least_factor = std::min(least_factor, factor);

    mirrored += draw_augmentation({.flip = 0.3}, 200, 100, rng).mirrored;
  }
  CHECK(most_shift > 19);
  CHECK(most_angle > 29);
  CHECK(most_factor > 1.24);
  CHECK(most_factor <= 1.25 + 1e-9);
  CHECK(least_factor < 0.81);
  CHECK(least_factor >= 0.8 - 1e-9);
  CHECK(mirrored > 500);
  CHECK(mirrored < 700);
}

TEST_CASE("A mirrored draw maps left to right") {
  Rng rng(3);
  const auto draw = draw_augmentation({.flip = 1}, 200, 100, rng);
  CHECK(draw.mirrored);
  CHECK(draw.affine({10, 20}).x == Approx(190));
  CHECK(draw.affine({10, 20}).y == Approx(20));
}

TEST_CASE("Light stays within the range of grey values") {
  Rng rng(4);
  for (int i = 0; i < 200; ++i) {
    const auto draw = draw_augmentation({.brightness = 0.5, .contrast = 1}, 20, 10, rng);
    CHECK(draw.gain >= 0.5);
    CHECK(draw.gain <= 2);
    for (const float v : {-0.5f, 0.0f, 0.5f}) CHECK(std::abs(draw.light(v)) <= 0.5f);
  }
}

TEST_CASE("Settings do not shift the random numbers of other settings") {
  Rng a(5), b(5);
  draw_augmentation({.flip = 0.5}, 20, 10, a);
  draw_augmentation({.shift = 0.2, .rotation = 10, .scale = 0.1, .brightness = 0.1, .blur = 1, .occlusion = 1}, 20, 10,
                    b);
  CHECK(a.state() == b.state());
}

TEST_CASE("What is drawn for a seed stays the same from version to version") {
  // Measured results name their seed. New settings draw their numbers after all others.
  const Augmentation augmentation{
      .shift = 0.1, .rotation = 20, .scale = 0.2, .flip = 0.5, .brightness = 0.2, .contrast = 0.3};
  struct Expected {
    Affine affine;
    bool mirrored;
    double gain, offset;
  };
  const Expected expected[] = {{{1.164847343495228, -0.085819174028599274, 3.6499018209624721, 0.085819174028599274,
                                 1.164847343495228, -20.196702898998289},
                                false,
                                0.81955578123140416,
                                0.025962552986880952},
                               {{-0.82105048461383834, 0.21197769272175415, 120.44514669368945, 0.21197769272175415,
                                 0.82105048461383834, -12.047143253507876},
                                true,
                                0.953799514497782,
                                0.0617979565767151}};
  for (std::uint64_t i = 0; i < 2; ++i) {
    Rng rng = Rng(7).split(3 + i);
    const auto draw = draw_augmentation(augmentation, 160, 120, rng);
    const auto& [affine, mirrored, gain, offset] = expected[i];
    CHECK(draw.affine.xx == Approx(affine.xx).epsilon(1e-12));
    CHECK(draw.affine.xy == Approx(affine.xy).epsilon(1e-12));
    CHECK(draw.affine.x0 == Approx(affine.x0).epsilon(1e-12));
    CHECK(draw.affine.yx == Approx(affine.yx).epsilon(1e-12));
    CHECK(draw.affine.yy == Approx(affine.yy).epsilon(1e-12));
    CHECK(draw.affine.y0 == Approx(affine.y0).epsilon(1e-12));
    CHECK(draw.mirrored == mirrored);
    CHECK(draw.gain == Approx(gain).epsilon(1e-12));
    CHECK(draw.offset == Approx(offset).epsilon(1e-12));
    CHECK(draw.blur == 0);
    CHECK(draw.noise == 0);
    CHECK_FALSE(draw.patch);
  }
}

TEST_CASE("Half of the images are blurred, up to the largest deviation") {
  int blurred = 0;
  double most = 0;
  Rng rng(8);
  for (int i = 0; i < 2000; ++i) {
    const auto draw = draw_augmentation({.blur = 2}, width, height, rng);
    CHECK(draw.blur >= 0);
    CHECK(draw.blur <= 2);
    blurred += draw.blur > 0;
    most = std::max(most, draw.blur);
  }
  CHECK(blurred > 900);
  CHECK(blurred < 1100);
  CHECK(most > 1.98);
}

TEST_CASE("Noise has the deviation drawn, and stays within the range of grey values") {
  double most = 0;
  for (std::uint64_t i = 0; i < 50; ++i) {
    Rng rng = Rng(11).split(i);
    const auto draw = draw_augmentation({.noise = 0.1}, width, height, rng);
    CHECK(draw.noise <= 0.1);
    CHECK(deviation(changed({.noise = 0.1}, i)) == Approx(draw.noise).epsilon(0.05));
    most = std::max(most, draw.noise);
  }
  CHECK(most > 0.09);
  for (const float v : changed({.noise = 9}, 1)) CHECK(std::abs(v) <= 0.5f);
}

TEST_CASE("A patch lies inside, is as large as promised, and nothing else changes") {
  int occluded = 0, plain = 0;
  for (std::uint64_t i = 0; i < 400; ++i) {
    Rng rng = Rng(11).split(i);
    const auto draw = draw_augmentation({.occlusion = 0.5}, width, height, rng);
    const auto values = changed({.occlusion = 0.5}, i);
    const auto covered = std::ranges::count_if(values, [](float v) { return v != 0; });
    occluded += draw.patch.has_value();
    if (!draw.patch) {
      CHECK(covered == 0);
      continue;
    }
    const Box& box = draw.patch->box;
    CHECK(box.x >= 0);
    CHECK(box.y >= 0);
    CHECK(box.x + box.width <= 1);
    CHECK(box.y + box.height <= 1);
    CHECK(std::min(box.width, box.height) >= 0.1);
    CHECK(std::max(box.width, box.height) <= 0.4);
    CHECK(std::abs(static_cast<double>(covered) - box.width * width * box.height * height) < 40);
    plain += draw.patch->grey.has_value();
    if (draw.patch->grey)
      CHECK(std::ranges::count(values, *draw.patch->grey) == covered);
    else
      CHECK(deviation(values) > 0);
  }
  CHECK(occluded > 160);
  CHECK(occluded < 240);
  CHECK(plain > occluded / 3);
  CHECK(plain < 2 * occluded / 3);
}

TEST_CASE("Every draw has noise of its own, the same each time it is applied") {
  const Augmentation augmentation{.noise = 0.1, .occlusion = 1};
  Rng rng(12);
  const auto first = draw_augmentation(augmentation, width, height, rng);
  const auto second = draw_augmentation(augmentation, width, height, rng);
  const auto apply = [](const AugmentationDraw& draw) {
    std::vector<float> values(width * height);
    change_pixels(draw, values, width, height);
    return values;
  };
  CHECK(apply(first) == apply(first));
  CHECK(apply(first) != apply(second));
}

TEST_CASE("Ranges that make no sense are refused") {
  Rng rng(6);
  CHECK_THROWS_AS(draw_augmentation({.shift = -0.1}, 20, 10, rng), ValueError);
  CHECK_THROWS_AS(draw_augmentation({.flip = 1.5}, 20, 10, rng), ValueError);
  CHECK_THROWS_AS(draw_augmentation({.blur = -1}, 20, 10, rng), ValueError);
  CHECK_THROWS_AS(draw_augmentation({.noise = -0.1}, 20, 10, rng), ValueError);
  CHECK_THROWS_WITH(draw_augmentation({.occlusion = 1.1}, 20, 10, rng),
                    ContainsSubstring("probabilities of flip and occlusion at most 1"));
}

TEST_CASE("Shifts may differ along width and height") {
  Rng rng(3);
  double most_x = 0, most_y = 0;
  for (int i = 0; i < 200; ++i) {
    const auto moved = draw_augmentation({.shift = {10.0 / 160, 10.0 / 120}}, 160, 120, rng).affine({0, 0});
    most_x = std::max(most_x, std::abs(moved.x));
    most_y = std::max(most_y, std::abs(moved.y));
  }
  CHECK(most_x == Approx(10).margin(0.5));
  CHECK(most_y == Approx(10).margin(0.5));
  CHECK_THROWS_AS(draw_augmentation({.shift = {0.1, -0.1}}, 20, 10, rng), ValueError);
}

TEST_CASE("change_pixels refuses values that are no image of the size") {
  std::vector<float> values(16);
  CHECK_THROWS_WITH(change_pixels({}, values, 100, 100), ContainsSubstring("16 values are no image of 100 x 100"));
}
