#pragma once
// The faces that parts 1, 2 and 4 learn from: the IMM folder that was named, or synthetic ones in the same format.

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nasion/core/parallel.hpp"
#include "nasion/train/progress.hpp"
#include "nasion/vision/imm.hpp"
#include "nasion/vision/keypoint_dataset.hpp"
#include "nasion/vision/synthetic.hpp"
#include "support/options.hpp"
#include "support/output_folder.hpp"

namespace support {

/// A face in files.
struct FaceEntry {
  std::string name;  ///< for people: `07-3m`, `lfpw/testset/image_0001`
  std::filesystem::path image, shape;
  int person = 0, view = 0;   ///< of the IMM database; 0 elsewhere
  double original_scale = 1;  ///< pixels of the photo as it was published for one of the file
};

inline FaceEntry face_entry(const nasion::vision::ImmEntry& e) {
  return {.name = e.name(), .image = e.image, .shape = e.shape, .person = e.person, .view = e.view};
}

struct LabelledFace {
  FaceEntry entry;
  nasion::vision::Image photo;
  nasion::vision::Landmarks points;  // in pixels of the photo
};

struct Faces {
  std::string source;  // for people: where they come from
  std::vector<LabelledFace> training, validation;
};

inline std::vector<LabelledFace> read_faces(const std::vector<nasion::vision::ImmEntry>& entries) {
  std::vector<LabelledFace> faces(entries.size());
  nasion::parallel_for(static_cast<nasion::Index>(entries.size()), 1, [&](nasion::Index i, nasion::Index) {
    const auto& entry = entries[static_cast<std::size_t>(i)];
    auto face = nasion::vision::read_imm_face(entry);
    faces[static_cast<std::size_t>(i)] = {face_entry(entry), std::move(face.image), std::move(face.points)};
  });
  return faces;
}

/// Persons 1 to 32 for training, the others for validation; with `options.fold`, a part of the first instead. The eyes
/// of the training faces are put in order (a few files of the database have them otherwise); the labels that are
/// measured against stay as published. Without `options.data`, synthetic faces are made once, under the output folder.
inline Faces load_faces(const Options& options, const OutputFolder& out, nasion::train::Progress& progress) {
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
  Faces faces{source, read_faces(training), read_faces(validation)};
  for (auto& face : faces.training) vision::imm::repair_eye_order(face.points);
  progress.say(nasion::message("read ", faces.training.size(), " training and ", faces.validation.size(),
                               " validation photos: ", faces.source));
  return faces;
}

/// 0 .. 57
inline std::vector<int> all_points() {
  std::vector<int> points(nasion::vision::imm::point_count);
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
