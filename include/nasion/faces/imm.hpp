#pragma once
// The IMM Face Database: 40 persons, 6 photos of each, 58 points on every photo. Stegmann, Ersboll, Larsen: FAME - a
// flexible appearance modelling environment, IEEE Transactions on Medical Imaging 22(10), 2003.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "nasion/faces/asf.hpp"
#include "nasion/faces/labelled_photos.hpp"
#include "nasion/faces/landmarks.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/io/text.hpp"
#include "nasion/vision/image.hpp"

namespace nasion::faces {

/// One photo, from its name: `07-3m.jpg` is view 3 of person 7, a man.
struct ImmEntry {
  std::filesystem::path image, shape;
  int person = 0;  ///< from 1; to 40 in the database itself
  int view = 0;    ///< 1 to 6, see imm_view_name
  char sex = 'm';  ///< 'm' or 'f'

  /// The photo's name without its ending: `07-3m`.
  std::string name() const { return image.stem().string(); }

  /// Whether the person looks to the side; view 6 may be anything.
  bool turned() const { return view == 3 || view == 4; }
};

/// What a view shows. ValueError unless 1 <= view <= 6.
inline std::string_view imm_view_name(int view) {
  constexpr std::string_view names[] = {"frontal, neutral",
                                        "frontal, smiling",
                                        "turned to the picture's left",
                                        "turned to the picture's right",
                                        "frontal, spot light",
                                        "free"};
  check<ValueError>(view >= 1 && view <= 6, "[imm_view_name] view ", view, " is not in 1 to 6");
  return names[view - 1];
}

/// A photo with its points in pixels.
struct ImmFace {
  vision::Image image;
  Landmarks points;
};

/// Reads photo and points. The photo stays as it is stored, whatever `options.exif_orientation` says: its points are
/// parts of that width and height. IoError when one cannot be read, or when there are not 58 points.
inline ImmFace read_imm_face(const ImmEntry& entry, vision::ReadOptions options = {}) {
  const AsfShape shape = read_asf(entry.shape);
  if (shape.relative.size() != imm::point_count)
    throw IoError(entry.shape, message("has ", shape.relative.size(), " points, not ", imm::point_count));
  options.exif_orientation = false;
  vision::Image image = vision::read_image(entry.image, options);
  Landmarks points = shape.pixels(image.width, image.height);
  return {std::move(image), std::move(points)};
}

/// No person is on both sides.
struct ImmSplit {
  std::vector<ImmEntry> training, validation;
};

/// A folder in the layout of the database, its photos sorted by name.
class ImmFaces {
 public:
  /// Lists the folder; hidden files and those with other names are passed over. Photos end in .jpg or .jpeg, in any
  /// case. IoError when it is missing, holds no photo, a photo has no .asf file beside it, or such a file no photo.
  explicit ImmFaces(const std::filesystem::path& folder) {
    detail::require_folder(folder);
    const auto is_face = [](const std::string& name) { return parse_name(name).has_value(); };
    for (auto& [image, shape] : labelled_photos(folder, ".asf", {".jpg", ".jpeg"}, is_face)) {
      ImmEntry entry = *parse_name(image.stem().string());
      entry.image = std::move(image);
      entry.shape = std::move(shape);
      entries_.push_back(std::move(entry));
    }
    if (entries_.empty()) throw IoError(folder, "holds no IMM photos (files named as 01-1m.jpg)");

    std::sort(entries_.begin(), entries_.end(), [](const ImmEntry& a, const ImmEntry& b) {
      return std::tuple(a.person, a.view, a.image) < std::tuple(b.person, b.view, b.image);
    });
  }

  /// By person, then by view.
  const std::vector<ImmEntry>& entries() const { return entries_; }
  std::size_t size() const { return entries_.size(); }

  /// Persons 1 to 32 for training (192 photos of the database), all others for validation (48).
  ImmSplit split() const {
    return split([](int person) { return person > 32; });
  }

  /// All photos of a person on the same side: a network must not be asked about faces it has learned.
  template <std::predicate<int> IsValidationPerson>
  ImmSplit split(IsValidationPerson&& is_validation_person) const {
    ImmSplit result;
    for (const ImmEntry& entry : entries_)
      (is_validation_person(entry.person) ? result.validation : result.training).push_back(entry);
    return result;
  }

 private:
  /// Two or more digits, '-', view, sex in either case. Nothing for other names.
  static std::optional<ImmEntry> parse_name(std::string_view name) {
    const auto dash = name.find('-');
    if (dash == name.npos || dash < 2 || name.size() != dash + 3 || name[0] == '+') return std::nullopt;
    const auto person = io::parse_number<int>(name.substr(0, dash));
    const char view = name[dash + 1], sex = io::lower_case(name)[dash + 2];
    if (!person || *person < 1 || view < '1' || view > '6' || (sex != 'm' && sex != 'f')) return std::nullopt;
    return ImmEntry{.image = {}, .shape = {}, .person = *person, .view = view - '0', .sex = sex};
  }

  std::vector<ImmEntry> entries_;
};

}  // namespace nasion::faces
