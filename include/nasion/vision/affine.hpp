#pragma once
// The only geometry of the library: a 2 x 3 matrix that moves points exactly and warps an image once.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nasion/core/error.hpp"
#include "nasion/vision/image.hpp"

namespace nasion::vision {

/// A place in an image in pixels from its top-left corner; pixel i covers [i, i + 1), its centre is i + 0.5.
struct Point {
  double x = 0, y = 0;
  bool operator==(const Point&) const = default;
};

/// A rectangle in an image, in pixels: its top-left corner and its size. It may leave the image.
struct Box {
  double x = 0, y = 0, width = 0, height = 0;
  bool operator==(const Box&) const = default;
};

/// (x, y) -> (xx x + xy y + x0, yx x + yy y + y0).
struct Affine {
  double xx = 1, xy = 0, x0 = 0;
  double yx = 0, yy = 1, y0 = 0;

  /// Where p goes.
  Point operator()(Point p) const { return {xx * p.x + xy * p.y + x0, yx * p.x + yy * p.y + y0}; }
  bool operator==(const Affine&) const = default;

  /// This map first, then `next`: `Affine::translate(..).then(Affine::scale(..))` reads in the order of events.
  Affine then(const Affine& next) const {
    const Point origin = next({x0, y0});
    return {next.xx * xx + next.xy * yx, next.xx * xy + next.xy * yy, origin.x,
            next.yx * xx + next.yy * yx, next.yx * xy + next.yy * yy, origin.y};
  }

  /// The way back. ValueError when there is none: the map flattens the plane or is not finite.
  Affine inverse() const {
    const double determinant = xx * yy - xy * yx;
    const Affine back{yy / determinant,  -xy / determinant, (xy * y0 - yy * x0) / determinant,
                      -yx / determinant, xx / determinant,  (yx * x0 - xx * y0) / determinant};
    // Beyond this size, coordinates no longer tell neighbouring pixels apart.
    constexpr double limit = 1e12;
    for (const double value : {back.xx, back.xy, back.x0, back.yx, back.yy, back.y0})
      check<ValueError>(std::abs(value) < limit, "[Affine] the map (", xx, ", ", xy, ", ", x0, "; ", yx, ", ", yy, ", ",
                        y0, ") cannot be inverted");
    return back;
  }

  /// Moves by (dx, dy) pixels.
  static Affine translate(double dx, double dy) { return {1, 0, dx, 0, 1, dy}; }

  /// Stretches by factors, about the origin.
  static Affine scale(double sx, double sy) { return {sx, 0, 0, 0, sy, 0}; }

  /// Turns by an angle, clockwise on the screen (y points down), about a centre that stays.
  static Affine rotate(double radians, Point centre = {}) {
    const double c = std::cos(radians), s = std::sin(radians);
    return {c, -s, centre.x - c * centre.x + s * centre.y, s, c, centre.y - s * centre.x - c * centre.y};
  }

  /// Mirrors left and right of an image of this width.
  static Affine flip(double width) { return {-1, 0, width, 0, 1, 0}; }

