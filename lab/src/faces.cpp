#include "lab/faces.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <system_error>
#include <vector>

#include "lab/src/interrupt.hpp"
#include "nasion/core/parallel.hpp"
#include "nasion/core/printable.hpp"
#include "nasion/faces/face_view.hpp"
#include "nasion/faces/imm.hpp"
#include "nasion/faces/labelled_photos.hpp"
#include "nasion/faces/synthetic.hpp"
#include "nasion/faces/w300.hpp"
#include "nasion/io/read_file.hpp"
#include "nasion/io/xxh64.hpp"

namespace lab {

namespace {

FaceEntry face_entry(const nasion::faces::ImmEntry& e) {
  return {.name = e.name(), .image = e.image, .shape = e.shape, .person = e.person, .view = e.view};
}

FaceEntry face_entry(const nasion::faces::W300Entry& e) {
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

LabelledFace read_face(const FaceEntry& entry, int count) {
  namespace vision = nasion::vision;
  namespace faces = nasion::faces;
  LabelledFace face{entry, vision::read_image(entry.image, {.exif_orientation = false}), {}};  // points count it so
  face.points = faces::lower_extension(entry.shape) == ".asf"
                    ? faces::read_asf(entry.shape).pixels(face.photo.width, face.photo.height)
                    : faces::read_pts(entry.shape);
  if (std::ssize(face.points) != count)
    throw nasion::IoError(entry.shape, nasion::message("has ", face.points.size(), " points, not ", count));
  return face;
}

/// Removes what was left of this folder, half made, when a program was killed. Nobody is making it now: the output
/// folder has one run at a time.
void remove_unfinished(const std::filesystem::path& folder) {
  std::error_code ignored;
  std::vector<std::filesystem::path> unfinished;
  for (const auto& entry : std::filesystem::directory_iterator(folder.parent_path(), ignored)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with(folder.filename().string() + ".") && (name.ends_with(".tmp") || name.ends_with(".tmp.old")))
      unfinished.push_back(entry.path());
  }
  for (const auto& path : unfinished) std::filesystem::remove_all(path, ignored);
}

FaceFiles list_imm_faces(const Options& options, const OutputFolder& out, nasion::training::Progress& progress) {
  namespace vision = nasion::vision;
  namespace faces = nasion::faces;
  std::filesystem::path folder;
  if (options.data) {
    folder = *options.data;
  } else {
    folder = out / "synthetic_faces";
    remove_unfinished(folder);
    if (!std::filesystem::exists(folder))
      progress.say("making synthetic faces in " + nasion::printable(folder.string()));
    faces::write_synthetic_imm(folder, options.seed, 40, [&](int done, int total) {
      stop_if_asked();
      if (done == 1) progress.begin("drawing faces", total);
      progress.advance();
    });
  }
  auto [training, validation] = faces::ImmFaces(folder).split();
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
          .points = faces::imm::point_count,
          .training = face_entries(training),
          .validation = face_entries(validation)};
}

FaceFiles list_w300_faces(const std::filesystem::path& root, const std::optional<int>& fold) {
  const nasion::faces::W300Faces faces(root);
  FaceFiles files{
      .source = root.string(), .points = nasion::faces::ibug::point_count, .training = {}, .validation = {}};
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

/// Adds a face in the square around its points, with some room (see faces::face_view). IoError, naming the file of the
/// points, when these lie in one row or column, or outside of the photo.
void add_face(nasion::faces::KeypointDataset& dataset, const LabelledFace& face, double margin) {
  const auto box = nasion::vision::bounding_box(face.points);
  const auto [width, height] = std::pair(face.photo.width, face.photo.height);
  if (box.width <= 0 || box.height <= 0)
    throw nasion::IoError(face.entry.shape, "has all of its points in one row or column");
  if (box.x >= width || box.y >= height || box.x + box.width <= 0 || box.y + box.height <= 0)
    throw nasion::IoError(face.entry.shape,
                          nasion::message("has no point within its photo of ", width, " x ", height, " pixels"));
  dataset.add(face.photo, face.points, nasion::faces::face_view(box, margin));
}

}  // namespace

std::string fingerprint(const FaceFiles& files) {
  using nasion::io::detail::Xxh64;
  Xxh64 all;
  for (const auto* entries : {&files.training, &files.validation}) {
    std::vector<std::string> digests(entries->size());
    nasion::parallel_for(std::ssize(digests), 1, [&](nasion::Index i, nasion::Index) {
      stop_if_asked();
      const auto& entry = (*entries)[static_cast<std::size_t>(i)];
      Xxh64 hash;
      hash.update(entry.name);
      for (const auto& file : {entry.image, entry.shape}) {
        const auto bytes = nasion::io::read_file(file, 256 << 20);
        hash.update(nasion::message(":", bytes.size(), ":"));
        hash.update(bytes);
      }
      digests[static_cast<std::size_t>(i)] = hash.text();
    });
    for (const auto& digest : digests) all.update(digest);
    all.update(nasion::message(":", digests.size(), ":"));
  }
  return all.text();
}

std::vector<LabelledFace> read_faces(std::span<const FaceEntry> entries, int count) {
  std::vector<LabelledFace> faces(entries.size());
  nasion::parallel_for(static_cast<nasion::Index>(entries.size()), 1, [&](nasion::Index i, nasion::Index) {
    stop_if_asked();
    faces[static_cast<std::size_t>(i)] = read_face(entries[static_cast<std::size_t>(i)], count);
  });
  return faces;
}

FaceFiles list_faces(const Options& options, const OutputFolder& out, nasion::training::Progress& progress) {
  if (options.data && nasion::faces::W300Faces::found_in(*options.data))
    return list_w300_faces(*options.data, options.fold);
  return list_imm_faces(options, out, progress);
}

Faces load_faces(const Options& options, const OutputFolder& out, nasion::training::Progress& progress) {
  const FaceFiles files = list_imm_faces(options, out, progress);
  Faces faces{files.source, fingerprint(files), read_faces(files.training, files.points),
              read_faces(files.validation, files.points)};
  for (auto& face : faces.training) nasion::faces::imm::repair_eye_order(face.points);
  progress.say(nasion::message("read ", faces.training.size(), " training and ", faces.validation.size(),
                               " validation photos: ", nasion::printable(faces.source)));
  return faces;
}

void add_faces(nasion::faces::KeypointDataset& dataset, std::span<const FaceEntry> entries, int points, double margin) {
  constexpr std::size_t at_once = 64;
  for (std::size_t first = 0; first < entries.size(); first += at_once)
    for (auto& face : read_faces(entries.subspan(first, std::min(at_once, entries.size() - first)), points)) {
      if (points == nasion::faces::imm::point_count) nasion::faces::imm::repair_eye_order(face.points);
      add_face(dataset, face, margin);
    }
}

void add_faces(nasion::faces::KeypointDataset& dataset, const std::vector<LabelledFace>& faces, double margin) {
  for (const auto& face : faces) add_face(dataset, face, margin);
}

std::vector<int> all_points(int count) {
  std::vector<int> points(static_cast<std::size_t>(count));
  std::iota(points.begin(), points.end(), 0);
  return points;
}

nasion::faces::KeypointDataset make_dataset(const std::vector<LabelledFace>& faces, int width, int height,
                                            const std::vector<int>& points,
                                            const std::optional<nasion::vision::Augmentation>& augmentation) {
  nasion::faces::KeypointDataset dataset(
      {.width = width, .height = height, .points = points, .augmentation = augmentation});
  for (const auto& face : faces) dataset.add(face.photo, face.points);
  return dataset;
}

}  // namespace lab
