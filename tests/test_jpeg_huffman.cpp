#include "nasion/vision/jpeg_huffman.hpp"

#include <string>

#include "support/catch.hpp"

using namespace nasion::vision::detail;

namespace {

bool build(JpegHuffmanTable& table, std::string counts, const std::string& symbols) {
  counts.resize(16);
  return table.build({0, 0, std::as_bytes(std::span(counts)), std::as_bytes(std::span(symbols))});
}

}  // namespace

TEST_CASE("codes of a JPEG are given out from the shortest, as annex C says") {
  JpegHuffmanTable table;  // 0, 10, 110, and 1110 0000 0 of nine bits
  REQUIRE(build(table, std::string("\1\1\1\0\0\0\0\0\1", 9), "abcd"));
  const std::string bits = "\x5B\x80\x7F";  // 0 10 110 111000000 0 0 1111111
  JpegBits in(std::as_bytes(std::span(bits)));
  for (const char symbol : {'a', 'b', 'c', 'd', 'a', 'a'}) CHECK(table.decode(in) == symbol);
  CHECK(table.decode(in) == -1);
  CHECK_FALSE(in.overrun());
  CHECK(build(table, std::string("\2"), "ab"));
  CHECK_FALSE(build(table, std::string("\3"), "abc"));
  CHECK_FALSE(build(table, std::string("\1\3"), "abcd"));
}

TEST_CASE("bits of a JPEG end at a marker, and go on after the right restart") {
  const std::string bytes = "\xAB\xFF" + std::string(1, '\0') + "\xFF\xFF\xD0\x12\xFF\xD1";
  JpegBits in(std::as_bytes(std::span(bytes)));
  CHECK(in.take(8) == 0xAB);
  CHECK(in.take(4) == 0xF);
  CHECK(in.take(4) == 0xF);
  CHECK_FALSE(JpegBits(in).restart(1));
  REQUIRE(in.restart(0));
  CHECK(in.take(8) == 0x12);
  CHECK(in.end() == 7);
  CHECK(in.take(8) == 0);
  CHECK(in.overrun());
  CHECK_FALSE(in.restart(1));
}