  /// Crops a box and resizes it to an image of width x height. ValueError for a box without area.
  static Affine fit(const Box& box, double width, double height) {
    check<ValueError>(box.width > 0 && box.height > 0, "[Affine::fit] box of ", box.width, " x ", box.height,
                      " has no area");
    const double sx = width / box.width, sy = height / box.height;
    return {sx, 0, -sx * box.x, 0, sy, -sy * box.y};
  }
};

/// What warp() finds outside of its input.
struct WarpOptions {
  enum class Border { replicate, constant };  ///< edge pixels repeated, or `fill`
  Border border = Border::replicate;
  std::uint8_t fill = 0;  ///< grey value, or that of each channel
};

namespace detail {

/// Samples along one axis of an output pixel, so that a shrunk image averages all it covers. An integer factor gives
/// exactly the box average, because then the samples fall on the centres of the input pixels.
inline int sample_count(double input_step, int limit) {
  return static_cast<int>(std::clamp(std::ceil(input_step - 0.01), 1.0, static_cast<double>(limit)));
}

/// For one output coordinate: input indices [first, first + count) and where their weights start.
struct Taps {
  int first = 0, count = 0;
  std::size_t weights = 0;
  float inside = 0;  ///< the sum of the weights; the rest of 1 falls on the constant border
};

struct TapTable {
  std::vector<Taps> taps;
  std::vector<float> weights;
};

/// Bilinear taps along one axis: output pixel i is the mean of the input around `step` * i + `start`.
inline TapTable make_taps(double step, double start, int output_size, int input_size, bool replicate) {
  constexpr int max_samples = 4096;
  const int samples = sample_count(std::abs(step), max_samples);
  const double last = input_size - 1;
  TapTable table;
  std::vector<double> accumulated;
  for (int i = 0; i < output_size; ++i) {
    const auto position = [&](double offset) {  // in pixel centres: 0 is the centre of the first input pixel
      const double at = step * (i + offset) + start - 0.5;
      return replicate ? std::clamp(at, 0.0, last) : std::clamp(at, -2.0, last + 2);
    };
    const double ends[] = {position(0.5 / samples), position(1 - 0.5 / samples)};
    const int low = static_cast<int>(std::floor(std::min(ends[0], ends[1])));
    const int high = static_cast<int>(std::floor(std::max(ends[0], ends[1]))) + 1;
    accumulated.assign(static_cast<std::size_t>(high - low + 2), 0.0);
    for (int s = 0; s < samples; ++s) {
      const double at = position((s + 0.5) / samples);
      const double base = std::floor(at);
      const auto index = static_cast<std::size_t>(std::clamp(static_cast<int>(base) - low, 0, high - low));
      accumulated[index] += (1 - (at - base)) / samples;
      accumulated[index + 1] += (at - base) / samples;
    }
    Taps taps{.first = std::max(low, 0), .count = 0, .weights = table.weights.size(), .inside = 0};
    for (int k = taps.first; k <= std::min(high, input_size - 1); ++k) {
      const auto weight = static_cast<float>(accumulated[static_cast<std::size_t>(k - low)]);
      table.weights.push_back(weight);
      taps.inside += weight;
      ++taps.count;
    }
    table.taps.push_back(taps);
  }
  return table;
}

inline std::uint8_t to_byte(float value) { return static_cast<std::uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f)); }

/// Without rotation the two axes part: rows first, then columns.
template <int C>
void warp_axis_aligned(const Image& image, const Affine& back, const WarpOptions& options, Image& out) {
  const bool replicate = options.border == WarpOptions::Border::replicate;
  const auto columns = make_taps(back.xx, back.x0, out.width, image.width, replicate);
  const auto rows = make_taps(back.yy, back.y0, out.height, image.height, replicate);
  const auto row_size = static_cast<std::size_t>(image.width) * C;
  std::vector<float> blended(row_size);
  std::uint8_t* to = out.pixels.data();
  for (const Taps& row : rows.taps) {
    std::fill(blended.begin(), blended.end(), 0.0f);
    for (int k = 0; k < row.count; ++k) {
      const float weight = rows.weights[row.weights + static_cast<std::size_t>(k)];
      const std::uint8_t* from = image.pixels.data() + static_cast<std::size_t>(row.first + k) * row_size;
      for (std::size_t i = 0; i < row_size; ++i) blended[i] += weight * static_cast<float>(from[i]);
    }
    for (const Taps& column : columns.taps) {
      std::array<float, C> sum{};
      const float* from = blended.data() + static_cast<std::size_t>(column.first) * C;
      const float* weights = columns.weights.data() + column.weights;
      for (int k = 0; k < column.count; ++k)
        for (int c = 0; c < C; ++c) sum[static_cast<std::size_t>(c)] += weights[k] * from[k * C + c];
      const float border = replicate ? 0 : (1 - row.inside * column.inside) * options.fill;
      for (const float value : sum) *to++ = to_byte(value + border);
    }
  }
}

