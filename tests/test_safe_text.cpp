#include "lab/src/safe_text.hpp"

#include "lab/src/process.hpp"
#include "support/catch.hpp"

using lab::one_line, lab::shell_word, lab::valid_utf8;

TEST_CASE("A line for a terminal has no line ends, and nothing a terminal acts on") {
  CHECK(one_line("a.jpg: 3 x 4") == "a.jpg: 3 x 4");
  CHECK(one_line("odd\n\r line\x1b[31mred\t\x7f.jpg\n") == "odd line [31mred .jpg");
  CHECK(one_line("\xc2\x9b"
                 "31m and \xc2\x85next") == "31m and next");  // C1 controls are two bytes of UTF-8
  CHECK(one_line("gpj.\u202eevil\u2066 \u2028x") == "gpj. evil x");
  CHECK(one_line("caf\u00e9 \u4e2d\u6587 \U0001f600") == "caf\u00e9 \u4e2d\u6587 \U0001f600");
  CHECK(one_line("caf\xe9.jpg") == "caf\ufffd.jpg");
  CHECK(one_line("\n").empty());
}

TEST_CASE("A line for a terminal has a readable length") {
  const auto line = one_line(std::string(12 << 20, 'x'));
  CHECK(line.size() < 5000);
  CHECK(line.ends_with("x ..."));
}

TEST_CASE("Bytes that are no UTF-8 are replaced one by one, characters stay") {
  CHECK(valid_utf8("a\nb") == "a\nb");
  CHECK(valid_utf8("\u00e9\u4e2d\U0001f600") == "\u00e9\u4e2d\U0001f600");
  CHECK(valid_utf8("\xff\xc3") == "\ufffd\ufffd");
  CHECK(valid_utf8("\xed\xa0\x80") == "\ufffd\ufffd\ufffd");  // half of a surrogate pair
  CHECK(valid_utf8("").empty());
}

TEST_CASE("A word survives the shell") {
  CHECK(shell_word("runs/part1-a_b.c") == "runs/part1-a_b.c");
  CHECK(shell_word("two words") == "'two words'");
  CHECK(shell_word("") == "''");
  for (const std::string word : {"it's", "a b", "$HOME", "`ls`", "\"", "\\", "*", "~", "a\nb", "\x1b[31m", "caf\xe9'\\",
                                 "caf\u00e9", ";", "-n"}) {
    INFO(shell_word(word));
    CHECK(lab::run_process({"bash", "-c", "printf %s " + shell_word(word)}, "").out == word);
    CHECK(one_line(shell_word(word)) == shell_word(word));
  }
}
