#pragma once
// How much a zlib stream unpacks to, or that it is damaged: its codes are followed, and nothing is unpacked. For a
// decoder that does not look: stb_image takes lengths and distances that no encoder writes, and shows what memory held.
// Sources: RFC 1950 and RFC 1951.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace nasion::vision::detail {

/// The bits of a stream, from the lowest of each byte. After its last bit follow zeros, and `overrun` tells.
class DeflateBits {
 public:
  explicit DeflateBits(std::string_view bytes) : bytes_(bytes) {}

  std::uint32_t peek(int count) {  // at most 16
    for (; have_ < count; have_ += 8) bits_ |= next() << have_;
    return bits_ & ((1u << count) - 1);
  }
  void skip(int count) {  // of what was peeked
    bits_ >>= count;
    have_ -= count;
  }
  std::uint32_t take(int count) {
    const auto bits = peek(count);
    skip(count);
    return bits;
  }

  bool overrun() const { return invented_ > have_; }

  /// Leaves out the rest of a byte and `count` bytes; false when there are not so many.
  bool skip_bytes(std::size_t count) {
    skip(have_ % 8);
    const auto buffered = std::min(count, static_cast<std::size_t>(have_ / 8));
    skip(static_cast<int>(8 * buffered));
    count -= buffered;
    if (overrun() || count > bytes_.size() - at_) return false;
    at_ += count;
    return true;
  }

 private:
  std::uint32_t next() {
    if (at_ < bytes_.size()) return static_cast<unsigned char>(bytes_[at_++]);
    invented_ += 8;
    return 0;
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  std::uint32_t bits_ = 0;
  int have_ = 0, invented_ = 0;
};

/// The Huffman codes of a block, of at most 15 bits: those of a length are numbers that follow each other, in the order
/// of the symbols, and the next length goes on from there.
class DeflateCodes {
 public:
  /// From the number of bits of each symbol's code, 0 for none: false when there are more codes than bits have room
  /// for.
  bool build(std::span<const std::uint8_t> lengths) {
    counts_.fill(0);
    for (const auto length : lengths) ++counts_[length];
    counts_[0] = 0;
    std::array<std::uint32_t, max_bits + 1> code{}, index{};
    for (std::size_t bits = 1; bits <= max_bits; ++bits) {
      code[bits] = (code[bits - 1] + counts_[bits - 1]) << 1;
      index[bits] = index[bits - 1] + counts_[bits - 1];
      if (code[bits] + counts_[bits] > 1u << bits) return false;
    }
    short_codes_.fill({});
    for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
      const std::size_t length = lengths[symbol];
      if (length == 0) continue;
      const Entry entry{static_cast<std::uint16_t>(symbol), static_cast<std::uint8_t>(length)};
      symbols_[index[length]++] = entry.symbol;
      if (length > short_bits) continue;
      for (std::size_t i = reversed(code[length]++, length); i < short_codes_.size(); i += std::size_t{1} << length)
        short_codes_[i] = entry;
    }
    return true;
  }

  /// The next symbol, or nothing when the bits are no code.
  std::optional<std::uint32_t> take(DeflateBits& bits) const {
    auto next = bits.peek(max_bits);
    const auto& entry = short_codes_[next % short_codes_.size()];
    if (entry.length > 0) {
      bits.skip(entry.length);
      return entry.symbol;
    }
    std::uint32_t code = 0, first = 0, index = 0;
    for (int length = 1; length <= max_bits; ++length, next >>= 1) {
      code = code << 1 | (next & 1);
      const auto count = counts_[static_cast<std::size_t>(length)];
      if (code - first < count) {
        bits.skip(length);
        return symbols_[index + code - first];
      }
      index += count;
      first = (first + count) << 1;
    }
    return std::nullopt;
  }

 private:
  static constexpr int max_bits = 15, short_bits = 10;
  struct Entry {
    std::uint16_t symbol = 0;
    std::uint8_t length = 0;
  };

  static std::size_t reversed(std::size_t code, std::size_t length) {
    std::size_t out = 0;
    for (; length > 0; --length, code >>= 1) out = out << 1 | (code & 1);
    return out;
  }

  std::array<std::uint32_t, max_bits + 1> counts_{};             // of codes, by their bits
  std::array<std::uint16_t, 288> symbols_{};                     // in the order of their codes
  std::array<Entry, std::size_t{1} << short_bits> short_codes_;  // by the next bits
};

