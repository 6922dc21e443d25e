#pragma once
// bfloat16: the upper half of a float, so 8 significant bits and the same range. It is never a tensor's type here, only
// what factors are rounded to: products of two are exact in float, and summed in float. Processors with AVX512_BF16
// multiply and add a pair in one instruction; elsewhere the same arithmetic takes several.

#include <bit>
#include <cstdint>
#include <type_traits>

#include "nasion/core/simd.hpp"

namespace nasion {

/// The nearest bfloat16; of two equally near, the one whose last bit is 0. NaN stays NaN. Numbers below 2^-126, which
/// no longer have all bits of a float, become 0.
inline float round_to_bfloat16(float x) {
  constexpr std::uint32_t upper = 0xffff0000U, sign = 0x80000000U, exponent = 0x7f800000U, quiet_nan = 0x400000U;
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & exponent) == 0) return std::bit_cast<float>(bits & sign);
  return std::bit_cast<float>(x == x ? (bits + 0x7fffU + (bits >> 16 & 1U)) & upper : (bits | quiet_nan) & upper);
}

/// Two bfloat16 numbers in 32 bits, the first in the lower half. Where a sum of products is wanted, they are multiplied
/// and added together.
struct Bfloat16Pair {
  std::uint32_t bits = 0;

  Bfloat16Pair() = default;
  /// Rounded.
  Bfloat16Pair(float first, float second)
      : bits(std::bit_cast<std::uint32_t>(round_to_bfloat16(first)) >> 16 |
             std::bit_cast<std::uint32_t>(round_to_bfloat16(second))) {}
};

namespace simd {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {
template <>
struct VectorOf<Bfloat16Pair> {
  typedef std::uint32_t type __attribute__((vector_size(register_bytes)));
  typedef std::uint32_t stored __attribute__((vector_size(register_bytes), aligned(alignof(float)), may_alias));
};
}  // namespace detail

/// Numbers that a T holds.
template <class T>
inline constexpr Index numbers_in = std::is_same_v<T, Bfloat16Pair> ? 2 : 1;

/// Pairs of the numbers of two vectors, rounded.
inline Vector<Bfloat16Pair> make_pairs(const Vector<float>& first, const Vector<float>& second) {
  using Pairs = Vector<Bfloat16Pair>;
#if defined(__AVX512BF16__)
  const auto halves = [](const Vector<float>& v) {
    return reinterpret_cast<Pairs>(_mm512_maskz_cvtepu16_epi32(  // the mask: see simd::sqrt
        0xFFFF, reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(reinterpret_cast<__m512>(v)))));
  };
  return halves(first) | halves(second) << 16;
#else
  Pairs pairs;
  for (Index i = 0; i < lanes<float>; ++i) pairs[i] = Bfloat16Pair(first[i], second[i]).bits;
  return pairs;
#endif
}

/// Pairs of `count` numbers that lie side by side, rounded; a 0 follows an odd number of them.
inline void make_pairs(const float* from, Index count, Bfloat16Pair* to) {
#if defined(__AVX512BF16__)
  constexpr Index at_once = 2 * lanes<float>;
  for (; count >= at_once; count -= at_once, from += at_once, to += lanes<float>)
    store(to, reinterpret_cast<Vector<Bfloat16Pair>>(_mm512_cvtne2ps_pbh(
                  reinterpret_cast<__m512>(load(from + lanes<float>)), reinterpret_cast<__m512>(load(from)))));
#endif
  for (; count > 0; count -= 2, from += 2) *to++ = Bfloat16Pair(from[0], count > 1 ? from[1] : 0.0F);
}

[[gnu::always_inline]] inline Vector<Bfloat16Pair> broadcast(const Bfloat16Pair& x) {
  return x.bits - Vector<Bfloat16Pair>{};
}

/// sum += the products of the second numbers, then of the first ones.
[[gnu::always_inline]] inline void add_product(Vector<float>& sum, const Vector<Bfloat16Pair>& a,
                                               const Vector<Bfloat16Pair>& b) {
#if defined(__AVX512BF16__)
  sum = reinterpret_cast<Vector<float>>(
      _mm512_dpbf16_ps(reinterpret_cast<__m512>(sum), reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b)));
#else
  sum += reinterpret_cast<Vector<float>>(a & 0xffff0000U) * reinterpret_cast<Vector<float>>(b & 0xffff0000U);
  sum += reinterpret_cast<Vector<float>>(a << 16) * reinterpret_cast<Vector<float>>(b << 16);
#endif
}

/// Stores a vector as the n-th numbers of what is at `to`, rounded if they are pairs; the 0-th must come first.
template <class T>
void store_numbers(T* to, const Vector<T>& v, Index) {
  store(to, v);
}
inline void store_numbers(Bfloat16Pair* to, const Vector<float>& v, Index n) {
  const Vector<float> none{};
  store(to, n == 0 ? make_pairs(v, none) : load(to) | make_pairs(none, v));
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace simd

}  // namespace nasion
