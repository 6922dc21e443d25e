#pragma once
// Points on a face: what the sets of 58 and of 68 are.

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
#include "nasion/vision/points.hpp"

namespace nasion::faces {

/// Points on a face, in pixels of the image they belong to.
using Landmarks = vision::Points;

/// The 58 points of the IMM Face Database. Left and right as seen in the picture.
namespace imm {
inline constexpr int point_count = 58;
inline constexpr int nose_tip = 52;
inline constexpr std::array<int, 2> outer_eye_corners{13, 21};
inline constexpr std::array<vision::PointPath, 7> paths{{{"jaw", 0, 12, false},
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
inline constexpr std::array<vision::PointPath, 9> paths{{{"jaw", 0, 16, false},
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
inline std::span<const vision::PointPath> landmark_paths(std::size_t count) {
  if (count == imm::point_count) return imm::paths;
  if (count == ibug::point_count) return ibug::paths;
  return {};
}

}  // namespace nasion::faces
