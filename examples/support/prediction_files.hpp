#pragma once
// What is left of a photo whose faces were found: the photo with the points on it, a .json and .pts files.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nasion/faces/landmarks.hpp"
#include "nasion/vision/affine.hpp"
#include "nasion/vision/image.hpp"

namespace support {

/// A face to be written: the box around its points, and its score, which a face whose box was given has not.
struct PredictedFace {
  nasion::vision::Box box;
  std::optional<double> score;
  nasion::faces::Landmarks points;
};

/// The photo with the points of its faces and lines between them, in sizes that suit each face. Small photos are
/// enlarged; faces are numbered when there are several.
nasion::vision::Image draw_faces(const nasion::vision::Image& photo, const std::vector<PredictedFace>& faces);

/// The files of one photo in a folder, named after it: `NAME.jpg` or, for other than JPEG, `NAME.png`; `NAME.json`;
/// `NAME.pts`, and `NAME_2.pts` and so on for more faces.
class PredictionFiles {
 public:
  PredictionFiles(std::filesystem::path folder, std::filesystem::path photo);

  std::filesystem::path json() const { return named(".json"); }
  std::filesystem::path points(std::size_t face) const;
  std::filesystem::path picture() const;

  /// Writes all of them. IoError, and nothing is written, when one of them is there already; unless `overwrite`, which
  /// replaces what this program wrote of this photo before, and nothing else. When writing fails, what was there before
  /// is there still, and the call can be repeated.
  void write(const nasion::vision::Image& photo, const std::vector<PredictedFace>& faces, bool overwrite) const;

 private:
  std::filesystem::path named(const std::string& ending) const { return folder_ / (photo_.stem().string() + ending); }

  /// What the .json in the folder says was written with it, if it is about this photo.
  std::vector<std::filesystem::path> earlier_files() const;

  /// Whether the path in a .json is that of the photo, perhaps in other words.
  bool is_this_photo(const std::string& said) const;

  /// Writes the files, paths and bytes, and removes what is left of earlier ones.
  void replace(const std::vector<std::pair<std::filesystem::path, std::string>>& files,
               const std::vector<std::filesystem::path>& earlier) const;

  std::string text(const nasion::vision::Image& photo, const std::vector<PredictedFace>& faces) const;

  std::filesystem::path folder_, photo_;
};

}  // namespace support
