#pragma once
// std::from_chars, also where the standard library has it for integers only, as Clang's had before version 20.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <locale>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>

namespace nasion::io::detail {

inline bool is_exponent(char c) { return c == 'e' || c == 'E'; }

/// The end of `[-]digits[.digits][e[+-]digits]` at `first`, with a digit before e; `first` when there is no number.
inline const char* end_of_number(const char* const first, const char* const last) {
  const char* at = first;
  const auto digits = [&] {
    const char* const begin = at;
    while (at != last && *at >= '0' && *at <= '9') ++at;
    return at - begin;
  };
  const auto take = [&](std::string_view any) {
    const bool found = at != last && any.find(*at) != any.npos;
    at += found;
    return found;
  };
  take("-");
  auto count = digits();
  if (take(".")) count += digits();
  if (count == 0) return first;
  const char* const mantissa_end = at;
  if (at == last || !is_exponent(*at)) return at;
  ++at;
  take("+-");
  return digits() > 0 ? at : mantissa_end;
}

/// std::from_chars for floating point, in terms of streams.
template <std::floating_point T>
std::from_chars_result stream_from_chars(const char* first, const char* last, T& value) {
  using Limits = std::numeric_limits<T>;
  const bool negative = first != last && *first == '-';
  std::string word(first + negative, last - (first + negative) > 8 ? first + negative + 8 : last);
  for (char& c : word) c = static_cast<char>(c | 0x20);  // in lower case
  for (const std::string_view name : {"infinity", "inf", "nan"}) {
    if (!word.starts_with(name)) continue;
    value = std::copysign(name == "nan" ? Limits::quiet_NaN() : Limits::infinity(), negative ? T(-1) : T(1));
    return {first + negative + name.size(), std::errc{}};
  }
  const char* const end = end_of_number(first, last);
  if (end == first) return {first, std::errc::invalid_argument};
  std::istringstream in(std::string(first, end));
  in.imbue(std::locale::classic());
  T read = 0;
  in >> read;
  // Some streams fail for what has fewer digits than usual because it is so small, others do not for what becomes zero.
  const std::string_view mantissa(first, static_cast<std::size_t>(std::find_if(first, end, is_exponent) - first));
  const bool small = read == 0 && mantissa.find_first_of("123456789") != mantissa.npos;
  if (small || std::abs(read) > Limits::max() || (in.fail() && std::abs(read) == Limits::max()))
    return {end, std::errc::result_out_of_range};
  value = read;
  return {end, std::errc{}};
}

/// As std::from_chars: no space, no +, the C locale, and `value` stays when there is no number or one that is too
/// large.
template <class Number>
std::from_chars_result from_chars(const char* first, const char* last, Number& value) {
  if constexpr (requires { std::from_chars(first, last, value); })
    return std::from_chars(first, last, value);
  else
    return stream_from_chars(first, last, value);
}

}  // namespace nasion::io::detail
