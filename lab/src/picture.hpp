#pragma once
// A picture of a report: the bytes of a PNG file, and its size.

#include <string>
#include <string_view>

namespace nasion::vision {
struct Image;
}

namespace lab {

struct Picture {
  std::string png;
  int width = 0, height = 0;  ///< pixels

  Picture(const nasion::vision::Image& image);  // NOLINT: an image is a picture

  /// ValueError unless the bytes begin as a PNG file does.
  Picture(std::string bytes);  // NOLINT: so are its bytes
};

/// The bytes in base64, as data: addresses want them.
std::string base64(std::string_view bytes);

}  // namespace lab
