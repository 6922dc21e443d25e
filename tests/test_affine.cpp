#include "nasion/vision/affine.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "nasion/core/random.hpp"
#include "support/catch.hpp"

using namespace nasion;
using namespace nasion::vision;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

Image noise(int width, int height, int channels) {
  Image image(width, height, channels);
  Rng rng(static_cast<std::uint64_t>(width * height));
  for (auto& value : image.pixels) value = static_cast<std::uint8_t>(rng.below(256));
  return image;
}

void check_point(Point actual, Point expected) {
  CHECK(actual.x == Approx(expected.x).margin(1e-12));
  CHECK(actual.y == Approx(expected.y).margin(1e-12));
}

int worst_difference(const Image& a, const Image& b) {
  REQUIRE(a.width == b.width);
  REQUIRE(a.pixels.size() == b.pixels.size());
  int worst = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) worst = std::max(worst, std::abs(a.pixels[i] - b.pixels[i]));
  return worst;
}

/// The definition, one sample at a time: bilinear at continuous coordinates, edge pixels repeated or a constant around.
double sample(const Image& image, Point at, int channel, const WarpOptions& options) {
  const auto pixel = [&](double x, double y) -> double {
    const bool inside = x >= 0 && y >= 0 && x < image.width && y < image.height;
    if (!inside && options.border == WarpOptions::Border::constant) return options.fill;
    return image.at(static_cast<int>(std::clamp(x, 0.0, image.width - 1.0)),
                    static_cast<int>(std::clamp(y, 0.0, image.height - 1.0)))[channel];
  };
  const double x = at.x - 0.5, y = at.y - 0.5, x0 = std::floor(x), y0 = std::floor(y), fx = x - x0, fy = y - y0;
  return (1 - fy) * ((1 - fx) * pixel(x0, y0) + fx * pixel(x0 + 1, y0)) +
         fy * ((1 - fx) * pixel(x0, y0 + 1) + fx * pixel(x0 + 1, y0 + 1));
}

Image naive_warp(const Image& image, const Affine& affine, int width, int height, const WarpOptions& options) {
  const Affine back = affine.inverse();
  const int nx = std::max(1, static_cast<int>(std::ceil(std::hypot(back.xx, back.yx) - 0.01)));
  const int ny = std::max(1, static_cast<int>(std::ceil(std::hypot(back.xy, back.yy) - 0.01)));
  Image out(width, height, image.channels);
  for (int v = 0; v < height; ++v)
    for (int u = 0; u < width; ++u)
      for (int c = 0; c < image.channels; ++c) {
        double sum = 0;
        for (int j = 0; j < ny; ++j)
          for (int i = 0; i < nx; ++i) sum += sample(image, back({u + (i + 0.5) / nx, v + (j + 0.5) / ny}), c, options);
        out.at(u, v)[c] = static_cast<std::uint8_t>(std::floor(sum / (nx * ny) + 0.5));
      }
  return out;
}

}  // namespace

TEST_CASE("Affine factories move points as they say") {
  const Point p{3, 5};
  check_point(Affine{}(p), p);
  check_point(Affine::translate(2, -1)(p), {5, 4});
  check_point(Affine::scale(2, 3)(p), {6, 15});
  check_point(Affine::flip(10)(p), {7, 5});
  check_point(Affine::rotate(std::numbers::pi / 2)(p), {-5, 3});  // from right to down: clockwise on the screen
  check_point(Affine::rotate(0.7, {3, 5})(p), p);
  check_point(Affine::rotate(std::numbers::pi, {4, 4})(p), {5, 3});
  const Affine fit = Affine::fit({10, 20, 40, 30}, 80, 60);
  check_point(fit({10, 20}), {0, 0});
  check_point(fit({50, 50}), {80, 60});
  check_point(fit({30, 20}), {40, 0});
}

TEST_CASE("Affine::then goes from left to right, inverse back again") {
  const Affine shift = Affine::translate(1, 2), grow = Affine::scale(3, 4);
  check_point(shift.then(grow)({0, 0}), {3, 8});
  check_point(grow.then(shift)({0, 0}), {1, 2});
  const Affine chain = shift.then(Affine::rotate(0.4, {5, 6})).then(grow).then(Affine::flip(20));
  const Point p{7, -3};
  check_point(chain(p), Affine::flip(20)(grow(Affine::rotate(0.4, {5, 6})(shift(p)))));
  check_point(chain.inverse()(chain(p)), p);
  check_point(chain.then(chain.inverse())(p), p);
}

