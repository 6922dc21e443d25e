#pragma once
// Points on a face: what the sets of 58 and of 68 are, and the .asf shape files of the IMM Face Database.

#include <algorithm>
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

#include "nasion/io/atomic_file.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/io/read_file.hpp"
#include "nasion/io/text.hpp"
#include "nasion/vision/affine.hpp"

namespace nasion::vision {

/// In pixels of the image they belong to.
using Landmarks = std::vector<Point>;

/// Coordinates of files may lie outside of their image, but not further than this, in pixels: whatever is computed with
/// them stays finite.
inline constexpr double max_coordinate = 1e9;

/// The points moved with their image.
inline Landmarks transform(const Affine& affine, Landmarks points) {
  for (Point& point : points) point = affine(point);
  return points;
}

/// The smallest box that holds all points. ValueError for no points.
inline Box bounding_box(const Landmarks& points) {
  check<ValueError>(!points.empty(), "[bounding_box] no points");
  Point low = points.front(), high = low;
  for (const Point& p : points) {
    low = {std::min(low.x, p.x), std::min(low.y, p.y)};
    high = {std::max(high.x, p.x), std::max(high.y, p.y)};
  }
  return {low.x, low.y, high.x - low.x, high.y - low.y};
}

/// Landmarks first to last in drawing order; closed when the last is joined to the first.
struct LandmarkPath {
  std::string_view name;
  int first, last;
  bool closed;
};

/// The 58 points of the IMM Face Database. Left and right as seen in the picture.
namespace imm {
inline constexpr int point_count = 58;
inline constexpr int nose_tip = 52;
inline constexpr std::array<int, 2> outer_eye_corners{13, 21};
inline constexpr std::array<LandmarkPath, 7> paths{{{"jaw", 0, 12, false},
                                                    {"right eye", 13, 20, true},
                                                    {"left eye", 21, 28, true},
                                                    {"right brow", 29, 33, false},
                                                    {"left brow", 34, 38, false},
                                                    {"mouth", 39, 46, true},
                                                    {"nose", 47, 57, false}}};
/// Point i of a face is point mirrored[i] of the same face in a mirror.
inline constexpr std::array<int, point_count> mirrored{12, 11, 10, 9,  8,  7,  6,  5,  4,  3,  2, 1, 0,  // jaw
                                                       21, 22, 23, 24, 25, 26, 27, 28,                   // right eye
                                                       13, 14, 15, 16, 17, 18, 19, 20,                   // left eye
                                                       34, 35, 36, 37, 38, 29, 30, 31, 32, 33,  // right brow, left brow
                                                       43, 42, 41, 40, 39, 46, 45, 44,          // mouth: upper, lower
                                                       57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47};  // nose

/// Puts the points of each eye into the order most files have: outer corner, upper lid, inner corner, lower lid. Nine
/// files of the database start one eye at its inner corner (06-5m, 10-4m, 18-4m, 33-3m, 36-4m, 36-5m, 36-6m, 39-3m,
/// 40-5m). For upright faces; returns how many eyes it reordered. ValueError unless there are 58 points.
inline int repair_eye_order(Landmarks& points) {
  check<ValueError>(points.size() == point_count, "[repair_eye_order] ", points.size(), " points, not ", point_count);
  int repaired = 0;
  for (const std::size_t first : {13u, 21u}) {
    const bool right = first == 13;
    const double outer = points[first].x, inner = points[first + 4].x;
    if (right ? outer >= inner : outer <= inner) continue;
    const Landmarks eye(points.begin() + static_cast<std::ptrdiff_t>(first),
                        points.begin() + static_cast<std::ptrdiff_t>(first + 8));
    for (std::size_t i = 0; i < 8; ++i) points[first + i] = eye[(12 - i) % 8];  // the corners change places
    ++repaired;
  }
  return repaired;
}
}  // namespace imm

/// The 68 points of iBUG 300-W (Sagonas et al., "300 faces in-the-wild challenge", Image and Vision Computing 47,
/// 2016). Left and right as seen in the picture.
namespace ibug {
inline constexpr int point_count = 68;
inline constexpr int nose_tip = 30;
inline constexpr std::array<int, 2> outer_eye_corners{36, 45};  ///< left, right; errors are measured in their distance
inline constexpr std::array<LandmarkPath, 9> paths{{{"jaw", 0, 16, false},
                                                    {"left brow", 17, 21, false},
                                                    {"right brow", 22, 26, false},
                                                    {"bridge of the nose", 27, 30, false},
                                                    {"nostrils", 31, 35, false},
                                                    {"left eye", 36, 41, true},
                                                    {"right eye", 42, 47, true},
                                                    {"lips, outside", 48, 59, true},
                                                    {"lips, inside", 60, 67, true}}};
/// Point i of a face is point mirrored[i] of the same face in a mirror.
inline constexpr std::array<int, point_count> mirrored{16, 15, 14, 13, 12, 11, 10, 9,  8,  7,  6,  5,
                                                       4,  3,  2,  1,  0,                       // jaw
                                                       26, 25, 24, 23, 22, 21, 20, 19, 18, 17,  // left brow, right brow
                                                       27, 28, 29, 30, 35, 34, 33, 32, 31,  // nose: bridge, nostrils
                                                       45, 44, 43, 42, 47, 46,              // left eye
                                                       39, 38, 37, 36, 41, 40,              // right eye
                                                       54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55,  // lips, outside
                                                       64, 63, 62, 61, 60, 67, 66, 65};                 // lips, inside
}  // namespace ibug

/// The table `mirrored` for faces of so many points, if there is one: for 58 (imm) and 68 (ibug).
inline std::optional<std::span<const int>> find_mirrored_landmarks(std::size_t count) {
  if (count == imm::mirrored.size()) return imm::mirrored;
  if (count == ibug::mirrored.size()) return ibug::mirrored;
  return std::nullopt;
}

/// The same; ValueError when there is none.
inline std::span<const int> mirrored_landmarks(std::size_t count) {
  const auto table = find_mirrored_landmarks(count);
  check<ValueError>(table.has_value(), "[mirrored_landmarks] how ", count,
                    " points change places in a mirror is not known, only for ", imm::point_count, " and ",
                    ibug::point_count);
  return *table;
}

/// How faces of so many points are drawn: the paths of imm or ibug; nothing for other numbers.
inline std::span<const LandmarkPath> landmark_paths(std::size_t count) {
  if (count == imm::point_count) return imm::paths;
  if (count == ibug::point_count) return ibug::paths;
  return {};
}

/// What a shape file says: points relative to the size of the picture, and the picture's file name.
struct AsfShape {
  Landmarks relative;
  std::string image;

