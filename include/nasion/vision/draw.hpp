#pragma once
// Points, lines and captions on RGB images, and sheets of many images. Shapes are anti-aliased; what lies outside of
// the image is cut off, and a coordinate that is not finite draws nothing.

#include <stb/stb_easy_font.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nasion/core/error.hpp"
#include "nasion/vision/affine.hpp"
#include "nasion/vision/image.hpp"
#include "nasion/vision/points.hpp"

namespace nasion::vision {

/// Red, green and blue, 0 dark to 255 bright.
struct Colour {
  std::uint8_t red = 0, green = 0, blue = 0;
  bool operator==(const Colour&) const = default;
};

namespace colours {
/// Of lines, points and captions.
inline constexpr Colour black{0, 0, 0}, white{255, 255, 255}, red{230, 40, 40}, green{40, 200, 70}, blue{60, 120, 240},
    yellow{250, 210, 40};
}  // namespace colours

namespace detail {

/// Blends the colour over the pixels of a box, each by coverage(centre) in [0, 1].
template <class Coverage>
void paint(Image& image, const char* op, double left, double top, double right, double bottom, Colour colour,
           Coverage&& coverage) {
  check_image(image, op);
  check<ValueError>(image.channels == 3, "[", op, "] needs an RGB image, got a grey one: use to_rgb");
  if (!std::isfinite(left + top + right + bottom)) return;
  const auto pixel = [](double at, int size) {
    return static_cast<int>(std::clamp(at, 0.0, static_cast<double>(size)));
  };
  const int x0 = pixel(std::floor(left), image.width), x1 = pixel(std::ceil(right), image.width);
  const int y0 = pixel(std::floor(top), image.height), y1 = pixel(std::ceil(bottom), image.height);
  const std::array<double, 3> ink{static_cast<double>(colour.red), static_cast<double>(colour.green),
                                  static_cast<double>(colour.blue)};
  for (int y = y0; y < y1; ++y)
    for (int x = x0; x < x1; ++x) {
      const double alpha = std::clamp(coverage(Point{x + 0.5, y + 0.5}), 0.0, 1.0);
      std::uint8_t* pixels = image.at(x, y);
      for (std::size_t c = 0; c < 3; ++c)
        pixels[c] = static_cast<std::uint8_t>(std::lround(pixels[c] + alpha * (ink[c] - pixels[c])));
    }
}

}  // namespace detail

/// A filled disc, its radius in pixels. ValueError for a grey image, as for everything that draws here.
inline void draw_point(Image& image, Point at, Colour colour, double radius = 2) {
  const double reach = radius + 1;
  detail::paint(image, "draw_point", at.x - reach, at.y - reach, at.x + reach, at.y + reach, colour,
                [&](Point p) { return radius + 0.5 - std::hypot(p.x - at.x, p.y - at.y); });
}

/// A ring of this radius in pixels, its line `width` pixels wide.
inline void draw_circle(Image& image, Point at, Colour colour, double radius, double width = 1) {
  const double reach = radius + width / 2 + 1;
  detail::paint(image, "draw_circle", at.x - reach, at.y - reach, at.x + reach, at.y + reach, colour,
                [&](Point p) { return width / 2 + 0.5 - std::abs(std::hypot(p.x - at.x, p.y - at.y) - radius); });
}

/// A straight line with round ends, `width` pixels wide.
inline void draw_line(Image& image, Point from, Point to, Colour colour, double width = 1) {
  const double reach = width / 2 + 1, dx = to.x - from.x, dy = to.y - from.y, squared_length = dx * dx + dy * dy;
  detail::paint(image, "draw_line", std::min(from.x, to.x) - reach, std::min(from.y, to.y) - reach,
                std::max(from.x, to.x) + reach, std::max(from.y, to.y) + reach, colour, [&](Point p) {
                  const double along = (p.x - from.x) * dx + (p.y - from.y) * dy;
                  const double t = squared_length > 0 ? std::clamp(along / squared_length, 0.0, 1.0) : 0.0;
                  return width / 2 + 0.5 - std::hypot(p.x - from.x - t * dx, p.y - from.y - t * dy);
                });
}

/// The outline of a box, `width` pixels wide.
inline void draw_box(Image& image, const Box& box, Colour colour, double width = 1) {
  const Point a{box.x, box.y}, b{box.x + box.width, box.y}, c{box.x + box.width, box.y + box.height},
      d{box.x, box.y + box.height};
  draw_line(image, a, b, colour, width);
  draw_line(image, b, c, colour, width);
  draw_line(image, c, d, colour, width);
  draw_line(image, d, a, colour, width);
}

/// How draw_points() draws, in pixels.
struct PointStyle {
  Colour colour = colours::green;
  double radius = 2;                   ///< of the discs; 0 leaves them out
  std::span<const PointPath> paths{};  ///< lines between the points, as imm::paths; none by default
  double line_width = 1;
};

/// All points, over the lines that join them. ValueError when a path names a point that is not there.
inline void draw_points(Image& image, const Points& points, const PointStyle& style = {}) {
  for (const PointPath& path : style.paths) {
    check<ValueError>(path.first >= 0 && path.last >= path.first && static_cast<std::size_t>(path.last) < points.size(),
                      "[draw_points] path ", path.name, " from ", path.first, " to ", path.last, " does not fit ",
                      points.size(), " points");
    const auto point = [&](int i) { return points[static_cast<std::size_t>(i)]; };
    for (int i = path.first; i < path.last; ++i)
      draw_line(image, point(i), point(i + 1), style.colour, style.line_width);
    if (path.closed) draw_line(image, point(path.last), point(path.first), style.colour, style.line_width);
  }
  if (style.radius > 0)
    for (const Point& point : points) draw_point(image, point, style.colour, style.radius);
}

/// Predicted points over true ones, each pair joined by a line that shows the error. ValueError when their numbers
/// differ.
inline void draw_errors(Image& image, const Points& truth, const Points& predicted,
                        Colour truth_colour = colours::green, Colour predicted_colour = colours::red,
                        double radius = 2) {
  check<ValueError>(truth.size() == predicted.size(), "[draw_errors] ", truth.size(), " true points but ",
                    predicted.size(), " predicted ones");
  for (std::size_t i = 0; i < truth.size(); ++i) draw_line(image, truth[i], predicted[i], colours::yellow, radius / 2);
  draw_points(image, truth, {.colour = truth_colour, .radius = radius});
  draw_points(image, predicted, {.colour = predicted_colour, .radius = radius});
}

namespace detail {

/// The font knows printable ASCII only; nobody draws longer texts.
inline std::string printable(std::string_view text) {
  std::string out(text.substr(0, 1000));
  for (char& c : out)
    if (c != '\n' && (c < ' ' || c > '~')) c = '?';
  return out;
}

}  // namespace detail

inline constexpr int text_height = 12;  ///< of a line of text at scale 1, in pixels

/// Width of the text at scale 1, in pixels.
inline int text_width(std::string_view text) {
  std::string copy = detail::printable(text);
  return stb_easy_font_width(copy.data());
}

/// Text from its top-left corner, printable ASCII, others as '?'; each pixel of the font is scale x scale pixels.
/// ValueError unless 1 <= scale <= 64.
inline void draw_text(Image& image, int x, int y, std::string_view text, Colour colour = colours::black,
                      int scale = 1) {
  check<ValueError>(scale >= 1 && scale <= 64, "[draw_text] scale ", scale, " is not in 1 to 64");
  struct Vertex {
    float x, y, z;
    std::uint8_t colour[4];
  };
  std::string copy = detail::printable(text);
  constexpr std::size_t max_strokes_of_a_letter = 24, vertices_of_a_stroke = 4;
  std::vector<Vertex> vertices((copy.size() + 1) * max_strokes_of_a_letter * vertices_of_a_stroke);
  const int strokes = stb_easy_font_print(0, 0, copy.data(), nullptr, vertices.data(),
                                          static_cast<int>(vertices.size() * sizeof(Vertex)));
  for (std::size_t i = 0; i < static_cast<std::size_t>(strokes); ++i) {
    const Vertex &first = vertices[4 * i], &last = vertices[4 * i + 2];  // opposite corners
    const double left = x + scale * static_cast<double>(first.x), top = y + scale * static_cast<double>(first.y);
    detail::paint(image, "draw_text", left, top, x + scale * static_cast<double>(last.x),
                  y + scale * static_cast<double>(last.y), colour, [](Point) { return 1.0; });
  }
}

/// How contact_sheet() arranges pictures, in pixels.
struct SheetOptions {
  int columns = 4;
  int cell_width = 0, cell_height = 0;  ///< of each picture; 0: the largest picture's. Others are resized to fit.
  int padding = 8;
  Colour background = colours::white, text = colours::black;
};

/// Pictures in rows, each with its caption below; grey ones become RGB. ValueError for no pictures, more captions than
/// pictures, or a sheet above 100 million pixels.
inline Image contact_sheet(std::span<const Image> images, const SheetOptions& options = {},
                           std::span<const std::string> captions = {}) {
  check<ValueError>(!images.empty(), "[contact_sheet] no images");
  check<ValueError>(captions.size() <= images.size(), "[contact_sheet] ", captions.size(), " captions for ",
                    images.size(), " images");
  check<ValueError>(options.columns >= 1 && options.padding >= 0 && options.cell_width >= 0 && options.cell_height >= 0,
                    "[contact_sheet] columns ", options.columns, ", padding ", options.padding, ", cell ",
                    options.cell_width, " x ", options.cell_height,
                    ": columns must be positive, the others not negative");
  int width = options.cell_width, height = options.cell_height;
  for (const Image& image : images) {
    detail::check_image(image, "contact_sheet");
    if (options.cell_width == 0) width = std::max(width, image.width);
    if (options.cell_height == 0) height = std::max(height, image.height);
  }
  const auto columns = std::min(static_cast<std::size_t>(options.columns), images.size());
  const auto rows = (images.size() + columns - 1) / columns;
  const int caption_height = captions.empty() ? 0 : text_height + 2;
  const double sheet_width = options.padding + static_cast<double>(columns) * (1.0 * width + options.padding);
  const double sheet_height =
      options.padding + static_cast<double>(rows) * (1.0 * height + caption_height + options.padding);
  check<ValueError>(sheet_width * sheet_height <= 1e8, "[contact_sheet] ", sheet_width, " x ", sheet_height,
                    " pixels are too many");

  Image sheet(static_cast<int>(sheet_width), static_cast<int>(sheet_height), 3);
  detail::paint(sheet, "contact_sheet", 0, 0, sheet_width, sheet_height, options.background, [](Point) { return 1.0; });
  for (std::size_t i = 0; i < images.size(); ++i) {
    const int left = options.padding + static_cast<int>(i % columns) * (width + options.padding);
    const int top = options.padding + static_cast<int>(i / columns) * (height + caption_height + options.padding);
    const Image& image = images[i];
    const double scale = std::min(1.0 * width / image.width, 1.0 * height / image.height);
    const int w = std::clamp(static_cast<int>(std::lround(scale * image.width)), 1, width);
    const int h = std::clamp(static_cast<int>(std::lround(scale * image.height)), 1, height);
    const Image picture = to_rgb(w == image.width && h == image.height ? image : resize(image, w, h));
    for (int y = 0; y < h; ++y)
      std::memcpy(sheet.at(left + (width - w) / 2, top + (height - h) / 2 + y), picture.at(0, y),
                  3 * static_cast<std::size_t>(w));
    if (i < captions.size()) {
      std::string caption = detail::printable(captions[i]);
      std::replace(caption.begin(), caption.end(), '\n', ' ');
      while (!caption.empty() && text_width(caption) > width) caption.pop_back();
      draw_text(sheet, left, top + height + 3, caption, options.text);
    }
  }
  return sheet;
}

}  // namespace nasion::vision