TEST_CASE("what has no inverse or no area is an error") {
  CHECK_THROWS_AS(Affine::scale(0, 1).inverse(), ValueError);
  CHECK_THROWS_AS((Affine{1, 2, 0, 2, 4, 0}.inverse()), ValueError);
  CHECK_THROWS_AS(Affine::scale(1e-300, 1e-300).inverse(), ValueError);
  CHECK_THROWS_AS(Affine::translate(nan_value, 0).inverse(), ValueError);
  CHECK_THROWS_AS(Affine::translate(0, infinity).inverse(), ValueError);
  CHECK_THROWS_AS(Affine::scale(infinity, 1).inverse(), ValueError);
  CHECK_THROWS_AS(Affine::fit({0, 0, 0, 5}, 10, 10), ValueError);
  CHECK_THROWS_AS(Affine::fit({0, 0, 5, nan_value}, 10, 10), ValueError);
  const Image image(4, 4, 1);
  CHECK_THROWS_AS(warp(image, Affine::scale(0, 0), 4, 4), ValueError);
  CHECK_THROWS_AS(warp(image, Affine{}, 0, 4), ValueError);
  CHECK_THROWS_AS(warp(image, Affine{}, 4, -1), ValueError);
  CHECK_THROWS_AS(warp(Image(), Affine{}, 4, 4), ValueError);
  CHECK_THROWS_AS(resize(Image(), 4, 4), ValueError);
}

TEST_CASE("warp: identity, whole-pixel shifts, flips and quarter turns are exact") {
  for (const int channels : {1, 3}) {
    const Image image = noise(17, 11, channels);
    CHECK(warp(image, Affine{}, 17, 11) == image);
    CHECK(resize(image, 17, 11) == image);
    const Image shifted = warp(image, Affine::translate(3, -2), 17, 11);
    const Image flipped = warp(image, Affine::flip(17), 17, 11);
    const Image turned = warp(image, Affine::rotate(std::numbers::pi / 2).then(Affine::translate(11, 0)), 11, 17);
    for (int y = 0; y < 11; ++y)
      for (int x = 0; x < 17; ++x)
        for (int c = 0; c < channels; ++c) {
          CHECK(shifted.at(x, y)[c] == image.at(std::max(x - 3, 0), std::min(y + 2, 10))[c]);
          CHECK(flipped.at(x, y)[c] == image.at(16 - x, y)[c]);
          CHECK(turned.at(10 - y, x)[c] == image.at(x, y)[c]);
        }
  }
}

TEST_CASE("warp surrounds the image with the constant asked for") {
  const Image image(4, 4, 1, 200);
  const WarpOptions options{.border = WarpOptions::Border::constant, .fill = 10};
  const Image shifted = warp(image, Affine::translate(2, 0), 8, 4, options);
  for (int x = 0; x < 8; ++x) CHECK(int{shifted.at(x, 1)[0]} == (x >= 2 && x < 6 ? 200 : 10));
  CHECK(int{warp(image, Affine::translate(0.5, 0), 4, 4, options).at(0, 0)[0]} == 105);
  CHECK(warp(image, Affine::translate(1e6, 0), 8, 4, options) == Image(8, 4, 1, 10));
  CHECK(warp(image, Affine::rotate(1).then(Affine::translate(1e6, 1e9)), 8, 4, options) == Image(8, 4, 1, 10));
  CHECK(warp(image, Affine::rotate(1).then(Affine::translate(1e6, 1e9)), 8, 4) == Image(8, 4, 1, 200));
}

