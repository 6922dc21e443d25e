#pragma once
// Pictures of 8-bit pixels: read from and written to JPEG and PNG. Link with the stb library.

#include <stb/stb_image_write.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nasion/io/atomic_file.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/io/read_file.hpp"
#include "nasion/vision/image_header.hpp"
#include "nasion/vision/image_jpeg.hpp"
#include "nasion/vision/image_png.hpp"
#include "nasion/vision/image_stb.hpp"

namespace nasion::vision {

/// Rows from top to bottom, pixels from left to right, channels interleaved: grey (1) or red, green, blue (3).
struct Image {
  int width = 0, height = 0, channels = 0;
  std::vector<std::uint8_t> pixels;

  Image() = default;

  /// All values equal to `fill`. ValueError for a negative size.
  Image(int image_width, int image_height, int image_channels, std::uint8_t fill = 0)
      : width(image_width), height(image_height), channels(image_channels) {
    check<ValueError>(width >= 0 && height >= 0 && channels >= 0, "[Image] size ", width, " x ", height, " x ",
                      channels, " is negative");
    pixels.assign(value_count(), fill);
  }

  bool empty() const { return pixels.empty(); }
  bool operator==(const Image&) const = default;

  /// The channels of the pixel in column x, row y. ValueError outside of the image.
  std::uint8_t* at(int x, int y) { return pixels.data() + offset(x, y); }
  const std::uint8_t* at(int x, int y) const { return pixels.data() + offset(x, y); }

  /// width x height x channels, as many as `pixels` has.
  std::size_t value_count() const {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * static_cast<std::size_t>(channels);
  }

 private:
  std::size_t offset(int x, int y) const {
    check<ValueError>(x >= 0 && x < width && y >= 0 && y < height && pixels.size() == value_count(), "[Image] pixel (",
                      x, ", ", y, ") is outside of an image of ", width, " x ", height);
    return (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)) *
           static_cast<std::size_t>(channels);
  }
};

namespace detail {
/// ValueError unless the image has pixels, as many as its size says, in 1 or 3 channels.
inline void check_image(const Image& image, const char* op) {
  const bool positive = image.width > 0 && image.height > 0;
  check<ValueError>(
      positive && (image.channels == 1 || image.channels == 3) && image.pixels.size() == image.value_count(), "[", op,
      "] image of ", image.width, " x ", image.height, " pixels, ", image.channels, " channels, ", image.pixels.size(),
      " values: needs pixels in 1 or 3 channels, all present");
}
}  // namespace detail

