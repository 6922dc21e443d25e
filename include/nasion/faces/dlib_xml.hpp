#pragma once
// dlib's XML files of faces and their landmarks (King: Dlib-ml, JMLR 10, 2009), read with pugixml. CMake target
// nasion::dlib_xml.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <pugixml.hpp>

#include "nasion/faces/landmarks.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/io/read_file.hpp"
#include "nasion/io/text.hpp"
#include "nasion/vision/affine.hpp"

namespace nasion::faces {

/// A face in pixels of its image. The box may leave the image.
struct DlibBox {
  vision::Box box;
  Landmarks points;                     ///< perhaps none
  bool ignored = false;                 ///< marked as neither a good nor a bad example
  std::vector<std::string> part_names;  ///< of the points: numbers first and by value, then others as dlib sorts them
};

/// An image and what is known about it.
struct DlibImage {
  std::string name;            ///< as the file has it: `helen/trainset/146827737_1.jpg`
  std::filesystem::path path;  ///< beside the XML file
  bool exists = false;         ///< as a file
  int width = 0, height = 0;   ///< as the XML file says; 0 when it does not
  std::vector<DlibBox> boxes;
};

/// One face and the image it is in.
struct DlibFace {
  std::string name;  ///< of the image
  std::filesystem::path image;
  bool exists = false;  ///< the image
  vision::Box box;
  Landmarks points;                     ///< perhaps none
  std::vector<std::string> part_names;  ///< of the points, see DlibBox

  /// Whether there are `count` points and they are numbered one by one, from 0 or from 1: then points[i] is landmark i.
  /// Not so for a part of a face, such as the eyes' 36 to 47 of 68.
  bool has_all_landmarks(std::size_t count) const {
    const auto first = part_names.empty() ? std::nullopt : io::parse_number<std::int64_t>(part_names.front());
    if (part_names.size() != count || (first != 0 && first != 1)) return false;
    for (std::size_t i = 0; i < count; ++i)
      if (io::parse_number<std::int64_t>(part_names[i]) != *first + static_cast<std::int64_t>(i)) return false;
    return true;
  }
};

/// What an XML file of dlib's imglab says.
struct DlibXml {
  std::vector<DlibImage> images;  ///< in the order of the file

  /// Names of the images that do not exist.
  std::vector<std::string> missing() const {
    std::vector<std::string> names;
    for (const auto& image : images)
      if (!image.exists) names.push_back(image.name);
    return names;
  }

  /// All boxes that are not ignored, in the order of the file.
  std::vector<DlibFace> faces() const {
    std::vector<DlibFace> faces;
    for (const auto& image : images)
      for (const auto& box : image.boxes)
        if (!box.ignored) faces.push_back({image.name, image.path, image.exists, box.box, box.points, box.part_names});
    return faces;
  }
};

/// What read_dlib_xml() insists on.
struct DlibXmlOptions {
  bool require_images = false;  ///< an image that does not exist is an IoError
};

namespace detail {

struct PartOrder {
  bool operator()(const std::string& a, const std::string& b) const {
    const auto first = io::parse_number<std::int64_t>(a), second = io::parse_number<std::int64_t>(b);
    if (first.has_value() != second.has_value()) return first.has_value();
    return first == second ? a < b : *first < *second;
  }
};

class DlibXmlReader {
 public:
  DlibXmlReader(const std::filesystem::path& path, std::uintmax_t max_bytes)
      : path_(path), folder_(path.has_parent_path() ? path.parent_path() : "."), text_(io::read_file(path, max_bytes)) {
    // Before pugixml spends 64 bytes on each element; dlib's have more than 30 bytes of text.
    constexpr std::ptrdiff_t max_tags = 2'000'000;
    if (std::count(text_.begin(), text_.end(), '<') > max_tags)
      throw IoError(path_, message("has more than ", max_tags, " tags"));
    // Bytes as they are, as dlib takes them, whatever encoding the file names: so places in the text stay what they
    // are.
    constexpr auto flags = pugi::parse_default | pugi::parse_trim_pcdata;
    const auto result = document_.load_buffer(text_.data(), text_.size(), flags, pugi::encoding_utf8);
    if (!result) fail_at(result.offset, "is no XML: ", result.description());
    std::error_code error;
    real_folder_ = std::filesystem::canonical(folder_, error);
    if (error) throw IoError(folder_, "cannot be resolved (" + error.message() + ")");
  }

  DlibXml read() const {
    const auto dataset = document_.child("dataset");
    if (!dataset.child("images")) fail_at(0, "expected <dataset> with <images> in it");
    constexpr std::size_t max_images = 500'000;
    DlibXml result;
    for (const auto& images : dataset.children("images"))
      for (const auto& node : images) {
        expect(node, "image");
        if (result.images.size() == max_images) fail(node, "more than ", max_images, " images");
        result.images.push_back(read_image_node(node));
      }
    return result;
  }