TEST_CASE("warp: shrinking by an integer factor is the box average") {
  for (const int factor : {2, 3, 4, 8}) {
    CAPTURE(factor);
    const Image image = noise(10 * factor, 6 * factor, 3);
    Image expected(10, 6, 3);
    for (int y = 0; y < 6; ++y)
      for (int x = 0; x < 10; ++x)
        for (int c = 0; c < 3; ++c) {
          int sum = 0;
          for (int j = 0; j < factor; ++j)
            for (int i = 0; i < factor; ++i) sum += image.at(factor * x + i, factor * y + j)[c];
          expected.at(x, y)[c] = static_cast<std::uint8_t>((2 * sum + factor * factor) / (2 * factor * factor));
        }
    CHECK(worst_difference(resize(image, 10, 6), expected) <= (factor == 3 ? 1 : 0));
    // A turn by 180 degrees takes the general way; flipping both axes undoes it.
    const double pi = std::numbers::pi;
    const Affine turned = Affine::rotate(pi).then(Affine::translate(10 * factor, 6 * factor));
    const Affine back = Affine::scale(-1, -1).then(Affine::translate(10 * factor, 6 * factor));
    const Image half = warp(warp(image, back, 10 * factor, 6 * factor),
                            turned.then(Affine::fit({0, 0, 10.0 * factor, 6.0 * factor}, 10, 6)), 10, 6);
    CHECK(worst_difference(half, expected) <= 1);
  }
}

TEST_CASE("warp agrees with the definition for any map and border") {
  const Image image = noise(31, 23, 3);
  using Border = WarpOptions::Border;
  const Affine maps[] = {
      Affine::translate(0.25, -0.75),
      Affine::scale(0.4, 0.7),
      Affine::scale(2.5, 1.3).then(Affine::flip(40)),
      Affine::rotate(0.3, {15, 11}),
      Affine::rotate(-2, {15, 11}).then(Affine::scale(0.3, 0.45)),
      Affine{0.8, 0.3, 1, -0.2, 1.1, 4},
      Affine::fit({-10, -5, 60, 40}, 40, 30).then(Affine::rotate(0.1)),
  };
  for (const Affine& map : maps)
    for (const WarpOptions options : {WarpOptions{}, WarpOptions{.border = Border::constant, .fill = 77}}) {
      CAPTURE(map.xx, map.xy, map.x0, options.fill);
      CHECK(worst_difference(warp(image, map, 40, 30, options), naive_warp(image, map, 40, 30, options)) <= 1);
    }
}

TEST_CASE("warp moves a spot to where the map moves its centre") {
  Image image(80, 60, 1);
  for (int y = 20; y < 26; ++y)
    for (int x = 50; x < 56; ++x) *image.at(x, y) = 240;
  const Point centre{53, 23};
  const Affine maps[] = {Affine::rotate(0.5, {40, 30}), Affine::fit({0, 0, 80, 60}, 40, 30),
                         Affine::flip(80).then(Affine::rotate(-0.3, {40, 30})).then(Affine::scale(0.6, 0.8)),
                         Affine::translate(-7.3, 4.6)};
  for (const Affine& map : maps) {
    const Image out = warp(image, map, 80, 60);
    double mass = 0, x_sum = 0, y_sum = 0;
    for (int y = 0; y < out.height; ++y)
      for (int x = 0; x < out.width; ++x) {
        mass += *out.at(x, y);
        x_sum += *out.at(x, y) * (x + 0.5);
        y_sum += *out.at(x, y) * (y + 0.5);
      }
    CHECK(x_sum / mass == Approx(map(centre).x).margin(0.03));
    CHECK(y_sum / mass == Approx(map(centre).y).margin(0.03));
  }
}

TEST_CASE("warp keeps an even picture even, however small or far it gets") {
  const Image image(300, 200, 3, 123);
  for (const double scale : {1e-9, 1e-3, 0.013, 0.37, 1.7, 30.0, 1e9}) {
    CAPTURE(scale);
    CHECK(warp(image, Affine::scale(scale, scale), 9, 7) == Image(9, 7, 3, 123));
    CHECK(warp(image, Affine::scale(scale, scale).then(Affine::rotate(0.2)), 9, 7) == Image(9, 7, 3, 123));
  }
  CHECK(resize(Image(1, 1, 1, 9), 5, 3) == Image(5, 3, 1, 9));
}

TEST_CASE("a fine pattern shrinks to its mean instead of aliasing") {
  Image stripes(240, 240, 1);
  for (int y = 0; y < 240; ++y)
    for (int x = 0; x < 240; ++x) *stripes.at(x, y) = x % 2 == 0 ? 0 : 200;
  for (const double angle : {0.0, 0.2}) {
    const Image small = warp(stripes, Affine::rotate(angle, {120, 120}).then(Affine::scale(0.125, 0.125)), 30, 30);
    for (int y = 10; y < 20; ++y)
      for (int x = 10; x < 20; ++x) CHECK(std::abs(*small.at(x, y) - 100) <= 12);
  }
}
