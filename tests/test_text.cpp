#include "nasion/io/text.hpp"

#include <cstdint>
#include <locale>
#include <string>

#include "support/catch.hpp"

using nasion::io::excerpt;
using nasion::io::parse_number;

TEST_CASE("A number fills its field, or is none") {
  CHECK(parse_number<double>("-1.5e2") == -150.0);
  CHECK(parse_number<double>("7") == 7.0);
  CHECK(parse_number<int>("-7") == -7);
  CHECK(parse_number<double>("+1.5") == 1.5);
  CHECK(parse_number<int>("+7") == 7);
  CHECK(parse_number<std::uint64_t>("18446744073709551615") == 18446744073709551615u);
  for (const char* text :
       {"", " 1", "1 ", "1x", "+", "+-1", "-+1", "++1", "+inf", "0x10", "1,5", "nan", "inf", "-inf", "1e999", "--1"})
    CHECK_FALSE(parse_number<double>(text));
  for (const char* text : {"1.5", "2147483648", "-2147483649", "1e3", ""}) CHECK_FALSE(parse_number<int>(text));
  CHECK_FALSE(parse_number<std::uint64_t>("-1"));
}

TEST_CASE("An excerpt is one short line of plain text") {
  CHECK(excerpt("a b") == "'a b'");
  CHECK(excerpt("a\r\n\xFF\x7F"
                "b") == "'a\\r\\n\ufffd\\u007fb'");
  CHECK(excerpt(std::string(32, 'x')) == "'" + std::string(32, 'x') + "'");
  CHECK(excerpt(std::string(33, 'x')) == "'" + std::string(32, 'x') + "...'");
}

TEST_CASE("Numbers are read in the C locale, whatever the program's is") {
  struct German : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  const auto before = std::locale::global(std::locale(std::locale::classic(), new German));
  CHECK(parse_number<double>("1234.5") == 1234.5);
  CHECK_FALSE(parse_number<double>("1234,5"));
  CHECK_FALSE(parse_number<int>("1.234"));
  std::locale::global(before);
}

TEST_CASE("Endings are compared in lower case, letters of other alphabets stay") {
  CHECK(nasion::io::lower_case(".JpEG") == ".jpeg");
  CHECK(nasion::io::lower_case("@[\xC3\x84") == "@[\xC3\x84");
}

TEST_CASE("A text is read without the marks at its beginning and end") {
  using nasion::io::without_marks;
  CHECK(without_marks("\xEF\xBB\xBF"
                      "a\n") == "a\n");
  CHECK(without_marks("a\n\x1A") == "a\n");
  CHECK(without_marks("a\r\n\x1A\r\n") == "a\r\n");
  CHECK(without_marks("\xEF\xBB\xBF\x1A").empty());
  CHECK(without_marks("").empty());
  CHECK(without_marks("\xEF\xBB") == "\xEF\xBB");
  CHECK(without_marks("a\x1A"
                      "b\n") ==
        "a\x1A"
        "b\n");
}
