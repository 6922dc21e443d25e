#pragma once
// The .asf shape files of the IMM Face Database.

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nasion/faces/landmarks.hpp"
#include "nasion/faces/shape_lines.hpp"
#include "nasion/io/atomic_file.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/io/read_file.hpp"
#include "nasion/io/text.hpp"

namespace nasion::faces {

/// What a shape file says: points relative to the size of the picture, and the picture's file name.
struct AsfShape {
  Landmarks relative;
  std::string image;

  /// The points in an image of this size, in pixels.
  Landmarks pixels(double width, double height) const {
    return transform(vision::Affine::scale(width, height), relative);
  }
};

/// Reads a shape file: the number of points; a line of 7 or 10 fields (path, type, x, y, index, from, to, ...) for
/// each; the picture's name. Lines starting with # are comments. IoError naming file and line for anything else, and
/// for coordinates of more than a million widths.
inline AsfShape read_asf(const std::filesystem::path& path) {
  constexpr std::uintmax_t max_bytes = 1 << 20;
  constexpr int max_points = 10'000;
  const std::string text = io::read_file(path, max_bytes);
  detail::ShapeLines lines(path, text);

  if (!lines.next()) lines.fail("no number of points in the file");
  const auto count = detail::parse_number<int>(detail::trimmed(lines.line()));
  if (!count || *count < 1 || *count > max_points)
    lines.fail("expected the number of points, got ", detail::excerpt(lines.line()));

  AsfShape shape;
  for (int i = 0; i < *count; ++i) {
    if (!lines.next()) lines.fail("the file ends after ", i, " of ", *count, " points");
    const auto& fields = lines.fields();
    if (fields.size() == 1) lines.fail("found ", i, " of ", *count, " points before ", detail::excerpt(fields[0]));
    if (fields.size() != 7 && fields.size() != 10)
      lines.fail("a point has 7 or 10 fields, this line has ", fields.size());
    const auto number = [&](std::size_t field, const char* role) {
      const auto value = detail::parse_number<double>(fields[field]);
      if (!value) lines.fail(role, " is ", detail::excerpt(fields[field]), ", not a number");
      return *value;
    };
    const auto coordinate = [&](std::size_t field, const char* role) {
      const double value = number(field, role);
      if (std::abs(value) > detail::max_relative)
        lines.fail(role, " is ", detail::excerpt(fields[field]), ", too large for a part of an image");
      return value;
    };
    const vision::Point point{coordinate(2, "x"), coordinate(3, "y")};
    if (number(4, "the point's index") != i)
      lines.fail("expected point ", i, ", got point ", detail::excerpt(fields[4]));
    shape.relative.push_back(point);
  }

  if (!lines.next()) lines.fail("the file ends without the name of its image");
  const auto& fields = lines.fields();
  if ((fields.size() == 7 || fields.size() == 10) && detail::parse_number<double>(fields[2]))
    lines.fail("more points than the ", *count, " announced");
  shape.image = detail::trimmed(lines.line());
  if (lines.next()) lines.fail("unexpected text after the name of the image: ", detail::excerpt(lines.line()));
  return shape;
}

/// Writes a shape file as the IMM Face Database has them, joining the points along `paths`, which must cover them in
/// order. ValueError when they do not, for a coordinate that is not finite, or a name that is no single line. IoError
/// when it cannot be written.
inline void write_asf(const std::filesystem::path& path, const AsfShape& shape,
                      std::span<const vision::PointPath> paths = imm::paths) {
  const bool one_line = shape.image.find_first_of("\r\n") == std::string::npos;
  check<ValueError>(one_line && !shape.image.empty() && detail::trimmed(shape.image) == shape.image &&
                        shape.image[0] != '#' && io::without_marks(shape.image) == shape.image,
                    "[write_asf] image name ", detail::excerpt(shape.image), " cannot stand in a shape file");
  std::string text =
      "######################################################################\n"
      "#\n"
      "#    AAM Shape File\n"
      "#\n"
      "######################################################################\n\n"
      "#\n# number of model points\n#\n" +
      std::to_string(shape.relative.size()) +
      "\n\n#\n# model points\n#\n"
      "# format: <path#> <type> <x rel.> <y rel.> <point#> <connects from> <connects to>\n#\n";

  const auto fixed = [](double value) {
    check<ValueError>(std::abs(value) <= detail::max_relative, "[write_asf] relative coordinate ", value,
                      " is not finite or too large");
    std::array<char, 32> digits{};
    return std::string(
        digits.data(),
        std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed, 8).ptr);
  };
  int next = 0;
  for (std::size_t p = 0; p < paths.size(); ++p) {
    const auto& [name, first, last, closed] = paths[p];
    check<ValueError>(first == next && last >= first && static_cast<std::size_t>(last) < shape.relative.size(),
                      "[write_asf] path ", name, " from ", first, " to ", last, " does not continue ", next, " of ",
                      shape.relative.size(), " points");
    for (int i = first; i <= last; ++i) {
      const int from = i > first ? i - 1 : closed ? last : first;
      const int to = i < last ? i + 1 : closed ? first : last;
      const vision::Point point = shape.relative[static_cast<std::size_t>(i)];
      // Type 4 marks the points of an open outline.
      text += message(p, " \t", closed ? 0 : 4, " \t", fixed(point.x), " \t", fixed(point.y), " \t", i, " \t", from,
                      " \t", to, "\n");
    }
    next = last + 1;
  }
  check<ValueError>(static_cast<std::size_t>(next) == shape.relative.size(), "[write_asf] the paths cover ", next,
                    " of ", shape.relative.size(), " points");
  io::write_atomically(path, text + "\n#\n# host image\n#\n" + shape.image + "\n");
}

}  // namespace nasion::faces