class DeflateCheck {
 public:
  /// Into how many bytes a whole stream unpacks; nothing when it is damaged, cut short, or more than `max` come out.
  static std::optional<std::size_t> unpacked_size(std::string_view zlib, std::size_t max) {
    if (zlib.size() < 2) return std::nullopt;
    const auto method = static_cast<unsigned char>(zlib[0]), flags = static_cast<unsigned char>(zlib[1]);
    constexpr unsigned dictionary = 0x20;
    if ((method & 15) != 8 || method >> 4 > 7 || (method << 8 | flags) % 31 != 0 || flags & dictionary)
      return std::nullopt;
    DeflateCheck check(zlib.substr(2), max);
    for (bool last = false; !last;) {
      last = check.bits_.take(1) != 0;
      if (!check.block(check.bits_.take(2)) || check.bits_.overrun() || check.size_ > max) return std::nullopt;
    }
    constexpr std::size_t checksum = 4;
    return check.bits_.skip_bytes(checksum) ? std::optional(check.size_) : std::nullopt;
  }

 private:
  DeflateCheck(std::string_view deflate, std::size_t max) : bits_(deflate), max_(max) {}

  bool block(std::uint32_t type) {
    if (type == 0) return stored();
    return (type == 1 ? fixed_codes() : type == 2 && read_codes()) && coded();
  }

  bool stored() {
    bits_.skip_bytes(0);
    const auto size = bits_.take(16), complement = bits_.take(16);
    size_ += size;
    return (size ^ complement) == 0xFFFF && bits_.skip_bytes(size);
  }

  bool fixed_codes() {
    std::array<std::uint8_t, 288> lengths;
    std::fill(lengths.begin(), lengths.begin() + 144, std::uint8_t{8});
    std::fill(lengths.begin() + 144, lengths.begin() + 256, std::uint8_t{9});
    std::fill(lengths.begin() + 256, lengths.begin() + 280, std::uint8_t{7});
    std::fill(lengths.begin() + 280, lengths.end(), std::uint8_t{8});
    std::array<std::uint8_t, 32> five;
    five.fill(5);
    return literals_.build(lengths) && distances_.build(five);
  }

  bool read_codes() {
    constexpr std::array<std::uint8_t, 19> order = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    const auto literals = bits_.take(5) + 257, distances = bits_.take(5) + 1, count = bits_.take(4) + 4;
    std::array<std::uint8_t, order.size()> code_lengths{};
    for (std::size_t i = 0; i < count; ++i) code_lengths[order[i]] = static_cast<std::uint8_t>(bits_.take(3));
    DeflateCodes codes;
    if (!codes.build(code_lengths)) return false;
    std::vector<std::uint8_t> lengths;
    while (lengths.size() < literals + distances) {
      const auto symbol = codes.take(bits_);
      if (!symbol || (*symbol == 16 && lengths.empty())) return false;
      if (*symbol < 16) {
        lengths.push_back(static_cast<std::uint8_t>(*symbol));
        continue;
      }
      const std::uint32_t repeats = *symbol == 16   ? 3 + bits_.take(2)
                                    : *symbol == 17 ? 3 + bits_.take(3)
                                                    : 11 + bits_.take(7);
      lengths.insert(lengths.end(), repeats, *symbol == 16 ? lengths.back() : std::uint8_t{0});
    }
    const std::span all(lengths);
    return all.size() == literals + distances && literals_.build(all.first(literals)) &&
           distances_.build(all.subspan(literals));
  }

  bool coded() {
    constexpr std::uint32_t end_of_block = 256;
    while (!bits_.overrun() && size_ <= max_) {
      const auto symbol = literals_.take(bits_);
      if (!symbol) return false;
      if (*symbol == end_of_block) return true;
      if (*symbol < end_of_block) {
        ++size_;
        continue;
      }
      const auto length = match_length(*symbol);
      const auto distance = match_distance();
      if (!length || !distance || *distance > size_) return false;
      size_ += *length;
    }
    return false;
  }

  // After every fourth symbol the numbers are twice as far apart, and one more bit tells which is meant.
  std::optional<std::uint32_t> match_length(std::uint32_t symbol) {
    if (symbol > 285) return std::nullopt;
    if (symbol == 285) return 258;
    if (symbol < 265) return symbol - 254;
    const auto extra = (symbol - 261) / 4;
    return ((4 + (symbol - 261) % 4) << extra) + 3 + bits_.take(static_cast<int>(extra));
  }

  // The same, after every second.
  std::optional<std::uint32_t> match_distance() {
    const auto symbol = distances_.take(bits_);
    if (!symbol || *symbol > 29) return std::nullopt;
    if (*symbol < 4) return *symbol + 1;
    const auto extra = *symbol / 2 - 1;
    return ((2 + *symbol % 2) << extra) + 1 + bits_.take(static_cast<int>(extra));
  }

  DeflateBits bits_;
  std::size_t size_ = 0, max_;
  DeflateCodes literals_, distances_;
};

}  // namespace nasion::vision::detail
