#include "nasion/vision/draw.hpp"

#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace nasion;
using namespace nasion::vision;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

Colour colour_at(const Image& image, int x, int y) {
  const std::uint8_t* p = image.at(x, y);
  return {p[0], p[1], p[2]};
}

/// How much white was put on a black image, in pixels, and its centre.
struct Ink {
  double area = 0;
  Point centre;
};

Ink ink(const Image& image) {
  Ink sum;
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      const double value = image.at(x, y)[0] / 255.0;
      sum.area += value;
      sum.centre.x += value * (x + 0.5);
      sum.centre.y += value * (y + 0.5);
    }
  sum.centre = {sum.centre.x / sum.area, sum.centre.y / sum.area};
  return sum;
}

}  // namespace

TEST_CASE("draw_point fills a disc of its area around its centre, between pixels too") {
  for (const Point at : {Point{20, 15}, Point{20.5, 15.5}, Point{17.3, 14.8}}) {
    Image image(40, 30, 3);
    draw_point(image, at, colours::white, 5);
    CHECK(ink(image).area == Approx(std::numbers::pi * 25).epsilon(0.03));
    CHECK(ink(image).centre.x == Approx(at.x).margin(0.02));
    CHECK(ink(image).centre.y == Approx(at.y).margin(0.02));
    CHECK(colour_at(image, static_cast<int>(at.x), static_cast<int>(at.y)) == colours::white);
    CHECK(colour_at(image, 0, 0) == colours::black);
  }
}

TEST_CASE("draw_line and draw_circle have the width asked for") {
  Image image(60, 60, 3);
  draw_line(image, {10, 30}, {50, 30}, colours::white, 3);
  CHECK(ink(image).area == Approx(40 * 3 + std::numbers::pi * 1.5 * 1.5).epsilon(0.03));
  CHECK(ink(image).centre.x == Approx(30));
  CHECK(ink(image).centre.y == Approx(30));

  Image slanted(60, 60, 3);
  draw_line(slanted, {10, 12}, {50, 42}, colours::white, 2);
  CHECK(ink(slanted).area == Approx(50 * 2 + std::numbers::pi).epsilon(0.04));

  Image ring(60, 60, 3);
  draw_circle(ring, {30, 30}, colours::white, 20, 2);
  CHECK(ink(ring).area == Approx(2 * std::numbers::pi * 20 * 2).epsilon(0.03));
  CHECK(colour_at(ring, 30, 30) == colours::black);

  Image dot(20, 20, 3);
  draw_line(dot, {10, 10}, {10, 10}, colours::white, 4);
  CHECK(ink(dot).area == Approx(std::numbers::pi * 4).epsilon(0.1));
}

TEST_CASE("draw_box joins its four corners") {
  Image image(40, 40, 3);
  draw_box(image, {10.5, 8.5, 20, 15}, colours::red);
  for (const auto& [x, y] : {std::pair{10, 8}, {30, 8}, {30, 23}, {10, 23}, {20, 8}, {30, 15}})
    CHECK(colour_at(image, x, y) == colours::red);
  CHECK(colour_at(image, 20, 15) == colours::black);
}

TEST_CASE("what lies outside is cut off, what is not finite draws nothing") {
  Image image(20, 10, 3);
  draw_point(image, {0, 0}, colours::white, 3);
  CHECK(colour_at(image, 0, 0) == colours::white);
  Image blank(20, 10, 3);
  for (const double far : {-1e3, 1e6, -1e300, infinity, -infinity, nan_value}) {
    draw_point(blank, {far, 5}, colours::white);
    draw_circle(blank, {5, far}, colours::white, 3);
    draw_line(blank, {far, far}, {far, far}, colours::white);
    draw_points(blank, {{far, far}}, {});
  }
  draw_line(blank, {nan_value, 2}, {10, 5}, colours::white);
  draw_point(blank, {5, 5}, colours::white, nan_value);
  draw_point(blank, {5, 5}, colours::white, -3);
  CHECK(blank == Image(20, 10, 3));
  draw_line(blank, {-1e9, 5}, {1e9, 5}, colours::white, 3);
  CHECK(colour_at(blank, 10, 5) == colours::white);
}

TEST_CASE("drawing needs an RGB image") {
  Image grey(8, 8, 1), empty;
  CHECK_THROWS_AS(draw_point(grey, {1, 1}, colours::red), ValueError);
  CHECK_THROWS_AS(draw_line(grey, {1, 1}, {2, 2}, colours::red), ValueError);
  CHECK_THROWS_AS(draw_circle(empty, {1, 1}, colours::red, 2), ValueError);
  CHECK_THROWS_AS(draw_text(grey, 0, 0, "text"), ValueError);
  CHECK_THROWS_WITH(draw_point(grey, {1, 1}, colours::red), ContainsSubstring("to_rgb"));
}

TEST_CASE("draw_points draws points and the lines between them") {
  const Points points{{10, 10}, {30, 10}, {30, 30}};
  const PointPath open[] = {{"open", 0, 2, false}}, closed[] = {{"closed", 0, 2, true}},
                  beyond[] = {{"beyond", 0, 3, false}};
  Image dots(40, 40, 3), lines(40, 40, 3), loop(40, 40, 3);
  draw_points(dots, points, {.colour = colours::white});
  CHECK(ink(dots).area == Approx(3 * std::numbers::pi * 4).epsilon(0.05));
  draw_points(lines, points, {.colour = colours::white, .radius = 0, .paths = open, .line_width = 2});
  CHECK(ink(lines).area == Approx(2 * 20 * 2).epsilon(0.1));
  draw_points(loop, points, {.colour = colours::white, .radius = 0, .paths = closed, .line_width = 2});
  CHECK(colour_at(loop, 20, 20) == colours::white);
  CHECK(colour_at(lines, 20, 20) == colours::black);
  CHECK_THROWS_AS(draw_points(loop, points, {.paths = beyond}), ValueError);
}

