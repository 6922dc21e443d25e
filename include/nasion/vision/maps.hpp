#pragma once
// Pictures of numbers: the filters of a convolution, and heatmaps over photos.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "nasion/core/tensor.hpp"
#include "nasion/vision/affine.hpp"
#include "nasion/vision/draw.hpp"
#include "nasion/vision/image.hpp"

namespace nasion::vision {

namespace detail {

/// Colours at equal distances from 0 to 1, straight lines between them; values outside are those of the ends.
template <std::size_t N>
Colour colour_between(const std::array<Colour, N>& stops, double t) {
  const double at = std::clamp(t, 0.0, 1.0) * (N - 1);
  const auto i = std::min(static_cast<std::size_t>(at), N - 2);
  const auto mix = [&](std::uint8_t a, std::uint8_t b) {
    return static_cast<std::uint8_t>(std::lround(a + (at - static_cast<double>(i)) * (b - a)));
  };
  const Colour &a = stops[i], &b = stops[i + 1];
  return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

inline void set_pixel(std::uint8_t* pixel, Colour colour) {
  pixel[0] = colour.red, pixel[1] = colour.green, pixel[2] = colour.blue;
}

}  // namespace detail

/// The colour of a value in [-1, 1]: blue below 0, white at 0, red above. Others are drawn as the nearest end.
inline Colour signed_colour(double value) {
  static constexpr std::array<Colour, 5> stops{
      {{5, 48, 97}, {67, 147, 195}, {255, 255, 255}, {214, 96, 77}, {103, 0, 31}}};
  return detail::colour_between(stops, (value + 1) / 2);
}

/// The colour of a value in [0, 1]: black, purple, red, orange, pale yellow, each brighter than the one before, as in
/// matplotlib's inferno. Others are drawn as the nearest end.
inline Colour heat_colour(double value) {
  static constexpr std::array<Colour, 9> stops{{{0, 0, 4},
                                                {31, 12, 72},
                                                {85, 15, 109},
                                                {136, 34, 106},
                                                {186, 54, 85},
                                                {227, 89, 51},
                                                {249, 140, 10},
                                                {249, 201, 50},
                                                {252, 255, 164}}};
  return detail::colour_between(stops, value);
}

/// How filter_sheet() draws.
struct FilterSheetOptions {
  int max_size = 2400;  ///< pixels of either side; the weights are drawn as large as this allows
  int max_scale = 12;   ///< pixels of one weight at most
  Colour separator{40, 40, 40};
};

/// All filters [out, in, height, width] of a convolution in signed_colour, the layer's largest weight as +1 or -1. The
/// filters of one output channel lie side by side, one for each input channel. With few input channels, several
/// output channels share a row, to be read from left to right; a wider line parts them. ShapeError for other ranks,
/// ValueError for weights that are not finite or that do not fit max_size.
template <Real T>
Image filter_sheet(const Tensor<T>& weight, const FilterSheetOptions& options = {}) {
  check<ShapeError>(weight.rank() == 4, "[filter_sheet] needs filters [out, in, height, width], got ", weight.shape());
  const Index out = weight.dim(0), in = weight.dim(1), height = weight.dim(2), width = weight.dim(3);
  check<ShapeError>(weight.size() > 0, "[filter_sheet] no filters in ", weight.shape());
  double largest = 0;
  for (const T v : std::span(weight.memory(), static_cast<std::size_t>(weight.size()))) {
    check<ValueError>(std::isfinite(v), "[filter_sheet] a weight is ", v);
    largest = std::max(largest, std::abs(static_cast<double>(v)));
  }
  if (largest == 0) largest = 1;

  // About as many filters across as down.
  const double ratio = static_cast<double>(out) / static_cast<double>(in);
  const Index groups = std::max(Index{1}, static_cast<Index>(std::lround(std::sqrt(ratio))));
  const Index rows = (out + groups - 1) / groups, line = 1, gap = in > 1 ? 4 : line;
  const auto group_width = [&](Index scale) { return in * (width * scale + line) - line; };
  const auto sheet_width = [&](Index scale) { return groups * (group_width(scale) + gap) - gap + 2 * line; };
  const auto sheet_height = [&](Index scale) { return rows * (height * scale + line) + line; };
  Index scale = options.max_scale;
  while (scale > 1 && std::max(sheet_width(scale), sheet_height(scale)) > options.max_size) --scale;
  check<ValueError>(scale >= 1 && std::max(sheet_width(scale), sheet_height(scale)) <= options.max_size,
                    "[filter_sheet] filters ", weight.shape(), " do not fit ", options.max_size,
                    " pixels with at least one for each weight");

  Image sheet(static_cast<int>(sheet_width(scale)), static_cast<int>(sheet_height(scale)), 3);
  detail::paint(sheet, "filter_sheet", 0, 0, sheet.width, sheet.height, options.separator, [](Point) { return 1.0; });
  for (Index o = 0; o < out; ++o)
    for (Index i = 0; i < in; ++i) {
      const Index left = line + (o % groups) * (group_width(scale) + gap) + i * (width * scale + line);
      const Index top = line + (o / groups) * (height * scale + line);
      for (Index y = 0; y < height * scale; ++y) {
        std::uint8_t* pixel = sheet.at(static_cast<int>(left), static_cast<int>(top + y));
        for (Index x = 0; x < width * scale; ++x, pixel += 3)
          detail::set_pixel(pixel,
                            signed_colour(static_cast<double>(weight.at({o, i, y / scale, x / scale})) / largest));
      }
    }
  return sheet;
}

namespace detail {

/// The map as a grey image: 0 and below black, its largest value white.
inline Image grey_map(const char* op, std::span<const float> map, int width, int height) {
  check<ValueError>(
      width > 0 && height > 0 && map.size() == static_cast<std::size_t>(width) * static_cast<std::size_t>(height), "[",
      op, "] ", map.size(), " values are no map of ", width, " x ", height);
  float largest = 0;
  for (const float v : map) {
    check<ValueError>(std::isfinite(v), "[", op, "] a value of the map is ", v);
    largest = std::max(largest, v);
  }
  Image grey(width, height, 1);
  if (largest > 0)
    std::transform(map.begin(), map.end(), grey.pixels.begin(), [&](float v) { return to_byte(255 * (v / largest)); });
  return grey;
}

}  // namespace detail

/// A map of width x height values, row by row, in heat_colour, its largest value as 1; one pixel for each value.
/// ValueError when the sizes disagree or a value is not finite.
inline Image heatmap_image(std::span<const float> map, int width, int height) {
  Image image = to_rgb(detail::grey_map("heatmap_image", map, width, height));
  for (std::size_t i = 0; i < image.pixels.size(); i += 3)
    detail::set_pixel(&image.pixels[i], heat_colour(image.pixels[i] / 255.0));
  return image;
}

/// The map, resized to the photo it belongs to, as a glow over it: where the map is 0 the photo stays, at the map's
/// largest value `opacity` of its colour covers it. Errors as for heatmap_image.
inline Image heatmap_overlay(const Image& photo, std::span<const float> map, int width, int height,
                             double opacity = 0.8) {
  check<ValueError>(opacity >= 0 && opacity <= 1, "[heatmap_overlay] opacity ", opacity, " is not in 0 to 1");
  Image image = to_rgb(photo);
  const Image heat = resize(detail::grey_map("heatmap_overlay", map, width, height), image.width, image.height);
  std::uint8_t* pixel = image.pixels.data();
  for (const std::uint8_t v : heat.pixels) {
    const double t = v / 255.0, alpha = opacity * t;
    const Colour c = heat_colour(t);
    for (const std::uint8_t ink : {c.red, c.green, c.blue}) {
      *pixel = static_cast<std::uint8_t>(std::lround(*pixel + alpha * (ink - *pixel)));
      ++pixel;
    }
  }
  return image;
}

}  // namespace nasion::vision
