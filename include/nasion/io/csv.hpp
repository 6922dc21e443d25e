#pragma once
// Lines of comma-separated values, written so that they read back as the same values.

#include <charconv>
#include <cmath>
#include <concepts>
#include <string>
#include <string_view>

namespace nasion::io {

/// The shortest text that reads back as exactly this number; `nan`, `inf` and `-inf` in words.
template <class T>
requires(std::integral<T> || std::floating_point<T>) && (!std::same_as<T, bool>)std::string csv_field(T value) {
  if constexpr (std::floating_point<T>)
    if (std::isnan(value)) return "nan";
  char text[64];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

/// The text as it is, in quotes where a comma, a quote or a line end asks for them (RFC 4180).
inline std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

/// One line, its end included: `csv_line("33-1m", 0.25, 7)` is "33-1m,0.25,7\n".
template <class First, class... Rest>
std::string csv_line(const First& first, const Rest&... rest) {
  return (csv_field(first) + ... + ("," + csv_field(rest))) + "\n";
}

}  // namespace nasion::io
