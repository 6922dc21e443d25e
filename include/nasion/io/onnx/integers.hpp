#pragma once
// Arithmetic of integers beside tensors: shapes are computed with it.

#include <array>
#include <cstdint>

#include "nasion/core/integer_array.hpp"
#include "nasion/core/strided.hpp"

namespace nasion::io::detail::onnx {

/// f(a, b) of integers, broadcast.
template <class F>
IntegerArray zip_integers(const IntegerArray& a, const IntegerArray& b, F f) {
  const Shape shape = broadcast_shape("onnx", a.shape, b.shape);
  const Strides to_a = broadcast_strides(a.shape, MemoryOrder::row_major, shape),
                to_b = broadcast_strides(b.shape, MemoryOrder::row_major, shape);
  IntegerArray result(shape, std::vector<Index>(static_cast<std::size_t>(shape.size())));
  if (shape.size() == 0) return result;
  std::array<Index, max_rank> at{};
  Index from_a = 0, from_b = 0;
  for (auto& y : result.values) {
    y = f(a.values[static_cast<std::size_t>(from_a)], b.values[static_cast<std::size_t>(from_b)]);
    for (int d = shape.rank() - 1; d >= 0; --d) {
      const auto i = static_cast<std::size_t>(d);
      from_a += to_a[i], from_b += to_b[i];
      if (++at[i] < shape[d]) break;
      from_a -= at[i] * to_a[i], from_b -= at[i] * to_b[i];
      at[i] = 0;
    }
  }
  return result;
}

template <class F>
IntegerArray map_integers(IntegerArray a, F f) {
  for (auto& v : a.values) v = f(v);
  return a;
}

/// Sums, differences and products of integers wrap around, as in every processor.
inline Index wrapped(std::uint64_t v) { return static_cast<Index>(v); }
inline std::uint64_t bits_of(Index v) { return static_cast<std::uint64_t>(v); }

inline Index integer_quotient(Index a, Index b) {
  check<ValueError>(b != 0, "an integer is divided by 0");
  return b == -1 ? wrapped(0 - bits_of(a)) : a / b;
}
/// With the sign of the divisor, or of the dividend as std::fmod has it.
inline Index integer_remainder(Index a, Index b, bool of_dividend) {
  check<ValueError>(b != 0, "an integer is divided by 0");
  const Index r = b == -1 ? 0 : a % b;
  return !of_dividend && r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
inline Index integer_power(Index base, Index exponent) {
  check<ValueError>(exponent >= 0, "an integer is raised to the power ", exponent);
  std::uint64_t result = 1, square = bits_of(base);
  for (; exponent > 0; exponent /= 2, square *= square)
    if (exponent % 2 == 1) result *= square;
  return wrapped(result);
}

}  // namespace nasion::io::detail::onnx
