#pragma once
// The checksums of PNG files, which a fuzzer does not guess.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

/// Of libFuzzer: changes the bytes in place; returns how many there are then.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace fuzz {

/// CRC-32 as PNG and zip files have it: ISO/IEC 15948, annex D.
inline std::uint32_t crc32(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::uint32_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

/// Gives each chunk of a PNG file the checksum that fits it.
inline void mend_png_sums(std::span<std::uint8_t> bytes) {
  constexpr std::size_t signature = 8, around = 12;  // length and type before, checksum after the data
  if (bytes.size() < signature || bytes[1] != 'P' || bytes[2] != 'N') return;
  for (bytes = bytes.subspan(signature); bytes.size() >= around;) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | bytes[i];
    if (length > bytes.size() - around) return;
    const auto crc = crc32(bytes.subspan(4, 4 + length));
    for (std::size_t i = 0; i < 4; ++i) bytes[8 + length + i] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
    bytes = bytes.subspan(length + around);
  }
}

}  // namespace fuzz
