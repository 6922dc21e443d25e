#pragma once
// .pts files, as AFW, HELEN, LFPW and 300-W have them: a point a line, with or without lines of text around them.

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "nasion/faces/landmarks.hpp"
#include "nasion/faces/shape_lines.hpp"
#include "nasion/io/atomic_file.hpp"
#include "nasion/io/csv.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/io/read_file.hpp"
#include "nasion/io/text.hpp"

namespace nasion::faces {

namespace detail {
/// The line's two numbers; a third one is z, or whether the point can be seen.
inline vision::Point read_pts_point(const ShapeLines& lines) {
  const auto& fields = lines.fields();
  const auto number = [&](std::size_t i) { return i < fields.size() ? parse_number<double>(fields[i]) : std::nullopt; };
  const auto x = number(0), y = number(1);
  if (!x || !y || fields.size() > 3 || (fields.size() == 3 && !number(2)))
    lines.fail("expected x and y of a point, got ", excerpt(lines.line()));
  if (std::abs(*x) > vision::max_coordinate || std::abs(*y) > vision::max_coordinate)
    lines.fail("the point ", excerpt(lines.line()), " is further away than any image is wide");
  return {*x - 0.5, *y - 0.5};
}
}  // namespace detail

/// Reads a .pts file: `version: 1`, `n_points: 68`, perhaps other lines `name: value`, and the points in braces; or
/// just the points. Names may be in any case; a third number of a point is passed over. The file counts from 1 at the
/// centre of the first pixel, the result is in pixels from the image's corner: x - 0.5. IoError naming file and line
/// for anything else, for another number of points than announced, and for coordinates beyond vision::max_coordinate.
inline Landmarks read_pts(const std::filesystem::path& path) {
  constexpr std::uintmax_t max_bytes = 1 << 20;
  constexpr int max_points = 10'000;
  const std::string text = io::read_file(path, max_bytes);
  detail::ShapeLines lines(path, text);
  Landmarks points;
  std::optional<double> version, count;
  bool open = false, closed = false;
  // `role: number`, once.
  const auto read_header = [&](std::string_view name, std::string_view number) {
    const bool is_version = name == "version";
    if (!is_version && name != "n_points") return;
    auto& value = is_version ? version : count;
    if (value) lines.fail("a second ", name, ":");
    value = io::parse_number<double>(number);
    if (!value || *value < 1 || *value > (is_version ? 1 : max_points) || *value != std::floor(*value))
      lines.fail("expected ", is_version ? "version 1" : "the number of points", ", got ", io::excerpt(number));
  };
  while (lines.next()) {
    const auto& fields = lines.fields();
    if (closed) lines.fail("unexpected text after the points: ", io::excerpt(lines.line()));
    const bool before_points = !open && points.empty();
    const auto colon = lines.line().find(':');
    if (fields[0] == "{" && fields.size() == 1 && before_points) {
      open = true;
    } else if (fields[0] == "}" && fields.size() == 1 && open) {
      closed = true;
    } else if (colon != std::string_view::npos && before_points) {
      read_header(io::lower_case(detail::trimmed(lines.line().substr(0, colon))),
                  detail::trimmed(lines.line().substr(colon + 1)));
    } else {
      if (points.size() >= max_points) lines.fail("more than ", max_points, " points");
      points.push_back(detail::read_pts_point(lines));
    }
  }
  if (open && !closed) lines.fail("the file ends without }");
  if (points.empty()) lines.fail("no points in the file");
  if (count && *count != static_cast<double>(points.size()))
    lines.fail("found ", points.size(), " of ", *count, " points");
  return points;
}

/// The lines of a .pts file. ValueError for no points, or a coordinate that is not finite or beyond
/// vision::max_coordinate.
inline std::string pts_text(const Landmarks& points) {
  check<ValueError>(!points.empty(), "[write_pts] no points");
  std::string text = message("version: 1\nn_points: ", points.size(), "\n{\n");
  for (const vision::Point& p : points) {
    check<ValueError>(std::abs(p.x + 0.5) <= vision::max_coordinate && std::abs(p.y + 0.5) <= vision::max_coordinate,
                      "[write_pts] point (", p.x, ", ", p.y, ") is not finite or too far away");
    text += io::csv_field(p.x + 0.5) + " " + io::csv_field(p.y + 0.5) + "\n";
  }
  return text + "}\n";
}

/// Writes a .pts file, see pts_text(), in one step (see write_atomically). IoError when it cannot be written.
inline void write_pts(const std::filesystem::path& path, const Landmarks& points) {
  io::write_atomically(path, pts_text(points));
}

}  // namespace nasion::faces