 private:
  DlibImage read_image_node(const pugi::xml_node& node) const {
    DlibImage image{.name = attribute(node, "file").value(), .path = {}, .boxes = {}};
    image.path = locate(node, image.name);
    std::error_code error;
    image.exists = std::filesystem::is_regular_file(image.path, error);
    if (node.attribute("width")) image.width = size(node, "width");
    if (node.attribute("height")) image.height = size(node, "height");
    for (const auto& child : node) {
      expect(child, "box");
      image.boxes.push_back(read_box(child));
    }
    return image;
  }

  DlibBox read_box(const pugi::xml_node& node) const {
    // It covers the pixels from left to left + width - 1.
    const vision::Box box{static_cast<double>(integer(node, "left")), static_cast<double>(integer(node, "top")),
                          static_cast<double>(size(node, "width")), static_cast<double>(size(node, "height"))};
    std::map<std::string, vision::Point, PartOrder> points;
    for (const auto& child : node) {
      if (std::string_view(child.name()) == "label") continue;
      expect(child, "part");
      const std::string name = attribute(child, "name").value();
      // The centres of pixels that are counted from 0.
      if (!points.emplace(name, vision::Point{integer(child, "x") + 0.5, integer(child, "y") + 0.5}).second)
        fail(child, "part ", io::excerpt(name), " appears twice");
    }
    DlibBox result{.box = box, .points = {}, .ignored = node.attribute("ignore").as_bool(), .part_names = {}};
    for (const auto& [name, point] : points) {
      result.points.push_back(point);
      result.part_names.push_back(name);
    }
    return result;
  }

  /// The path of an image, which must lie below the folder of the XML file, also when links are followed.
  std::filesystem::path locate(const pugi::xml_node& node, const std::filesystem::path& name) const {
    if (name.empty()) fail(node, "the name of the image is empty");
    std::error_code error;
    const auto real = std::filesystem::weakly_canonical(real_folder_ / name, error);
    if (error) fail(node, "image ", io::excerpt(name.string()), " cannot be resolved (", error.message(), ")");
    const bool inside =
        std::mismatch(real_folder_.begin(), real_folder_.end(), real.begin(), real.end()).first == real_folder_.end();
    if (name.is_absolute() || *name.lexically_normal().begin() == ".." || !inside)
      fail(node, "image ", io::excerpt(name.string()), " lies outside of the folder of this file");
    return folder_ / name;
  }

  pugi::xml_attribute attribute(const pugi::xml_node& node, const char* name) const {
    const auto found = node.attribute(name);
    if (!found) fail(node, "<", node.name(), "> has no ", name);
    return found;
  }

  int integer(const pugi::xml_node& node, const char* name) const {
    const std::string_view text = attribute(node, name).value();
    const auto value = io::parse_number<int>(text);
    if (!value) fail(node, name, " is ", io::excerpt(text), ", not a whole number");
    return *value;
  }

  int size(const pugi::xml_node& node, const char* name) const {
    const int value = integer(node, name);
    if (value < 1) fail(node, name, " is ", value, ", but must be positive");
    return value;
  }

  void expect(const pugi::xml_node& node, const char* name) const {
    if (std::string_view(node.name()) != name)
      fail(node, "expected <", name, "> in <", node.parent().name(), ">, got ",
           io::excerpt(node.type() == pugi::node_element ? node.name() : node.value()));
  }

  template <class... Parts>
  [[noreturn]] void fail(const pugi::xml_node& node, const Parts&... parts) const {
    fail_at(node.offset_debug(), parts...);
  }

  template <class... Parts>
  [[noreturn]] void fail_at(std::ptrdiff_t offset, const Parts&... parts) const {
    const auto place = text_.begin() + std::clamp<std::ptrdiff_t>(offset, 0, std::ssize(text_));
    const auto line = 1 + std::count(text_.begin(), place, '\n');
    throw IoError(path_.string() + ":" + std::to_string(line), message(parts...));
  }

  std::filesystem::path path_, folder_, real_folder_;
  std::string text_;
  pugi::xml_document document_;
};

}  // namespace detail

/// Reads a file of faces. It counts pixels from 0; points become the centres of theirs: x + 0.5. Images that do not
/// exist are marked so, see DlibXml::missing(). Parts may have any names, and each box parts of its own, as in dlib.
/// IoError naming file and line for text that is no such file or longer than 32 MB, more than 500,000 images, a box
/// with two parts of one name, and an image outside of the XML file's folder.
inline DlibXml read_dlib_xml(const std::filesystem::path& path, const DlibXmlOptions& options = {}) {
  constexpr std::uintmax_t max_bytes = 32 << 20;  // all of 300-W takes 22 MB
  DlibXml result = detail::DlibXmlReader(path, max_bytes).read();
  if (result.images.empty()) throw IoError(path, "has no images");
  if (const auto missing = result.missing(); options.require_images && !missing.empty())
    throw IoError(path, message(missing.size(), " of ", result.images.size(), " images do not exist, the first is ",
                                missing.front()));
  return result;
}

}  // namespace nasion::faces
