#pragma once
// exp and its relatives without branches and tables, so that compilers turn loops over them into vector instructions;
// calls of std::exp stay one element after another. Errors are a few units in the last place; NaN stays NaN.

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "nasion/core/bit_cast.hpp"
#include "nasion/core/instruction_set.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// How a floating-point number lies in memory, and how long the series for it must be.
template <class T>
struct Format;
template <>
struct Format<float> {
  using Word = std::uint32_t;          // as wide as the type: its bits
  static constexpr int mantissa = 23;  // bits
  static constexpr Word bias = 127;
  static constexpr std::size_t exp_terms = 6, log_terms = 5;
  static constexpr float limit = 104;                                         // exp(-x) is 0 beyond, exp(x) infinite
  static constexpr float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;  // high: its multiples are exact
};
template <>
struct Format<double> {
  using Word = std::uint64_t;
  static constexpr int mantissa = 52;
  static constexpr Word bias = 1023;
  static constexpr std::size_t exp_terms = 12, log_terms = 11;
  static constexpr double limit = 746;
  static constexpr double ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;
};

template <class T>
using Word = typename Format<T>::Word;

/// c[first] + c[first + step] x + c[first + 2 step] x^2 + ... as a tree: in a chain, each step waits for the one
/// before.
template <std::size_t first = 0, std::size_t step = 1, class T, std::size_t n>
T polynomial(T x, const std::array<T, n>& c) {
  if constexpr (first + step >= n)
    return c[first];
  else
    return polynomial<first, 2 * step>(x * x, c) + x * polynomial<first + step, 2 * step>(x * x, c);
}

/// 1 / 2!, 1 / 3!, ...:   e^r = 1 + r + r^2 times these. Enough terms for |r| <= log(2) / 2.
template <class T>
inline constexpr auto exp_series = [] {
  std::array<T, Format<T>::exp_terms> c{};
  double factorial = 1;
  for (std::size_t i = 0; i < c.size(); ++i) c[i] = static_cast<T>(1 / (factorial *= static_cast<double>(i + 2)));
  return c;
}();

/// 2, 2 / 3, 2 / 5, ...:   log((1 + s) / (1 - s)) = s times these in s^2. Enough terms for 1/sqrt(2) up to sqrt(2).
template <class T>
inline constexpr auto log_series = [] {
  std::array<T, Format<T>::log_terms> c{};
  for (std::size_t i = 0; i < c.size(); ++i) c[i] = static_cast<T>(2 / static_cast<double>(2 * i + 1));
  return c;
}();

/// e^x = (1 + m1) a b, where a and b are powers of 2: their product alone may lie outside of the normal numbers.
template <class T>
struct ExpParts {
  T m1, a, b;

  explicit ExpParts(T x) {
    using F = Format<T>;
    x = std::abs(x) > F::limit ? std::copysign(F::limit, x) : x;
    // Adding 1.5 2^mantissa leaves no room for a fraction: the whole number n of powers of 2 is in the last bits.
    constexpr T round = static_cast<T>(3 * (Word<T>{1} << (F::mantissa - 1)));
    const T shifted = x * std::numbers::log2e_v<T> + round, n = shifted - round;
    const T r = (x - n * F::ln2_high) - n * F::ln2_low;
    m1 = r + r * r * polynomial(r, exp_series<T>);
    const Word<T> both = bit_cast<Word<T>>(shifted) - bit_cast<Word<T>>(round) + 2 * F::bias;
    const Word<T> half = both >> 1;
    a = bit_cast<T>(half << F::mantissa);
    b = bit_cast<T>((both - half) << F::mantissa);
  }
};

}  // namespace detail

/// e^x
template <class T>
T exp(T x) {
  const detail::ExpParts<T> e(x);
  return (e.m1 * e.a + e.a) * e.b;
}

/// e^x - 1, precise around 0.   x below 88.
template <class T>
T expm1(T x) {
  const detail::ExpParts<T> e(x);
  const T power = e.a * e.b;
  return e.m1 * power + (power - 1);
}

/// log(1 + x), precise around 0.   0 <= x, and finite.
template <class T>
T log1p(T x) {
  using F = detail::Format<T>;
  using Word = detail::Word<T>;
  const T y = 1 + x;
  // y = 2^e m, where m is near 1: from 1/sqrt(2) up to sqrt(2).
  constexpr Word low = bit_cast<Word>(std::numbers::sqrt2_v<T> / 2);
  constexpr T whole = static_cast<T>(Word{1} << F::mantissa);  // so large that its last bit counts ones
  const Word above = bit_cast<Word>(y) - low;
  const T e = bit_cast<T>((above >> F::mantissa) + bit_cast<Word>(whole)) - whole;
  const T m = bit_cast<T>((above & ((Word{1} << F::mantissa) - 1)) + low);
  const T s = (m - 1) / (m + 1);
  const T lost = (x - (y - 1)) / y;  // what the addition of 1 rounded away
  return e * F::ln2_high + (s * detail::polynomial(s * s, detail::log_series<T>) + (e * F::ln2_low + lost));
}

/// 1 / (1 + e^-x)
template <class T>
T sigmoid(T x) {
  return 1 / (1 + kernels::exp(-x));
}

/// (1 - e^-2|x|) / (1 + e^-2|x|) with the sign of x: expm1 keeps all digits around 0.
template <class T>
T tanh(T x) {
  const T e = kernels::expm1(-2 * std::abs(x));
  return std::copysign(e / (e + 2), x);
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
