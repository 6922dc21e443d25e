#include "nasion/core/printable.hpp"

#include "support/catch.hpp"

using nasion::FirstFew, nasion::in_quotes, nasion::printable;

TEST_CASE("printable leaves text as it is") {
  for (const std::string text :
       {"", "layer1.0.conv1.weight", "C:\\a \"b\"", "Gr\u00fc\u00dfe \u0394 \u4e2d \U0001F600", "\uFFFD"})
    CHECK(printable(text) == text);
}

TEST_CASE("printable keeps messages on one line and terminals unmoved") {
  CHECK(printable("a\nb\r\tc") == "a\\nb\\r\\tc");
  CHECK(printable(std::string_view("\0\x1b[2J\x7f", 6)) == "\\u0000\\u001b[2J\\u007f");
  CHECK(printable("\u0085\u009b \u2028\u202e\u2066") == "\\u0085\\u009b \\u2028\\u202e\\u2066");
}

TEST_CASE("printable is valid UTF-8 whatever it is given") {
  const std::string mark = "\uFFFD";
  CHECK(printable("\xff"
                  "a\xe9") == mark + "a" + mark);
  CHECK(printable("\x80\xbf") == mark + mark);
  CHECK(printable("\xc0\xaf") == mark + mark);  // longer than needed
  CHECK(printable("\xe0\x9f\xbf") == mark + mark + mark);
  CHECK(printable("\xed\xa0\x80") == mark + mark + mark);             // half of a pair of UTF-16
  CHECK(printable("\xf4\x90\x80\x80") == mark + mark + mark + mark);  // beyond U+10FFFF
  CHECK(printable("\xf8\x88\x80\x80\x80") == mark + mark + mark + mark + mark);
  CHECK(printable("\xe4\xb8") == mark + mark);  // cut off
}

TEST_CASE("printable is bounded, and cuts between characters") {
  CHECK(printable("abc", 3) == "abc");
  CHECK(printable("abcd", 3) == "abc...");
  CHECK(printable("ab\u00e4", 3) == "ab...");
  CHECK(printable("ab\n", 3) == "ab...");
  CHECK(printable(std::string(5000, 'x')) == std::string(4096, 'x') + "...");
}

TEST_CASE("in_quotes tells where a name ends") {
  CHECK(in_quotes("a \"b\" \\") == R"("a \"b\" \\")");
  CHECK(in_quotes("") == "\"\"");
  CHECK(in_quotes(std::string(101, 'x')) == '"' + std::string(100, 'x') + "...\"");
}

TEST_CASE("A list for a message tells the first few and how many more") {
  FirstFew list;
  CHECK(list.empty());
  CHECK(list.text().empty());
  for (int i = 1; i <= 12; ++i) list.add("t", i);
  CHECK_FALSE(list.empty());
  CHECK(list.text() == " t1 t2 t3 t4 t5 t6 t7 t8 t9 t10 t11 t12");
  for (int i = 0; i < 1'500'000; ++i) list.add("t");
  CHECK(list.text() == " t1 t2 t3 t4 t5 t6 t7 t8 t9 t10 t11 t12 and 1500000 more");
}
