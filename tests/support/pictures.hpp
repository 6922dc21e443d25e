#pragma once
// Pictures, and files of them, that tests of readers share.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>

#include "nasion/core/random.hpp"
#include "nasion/vision/image.hpp"
#include "support/temporary_folder.hpp"

namespace test::pictures {

using namespace nasion;
using namespace nasion::vision;

/// Smooth, so that JPEG keeps it, and different in every corner and channel.
inline Image gradient(int width, int height, int channels) {
  Image image(width, height, channels);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < channels; ++c)
        image.at(x, y)[c] = static_cast<std::uint8_t>(150 * x / width + 50 * y / height + 20 * c);
  return image;
}

/// Does not compress, so that a cut anywhere cuts pixels.
inline Image noise(int width, int height, int channels) {
  Image image(width, height, channels);
  Rng rng(1);
  for (auto& value : image.pixels) value = static_cast<std::uint8_t>(rng.below(256));
  return image;
}

// Not one function for all units: those that are compiled without libraries decode otherwise.
static inline Image decode(const std::string& bytes, const ReadOptions& options = {}) {
  return decode_image(std::as_bytes(std::span(bytes)), "memory", options);
}

inline std::string number(std::uint32_t value, int bytes, bool little_endian) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * (little_endian ? i : bytes - 1 - i) & 0xFF);
  return out;
}

/// An EXIF payload: an unrelated entry first, then the orientation.
inline std::string exif(std::uint32_t orientation, bool little_endian) {
  const auto n = [&](std::uint32_t value, int bytes) { return number(value, bytes, little_endian); };
  return std::string("Exif\0\0", 6) + (little_endian ? "II" : "MM") + n(42, 2) + n(8, 4) + n(2, 2) +  //
         n(0x0100, 2) + n(4, 2) + n(1, 4) + n(640, 4) +                                               //
         n(0x0112, 2) + n(3, 2) + n(1, 4) + n(orientation, 2) + n(0, 2) + n(0, 4);
}

inline std::string with_app1(const std::string& jpeg, const std::string& payload) {
  return jpeg.substr(0, 2) + "\xFF\xE1" + number(static_cast<std::uint32_t>(payload.size() + 2), 2, false) + payload +
         jpeg.substr(2);
}

/// A file in tests/data.
inline std::string test_file(const std::string& name) {
  return read_text(std::filesystem::path(NASION_GOLDEN_DIR).parent_path() / "data" / name);
}

inline double mean_difference(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height || a.channels != b.channels) return 256;
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / static_cast<double>(a.pixels.size());
}

inline std::string error_of(const auto& action) {
  try {
    action();
  } catch (const IoError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace test::pictures
