#pragma once
// The checksums in PNG and zip files, which a fuzzer does not guess.

#include <cstddef>
#include <cstdint>
#include <span>

/// Of libFuzzer: changes the bytes in place; returns how many there are then.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace fuzz {

using Bytes = std::span<std::uint8_t>;

/// CRC-32 as PNG and zip files have it: ISO/IEC 15948, annex D.
inline std::uint32_t crc32(Bytes bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::uint32_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

/// Gives each chunk of a PNG file the checksum that fits it.
inline void mend_png_sums(Bytes bytes) {
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

/// Gives each member of a zip file that is stored as it is the checksum that fits it. Source:
/// APPNOTE.TXT 4.3.7, 4.3.12.
inline void mend_zip_sums(Bytes bytes) {
  constexpr std::size_t local_size = 30, entry_size = 46;
  const auto number = [&](std::size_t at, std::size_t count) {
    std::size_t value = 0;
    while (count-- > 0) value = value << 8 | bytes[at + count];
    return value;
  };
  for (std::size_t entry = 0; entry + entry_size <= bytes.size(); ++entry) {
    if (number(entry, 4) != 0x02014B50) continue;
    const std::size_t local = number(entry + 42, 4), size = number(entry + 20, 4);
    if (local + local_size > bytes.size() || number(local + 8, 2) != 0) continue;  // not stored as it is
    const std::size_t data = local + local_size + number(local + 26, 2) + number(local + 28, 2);
    if (data > bytes.size() || size > bytes.size() - data) continue;
    const auto crc = crc32(bytes.subspan(data, size));
    for (std::size_t i = 0; i < 4; ++i)
      bytes[entry + 16 + i] = bytes[local + 14 + i] = static_cast<std::uint8_t>(crc >> 8 * i);
  }
}

}  // namespace fuzz
