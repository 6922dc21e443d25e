#pragma once
// Pieces of text files: numbers, and excerpts for messages about what is none.

#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace nasion::io {

/// A piece of a file for an error message: one line, of readable length.
inline std::string excerpt(std::string_view text) {
  constexpr std::size_t longest = 32;
  std::string out(text.substr(0, longest));
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  return "'" + out + (text.size() > longest ? "...'" : "'");
}

/// The whole field as a number, in the C locale whatever the program's is; nothing for anything else, NaN and infinity.
template <class Number>
std::optional<Number> parse_number(std::string_view field) {
  Number value{};
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc{} || end != field.data() + field.size()) return std::nullopt;
  if constexpr (std::is_floating_point_v<Number>)
    if (!std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace nasion::io