TEST_CASE("draw_errors shows truth, prediction and what lies between in three colours") {
  Image image(40, 20, 3);
  draw_errors(image, {{10, 10}}, {{30, 10}});
  CHECK(colour_at(image, 9, 9) == colours::green);
  CHECK(colour_at(image, 29, 9) == colours::red);
  CHECK(colour_at(image, 20, 9).green > colour_at(image, 20, 9).blue);
  CHECK(colour_at(image, 20, 9).red > 100);
  CHECK_THROWS_AS(draw_errors(image, {{1, 1}}, {}), ValueError);
}

TEST_CASE("draw_text puts ink where its width says, scaled by whole pixels") {
  const std::string text = "val 0.25 px";
  Image small(100, 16, 3), large(200, 32, 3);
  draw_text(small, 0, 0, text, colours::white);
  draw_text(large, 0, 0, text, colours::white, 2);
  CHECK(ink(small).area > 50);
  CHECK(ink(large).area == Approx(4 * ink(small).area));
  int right = 0, bottom = 0;
  for (int y = 0; y < small.height; ++y)
    for (int x = 0; x < small.width; ++x)
      if (small.at(x, y)[0] > 0) {
        right = std::max(right, x);
        bottom = std::max(bottom, y);
      }
  CHECK(right < text_width(text));
  CHECK(right > text_width(text) - 4);
  CHECK(bottom < text_height);
}

TEST_CASE("draw_text takes any bytes, any place, any length") {
  Image image(50, 20, 3), question(50, 20, 3);
  draw_text(image, 0, 0, "\xE4\x01\t", colours::white);
  draw_text(question, 0, 0, "???", colours::white);
  CHECK(image == question);
  draw_text(image, -1000, 1 << 30, "outside");
  draw_text(image, 0, 0, std::string(100'000, 'W'));
  draw_text(image, 0, 0, "");
  std::string all;
  for (char c = ' '; c < '\x7F'; ++c) {
    Image glyph(20, 20, 3);
    draw_text(glyph, 2, 2, std::string(1, c), colours::white);
    CAPTURE(c);
    CHECK((ink(glyph).area > 0) == (c != ' '));
  }
  CHECK_THROWS_AS(draw_text(image, 0, 0, "x", colours::red, 0), ValueError);
}

TEST_CASE("contact_sheet lays out cells with padding, the last row short") {
  const std::vector<Image> images{Image(10, 8, 1, 50), Image(10, 8, 3, 100), Image(10, 8, 1, 150)};
  const Image sheet = contact_sheet(images, {.columns = 2, .padding = 4, .background = colours::blue});
  CHECK(sheet.width == 4 + 2 * (10 + 4));
  CHECK(sheet.height == 4 + 2 * (8 + 4));
  CHECK(colour_at(sheet, 0, 0) == colours::blue);
  CHECK(colour_at(sheet, 4, 4) == Colour{50, 50, 50});
  CHECK(colour_at(sheet, 13, 11) == Colour{50, 50, 50});
  CHECK(colour_at(sheet, 14, 11) == colours::blue);
  CHECK(colour_at(sheet, 18, 4) == Colour{100, 100, 100});
  CHECK(colour_at(sheet, 4, 16) == Colour{150, 150, 150});
  CHECK(colour_at(sheet, 18, 16) == colours::blue);
}

TEST_CASE("contact_sheet enlarges small pictures, keeps their proportions and centres them") {
  const std::vector<Image> images{Image(8, 4, 1, 200)};
  const Image sheet = contact_sheet(images, {.cell_width = 40, .cell_height = 40, .padding = 0});
  CHECK(sheet.width == 40);
  CHECK(colour_at(sheet, 0, 10) == Colour{200, 200, 200});
  CHECK(colour_at(sheet, 39, 29) == Colour{200, 200, 200});
  CHECK(colour_at(sheet, 20, 9) == colours::white);
  CHECK(colour_at(sheet, 20, 30) == colours::white);
}

TEST_CASE("contact_sheet writes captions below their cells and not beyond") {
  const std::vector<Image> images{Image(30, 10, 1), Image(30, 10, 1)};
  const std::vector<std::string> captions{"a caption far too long", "b"};
  const Image sheet = contact_sheet(images, {.columns = 2, .padding = 6}, captions);
  const auto dark = [&](int x0, int x1) {
    int count = 0;
    for (int y = 16; y < sheet.height; ++y)
      for (int x = x0; x < x1; ++x) count += sheet.at(x, y)[0] < 100;
    return count;
  };
  CHECK(dark(6, 36) > 20);
  CHECK(dark(36, 42) == 0);
  CHECK(dark(42, 50) > 5);
}

TEST_CASE("contact_sheet refuses what makes no sheet") {
  const std::vector<Image> images{Image(4, 4, 1)}, with_empty{Image(4, 4, 1), Image()};
  const std::vector<std::string> captions{"a", "b"};
  CHECK_THROWS_AS(contact_sheet({}), ValueError);
  CHECK_THROWS_AS(contact_sheet(with_empty), ValueError);
  CHECK_THROWS_AS(contact_sheet(images, {}, captions), ValueError);
  CHECK_THROWS_AS(contact_sheet(images, {.columns = 0}), ValueError);
  CHECK_THROWS_AS(contact_sheet(images, {.padding = -1}), ValueError);
  CHECK_THROWS_AS(contact_sheet(images, {.cell_width = 1 << 30, .cell_height = 1 << 30}), ValueError);
  CHECK_THROWS_AS(contact_sheet(images, {.padding = std::numeric_limits<int>::max()}), ValueError);
}
