#pragma once
// The chunks of a PNG file. Source: ISO/IEC 15948, section 5.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "nasion/vision/byte_reader.hpp"

namespace nasion::vision::detail {

/// The checksum of annex D. Whoever decodes with libpng has zlib's; this is for who has neither.
inline std::uint32_t crc32(std::span<const std::byte> bytes) {
  static constexpr auto table = [] {
    std::array<std::uint32_t, 256> result{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0xEDB88320u : 0u);
      result[i] = value;
    }
    return result;
  }();
  std::uint32_t crc = 0xFFFFFFFF;
  for (const auto byte : bytes) crc = crc >> 8 ^ table[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xFF];
  return ~crc;
}

struct PngChunk {
  std::span<const std::byte> type_and_data;
  std::uint32_t checksum = 0;

  bool is(std::string_view type) const { return starts_with(type_and_data, type); }
  bool critical() const { return (type_and_data[0] & std::byte{0x20}) == std::byte{0}; }  // a capital letter
  bool intact() const { return crc32(type_and_data) == checksum; }
  std::span<const std::byte> data() const { return type_and_data.subspan(4); }
};

/// Walks from chunk to chunk.
class PngChunks {
 public:
  explicit PngChunks(std::span<const std::byte> bytes) : in_{bytes} {}

  /// Nothing after the last chunk, IEND, and where the bytes end.
  std::optional<PngChunk> next() {
    constexpr std::size_t overhead = 12;  // length and type before the data, checksum after it
    const std::size_t length = in_.read(at_, 4);
    if (complete_ || !in_.ok || in_.bytes.size() - at_ < overhead || length > in_.bytes.size() - at_ - overhead)
      return std::nullopt;
    const PngChunk chunk{in_.bytes.subspan(at_ + 4, length + 4), in_.read(at_ + 8 + length, 4)};
    at_ += length + overhead;
    complete_ = chunk.is("IEND");
    return chunk;
  }

  bool complete() const { return complete_; }  ///< IEND was reached

 private:
  ByteReader in_;
  std::size_t at_ = 8;  // after the signature
  bool complete_ = false;
};

}  // namespace nasion::vision::detail
