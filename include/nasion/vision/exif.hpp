#pragma once
// How a camera was held: the orientation in EXIF data. Source: Exif 2.32, sections 4.5 and 4.6.4.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "nasion/vision/byte_reader.hpp"

namespace nasion::vision::detail {

constexpr std::string_view exif_prefix{"Exif\0\0", 6};

/// The orientation, 1 to 8, in a TIFF file whose first folder holds the tag, as a SHORT, which the standard asks for,
/// or as a LONG, which some programs write. 1 when it is absent or damaged. Before it may stand the prefix of JPEG,
/// which some programs write twice, or into a PNG.
inline int exif_orientation(std::span<const std::byte> bytes) {
  while (starts_with(bytes, exif_prefix)) bytes = bytes.subspan(exif_prefix.size());
  ByteReader tiff{bytes};
  tiff.little_endian = starts_with(bytes, "II");
  if (!tiff.little_endian && !starts_with(bytes, "MM")) return 1;
  if (tiff.read(2, 2) != 42) return 1;
  const std::size_t folder = tiff.read(4, 4);
  const std::size_t entries = tiff.read(folder, 2);
  for (std::size_t i = 0; i < entries && tiff.ok; ++i) {
    const std::size_t entry = folder + 2 + 12 * i;
    constexpr std::uint32_t orientation_tag = 0x0112, short_type = 3, long_type = 4;
    if (tiff.read(entry, 2) != orientation_tag) continue;
    const auto type = tiff.read(entry + 2, 2), count = tiff.read(entry + 4, 4);
    if (type != short_type && type != long_type) return 1;
    const auto value = tiff.read(entry + 8, type == short_type ? 2 : 4);
    return tiff.ok && count == 1 && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace nasion::vision::detail
