#include "nasion/vision/maps.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "nasion/core/autograd.hpp"
#include "support/catch.hpp"

using namespace nasion;
using namespace nasion::vision;

namespace {

Colour colour_at(const Image& image, int x, int y) {
  const std::uint8_t* p = image.at(x, y);
  return {p[0], p[1], p[2]};
}

/// How bright people see a colour (Rec. 601).
double luma(Colour c) { return 0.299 * c.red + 0.587 * c.green + 0.114 * c.blue; }

constexpr Colour line = FilterSheetOptions{}.separator;
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("signed_colour is white at 0, blue below, red above, alike dark on both sides") {
  CHECK(signed_colour(0) == colours::white);
  for (double t = 0.1; t <= 1; t += 0.1) {
    CAPTURE(t);
    const Colour below = signed_colour(-t), above = signed_colour(t);
    CHECK(below.blue > below.red);
    CHECK(above.red > above.blue);
    CHECK(luma(above) < luma(signed_colour(t - 0.1)));
    CHECK(luma(below) == Approx(luma(above)).margin(25));
  }
  CHECK(signed_colour(-7) == signed_colour(-1));
  CHECK(signed_colour(7) == signed_colour(1));
}

TEST_CASE("heat_colour grows brighter from black to pale yellow") {
  CHECK(heat_colour(0) == Colour{0, 0, 4});
  CHECK(heat_colour(1) == Colour{252, 255, 164});
  for (int i = 1; i <= 100; ++i) CHECK(luma(heat_colour(i / 100.0)) > luma(heat_colour((i - 1) / 100.0)));
  CHECK(heat_colour(-1) == heat_colour(0));
  CHECK(heat_colour(2) == heat_colour(1));
}

TEST_CASE("filter_sheet puts output channels below each other and input channels side by side") {
  const auto order = GENERATE(MemoryOrder::row_major, MemoryOrder::channels_last);
  const auto weight = Tensorf::empty({3, 2, 2, 3}, order);
  for (Index o = 0; o < 3; ++o)
    for (Index i = 0; i < 2; ++i)
      for (Index y = 0; y < 2; ++y)
        for (Index x = 0; x < 3; ++x)
          weight.set({o, i, y, x}, static_cast<float>(o == 2 && i == 1 && y == 1 && x == 2 ? -5 : o + i - y));
  const Image sheet = filter_sheet(weight, {.max_scale = 4});
  CHECK(sheet.width == 2 * (3 * 4 + 1) + 1);
  CHECK(sheet.height == 3 * (2 * 4 + 1) + 1);
  for (Index o = 0; o < 3; ++o)
    for (Index i = 0; i < 2; ++i)
      for (Index y = 0; y < 2; ++y)
        for (Index x = 0; x < 3; ++x) {
          const int left = static_cast<int>(1 + i * 13 + 4 * x), top = static_cast<int>(1 + o * 9 + 4 * y);
          const Colour expected = signed_colour(static_cast<double>(weight.at({o, i, y, x})) / 5);
          CHECK(colour_at(sheet, left, top) == expected);
          CHECK(colour_at(sheet, left + 3, top + 3) == expected);
        }
  for (int x = 0; x < sheet.width; ++x) CHECK(colour_at(sheet, x, 9) == line);
  for (int y = 0; y < sheet.height; ++y) CHECK(colour_at(sheet, 13, y) == line);
}

TEST_CASE("filter_sheet folds a layer of few input channels into several columns") {
  const auto weight = Tensorf::zeros({7, 1, 1, 1});
  for (Index o = 0; o < 7; ++o) weight.set({o, 0, 0, 0}, static_cast<float>(o + 1) / 7);
  const Image grey = filter_sheet(weight, {.max_scale = 2});  // three columns, three rows
  CHECK(grey.width == 10);
  CHECK(grey.height == 10);
  for (int o = 0; o < 7; ++o) CHECK(colour_at(grey, 1 + 3 * (o % 3), 1 + 3 * (o / 3)) == signed_colour((o + 1) / 7.0));
  CHECK(colour_at(grey, 4, 7) == line);  // nothing is left for the last two

  const Image rgb = filter_sheet(Tensorf::zeros({12, 3, 1, 1}), {.max_scale = 2});  // twice three columns, six rows
  CHECK(rgb.width == 2 * (3 * 3 - 1) + 4 + 2);
  CHECK(rgb.height == 6 * 3 + 1);
  CHECK(colour_at(rgb, 8, 1) == colours::white);
  for (const int x : {9, 10, 11, 12}) CHECK(colour_at(rgb, x, 1) == line);
  CHECK(colour_at(rgb, 13, 1) == colours::white);
}

TEST_CASE("filter_sheet draws weights as large as the sheet may be") {
  const Image sheet = filter_sheet(Tensorf::zeros({64, 64, 5, 5}));
  CHECK(sheet.width == 64 * (5 * 7 + 1) + 1);
  CHECK(sheet.height == sheet.width);
  CHECK(filter_sheet(Tensord::zeros({1, 1, 3, 3})).width == 3 * 12 + 2);
}

TEST_CASE("filter_sheet refuses what it cannot draw") {
  CHECK_THROWS_WITH(filter_sheet(Tensorf::zeros({4, 4})),
                    ContainsSubstring("[filter_sheet] needs filters [out, in, height, width], got [4, 4]"));
  CHECK_THROWS_AS(filter_sheet(Tensorf::zeros({0, 4, 3, 3})), ShapeError);
  CHECK_THROWS_WITH(filter_sheet(Tensorf::full({1, 1, 1, 1}, nan_value)), ContainsSubstring("a weight is nan"));
  CHECK_THROWS_WITH(filter_sheet(Tensorf::zeros({9, 9, 3, 3}), {.max_size = 30}), ContainsSubstring("do not fit 30"));
  CHECK_THROWS_AS(filter_sheet(Tensorf::zeros({1, 1, 1, 1}), {.max_scale = 0}), ValueError);
}

TEST_CASE("heatmap_image divides by the largest value") {
  const std::vector<float> map{0, 1, 2, 4, -3, 3};
  const Image image = heatmap_image(map, 3, 2);
  CHECK(image.width == 3);
  CHECK(image.height == 2);
  CHECK(image.channels == 3);
  CHECK(colour_at(image, 0, 0) == heat_colour(0));
  CHECK(colour_at(image, 0, 1) == heat_colour(1));
  CHECK(colour_at(image, 1, 1) == heat_colour(0));  // below 0
  CHECK(colour_at(image, 2, 0) == heat_colour(128 / 255.0));
  for (const float value : {0.0f, -1.0f})
    CHECK(heatmap_image(std::vector<float>(2, value), 2, 1) == heatmap_image(std::vector<float>{0, 0}, 2, 1));
}

TEST_CASE("heatmap_overlay leaves the photo where the map is 0 and covers it smoothly where it is not") {
  const Image photo(80, 60, 1, 100);
  std::vector<float> map(8 * 6);
  map[3 * 8 + 5] = 2;
  const Image image = heatmap_overlay(photo, map, 8, 6, 0.75);
  CHECK(image.width == 80);
  CHECK(image.height == 60);
  CHECK(colour_at(image, 5, 5) == Colour{100, 100, 100});
  CHECK(colour_at(image, 75, 55) == Colour{100, 100, 100});
  // The map's pixel has its middle at (55, 35); half a pixel away in x and y, 0.95 x 0.95 of its value are left.
  const double t = std::round(255 * 0.95 * 0.95) / 255;
  const Colour centre = colour_at(image, 54, 34), ink = heat_colour(t);
  CHECK(centre.red == Approx(100 + 0.75 * t * (ink.red - 100)).margin(1));
  CHECK(centre.green == Approx(100 + 0.75 * t * (ink.green - 100)).margin(1));
  CHECK(centre.blue == Approx(100 + 0.75 * t * (ink.blue - 100)).margin(1));
  CHECK(colour_at(image, 54, 34) == colour_at(image, 55, 35));
  CHECK(heatmap_overlay(photo, map, 8, 6, 0) == to_rgb(photo));
}

TEST_CASE("heatmaps that make no sense are refused") {
  const std::vector<float> map(6), broken{1, nan_value};
  CHECK_THROWS_WITH(heatmap_image(map, 2, 2), ContainsSubstring("[heatmap_image] 6 values are no map of 2 x 2"));
  CHECK_THROWS_WITH(heatmap_image(broken, 2, 1), ContainsSubstring("a value of the map is nan"));
  CHECK_THROWS_AS(heatmap_image({}, 0, 0), ValueError);
  const Image photo(4, 4, 3);
  CHECK_THROWS_WITH(heatmap_overlay(photo, map, 6, 2), ContainsSubstring("[heatmap_overlay] 6 values"));
  CHECK_THROWS_WITH(heatmap_overlay(photo, map, 3, 2, 1.5), ContainsSubstring("opacity 1.5 is not in 0 to 1"));
  CHECK_THROWS_AS(heatmap_overlay(Image(), map, 3, 2), ValueError);
}
