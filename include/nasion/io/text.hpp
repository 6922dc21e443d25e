#pragma once
// Pieces of text files: numbers, and excerpts for messages about what is none. Nothing here asks the locale.

#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

#include "nasion/core/printable.hpp"
#include "nasion/io/from_chars.hpp"

namespace nasion::io {

/// A piece of a file for an error message: one line, of readable length.
inline std::string excerpt(std::string_view text) { return "'" + printable(text, 32) + "'"; }

/// Letters A to Z in lower case.
inline std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

/// A text without the byte order mark of Windows at its beginning and the end mark of DOS (Ctrl-Z) at its end.
inline std::string_view without_marks(std::string_view text) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  if (const auto last = text.find_last_not_of(" \t\r\n"); last != text.npos && text[last] == '\x1A')
    text = text.substr(0, last);
  return text;
}

/// The whole field as a number, perhaps with a + before it, in the C locale whatever the program's is; nothing for
/// anything else, NaN and infinity.
template <class Number>
std::optional<Number> parse_number(std::string_view field) {
  Number value{};
  if (field.starts_with('+') && !field.starts_with("+-")) field.remove_prefix(1);
  const auto [end, error] = detail::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc{} || end != field.data() + field.size()) return std::nullopt;
  if constexpr (std::is_floating_point_v<Number>)
    if (!std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace nasion::io
