#include "nasion/vision/deflate_check.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

#include "support/catch.hpp"

using nasion::vision::detail::DeflateCheck;

namespace {

/// The bits of a stream behind its two bytes of header, from the lowest of each number; codes from their first bit.
struct Stream {
  std::string bytes = "\x78\x01";
  int have = 0;

  Stream& put(std::uint32_t value, int size) {
    for (int i = 0; i < size; ++i, have = (have + 1) % 8) {
      if (have == 0) bytes += '\0';
      bytes.back() = static_cast<char>(static_cast<unsigned char>(bytes.back()) | (value >> i & 1) << have);
    }
    return *this;
  }
  Stream& code(std::uint32_t value, int size) {
    while (size-- > 0) put(value >> size & 1, 1);
    return *this;
  }
  /// The last block, of the codes that the format has: literals 0 to 143 are 8 bits from 0x30, lengths 7 from 0.
  Stream& fixed() { return put(1, 1).put(1, 2); }
  Stream& literal(char value) { return code(0x30u + static_cast<unsigned char>(value), 8); }
  Stream& end() { return code(0, 7); }
  std::string done() const { return bytes + "sum?"; }
};

/// A last block with codes of its own: the lengths 0, 1 and 2 have codes of two bits, 0b00, 0b01 and 0b10.
Stream own_codes(std::initializer_list<std::pair<int, int>> runs, std::uint32_t literals, std::uint32_t distances) {
  Stream out;
  out.put(1, 1).put(2, 2).put(literals - 257, 5).put(distances - 1, 5).put(14, 4);
  for (const int symbol : {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1})
    out.put(symbol <= 2 || symbol == 18 ? 2 : 0, 3);
  for (auto [length, count] : runs) {
    for (; length == 0 && count >= 11; count -= std::min(count, 138))
      out.code(3, 2).put(static_cast<std::uint32_t>(std::min(count, 138) - 11), 7);
    for (; count > 0; --count) out.code(static_cast<std::uint32_t>(length), 2);
  }
  return out;
}

const auto size_of = [](const std::string& zlib) { return DeflateCheck::unpacked_size(zlib, 1000); };

}  // namespace

TEST_CASE("a zlib stream's size is known without unpacking") {
  CHECK(size_of(Stream().fixed().literal('a').literal('b').end().done()) == 2);
  CHECK(size_of(Stream().fixed().end().done()) == 0);
  CHECK(size_of(std::string("\x78\x01\x01\x03\0\xFC\xFF"
                            "abc"
                            "sum?",
                            14)) == 3);
  // Behind coded bits what is stored begins with the next byte.
  const auto coded = Stream().put(0, 1).put(1, 2).literal('a').end().put(1, 1).put(0, 2).bytes;
  CHECK(size_of(coded + std::string("\2\0\xFD\xFF"
                                    "bcsum?",
                                    10)) == 3);
  // Lengths: 257 is 3, 264 10, 265 11 or 12, 284 227 to 258, 285 258. Distance 1 is the code of five zeros.
  CHECK(size_of(Stream().fixed().literal('a').code(1, 7).code(0, 5).end().done()) == 1 + 3);
  CHECK(size_of(Stream().fixed().literal('a').code(8, 7).code(0, 5).end().done()) == 1 + 10);
  CHECK(size_of(Stream().fixed().literal('a').code(9, 7).put(1, 1).code(0, 5).end().done()) == 1 + 12);
  CHECK(size_of(Stream().fixed().literal('a').code(0xC4, 8).put(30, 5).code(0, 5).end().done()) == 1 + 257);
  CHECK(size_of(Stream().fixed().literal('a').code(0xC5, 8).code(0, 5).end().done()) == 1 + 258);
}

TEST_CASE("a zlib stream's own codes are followed") {
  // 'a' 0b0, end of block 0b10, length 3 0b11; distance 1 0b0.
  const auto codes = [] { return own_codes({{0, 97}, {1, 1}, {0, 158}, {2, 2}, {1, 1}}, 258, 1); };
  CHECK(size_of(codes().code(0, 1).code(2, 2).done()) == 1);
  CHECK(size_of(codes().code(0, 1).code(3, 2).code(0, 1).code(2, 2).done()) == 4);
  CHECK_FALSE(size_of(codes().code(0, 1).code(3, 2).code(1, 1).code(2, 2).done()));  // no distance has this code
  CHECK_FALSE(size_of(own_codes({{1, 3}, {0, 253}, {2, 1}, {0, 1}}, 257, 1).code(0, 1).done()));  // more than fit
}

TEST_CASE("a damaged zlib stream is refused") {
  const auto good = Stream().fixed().literal('a').literal('b').end().done();
  for (std::size_t size = 0; size < good.size(); ++size) CHECK_FALSE(size_of(good.substr(0, size)));
  CHECK_FALSE(DeflateCheck::unpacked_size(good, 1));
  for (const char* header : {"\x79\x01", "\x78\x02", "\x88\x1C", "\x78\x20"})
    CHECK_FALSE(size_of(header + good.substr(2)));
  CHECK_FALSE(size_of(Stream().put(1, 1).put(3, 2).end().done()));  // no such kind
  CHECK_FALSE(
      size_of(std::string("\x78\x01\x01\x03\0\xFC\xFE"
                          "abc"
                          "sum?",
                          14)));                                                                     // two sizes
  CHECK_FALSE(size_of(Stream().fixed().literal('a').code(0xC6, 8).code(0, 5).end().done()));         // length 286
  CHECK_FALSE(size_of(Stream().fixed().literal('a').code(1, 7).code(30, 5).end().done()));           // distance 30
  CHECK_FALSE(size_of(Stream().fixed().literal('a').code(1, 7).code(1, 5).end().done()));            // too far
  CHECK_FALSE(size_of(Stream().fixed().literal('a').code(1, 7).code(4, 5).put(1, 1).end().done()));  // too far
}
