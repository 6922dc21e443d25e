#include "nasion/io/text.hpp"

#include <cstdint>
#include <string>

#include "support/catch.hpp"

using nasion::io::excerpt;
using nasion::io::parse_number;

TEST_CASE("A number fills its field, or is none") {
  CHECK(parse_number<double>("-1.5e2") == -150.0);
  CHECK(parse_number<double>("7") == 7.0);
  CHECK(parse_number<int>("-7") == -7);
  CHECK(parse_number<std::uint64_t>("18446744073709551615") == 18446744073709551615u);
  for (const char* text : {"", " 1", "1 ", "1x", "+1", "0x10", "1,5", "nan", "inf", "-inf", "1e999", "--1"})
    CHECK_FALSE(parse_number<double>(text));
  for (const char* text : {"1.5", "2147483648", "-2147483649", "1e3", ""}) CHECK_FALSE(parse_number<int>(text));
  CHECK_FALSE(parse_number<std::uint64_t>("-1"));
}

TEST_CASE("An excerpt is one short line of plain text") {
  CHECK(excerpt("a b") == "'a b'");
  CHECK(excerpt("a\r\n\xFF\x7F"
                "b") == "'a\?\?\?\?b'");
  CHECK(excerpt(std::string(32, 'x')) == "'" + std::string(32, 'x') + "'");
  CHECK(excerpt(std::string(33, 'x')) == "'" + std::string(32, 'x') + "...'");
}
