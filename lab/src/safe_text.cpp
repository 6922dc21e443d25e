#include "lab/src/safe_text.hpp"

#include <cstdio>

#include "nasion/core/printable.hpp"

namespace lab {

std::string valid_utf8(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    const auto [code, bytes] = nasion::detail::first_character(text);
    if (code == 0xFFFD)
      valid += "\xEF\xBF\xBD";
    else
      valid += text.substr(0, bytes);
    text.remove_prefix(bytes);
  }
  return valid;
}

std::string shell_word(std::string_view text) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./=,:+-@%";
  if (!text.empty() && text.find_first_not_of(plain) == std::string_view::npos) return std::string(text);
  const bool printable = nasion::printable(text, std::string_view::npos) == text;
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
