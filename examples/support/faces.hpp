#pragma once
// The faces that the programs learn from: the folder that was named, or synthetic ones in the format of the IMM
// database.

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nasion/faces/keypoint_dataset.hpp"
#include "nasion/training/progress.hpp"
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

struct LabelledFace {
  FaceEntry entry;
  nasion::vision::Image photo;
  nasion::faces::Landmarks points;  // in pixels of the photo
};

/// Reads photos and points (.asf or .pts). IoError when one cannot be read, or when there are not `count` points.
std::vector<LabelledFace> read_faces(std::span<const FaceEntry> entries, int count);

/// Where the faces of a run are: for training, for validation, and test sets beside.
struct FaceFiles {
  std::string source;  // for people: where they come from
  int points = 0;      // of each face
  std::vector<FaceEntry> training, validation;
  std::vector<std::pair<std::string, std::vector<FaceEntry>>> tests{};  // by name, without the validation faces
};

/// Of the names and contents of the files for training and validation: the same wherever they lie.
std::string fingerprint(const FaceFiles& files);

/// The faces of `options.data`, a folder in either of two layouts.
///
/// IMM database: persons 1 to 32 for training, the others for validation; with `options.fold`, a quarter of the first
/// instead. Without `options.data`, synthetic faces in this layout are made once, under the output folder.
///
/// 300-W: AFW and the training sets of HELEN and LFPW for training, LFPW's test set for validation, and the other test
/// sets that there are; with `options.fold`, a quarter of the training photos for validation, and no test set is looked
/// at.
FaceFiles list_faces(const Options& options, const OutputFolder& out, nasion::training::Progress& progress);

/// Faces in memory.
struct Faces {
  std::string source, fingerprint;
  std::vector<LabelledFace> training, validation;
};

/// Reads the photos of an IMM folder, or synthetic ones. The eyes of the training faces are put in order (a few files
/// of the database have them otherwise); the labels that are measured against stay as published.
Faces load_faces(const Options& options, const OutputFolder& out, nasion::training::Progress& progress);

/// Adds faces to a dataset, each seen in its view, a few photos in memory at a time; eyes of 58 points are put in
/// order.
void add_faces(nasion::faces::KeypointDataset& dataset, std::span<const FaceEntry> entries, int points, double margin);

/// The same with faces in memory, whose labels stay as published.
void add_faces(nasion::faces::KeypointDataset& dataset, const std::vector<LabelledFace>& faces, double margin);

/// 0 .. count - 1
std::vector<int> all_points(int count = nasion::faces::imm::point_count);

/// What a network of width x height pixels sees of the faces, and what it should say of these points.
nasion::faces::KeypointDataset make_dataset(const std::vector<LabelledFace>& faces, int width, int height,
                                            const std::vector<int>& points,
                                            const std::optional<nasion::vision::Augmentation>& augmentation = {});

}  // namespace support
