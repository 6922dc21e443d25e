#include "lab/src/safe_text.hpp"

#include "lab/src/process.hpp"
#include "nasion/core/printable.hpp"
#include "support/catch.hpp"

using lab::shell_word, lab::valid_utf8;

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
    CHECK(nasion::printable(shell_word(word)) == shell_word(word));
  }
}