/// Any map: a grid of bilinear samples over each output pixel.
template <int C>
void warp_general(const Image& image, const Affine& back, const WarpOptions& options, Image& out) {
  constexpr int max_samples = 64;
  const int nx = sample_count(std::hypot(back.xx, back.yx), max_samples);
  const int ny = sample_count(std::hypot(back.xy, back.yy), max_samples);
  std::vector<Point> offsets;  // from the first sample of a pixel to all of them, in input coordinates
  for (int j = 0; j < ny; ++j)
    for (int i = 0; i < nx; ++i) {
      const double u = static_cast<double>(i) / nx, v = static_cast<double>(j) / ny;
      offsets.push_back({back.xx * u + back.xy * v, back.yx * u + back.yy * v});
    }
  const double reach_x = std::abs(back.xx) + std::abs(back.xy), reach_y = std::abs(back.yx) + std::abs(back.yy);
  const double last_x = image.width - 1, last_y = image.height - 1;
  const auto stride = static_cast<std::ptrdiff_t>(image.width) * C;
  const float share = 1.0f / static_cast<float>(offsets.size());

  std::array<float, C> sum{};
  const auto add = [&sum](const std::uint8_t* p00, const std::uint8_t* p10, const std::uint8_t* p01,
                          const std::uint8_t* p11, float fx, float fy) {
    for (std::size_t c = 0; c < C; ++c) {
      const auto a = static_cast<float>(p00[c]), b = static_cast<float>(p10[c]);
      const auto d = static_cast<float>(p01[c]), e = static_cast<float>(p11[c]);
      const float top = a + fx * (b - a), bottom = d + fx * (e - d);
      sum[c] += top + fy * (bottom - top);
    }
  };
  std::array<std::uint8_t, C> outside;
  outside.fill(options.fill);
  const auto pixel = [&](int x, int y) -> const std::uint8_t* {
    if (options.border == WarpOptions::Border::constant && (x < 0 || y < 0 || x >= image.width || y >= image.height))
      return outside.data();
    return image.pixels.data() + std::clamp(y, 0, image.height - 1) * stride + std::clamp(x, 0, image.width - 1) * C;
  };

  std::uint8_t* to = out.pixels.data();
  for (int v = 0; v < out.height; ++v)
    for (int u = 0; u < out.width; ++u) {
      Point first = back({u + 0.5 / nx, v + 0.5 / ny});
      first = {first.x - 0.5, first.y - 0.5};
      sum.fill(0);
      if (first.x > reach_x && first.y > reach_y && first.x < last_x - reach_x && first.y < last_y - reach_y) {
        for (const Point& offset : offsets) {
          const double x = first.x + offset.x, y = first.y + offset.y;
          const int xi = static_cast<int>(x), yi = static_cast<int>(y);
          const std::uint8_t* p = image.pixels.data() + yi * stride + static_cast<std::ptrdiff_t>(xi) * C;
          add(p, p + C, p + stride, p + stride + C, static_cast<float>(x - xi), static_cast<float>(y - yi));
        }
      } else {
        for (const Point& offset : offsets) {
          // Two pixels around the image already look like everything beyond them.
          const double x = std::clamp(first.x + offset.x, -2.0, last_x + 2);
          const double y = std::clamp(first.y + offset.y, -2.0, last_y + 2);
          const int xi = static_cast<int>(std::floor(x)), yi = static_cast<int>(std::floor(y));
          add(pixel(xi, yi), pixel(xi + 1, yi), pixel(xi, yi + 1), pixel(xi + 1, yi + 1), static_cast<float>(x - xi),
              static_cast<float>(y - yi));
        }
      }
      for (const float value : sum) *to++ = to_byte(value * share);
    }
}

template <int C>
void warp_channels(const Image& image, const Affine& back, const WarpOptions& options, Image& out) {
  if (back.xy == 0 && back.yx == 0)
    warp_axis_aligned<C>(image, back, options, out);
  else
    warp_general<C>(image, back, options, out);
}

}  // namespace detail

/// Resamples the image once: what lies at p in the input appears at affine(p) in the output of width x height pixels.
/// Bilinear, averaged over the pixel where the image shrinks. The identity and whole-pixel shifts are exact, an integer
/// reduction is the box average. ValueError for an image without pixels, a size below 1, a map without inverse.
inline Image warp(const Image& image, const Affine& affine, int width, int height, const WarpOptions& options = {}) {
  detail::check_image(image, "warp");
  check<ValueError>(width > 0 && height > 0, "[warp] output size ", width, " x ", height, " must be positive");
  const Affine back = affine.inverse();
  Image out(width, height, image.channels);
  if (image.channels == 1)
    detail::warp_channels<1>(image, back, options, out);
  else
    detail::warp_channels<3>(image, back, options, out);
  return out;
}

/// The whole image at another size in pixels, whatever its proportions; see warp(). ValueError for an image without
/// pixels, or a size below 1.
inline Image resize(const Image& image, int width, int height) {
  detail::check_image(image, "resize");
  const Box whole{0, 0, static_cast<double>(image.width), static_cast<double>(image.height)};
  return warp(image, Affine::fit(whole, width, height), width, height);
}

}  // namespace nasion::vision
