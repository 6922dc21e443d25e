#pragma once
// Integers in bytes that nobody vouches for.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace nasion::vision::detail {

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

}  // namespace nasion::vision::detail
