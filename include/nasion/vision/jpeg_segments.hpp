#pragma once
// The segments of a JPEG file, and what its frame and its scans say; nothing is decoded. Source: ITU-T T.81, annex B.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "nasion/vision/byte_reader.hpp"

namespace nasion::vision::detail {

struct JpegSegment {
  unsigned marker = 0;
  std::span<const std::byte> payload;  // without marker and length
  std::span<const std::byte> data;     // of a scan: what lies between its header and the next segment
};

/// Walks from segment to segment, over whatever else lies between them, as libjpeg does.
class JpegSegments {
 public:
  explicit JpegSegments(std::span<const std::byte> bytes) : bytes_(bytes) {}

  /// Nothing at the end-of-image marker, and where the bytes end.
  std::optional<JpegSegment> next() {
    const std::size_t at = find_marker(at_);
    if (at == bytes_.size()) return std::nullopt;
    JpegSegment segment{.marker = std::to_integer<unsigned>(bytes_[at + 1]), .payload = {}, .data = {}};
    if (segment.marker == 0xD9) {
      complete_ = true;
      return std::nullopt;
    }
    ByteReader in{bytes_.subspan(at + 2)};
    const std::size_t length = in.read(0, 2);
    if (!in.ok || length < 2 || length > in.bytes.size()) return std::nullopt;
    segment.payload = in.bytes.subspan(2, length - 2);
    at_ = at + 2 + length;
    if (segment.marker == 0xDA) {
      const std::size_t end = find_marker(at_);
      segment.data = bytes_.subspan(at_, end - at_);
      at_ = end;
    }
    return segment;
  }

  bool complete() const { return complete_; }  ///< the end-of-image marker was reached

 private:
  // No length follows a stuffed zero, TEM, RST0-7 and SOI; inside of a scan the data simply goes on after them.
  std::size_t find_marker(std::size_t from) const {
    for (auto at = bytes_.begin() + static_cast<std::ptrdiff_t>(from); at != bytes_.end();) {
      at = std::find(at, bytes_.end(), std::byte{0xFF});
      if (bytes_.end() - at < 2) break;
      const auto code = std::to_integer<unsigned>(at[1]);
      if (code > 0x01 && (code < 0xD0 || code > 0xD8) && code != 0xFF)
        return static_cast<std::size_t>(at - bytes_.begin());
      at += code == 0xFF ? 1 : 2;  // a fill byte may stand before a marker
    }
    return bytes_.size();
  }

  std::span<const std::byte> bytes_;
  std::size_t at_ = 2;  // after the start-of-image marker
  bool complete_ = false;
};

struct JpegFrame {
  struct Component {
    unsigned id = 0, h = 0, v = 0, quantisation = 0;  // h, v: sampling factors
  };

  unsigned marker = 0, precision = 0;
  std::uint32_t width = 0, height = 0;
  std::size_t count = 0;  // of components; more than 4 are not kept
  std::array<Component, 4> components{};

  bool progressive() const { return marker == 0xC2; }

  static bool is_frame(unsigned marker) {
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
  }

  /// What cannot be said stays 0.
  explicit JpegFrame(const JpegSegment& segment) : marker(segment.marker) {
    ByteReader in{segment.payload};
    precision = in.read(0, 1);
    height = in.read(1, 2);
    width = in.read(3, 2);
    count = in.read(5, 1);
    if (segment.payload.size() != 6 + 3 * count) count = 0;
    for (std::size_t i = 0; i < std::min(count, components.size()); ++i) {
      const auto sampling = in.read(7 + 3 * i, 1);
      components[i] = {in.read(6 + 3 * i, 1), sampling >> 4, sampling & 15, in.read(8 + 3 * i, 1)};
    }
  }
};

struct JpegScan {
  struct Component {
    std::size_t index = 0;  // in the frame
    unsigned dc = 0, ac = 0;
  };

  std::size_t count = 0;
  std::array<Component, 4> components{};
  unsigned first = 0, last = 0, high = 0, low = 0;  // spectral selection, successive approximation

  /// Nothing when the header is damaged, or names what is not in the frame.
  static std::optional<JpegScan> parse(std::span<const std::byte> payload, const JpegFrame& frame) {
    ByteReader in{payload};
    JpegScan scan;
    scan.count = in.read(0, 1);
    if (scan.count < 1 || scan.count > 4 || payload.size() != 4 + 2 * scan.count) return std::nullopt;
    for (std::size_t i = 0; i < scan.count; ++i) {
      const auto id = in.read(1 + 2 * i, 1), tables = in.read(2 + 2 * i, 1);
      const auto end = frame.components.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(frame.count, 4));
      const auto found = std::find_if(frame.components.begin(), end, [id](const auto& c) { return c.id == id; });
      if (found == end || tables >> 4 > 3 || (tables & 15) > 3) return std::nullopt;
      scan.components[i] = {static_cast<std::size_t>(found - frame.components.begin()), tables >> 4, tables & 15};
      for (std::size_t k = 0; k < i; ++k)
        if (scan.components[k].index == scan.components[i].index) return std::nullopt;
    }
    scan.first = in.read(1 + 2 * scan.count, 1);
    scan.last = in.read(2 + 2 * scan.count, 1);
    scan.high = in.read(3 + 2 * scan.count, 1) >> 4;
    scan.low = in.read(3 + 2 * scan.count, 1) & 15;
    return scan;
  }

  // Refinements of a DC coefficient are plain bits.
  bool uses_dc(const JpegFrame& frame) const { return !frame.progressive() || (first == 0 && high == 0); }
  bool uses_ac(const JpegFrame& frame) const { return !frame.progressive() || first > 0; }
};

/// One table of a segment that defines Huffman tables.
struct JpegHuffmanSegment {
  unsigned type = 0, id = 0;  // type 0: DC, 1: AC
  std::span<const std::byte> counts, symbols;

  /// Takes the first table off the payload. Nothing when that does not hold one.
  static std::optional<JpegHuffmanSegment> take(std::span<const std::byte>& payload) {
    if (payload.size() < 17) return std::nullopt;
    const auto type_and_id = std::to_integer<unsigned>(payload[0]);
    JpegHuffmanSegment table{type_and_id >> 4, type_and_id & 15, payload.subspan(1, 16), {}};
    std::size_t symbols = 0;
    for (const auto count : table.counts) symbols += std::to_integer<std::size_t>(count);
    if (table.type > 1 || table.id > 3 || symbols > 256 || symbols > payload.size() - 17) return std::nullopt;
    table.symbols = payload.subspan(17, symbols);
    payload = payload.subspan(17 + symbols);
    return table;
  }
};

}  // namespace nasion::vision::detail
