#pragma once
// Text of foreign origin (names and values from files, paths) as part of a message: on one line, valid UTF-8, of
// bounded length, and without what steers a terminal.

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

#include "nasion/core/error.hpp"

namespace nasion {

namespace detail {

struct Character {
  char32_t code;
  std::size_t bytes;
};

/// The first character of `text`, which is not empty; U+FFFD for a byte that is not part of valid UTF-8.
inline Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) -> char32_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  constexpr Character invalid{0xFFFD, 1};
  const std::size_t bytes = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t code = lead & (0x7Fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return invalid;
    code = code << 6 | (byte(i) & 0x3F);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  if (lead < 0xC0 || lead >= 0xF8 || code < least[bytes] || code > 0x10FFFF || surrogate) return invalid;
  return {code, bytes};
}

/// Control characters, separators of lines, and marks that turn the direction of text.
inline bool steers_display(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x200E || code == 0x200F ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

/// `specials` get a backslash before them.
inline std::string printable(std::string_view text, std::size_t most, std::string_view specials) {
  std::string out;
  while (!text.empty()) {
    const auto [code, bytes] = first_character(text);
    std::string next(text.substr(0, bytes));
    if (code == 0xFFFD)
      next = "\xEF\xBF\xBD";
    else if (code == '\n' || code == '\r' || code == '\t')
      next = code == '\n' ? "\\n" : code == '\r' ? "\\r" : "\\t";
    else if (steers_display(code)) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(code & 0xFFFF));
      next = escape;
    } else if (bytes == 1 && specials.find(next) != specials.npos)
      next.insert(0, "\\");
    if (out.size() + next.size() > most) return out + "...";
    out += next;
    text.remove_prefix(bytes);
  }
  return out;
}

}  // namespace detail

/// `text` as it is, but for control characters, which become escapes such as `\n` or `\u001b`, bytes that are not
/// UTF-8, which become U+FFFD, and what is beyond `most` bytes, which becomes `...`.
inline std::string printable(std::string_view text, std::size_t most = 4096) {
  return detail::printable(text, most, "");
}

/// The same between quotes, and short: for names.
inline std::string in_quotes(std::string_view text) { return '"' + detail::printable(text, 100, "\"\\") + '"'; }

/// A list for a message that tells its first few entries and how many more there are, however many that is.
class FirstFew {
 public:
  /// One more entry, of parts as in message().
  template <class... Parts>
  void add(const Parts&... parts) {
    if (count_++ < most) text_ += message(" ", parts...);
  }
  bool empty() const { return count_ == 0; }
  /// Each entry after a space.
  std::string text() const { return text_ + (count_ > most ? message(" and ", count_ - most, " more") : ""); }

 private:
  static constexpr std::size_t most = 12;
  std::string text_;
  std::size_t count_ = 0;
};

}  // namespace nasion
