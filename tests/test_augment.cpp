#include "nasion/vision/augment.hpp"

#include <numbers>

#include "support/catch.hpp"

using namespace nasion;
using namespace nasion::vision;

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
  draw_augmentation({.shift = 0.2, .rotation = 10, .scale = 0.1, .brightness = 0.1}, 20, 10, b);
  CHECK(a.state() == b.state());
}

TEST_CASE("Ranges that make no sense are refused") {
  Rng rng(6);
  CHECK_THROWS_AS(draw_augmentation({.shift = -0.1}, 20, 10, rng), ValueError);
  CHECK_THROWS_AS(draw_augmentation({.flip = 1.5}, 20, 10, rng), ValueError);
}
