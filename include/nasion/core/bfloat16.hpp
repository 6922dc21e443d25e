#pragma once
// bfloat16: the upper half of a float, so 8 significant bits and the same range. It is never a tensor's type here, only
// what factors are rounded to: products of two are exact in float, and summed in float. Processors with AVX512_BF16
// multiply and add a pair in one instruction; elsewhere the same arithmetic takes several.

#include <cstdint>
#include <type_traits>

#include "nasion/core/bit_cast.hpp"
#include "nasion/core/simd.hpp"

namespace nasion {

/// The nearest bfloat16; of two equally near, the one whose last bit is 0. NaN stays NaN. Numbers below 2^-126, which
/// no longer have all bits of a float, become 0.
inline float round_to_bfloat16(float x) {
  constexpr std::uint32_t upper = 0xffff0000U, sign = 0x80000000U, exponent = 0x7f800000U, quiet_nan = 0x400000U;
  const auto bits = bit_cast<std::uint32_t>(x);
  if ((bits & exponent) == 0) return bit_cast<float>(bits & sign);
  return bit_cast<float>(x == x ? (bits + 0x7fffU + (bits >> 16 & 1U)) & upper : (bits | quiet_nan) & upper);
}

/// Two bfloat16 numbers in 32 bits, the first in the lower half. Where a sum of products is wanted, they are multiplied
/// and added together.
struct Bfloat16Pair {
  std::uint32_t bits = 0;

  Bfloat16Pair() = default;
  /// Rounded.
  Bfloat16Pair(float first, float second)
      : bits(bit_cast<std::uint32_t>(round_to_bfloat16(first)) >> 16 |
             bit_cast<std::uint32_t>(round_to_bfloat16(second))) {}
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

/// Elements in a lane of a vector of T.
template <class T>
inline constexpr Index elements_per_lane = std::is_same_v<T, Bfloat16Pair> ? 2 : 1;

/// Pairs of the elements of two vectors, rounded.
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

/// Pairs of `count` contiguous elements, rounded; an odd number of them is padded with a 0.
inline void make_pairs(const float* src, Index count, Bfloat16Pair* dst) {
#if defined(__AVX512BF16__)
  constexpr Index step = 2 * lanes<float>;
  for (; count >= step; count -= step, src += step, dst += lanes<float>)
    store(dst, reinterpret_cast<Vector<Bfloat16Pair>>(_mm512_cvtne2ps_pbh(
                   reinterpret_cast<__m512>(load(src + lanes<float>)), reinterpret_cast<__m512>(load(src)))));
#endif
  for (; count > 0; count -= 2, src += 2) *dst++ = Bfloat16Pair(src[0], count > 1 ? src[1] : 0.0F);
}

[[gnu::always_inline]] inline Vector<Bfloat16Pair> broadcast(const Bfloat16Pair& x) {
  return x.bits - Vector<Bfloat16Pair>{};
}

/// sum += the products of the second elements, then of the first ones.
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

/// Stores a vector as element n of the lanes at dst, rounded if these are pairs; element 0 must come first.
template <class T>
void store_element(T* dst, const Vector<T>& v, Index) {
  store(dst, v);
}
inline void store_element(Bfloat16Pair* dst, const Vector<float>& v, Index n) {
  const Vector<float> none{};
  store(dst, n == 0 ? make_pairs(v, none) : load(dst) | make_pairs(none, v));
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace simd

}  // namespace nasion
