#pragma once
// Points of faces as comma-separated values: submissions to a Kaggle competition, and plain tables. Both count pixels
// from 0 at the centre of the first one, as dlib's files do: x there is x + 0.5 here.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nasion/faces/landmarks.hpp"
#include "nasion/io/atomic_file.hpp"
#include "nasion/io/csv.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/io/text.hpp"

namespace nasion::faces {

namespace detail {
constexpr std::int64_t max_faces = 1'000'000;  // of a file

/// A coordinate that counts from the centre of the first pixel, as ours.
inline double coordinate(const io::CsvReader& rows, std::size_t column) {
  return rows.number_within(column, -vision::max_coordinate, vision::max_coordinate) + 0.5;
}
}  // namespace detail

/// Writes a submission: `Id,Predicted`, then a line for each coordinate, x and y of each point of each face, numbered
/// from 0. 1008 faces of 68 points are 137,088 lines. A face without points has no lines, but the numbers that it would
/// have are left out. Points are in pixels of the original photo. ValueError for no points, faces of different numbers
/// of points, or a coordinate that is not finite or beyond vision::max_coordinate.
inline void write_kaggle_submission(const std::filesystem::path& path, std::span<const Landmarks> faces) {
  std::size_t count = 0;  // of a face
  for (const auto& face : faces) count = std::max(count, face.size());
  check<ValueError>(count > 0, "[write_kaggle_submission] no points");
  std::string text = "Id,Predicted\n";
  for (std::size_t i = 0; i < faces.size(); ++i) {
    check<ValueError>(faces[i].empty() || faces[i].size() == count, "[write_kaggle_submission] face ", i, " has ",
                      faces[i].size(), " points, another one ", count);
    std::size_t id = 2 * count * i;
    for (const vision::Point& p : faces[i]) {
      check<ValueError>(std::abs(p.x - 0.5) <= vision::max_coordinate && std::abs(p.y - 0.5) <= vision::max_coordinate,
                        "[write_kaggle_submission] face ", i, " has a point (", p.x, ", ", p.y,
                        ") that is not finite or too far away");
      for (const double value : {p.x, p.y}) text += io::csv_line(id++, value - 0.5);
    }
  }
  io::write_atomically(path, text);
}

/// Reads a submission, for faces of so many points; a face without lines has no points. IoError naming file and line
/// for anything else, for a face that is not whole, and for more than a million faces. ValueError for faces of no
/// points, or of more than a file has room for.
inline std::vector<Landmarks> read_kaggle_submission(const std::filesystem::path& path, std::size_t points) {
  constexpr std::uintmax_t max_bytes = 64 << 20;
  check<ValueError>(points > 0 && points <= max_bytes, "[read_kaggle_submission] faces of ", points, " points");
  const auto lines = static_cast<std::int64_t>(2 * points);
  io::CsvReader rows(path, max_bytes);
  rows.expect_header({"Id", "Predicted"});
  std::vector<Landmarks> faces;
  std::int64_t next = 0;
  double x = 0;
  while (rows.next()) {
    const auto id = rows.number<std::int64_t>(0);
    const bool skips_faces = id > next && id % lines == 0 && next % lines == 0;
    if (id / lines >= detail::max_faces) rows.fail("more than ", detail::max_faces, " faces");
    if (id != next && !skips_faces) rows.fail("expected Id ", next, ", got ", io::excerpt(rows.fields()[0]));
    next = id + 1;
    faces.resize(static_cast<std::size_t>(id / lines + 1));
    const double value = detail::coordinate(rows, 1);
    if (id % 2 == 0)
      x = value;
    else
      faces.back().push_back({x, value});
  }
  if (next == 0 || next % lines != 0)
    throw IoError(path, message("ends after ", next, " coordinates, within a face of ", points, " points"));
  return faces;
}

/// A line of a table of points.
struct PointsRow {
  std::string image;
  Landmarks points;
};

/// Reads a table of points: `image,x0,y0,x1,y1,...`, then a line for each face. IoError naming file and line for
/// anything else, and for more than a million faces.
inline std::vector<PointsRow> read_points_csv(const std::filesystem::path& path) {
  constexpr std::uintmax_t max_bytes = 64 << 20;
  io::CsvReader rows(path, max_bytes);
  const auto& header = rows.header();
  bool expected = header.size() >= 3 && header.size() % 2 == 1 && header[0] == "image";
  for (std::size_t i = 1; i < header.size(); ++i)
    expected = expected && header[i] == (i % 2 == 1 ? "x" : "y") + std::to_string((i - 1) / 2);
  if (!expected) rows.fail("expected the header image,x0,y0,x1,y1,... with x and y of each point");
  std::vector<PointsRow> result;
  while (rows.next()) {
    if (std::ssize(result) == detail::max_faces) rows.fail("more than ", detail::max_faces, " faces");
    PointsRow row{std::string(rows.fields()[0]), {}};
    row.points.reserve(header.size() / 2);
    if (row.image.empty()) rows.fail("the name of the image is empty");
    for (std::size_t i = 1; i < header.size(); i += 2)
      row.points.push_back({detail::coordinate(rows, i), detail::coordinate(rows, i + 1)});
    result.push_back(std::move(row));
  }
  return result;
}

}  // namespace nasion::faces
