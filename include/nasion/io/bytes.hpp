#pragma once
// Numbers as they lie in files.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "nasion/core/bit_cast.hpp"
#include "nasion/core/shape.hpp"

namespace nasion::io::detail {

static_assert(std::endian::native == std::endian::little, "numbers in files are little-endian and copied as they are");

/// IEEE 754 binary16 as float; exact.
inline float from_half(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t{bits} >> 15 << 31, mantissa = bits & 0x3FFu;
  std::uint32_t exponent = bits >> 10 & 0x1Fu;
  if (exponent == 0)  // zero and subnormals: multiples of 2^-24
    return bit_cast<float>(sign | bit_cast<std::uint32_t>(static_cast<float>(mantissa) * 0x1p-24f));
  exponent = exponent == 0x1F ? 0xFF : exponent + (127 - 15);  // infinity and NaN stay so
  return bit_cast<float>(sign | exponent << 23 | mantissa << 13);
}
/// bfloat16, the upper half of a float.
inline float from_bfloat(std::uint16_t bits) { return bit_cast<float>(std::uint32_t{bits} << 16); }

template <class T>
std::string_view bytes_of(const T* values, Index count) {
  return {reinterpret_cast<const char*>(values), static_cast<std::size_t>(count) * sizeof(T)};
}

}  // namespace nasion::io::detail
