#pragma once
// 300-W: faces of AFW, HELEN and LFPW with 68 points each. Sagonas, Tzimiropoulos, Zafeiriou, Pantic: 300 faces
// in-the-wild challenge, ICCV workshops 2013.

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nasion/core/random.hpp"
#include "nasion/faces/labelled_photos.hpp"
#include "nasion/faces/landmarks.hpp"
#include "nasion/faces/pts.hpp"
#include "nasion/io/csv.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/vision/affine.hpp"
#include "nasion/vision/image.hpp"

namespace nasion::faces {

/// One face: `afw/1051618982_1.jpg` and `afw/1051618982_1.pts`.
struct W300Entry {
  std::filesystem::path image, shape;
  std::string set;    ///< the folder below the root: `helen/trainset`
  std::string photo;  ///< the same for faces of the same photo: `afw/1051618982`
  std::optional<vision::Affine>
      to_original{};  ///< from pixels of the file to those of the photo it was cut out of, if known

  /// `lfpw/testset/image_0001`
  std::string name() const { return set + "/" + image.stem().string(); }
};

/// A photo with its points in pixels.
struct W300Face {
  vision::Image image;
  Landmarks points;
};

/// Reads photo and points. The photo stays as it is stored, whatever `options.exif_orientation` says: its points count
/// stored pixels. IoError when one cannot be read, or when there are not 68 points.
inline W300Face read_w300_face(const W300Entry& entry, vision::ReadOptions options = {}) {
  Landmarks points = read_pts(entry.shape);
  if (points.size() != ibug::point_count)
    throw IoError(entry.shape, message("has ", points.size(), " points, not ", ibug::point_count));
  options.exif_orientation = false;
  return {vision::read_image(entry.image, options), std::move(points)};
}

namespace detail {

/// Training photos that are there twice and more, under other names or in other colours: {photo, the same photo}. Found
/// by comparing all faces, those that looked alike then by eye.
inline constexpr std::pair<std::string_view, std::string_view> repeated_photos[] = {
    {"image_0044", "image_0011"}, {"image_0052", "image_0003"}, {"image_0053", "image_0035"},
    {"image_0118", "image_0086"}, {"image_0122", "image_0121"}, {"image_0140", "image_0134"},
    {"image_0155", "image_0134"}, {"image_0176", "image_0154"}, {"image_0187", "image_0164"},
    {"image_0190", "image_0188"}, {"image_0192", "image_0163"}, {"image_0252", "image_0251"},
    {"image_0313", "image_0279"}, {"image_0317", "image_0043"}, {"image_0321", "image_0279"},
    {"image_0343", "image_0342"}, {"image_0351", "image_0344"}, {"image_0366", "image_0342"},
    {"image_0376", "image_0374"}, {"image_0384", "image_0345"}, {"image_0392", "image_0349"},
    {"image_0415", "image_0413"}, {"image_0436", "image_0420"}, {"image_0439", "image_0435"},
    {"image_0445", "image_0413"}, {"image_0449", "image_0419"}, {"image_0454", "image_0407"},
    {"image_0458", "image_0413"}, {"image_0494", "image_0482"}, {"image_0503", "image_0482"},
    {"image_0516", "image_0491"}, {"image_0502", "image_0490"}, {"image_0518", "image_0490"},
    {"image_0548", "image_0544"}, {"image_0583", "image_0544"}, {"image_0592", "image_0573"},
    {"image_0598", "image_0573"}, {"image_0617", "image_0601"}, {"image_0622", "image_0601"},
    {"image_0623", "image_0601"}, {"image_0631", "image_0601"}, {"image_0633", "image_0601"},
    {"image_0635", "image_0601"}, {"image_0639", "image_0601"}, {"image_0641", "image_0636"},
    {"image_0647", "image_0601"}, {"image_0648", "image_0601"}, {"image_0651", "image_0601"},
    {"image_0658", "image_0601"}, {"image_0682", "image_0204"}, {"image_0692", "image_0691"},
    {"image_0695", "image_0683"}, {"image_0698", "image_0680"}, {"image_0704", "image_0204"},
    {"image_0710", "image_0708"}, {"image_0712", "image_0683"}, {"image_0719", "image_0685"},
    {"image_0724", "image_0680"}, {"image_0727", "image_0686"}, {"image_0730", "image_0683"},
    {"image_0743", "image_0733"}, {"image_0824", "image_0816"}, {"image_0825", "image_0809"},
    {"image_0843", "image_0827"}, {"image_0847", "image_0809"}, {"image_0856", "image_0816"},
    {"image_0858", "image_0816"}, {"1218567979", "1207662328"}};

/// manifest.csv of a folder of faces that were cut out of their photos:
/// image,original_width,original_height,crop_x0,crop_y0,scale_x,scale_y. By name of the image without its ending, which
/// the file may have in another case. Points of at most vision::max_coordinate stay finite on the way.
inline std::map<std::string, vision::Affine, std::less<>> read_crop_manifest(const std::filesystem::path& path) {
  constexpr std::uintmax_t max_bytes = 64 << 20;
  io::CsvReader rows(path, max_bytes);
  rows.expect_header({"image", "original_width", "original_height", "crop_x0", "crop_y0", "scale_x", "scale_y"});
  std::map<std::string, vision::Affine, std::less<>> crops;
  while (rows.next()) {
    for (const std::size_t size : {1u, 2u}) rows.number_within(size, 1.0, vision::max_coordinate);
    const auto offset = [&](std::size_t column) {
      return rows.number_within(column, -vision::max_coordinate, vision::max_coordinate);
    };
    const auto scale = [&](std::size_t column) { return rows.number_within(column, 1e-6, 1e6); };
    const vision::Point corner{offset(3), offset(4)}, scales{scale(5), scale(6)};
    const auto to_original =
        vision::Affine::scale(1 / scales.x, 1 / scales.y).then(vision::Affine::translate(corner.x, corner.y));
    const std::string_view image = rows.fields()[0];
    const auto name = std::filesystem::path(image).replace_extension().string();
    if (!crops.emplace(name, to_original).second) rows.fail(io::excerpt(image), " appears twice");
  }
  return crops;
}

}  // namespace detail

/// No photo is on both sides.
struct W300Split {
  std::vector<W300Entry> training, validation;
};

/// A folder with `afw`, `helen/trainset` and `lfpw/trainset`, or some of them, and the test sets that there are.
class W300Faces {
 public:
  /// Lists the folder. Images end in .jpg, .jpeg or .png, in any case; hidden files are passed over, and mirrored
  /// copies (`1051618982_1_mirror.jpg`, as dlib's edition of 300-W has them). IoError when it is missing, has none of
  /// the training sets, an image has no .pts file beside it, such a file no image, manifest.csv (which need not be
  /// there) cannot be understood, or a set cannot be looked at.
  explicit W300Faces(const std::filesystem::path& root) {
    detail::require_folder(root);
    std::map<std::string, vision::Affine, std::less<>> crops;
    const auto manifest = root / "manifest.csv";
    if (detail::is_there(manifest)) crops = detail::read_crop_manifest(manifest);
    for (const std::string_view set : training_sets) add(root, std::string(set), crops, training_);
    if (training_.empty())
      throw IoError(root, "holds no 300-W training faces (folders afw, helen/trainset, lfpw/trainset)");
    for (const std::string_view set : test_sets) {
      std::vector<W300Entry> entries;
      add(root, std::string(set), crops, entries);
      if (!entries.empty()) tests_.emplace_back(set, std::move(entries));
    }
  }