  /// The points in an image of this size, in pixels.
  Landmarks pixels(double width, double height) const { return transform(Affine::scale(width, height), relative); }
};

namespace detail {

/// The largest coordinate of an .asf file, in widths or heights of the image.
inline constexpr double max_relative = 1e6;

using io::excerpt;
using io::parse_number;

inline std::vector<std::string_view> split_fields(std::string_view line) {
  constexpr std::string_view blanks = " \t\r\f\v";
  std::vector<std::string_view> fields;
  for (;;) {
    const auto begin = line.find_first_not_of(blanks);
    if (begin == line.npos) return fields;
    line.remove_prefix(begin);
    const auto end = std::min(line.find_first_of(blanks), line.size());
    fields.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

/// The lines of a shape file that say something, and errors that name the line they are about. Lines end in LF, CRLF or
/// CR.
class ShapeLines {
 public:
  ShapeLines(std::filesystem::path path, std::string_view text)
      : path_(std::move(path)), rest_(io::without_marks(text)) {}

  /// Moves to the next line that is neither blank nor a comment; false at the end of the file.
  bool next() {
    while (!rest_.empty()) {
      line_ = rest_.substr(0, rest_.find_first_of("\r\n"));
      rest_.remove_prefix(line_.size());
      rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : rest_.empty() ? 0 : 1);
      ++number_;
      fields_ = split_fields(line_);
      if (!fields_.empty() && fields_[0][0] != '#') return true;
    }
    return false;
  }

  const std::vector<std::string_view>& fields() const { return fields_; }
  std::string_view line() const { return line_; }

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw IoError(path_.string() + ":" + std::to_string(number_), message(parts...));
  }

 private:
  std::filesystem::path path_;
  std::string_view rest_, line_;
  std::vector<std::string_view> fields_;
  int number_ = 0;
};

inline std::string_view trimmed(std::string_view line) {
  constexpr std::string_view blanks = " \t\r\f\v";
  const auto begin = std::min(line.find_first_not_of(blanks), line.size());
  return line.substr(begin, line.find_last_not_of(blanks) + 1 - begin);
}

}  // namespace detail

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
    const Point point{coordinate(2, "x"), coordinate(3, "y")};
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
                      std::span<const LandmarkPath> paths = imm::paths) {
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
      const Point point = shape.relative[static_cast<std::size_t>(i)];
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

}  // namespace nasion::vision
