#include "lab/src/safe_text.hpp"

#include <algorithm>
#include <cstdio>

#include "nasion/core/printable.hpp"

namespace lab {

namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

bool is_control(std::string_view character) {
  return nasion::detail::steers_display(nasion::detail::first_character(character).code);
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
  const auto [code, bytes] = nasion::detail::first_character(text);
  const bool valid = code != 0xfffd || bytes > 1;
  return valid ? bytes : 0;
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

}  // namespace lab
