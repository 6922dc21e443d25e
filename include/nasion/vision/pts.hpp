#pragma once
// .pts files, as AFW, HELEN, LFPW and 300-W have them: a point a line, with or without lines of text around them.

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "nasion/io/atomic_file.hpp"
#include "nasion/io/csv.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/io/read_file.hpp"
#include "nasion/io/text.hpp"
#include "nasion/vision/landmarks.hpp"

namespace nasion::vision {

/// Reads a .pts file: `version: 1`, `n_points: 68`, and the points in braces; or just the points. The file counts from
/// 1 at the centre of the first pixel, the result is in pixels from the image's corner: x - 0.5. IoError naming file
/// and line for anything else, and for another number of points than announced.
inline Landmarks read_pts(const std::filesystem::path& path) {
  constexpr std::uintmax_t max_bytes = 1 << 20;
  constexpr int max_points = 10'000;
  const std::string text = io::read_file(path, max_bytes);
  detail::ShapeLines lines(path, text);
  Landmarks points;
  std::optional<int> version, count;
  bool open = false, closed = false;
  // `role: number`, once.
  const auto read_header = [&](std::optional<int>& value, const char* role, int limit) {
    if (value) lines.fail("a second ", lines.fields()[0]);
    const auto number = detail::trimmed(lines.line().substr(lines.line().find(':') + 1));
    value = io::parse_number<int>(number);
    if (!value || *value < 1 || *value > limit) lines.fail("expected ", role, ", got ", io::excerpt(number));
  };
  while (lines.next()) {
    const auto& fields = lines.fields();
    if (closed) lines.fail("unexpected text after the points: ", io::excerpt(lines.line()));
    const bool before_points = !open && points.empty();
    if (fields[0] == "{" && fields.size() == 1 && before_points) {
      open = true;
    } else if (fields[0] == "}" && fields.size() == 1 && open) {
      closed = true;
    } else if (fields[0].starts_with("version:") && before_points) {
      read_header(version, "version 1", 1);
    } else if (fields[0].starts_with("n_points:") && before_points) {
      read_header(count, "the number of points", max_points);
    } else {
      const auto x = io::parse_number<double>(fields[0]);
      const auto y = fields.size() == 2 ? io::parse_number<double>(fields[1]) : std::nullopt;
      if (!x || !y) lines.fail("expected x and y of a point, got ", io::excerpt(lines.line()));
      if (points.size() >= max_points) lines.fail("more than ", max_points, " points");
      points.push_back({*x - 0.5, *y - 0.5});
    }
  }
  if (open && !closed) lines.fail("the file ends without }");
  if (points.empty()) lines.fail("no points in the file");
  if (count && *count != std::ssize(points)) lines.fail("found ", points.size(), " of ", *count, " points");
  return points;
}

/// Writes a .pts file with its lines of text. ValueError for no points, or a coordinate that is not finite.
inline void write_pts(const std::filesystem::path& path, const Landmarks& points) {
  check<ValueError>(!points.empty(), "[write_pts] no points");
  std::string text = message("version: 1\nn_points: ", points.size(), "\n{\n");
  for (const Point& p : points) {
    check<ValueError>(std::isfinite(p.x) && std::isfinite(p.y), "[write_pts] point (", p.x, ", ", p.y,
                      ") is not finite");
    text += io::csv_field(p.x + 0.5) + " " + io::csv_field(p.y + 0.5) + "\n";
  }
  io::write_atomically(path, text + "}\n");
}

}  // namespace nasion::vision