/// Luma of Rec. 601: 0.299 red + 0.587 green + 0.114 blue, rounded. A grey image is returned as it is. ValueError for
/// an image without pixels.
inline Image to_grey(const Image& image) {
  detail::check_image(image, "to_grey");
  if (image.channels == 1) return image;
  Image grey(image.width, image.height, 1);
  const std::uint8_t* rgb = image.pixels.data();
  for (auto& value : grey.pixels) {
    value = static_cast<std::uint8_t>((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
    rgb += 3;
  }
  return grey;
}

/// Grey repeated in three channels. An RGB image is returned as it is. ValueError for an image without pixels.
inline Image to_rgb(const Image& image) {
  detail::check_image(image, "to_rgb");
  if (image.channels == 3) return image;
  Image rgb(image.width, image.height, 3);
  std::uint8_t* out = rgb.pixels.data();
  for (const auto value : image.pixels) {
    out[0] = out[1] = out[2] = value;
    out += 3;
  }
  return rgb;
}

/// The image as its viewer should see it, for an EXIF orientation: 2 mirrored, 3 turned by 180 degrees, 4 upside down
/// mirrored, 5 transposed, 6 turned clockwise, 7 transposed along the other diagonal, 8 turned anticlockwise.
/// ValueError unless it is 1 to 8.
inline Image orient(const Image& image, int orientation) {
  detail::check_image(image, "orient");
  check<ValueError>(orientation >= 1 && orientation <= 8, "[orient] orientation ", orientation, " is not in 1 to 8");
  if (orientation == 1) return image;
  const bool swap = orientation >= 5;
  const bool mirror_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool mirror_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image out(swap ? image.height : image.width, swap ? image.width : image.height, image.channels);
  std::uint8_t* to = out.pixels.data();
  for (int y = 0; y < out.height; ++y)
    for (int x = 0; x < out.width; ++x) {
      const int u = swap ? y : x, v = swap ? x : y;
      const std::uint8_t* from = image.at(mirror_x ? image.width - 1 - u : u, mirror_y ? image.height - 1 - v : v);
      for (int c = 0; c < image.channels; ++c) *to++ = from[c];
    }
  return out;
}

/// Which library decodes.
enum class ImageDecoder {
  automatic,  ///< libjpeg-turbo and libpng where they were found (NASION_JPEG, NASION_PNG), stb_image otherwise
  stb         ///< stb_image: the same pixels with and without those
};

/// How a picture is read, and what is refused.
struct ReadOptions {
  int channels = 0;                            ///< 1: grey, 3: RGB, 0: as in the file. Transparency is dropped.
  bool exif_orientation = true;                ///< turn the picture as the camera noted
  std::int64_t max_pixels = 100'000'000;       ///< width x height, checked before anything is decoded
  std::uintmax_t max_file_bytes = 256u << 20;  ///< checked before anything is read
  ImageDecoder decoder = ImageDecoder::automatic;
};

namespace detail {

/// IoError unless the file can be what its header says, within the limits: nothing was decoded yet.
inline void check_header(const ImageHeader& header, std::size_t bytes, const std::filesystem::path& name,
                         const ReadOptions& options) {
  const auto require = [&name](bool ok, const auto&... what) {
    if (!ok) throw IoError(name, message(what...));
  };
  const bool jpeg = header.format == ImageHeader::Format::jpeg;
  require(header.format != ImageHeader::Format::unknown, "is neither a JPEG nor a PNG image");
  require(header.width > 0 && header.height > 0, "is cut short or damaged: it does not say its size in pixels");
  constexpr std::int64_t max_side = std::numeric_limits<int>::max();
  require(header.width <= options.max_pixels / header.height && std::max(header.width, header.height) <= max_side,
          "is ", header.width, " x ", header.height, " pixels large, more than the limit of ", options.max_pixels,
          " pixels");
  require(header.complete, "is cut short: the ", jpeg ? "JPEG" : "PNG", " data stops before its end marker");
  require(header.problem.empty(), header.problem);
  // JPEG spends at least one bit on each block of 8 x 8 pixels, and deflate packs at most 1032 bytes into one: a small
  // file cannot ask for a large amount of memory.
  const std::int64_t pixels = header.width * header.height, pixels_per_byte = jpeg ? 512 : 8 * 1032;
  require(pixels / pixels_per_byte <= static_cast<std::int64_t>(bytes), "says ", header.width, " x ", header.height,
          " pixels, more than its ", bytes, " bytes can hold");
  // Nor can a small picture unpack without end: data that does not shrink its pixels (8 bytes at most) is no picture.
  require((header.compressed_bytes - 65536) / 16 <= pixels, "has ", header.compressed_bytes,
          " bytes of data, too many for ", header.width, " x ", header.height, " pixels");
}

}  // namespace detail

// What follows depends on the libraries that a unit is compiled for, and two units of a program may differ in that.
#if defined(NASION_JPEG) && defined(NASION_PNG)
inline namespace with_jpeg_and_png {
#elif defined(NASION_JPEG)
inline namespace with_jpeg {
#elif defined(NASION_PNG)
inline namespace with_png {
#else
inline namespace with_stb {
#endif

/// Decodes a JPEG or PNG file in memory; `name` stands in error messages. IoError when it is neither, is damaged or cut
/// short, or exceeds the options' limits. ValueError when they ask for other channels than 0, 1 or 3.
inline Image decode_image(std::span<const std::byte> bytes, const std::filesystem::path& name,
                          const ReadOptions& options = {}) {
  check<ValueError>(options.channels == 0 || options.channels == 1 || options.channels == 3,
                    "[read_image] channels must be 0, 1 or 3, got ", options.channels);
  if (bytes.empty()) throw IoError(name, "is empty, not an image");
  if (bytes.size() > options.max_file_bytes)
    throw IoError(
        name, message("is ", bytes.size(), " bytes long, more than the limit of ", options.max_file_bytes, " bytes"));
  const auto header = read_image_header(bytes);
  detail::check_header(header, bytes.size(), name, options);

  auto decode = detail::decode_stb;
  if (options.decoder == ImageDecoder::automatic) {
#ifdef NASION_JPEG
    if (header.format == ImageHeader::Format::jpeg) decode = detail::decode_jpeg;
#endif
#ifdef NASION_PNG
    if (header.format == ImageHeader::Format::png) decode = detail::decode_png;
#endif
  }
  Image image;
  image.width = static_cast<int>(header.width);
  image.height = static_cast<int>(header.height);
  image.channels = header.channels;
  if (const auto problem = decode(bytes, header, image.pixels); !problem.empty()) throw IoError(name, problem);
  if (options.channels == 1 && image.channels == 3) image = to_grey(image);
  if (options.channels == 3 && image.channels == 1) image = to_rgb(image);
  if (options.exif_orientation && header.orientation != 1) image = orient(image, header.orientation);
  return image;
}

/// Reads a JPEG or PNG file. IoError, naming the file, when it cannot be had.
inline Image read_image(const std::filesystem::path& path, const ReadOptions& options = {}) {
  const std::string bytes = io::read_file(path, options.max_file_bytes);
  return decode_image(std::as_bytes(std::span(bytes)), path, options);
}

}  // inline namespace

namespace detail {
inline void append(void* context, void* data, int size) {
  static_cast<std::string*>(context)->append(static_cast<const char*>(data), static_cast<std::size_t>(size));
}
}  // namespace detail

/// The image as the bytes of a PNG file. ValueError for an image without pixels or of 2 GB and more.
inline std::string encode_png(const Image& image) {
  detail::check_image(image, "encode_png");
  check<ValueError>(image.value_count() < std::numeric_limits<int>::max() / 2, "[encode_png] image of ", image.width,
                    " x ", image.height, " pixels is too large");
  std::string bytes;
  const int ok = stbi_write_png_to_func(detail::append, &bytes, image.width, image.height, image.channels,
                                        image.pixels.data(), image.width * image.channels);
  check<ValueError>(ok != 0, "[encode_png] no memory for an image of ", image.width, " x ", image.height, " pixels");
  return bytes;
}

/// The image as the bytes of a JPEG file; quality 1 to 100. ValueError beyond 65535 pixels a side, JPEG's limit.
inline std::string encode_jpeg(const Image& image, int quality = 92) {
  detail::check_image(image, "encode_jpeg");
  check<ValueError>(quality >= 1 && quality <= 100, "[encode_jpeg] quality ", quality, " is not in 1 to 100");
  check<ValueError>(image.width <= 65535 && image.height <= 65535, "[encode_jpeg] image of ", image.width, " x ",
                    image.height, " pixels is too large: JPEG ends at 65535 pixels a side");
  std::string bytes;
  const int ok = stbi_write_jpg_to_func(detail::append, &bytes, image.width, image.height, image.channels,
                                        image.pixels.data(), quality);
  check<ValueError>(ok != 0, "[encode_jpeg] cannot encode an image of ", image.width, " x ", image.height, " pixels");
  return bytes;
}

/// Writes a PNG file in one step: the old file stays when anything fails. IoError when the folder cannot be written.
inline void write_png(const std::filesystem::path& path, const Image& image) {
  io::write_atomically(path, encode_png(image));
}

/// The same as JPEG, quality 1 to 100. Errors also as for encode_jpeg().
inline void write_jpeg(const std::filesystem::path& path, const Image& image, int quality = 92) {
  io::write_atomically(path, encode_jpeg(image, quality));
}

}  // namespace nasion::vision
