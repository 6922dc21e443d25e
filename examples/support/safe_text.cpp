#include "support/safe_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace support {

namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

/// C0 and C1 controls, line and paragraph separators, and what changes the direction of the characters after it.
bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 32 || first == 127;
  if (character.size() == 2) return first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
  constexpr std::array<std::string_view, 13> others{"\u2028", "\u2029", "\u200e", "\u200f", "\u202a",
                                                    "\u202b", "\u202c", "\u202d", "\u202e", "\u2066",
                                                    "\u2067", "\u2068", "\u2069"};
  return std::find(others.begin(), others.end(), character) != others.end();
}

/// Calls use(character, valid) for each character; bytes that are no UTF-8 come one by one.
template <class Use>
void for_each_character(std::string_view text, Use&& use) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    use(text.substr(0, std::max<std::size_t>(1, length)), length > 0);
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xc2 ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if (length > 2) {  // overlong forms, surrogates, beyond U+10FFFF
    const unsigned second = byte(1);
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
        (first == 0xf4 && second > 0x8f))
      return 0;
  }
  return length;
}

std::string valid_utf8(std::string_view text) {
  std::string safe;
  for_each_character(text, [&](std::string_view character, bool valid) { safe += valid ? character : replacement; });
  return safe;
}

std::string one_line(std::string_view text) {
  constexpr std::size_t longest = 4000;
  std::string line;
  const bool cut = text.size() > longest;
  for_each_character(text.substr(0, longest), [&](std::string_view character, bool valid) {
    if (!valid)
      line += replacement;
    else if (character != " " && !is_control(character))
      line += character;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  });
  while (line.ends_with(' ')) line.pop_back();
  return cut ? line + " ..." : line;
}

std::string shell_word(std::string_view text) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./=,:+-@%";
  if (!text.empty() && text.find_first_not_of(plain) == std::string_view::npos) return std::string(text);
  bool printable = true;
  for_each_character(
      text, [&](std::string_view character, bool valid) { printable = printable && valid && !is_control(character); });
  std::string word = printable ? "'" : "$'";  // within $'...', bytes can be numbers
  for (const char c : text) {
    char octal[8];
    std::snprintf(octal, sizeof octal, "\\%03o", static_cast<unsigned>(static_cast<unsigned char>(c)));
    if (printable)
      word += c == '\'' ? "'\\''" : std::string(1, c);
    else
      word += c < ' ' || c > '~' || c == '\'' || c == '\\' ? octal : std::string(1, c);
  }
  return word + "'";
}

}  // namespace support
