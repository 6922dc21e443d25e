#pragma once
// The bits of a JPEG scan and the Huffman codes in them. Source: ITU-T T.81, annexes C and F.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nasion/vision/jpeg_segments.hpp"

namespace nasion::vision::detail {

/// The entropy-coded bits of a scan, up to a marker. After its last bit follow zeros, and `overrun` tells.
class JpegBits {
 public:
  explicit JpegBits(std::span<const std::byte> data) : data_(data) {}

  std::uint32_t peek(int count) {  // at most 16
    if (have_ < count) fill();
    return static_cast<std::uint32_t>(bits_ >> (have_ - count)) & ((1u << count) - 1);
  }
  void skip(int count) { have_ -= count; }  // of what was peeked
  std::uint32_t take(int count) {
    const auto bits = peek(count);
    skip(count);
    return bits;
  }

  bool overrun() const { return invented_ > have_; }

  /// Goes on after the marker RST0 + number: false unless that is what follows, but for the rest of a byte.
  bool restart(unsigned number) {
    fill();
    if (overrun() || have_ - invented_ >= 8) return false;
    const std::size_t marker = end();
    if (marker + 1 >= data_.size() || std::to_integer<unsigned>(data_[marker + 1]) != 0xD0 + number) return false;
    *this = JpegBits(data_, marker + 2);
    return true;
  }

  /// Where the bits end: at the 0xFF right before a marker's code, or with the data.
  std::size_t end() const {
    for (std::size_t at = at_; at + 1 < data_.size(); ++at)
      if (data_[at] == std::byte{0xFF} && data_[at + 1] != std::byte{0xFF} && data_[at + 1] != std::byte{0}) return at;
    return data_.size();
  }

 private:
  JpegBits(std::span<const std::byte> data, std::size_t at) : data_(data), at_(at) {}

  void fill() {
    for (; have_ <= 56; have_ += 8) bits_ = bits_ << 8 | next();
  }

  std::uint64_t next() {
    if (at_ < data_.size() && data_[at_] != std::byte{0xFF}) return std::to_integer<std::uint64_t>(data_[at_++]);
    std::size_t code = at_;
    while (code < data_.size() && data_[code] == std::byte{0xFF}) ++code;
    if (code < data_.size() && code > at_ && data_[code] == std::byte{0}) {  // stuffed
      at_ = code + 1;
      return 0xFF;
    }
    invented_ += 8;
    return 0;
  }

  std::span<const std::byte> data_;
  std::size_t at_ = 0;
  std::uint64_t bits_ = 0;
  int have_ = 0, invented_ = 0;
};

class JpegHuffmanTable {
 public:
  /// False when there are more codes of a length than that has room for.
  bool build(const JpegHuffmanSegment& segment) {
    *this = {};
    std::uint32_t code = 0, first = 0;
    for (int length = 1; length <= 16; ++length, code <<= 1) {
      const auto count = std::to_integer<std::uint32_t>(segment.counts[static_cast<std::size_t>(length - 1)]);
      offset_[static_cast<std::size_t>(length)] = first - code;
      for (std::uint32_t i = 0; i < count; ++i) {
        const auto symbol = std::to_integer<std::uint8_t>(segment.symbols[first + i]);
        symbols_[first + i] = symbol;
        if (length <= 8 && ((code + i) >> length) == 0)
          for (std::uint32_t k = 0; k < 1u << (8 - length); ++k)
            short_[((code + i) << (8 - length)) + k] = static_cast<std::uint16_t>(length << 8 | symbol);
      }
      code += count;
      first += count;
      if (code > 1u << length) return false;
      limit_[static_cast<std::size_t>(length)] = code << (16 - length);
    }
    return true;
  }

  /// The next symbol, or -1 for bits that are no code.
  int decode(JpegBits& bits) const {
    const std::uint32_t ahead = bits.peek(16);
    if (const auto found = short_[ahead >> 8]; found != 0) {
      bits.skip(found >> 8);
      return found & 0xFF;
    }
    for (std::size_t length = 9; length <= 16; ++length)
      if (ahead < limit_[length]) {
        bits.skip(static_cast<int>(length));
        return symbols_[(offset_[length] + (ahead >> (16 - length))) & 0xFF];
      }
    return -1;
  }

 private:
  std::array<std::uint16_t, 256> short_{};  // by the first 8 bits: length and symbol of a code that is no longer
  std::array<std::uint8_t, 256> symbols_{};
  std::array<std::uint32_t, 17> limit_{};   // by length: above its codes, and all shorter ones, as 16 bits
  std::array<std::uint32_t, 17> offset_{};  // by length: from a code to the place of its symbol, modulo 2^32
};

}  // namespace nasion::vision::detail
