#pragma once
// The faces that the programs learn from: the folder that was named, or synthetic ones in the format of the IMM
// database.

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nasion/core/parallel.hpp"
#include "nasion/train/progress.hpp"
#include "nasion/vision/face_view.hpp"
#include "nasion/vision/imm.hpp"
#include "nasion/vision/keypoint_dataset.hpp"
#include "nasion/vision/synthetic.hpp"
#include "nasion/vision/w300.hpp"
#include "support/options.hpp"
#include "support/output_folder.hpp"

namespace support {

/// A face in files.
struct FaceEntry {
  std::string name;  ///< for people: `07-3m`, `lfpw/testset/image_0001`
  std::filesystem::path image, shape;
  int person = 0, view = 0;   ///< of the IMM database; 0 elsewhere
  double original_scale = 1;  ///< pixels of the photo as it was published for one of the file

  /// The photo's file name, after the name of its set if it has one: `07-3m.jpg`, `lfpw/testset/image_0001.png`.
  std::string file() const { return name + image.extension().string(); }
};

inline FaceEntry face_entry(const nasion::vision::ImmEntry& e) {
  return {.name = e.name(), .image = e.image, .shape = e.shape, .person = e.person, .view = e.view};
}

inline FaceEntry face_entry(const nasion::vision::W300Entry& e) {
  return {.name = e.name(),
          .image = e.image,
          .shape = e.shape,
          .original_scale = e.to_original ? std::sqrt(e.to_original->xx * e.to_original->yy) : 1};
}

template <class Entry>
std::vector<FaceEntry> face_entries(const std::vector<Entry>& entries) {
  std::vector<FaceEntry> faces;
  for (const auto& entry : entries) faces.push_back(face_entry(entry));
  return faces;
}

struct LabelledFace {
  FaceEntry entry;
  nasion::vision::Image photo;
  nasion::vision::Landmarks points;  // in pixels of the photo
};

/// Reads photo and points (.asf or .pts). IoError when one cannot be read, or when there are not `count` points.
inline LabelledFace read_face(const FaceEntry& entry, int count) {
  namespace vision = nasion::vision;
  LabelledFace face{entry, vision::read_image(entry.image), {}};
  face.points = entry.shape.extension() == ".asf"
                    ? vision::read_asf(entry.shape).pixels(face.photo.width, face.photo.height)
                    : vision::read_pts(entry.shape);
  if (std::ssize(face.points) != count)
    throw nasion::IoError(entry.shape, nasion::message("has ", face.points.size(), " points, not ", count));
  return face;
}

inline std::vector<LabelledFace> read_faces(std::span<const FaceEntry> entries, int count) {
  std::vector<LabelledFace> faces(entries.size());
  nasion::parallel_for(static_cast<nasion::Index>(entries.size()), 1, [&](nasion::Index i, nasion::Index) {
    faces[static_cast<std::size_t>(i)] = read_face(entries[static_cast<std::size_t>(i)], count);
  });
  return faces;
}

/// Where the faces of a run are: for training, for validation, and test sets beside.
struct FaceFiles {
  std::string source;  // for people: where they come from
  int points = 0;      // of each face
  std::vector<FaceEntry> training, validation;
  std::vector<std::pair<std::string, std::vector<FaceEntry>>> tests{};  // by name, without the validation faces
};

/// A folder in the layout of the IMM database: persons 1 to 32 for training, the others for validation; with
/// `options.fold`, a quarter of the first instead. Without `options.data`, synthetic faces are made once, under the
/// output folder.
inline FaceFiles list_imm_faces(const Options& options, const OutputFolder& out, nasion::train::Progress& progress) {
  namespace vision = nasion::vision;
  std::filesystem::path folder;
  if (options.data) {
    folder = *options.data;
  } else {
    folder = out / "synthetic_faces";
    if (!std::filesystem::exists(folder)) progress.say("making synthetic faces in " + folder.string());
    vision::write_synthetic_imm(folder, options.seed);
  }
  auto [training, validation] = vision::ImmFaces(folder).split();
  nasion::check<nasion::ValueError>(!training.empty() && !validation.empty(), folder.string(),
                                    ": needs photos of persons up to 32, for training, and above, for validation");
  std::string source = options.data ? folder.string() : "synthetic faces";
  if (options.fold) {
    const auto held_out = std::stable_partition(
        training.begin(), training.end(), [&](const auto& entry) { return (entry.person - 1) % 4 != *options.fold; });
    validation.assign(held_out, training.end());
    training.erase(held_out, training.end());
    source += nasion::message(", part ", *options.fold, " of the training persons left out");
    nasion::check<nasion::ValueError>(!training.empty() && !validation.empty(), folder.string(),
                                      ": has too few persons for cross-validation");
  }
  return {.source = source,
          .points = vision::imm::point_count,
          .training = face_entries(training),
          .validation = face_entries(validation)};
}

/// A folder in the layout of 300-W: AFW and the training sets of HELEN and LFPW for training, LFPW's test set for
/// validation, and the other test sets that there are; with `options.fold`, a quarter of the training photos for
/// validation, and no test set is looked at.
inline FaceFiles list_w300_faces(const std::filesystem::path& root, const std::optional<int>& fold) {
  const nasion::vision::W300Faces faces(root);
  FaceFiles files{
      .source = root.string(), .points = nasion::vision::ibug::point_count, .training = {}, .validation = {}};
  if (fold) {
    const auto split = faces.split(*fold, 4);
    files.source += nasion::message(", part ", *fold, " of the training photos left out");
    files.training = face_entries(split.training);
    files.validation = face_entries(split.validation);
    return files;
  }
  files.training = face_entries(faces.training());
  for (const auto& [name, entries] : faces.tests()) {
    if (name == "lfpw/testset")
      files.validation = face_entries(entries);
    else
      files.tests.emplace_back(name, face_entries(entries));
  }
  if (files.validation.empty()) throw nasion::IoError(root / "lfpw/testset", "no faces to validate on");
  return files;
}

/// The one or the other, whichever `options.data` is.
inline FaceFiles list_faces(const Options& options, const OutputFolder& out, nasion::train::Progress& progress) {
  if (options.data && nasion::vision::W300Faces::found_in(*options.data))
    return list_w300_faces(*options.data, options.fold);
  return list_imm_faces(options, out, progress);
}

/// Faces in memory.
struct Faces {
  std::string source;
  std::vector<LabelledFace> training, validation;
};

/// Reads the photos of an IMM folder, or synthetic ones. The eyes of the training faces are put in order (a few files
/// of the database have them otherwise); the labels that are measured against stay as published.
inline Faces load_faces(const Options& options, const OutputFolder& out, nasion::train::Progress& progress) {
  const FaceFiles files = list_imm_faces(options, out, progress);
  Faces faces{files.source, read_faces(files.training, files.points), read_faces(files.validation, files.points)};
  for (auto& face : faces.training) nasion::vision::imm::repair_eye_order(face.points);
  progress.say(nasion::message("read ", faces.training.size(), " training and ", faces.validation.size(),
                               " validation photos: ", faces.source));
  return faces;
}

/// The square that a network sees of a face: around its points, with some room (see vision::face_view).
inline nasion::vision::Box view_of(const LabelledFace& face, double margin) {
  return nasion::vision::face_view(nasion::vision::bounding_box(face.points), margin);
}

/// Adds faces to a dataset, each seen in its view, a few photos in memory at a time; eyes of 58 points are put in
/// order.
inline void add_faces(nasion::vision::KeypointDataset& dataset, std::span<const FaceEntry> entries, int points,
                      double margin) {
  constexpr std::size_t at_once = 64;
  for (std::size_t first = 0; first < entries.size(); first += at_once)
    for (auto& face : read_faces(entries.subspan(first, std::min(at_once, entries.size() - first)), points)) {
      if (points == nasion::vision::imm::point_count) nasion::vision::imm::repair_eye_order(face.points);
      dataset.add(face.photo, face.points, view_of(face, margin));
    }
}

/// The same with faces in memory, whose labels stay as published.
inline void add_faces(nasion::vision::KeypointDataset& dataset, const std::vector<LabelledFace>& faces, double margin) {
  for (const auto& face : faces) dataset.add(face.photo, face.points, view_of(face, margin));
}

/// 0 .. count - 1
inline std::vector<int> all_points(int count = nasion::vision::imm::point_count) {
  std::vector<int> points(static_cast<std::size_t>(count));
  std::iota(points.begin(), points.end(), 0);
  return points;
}

/// What a network of width x height pixels sees of the faces, and what it should say of these points.
inline nasion::vision::KeypointDataset make_dataset(
    const std::vector<LabelledFace>& faces, int width, int height, const std::vector<int>& points,
    const std::optional<nasion::vision::Augmentation>& augmentation = {}) {
  nasion::vision::KeypointDataset dataset(
      {.width = width, .height = height, .points = points, .augmentation = augmentation});
  for (const auto& face : faces) dataset.add(face.photo, face.points);
  return dataset;
}

}  // namespace support
