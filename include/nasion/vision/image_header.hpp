#pragma once
// What a JPEG or PNG file says about itself, read without decoding it: format, size, EXIF orientation, and whether it
// ends where it should. Every read is bounds-checked; a lying file gives a wrong answer at worst.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace nasion::vision {

struct ImageHeader {
  enum class Format { unknown, jpeg, png };
  Format format = Format::unknown;
  std::int64_t width = 0, height = 0;  ///< as stored, before the orientation is applied; 0 when the file does not say
  int orientation = 1;                 ///< EXIF tag 0x0112, 1 to 8
  bool complete = false;               ///< false for a file that stops before its end marker
  std::int64_t compressed_bytes = 0;   ///< PNG: of pixel data
};

namespace detail {

/// Integers at offsets into bytes. Outside of the bytes everything is 0 and `ok` turns false.
struct ByteReader {
  std::span<const std::byte> bytes;
  bool little_endian = false;
  bool ok = true;

  std::uint32_t read(std::size_t offset, std::size_t count) {
    if (offset > bytes.size() || bytes.size() - offset < count) {
      ok = false;
      return 0;
    }
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i)
      value = value << 8 | std::to_integer<std::uint32_t>(bytes[offset + (little_endian ? count - 1 - i : i)]);
    return value;
  }
};

inline bool starts_with(std::span<const std::byte> bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::equal(text.begin(), text.end(), bytes.begin(), [](char c, std::byte b) {
           return static_cast<unsigned char>(c) == std::to_integer<unsigned>(b);
         });
}

/// The orientation in an APP1 payload ("Exif\0\0" and a TIFF file whose first folder holds the tag); 1 when absent or
/// damaged. Source: Exif 2.32, section 4.5 and 4.6.4.
inline int exif_orientation(std::span<const std::byte> app1) {
  if (!starts_with(app1, std::string_view("Exif\0\0", 6))) return 1;
  ByteReader tiff{app1.subspan(6)};
  tiff.little_endian = starts_with(tiff.bytes, "II");
  if (!tiff.little_endian && !starts_with(tiff.bytes, "MM")) return 1;
  if (tiff.read(2, 2) != 42) return 1;
  const std::size_t folder = tiff.read(4, 4);
  const std::size_t entries = tiff.read(folder, 2);
  for (std::size_t i = 0; i < entries && tiff.ok; ++i) {
    const std::size_t entry = folder + 2 + 12 * i;
    constexpr std::uint32_t orientation_tag = 0x0112, short_type = 3;
    if (tiff.read(entry, 2) != orientation_tag) continue;
    const auto type = tiff.read(entry + 2, 2), count = tiff.read(entry + 4, 4), value = tiff.read(entry + 8, 2);
    return tiff.ok && type == short_type && count == 1 && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

/// Walks the segments of a JPEG file to its end-of-image marker. Source: ITU-T T.81, annex B.
inline ImageHeader jpeg_header(std::span<const std::byte> bytes) {
  ImageHeader header{.format = ImageHeader::Format::jpeg};
  ByteReader in{bytes};
  const auto find_ff = [&](std::size_t from) {
    from = std::min(from, bytes.size());
    return static_cast<std::size_t>(
        std::find(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.end(), std::byte{0xFF}) - bytes.begin());
  };
  bool scanned = false;
  std::size_t at = 2;  // after the start-of-image marker
  for (;;) {
    at = find_ff(at);
    const auto marker = in.read(at + 1, 1);
    if (!in.ok) return header;
    if (marker == 0xFF) {  // a fill byte before a marker
      ++at;
      continue;
    }
    at += 2;
    if (marker == 0xD9) {
      header.complete = scanned;
      return header;
    }
    // No length follows a stuffed zero, TEM, RST0-7 and SOI; inside of a scan the data simply goes on after them.
    if (marker <= 0x01 || (marker >= 0xD0 && marker <= 0xD8)) continue;
    const std::size_t length = in.read(at, 2);
    if (!in.ok || length < 2 || length > bytes.size() - at) return header;
    const bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (frame && header.width == 0 && length >= 8) {
      header.height = in.read(at + 3, 2);
      header.width = in.read(at + 5, 2);
    }
    if (marker == 0xE1 && header.orientation == 1)
      header.orientation = exif_orientation(bytes.subspan(at + 2, length - 2));
    scanned = scanned || marker == 0xDA;
    at += length;
  }
}

/// Walks the chunks of a PNG file to the last, IEND. Source: ISO/IEC 15948, section 5.
inline ImageHeader png_header(std::span<const std::byte> bytes) {
  ImageHeader header{.format = ImageHeader::Format::png};
  ByteReader in{bytes};
  constexpr std::size_t signature_size = 8, chunk_overhead = 12;  // length and type before, checksum after the data
  for (std::size_t at = signature_size; at < bytes.size();) {
    const std::size_t length = in.read(at, 4);
    if (!in.ok || bytes.size() - at < chunk_overhead || length > bytes.size() - at - chunk_overhead) return header;
    const auto type = bytes.subspan(at + 4, 4);
    if (starts_with(type, "IHDR") && length >= 8) {
      header.width = in.read(at + 8, 4);
      header.height = in.read(at + 12, 4);
    }
    if (starts_with(type, "IDAT")) header.compressed_bytes += static_cast<std::int64_t>(length);
    if (starts_with(type, "IEND")) {
      header.complete = true;
      return header;
    }
    at += length + chunk_overhead;
  }
  return header;
}

}  // namespace detail

/// The header of a JPEG or PNG file in memory; `format` is unknown for anything else.
inline ImageHeader read_image_header(std::span<const std::byte> bytes) {
  if (detail::starts_with(bytes, "\xFF\xD8\xFF")) return detail::jpeg_header(bytes);
  if (detail::starts_with(bytes, "\x89PNG\r\n\x1A\n")) return detail::png_header(bytes);
  return {};
}

}  // namespace nasion::vision
