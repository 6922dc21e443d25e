#pragma once
// A folder of photos with a file of points beside each: `07-3m.jpg` and `07-3m.asf`.

#include <algorithm>
#include <concepts>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "nasion/io/io_error.hpp"
#include "nasion/io/text.hpp"

namespace nasion::faces {

/// The ending of a file's name, in lower case: ".jpg" of `IMG_7.JPG`.
inline std::string lower_extension(const std::filesystem::path& path) {
  return io::lower_case(path.extension().string());
}

/// A photo and the file of its points, which have one name but for their endings.
struct LabelledPhoto {
  std::filesystem::path image, shape;
};

namespace detail {

/// Whether anything has this name. IoError when that cannot be told, as without permission, and for a link that leads
/// nowhere: what was meant to be there must not be left out without a word.
inline bool is_there(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::error_code error, ignored;
  const auto type = fs::status(path, error).type();
  if (type == fs::file_type::none) throw IoError(path, "cannot be looked at (" + error.message() + ")");
  if (type == fs::file_type::not_found && fs::is_symlink(fs::symlink_status(path, ignored)))
    throw IoError(path, "is a link that leads nowhere");
  return type != fs::file_type::not_found;
}

/// IoError unless the path is that of a folder.
inline void require_folder(const std::filesystem::path& path) {
  if (!is_there(path)) throw IoError(path, "no such folder");
  if (!std::filesystem::is_directory(path)) throw IoError(path, "is not a folder");
}

}  // namespace detail

/// The photos of a folder, sorted by name, whose name without its ending `is_wanted`. Endings are given in lower case
/// and found in any; hidden files, such as the `._07-3m.jpg` that macOS leaves beside `07-3m.jpg`, are passed over, as
/// are files with other endings. IoError, naming the file, for a photo without points, points without a photo, and a
/// second photo or file of points of the same name; and when the folder cannot be listed.
template <std::predicate<const std::string&> IsWanted>
std::vector<LabelledPhoto> labelled_photos(const std::filesystem::path& folder, std::string_view shape_ending,
                                           std::initializer_list<std::string_view> image_endings,
                                           IsWanted&& is_wanted) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  std::filesystem::directory_iterator file(folder, error);
  for (; !error && file != std::filesystem::directory_iterator(); file.increment(error)) files.push_back(file->path());
  if (error) throw IoError(folder, "cannot list the folder (" + error.message() + ")");
  std::sort(files.begin(), files.end());

  std::map<std::string, LabelledPhoto> by_name;
  for (const auto& path : files) {
    const std::string name = path.stem().string(), ending = lower_extension(path);
    const bool is_shape = ending == shape_ending;
    const bool is_image = std::find(image_endings.begin(), image_endings.end(), ending) != image_endings.end();
    if ((!is_shape && !is_image) || name.starts_with('.') || !is_wanted(name)) continue;
    auto& place = is_shape ? by_name[name].shape : by_name[name].image;
    if (!place.empty()) throw IoError(path, "has the same name as " + place.filename().string());
    place = path;
  }

  std::vector<LabelledPhoto> photos;
  for (auto& [name, photo] : by_name) {
    if (photo.shape.empty())
      throw IoError(photo.image, "has no points beside it: " + name + std::string(shape_ending) + " is missing");
    if (photo.image.empty())
      throw IoError(photo.shape,
                    "has no photo beside it: " + name + std::string(*image_endings.begin()) + " is missing");
    photos.push_back(std::move(photo));
  }
  std::sort(photos.begin(), photos.end(), [](const auto& a, const auto& b) { return a.image < b.image; });
  return photos;
}

}  // namespace nasion::faces
