#include "lab/src/picture.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "nasion/core/error.hpp"
#include "nasion/vision/image.hpp"

namespace lab {

Picture::Picture(const nasion::vision::Image& image)
    : png(nasion::vision::encode_png(image)), width(image.width), height(image.height) {}

Picture::Picture(std::string bytes) : png(std::move(bytes)) {
  using namespace std::string_view_literals;
  nasion::check<nasion::ValueError>(
      png.size() > 24 && png.starts_with("\x89PNG\r\n\x1a\n"sv) && std::string_view(png).substr(12, 4) == "IHDR",
      "[Picture] the bytes are not those of a PNG file");
  const auto number = [this](std::size_t at) {
    int value = 0;
    for (std::size_t i = at; i < at + 4; ++i) value = (value & 0x7fffff) << 8 | static_cast<unsigned char>(png[i]);
    return value;
  };
  width = number(16);
  height = number(20);
}

std::string base64(std::string_view bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (; !bytes.empty(); bytes.remove_prefix(bytes.size() < 3 ? bytes.size() : 3)) {
    std::uint32_t three = 0;
    for (std::size_t i = 0; i < 3; ++i)
      three = three << 8 | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i) text += i <= bytes.size() ? digits[three >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

}  // namespace lab