  /// Whether the folder looks like one. IoError when that cannot be told.
  static bool found_in(const std::filesystem::path& root) {
    return std::any_of(training_sets.begin(), training_sets.end(), [&](std::string_view set) {
      return has_set(root, set) && std::filesystem::is_directory(root / set);
    });
  }

  /// Of all training sets, sorted by name.
  const std::vector<W300Entry>& training() const { return training_; }

  /// The test sets that there are: `lfpw/testset`, `helen/testset`, `ibug`.
  const std::vector<std::pair<std::string, std::vector<W300Entry>>>& tests() const { return tests_; }

  /// Cross-validation: part `fold` of `folds` of the training faces is left out, faces of one photo always together.
  /// ValueError unless 0 <= fold < folds.
  W300Split split(int fold, int folds) const {
    check<ValueError>(fold >= 0 && fold < folds, "[W300Faces] fold ", fold, " is not one of ", folds);
    std::vector<std::string> photos;
    for (const auto& entry : training_) photos.push_back(entry.photo);
    std::sort(photos.begin(), photos.end());
    photos.erase(std::unique(photos.begin(), photos.end()), photos.end());
    Rng rng(300);
    rng.shuffle(photos.begin(), photos.end());
    std::map<std::string_view, int> fold_of;
    for (std::size_t i = 0; i < photos.size(); ++i)
      fold_of[photos[i]] = static_cast<int>(i % static_cast<std::size_t>(folds));
    W300Split result;
    for (const auto& entry : training_)
      (fold_of[entry.photo] == fold ? result.validation : result.training).push_back(entry);
    return result;
  }

 private:
  static constexpr std::array<std::string_view, 3> training_sets{"afw", "helen/trainset", "lfpw/trainset"};
  static constexpr std::array<std::string_view, 3> test_sets{"lfpw/testset", "helen/testset", "ibug"};

  static bool has_set(std::filesystem::path folder, std::string_view set) {
    for (const auto& name : std::filesystem::path(set))
      if (!detail::is_there(folder /= name)) return false;
    return true;
  }

  /// LFPW has one file for a photo (image_0001), the others one for a face (1051618982_1).
  static std::string photo_of(const std::string& set, const std::string& stem) {
    std::string photo = set.starts_with("lfpw") ? stem : stem.substr(0, stem.rfind('_'));
    if (set.ends_with("trainset"))
      for (const auto& [again, first] : detail::repeated_photos)
        if (photo == again) photo = first;
    return set + "/" + photo;
  }

  static void add(const std::filesystem::path& root, const std::string& set,
                  const std::map<std::string, vision::Affine, std::less<>>& crops, std::vector<W300Entry>& entries) {
    if (!has_set(root, set)) return;
    const auto is_no_copy = [](const std::string& name) { return !name.ends_with("_mirror"); };
    for (const auto& [image, shape] : labelled_photos(root / set, ".pts", {".jpg", ".jpeg", ".png"}, is_no_copy)) {
      W300Entry entry{.image = image, .shape = shape, .set = set, .photo = photo_of(set, image.stem().string())};
      if (const auto crop = crops.find(entry.name()); crop != crops.end()) entry.to_original = crop->second;
      entries.push_back(std::move(entry));
    }
  }

  std::vector<W300Entry> training_;
  std::vector<std::pair<std::string, std::vector<W300Entry>>> tests_;
};

}  // namespace nasion::faces
