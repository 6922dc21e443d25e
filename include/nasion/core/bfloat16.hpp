#pragma once
// bfloat16: the upper half of a float, with 8 significant bits and the same range. Here it is never a tensor's type,
// only how factors are read: products of two are exact in float, and are summed in float.

#include <bit>
#include <cstdint>
#include <type_traits>

#include "nasion/core/simd.hpp"

namespace nasion {

/// The nearest bfloat16 as a float: of two equally near, the one whose last bit is 0. NaN stays NaN, numbers that are
/// nearest to a bfloat16 beyond the largest become infinite, and those below 2^-126, float's smallest with all its
/// bits, become 0.
inline float round_to_bfloat16(float x) {
  auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t exponent = bits & 0x7f800000U;
  if (exponent == 0) {
    bits &= 0x80000000U;
  } else if (x == x) {
    bits += 0x7fffU + (bits >> 16 & 1U);
  }
  // A NaN must not lose all the bits that make it one.
  return std::bit_cast<float>((bits & 0xffff0000U) | (x == x ? 0U : 0x400000U));
}

/// Two bfloat16 numbers that are used together, in a number of 32 bits: the first in its lower half.
struct Bfloat16Pair {
  std::uint32_t bits = 0;
};

namespace simd {

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

/// Stores a vector as the n-th numbers of what is at `to`; the first must come first.
template <class T>
void store_numbers(T* to, const Vector<T>& v, Index) {
  store(to, v);
}

#if defined(__AVX512BF16__)

/// Whether the processor multiplies pairs, as the compiler's target flags have it.
inline constexpr bool has_bfloat16 = true;

[[gnu::always_inline]] inline Vector<Bfloat16Pair> broadcast(const Bfloat16Pair& x) {
  return x.bits - Vector<Bfloat16Pair>{};
}
/// sum += the products of second numbers, then += those of first ones, pair by pair.
[[gnu::always_inline]] inline void add_product(Vector<float>& sum, const Vector<Bfloat16Pair>& a,
                                               const Vector<Bfloat16Pair>& b) {
  sum = reinterpret_cast<Vector<float>>(_mm512_dpbf16_ps(
      reinterpret_cast<__m512>(sum), reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b)));
}

/// Pairs of (first, second), rounded as round_to_bfloat16 does.
inline Vector<Bfloat16Pair> make_pairs(const Vector<float>& first, const Vector<float>& second) {
  const auto halves = [](const Vector<float>& v) {
    return reinterpret_cast<Vector<Bfloat16Pair>>(
        _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(reinterpret_cast<__m512>(v)))));
  };
  return halves(first) | halves(second) << 16;
}
inline void store_numbers(Bfloat16Pair* to, const Vector<float>& v, Index n) {
  const Vector<float> none{};
  store(to, n == 0 ? make_pairs(v, none) : load(to) | make_pairs(none, v));
}

/// `count` numbers as pairs, and a 0 after an odd number of them.
inline void make_pairs(const float* from, Index count, Bfloat16Pair* to) {
  constexpr Index at_once = 2 * lanes<float>;
  for (; count > 0; count -= at_once, from += at_once, to += at_once / 2) {
    const auto first = load_some(from, count), second = load_some(from + std::min(count, lanes<float>), std::max<Index>(0, count - lanes<float>));
    const auto pairs = _mm512_cvtne2ps_pbh(reinterpret_cast<__m512>(second), reinterpret_cast<__m512>(first));
    const Index some = std::min((count + 1) / 2, lanes<float>);
    _mm512_mask_storeu_epi32(to, static_cast<__mmask16>((1U << some) - 1), reinterpret_cast<__m512i>(pairs));
  }
}

#else
inline constexpr bool has_bfloat16 = false;
#endif

}  // namespace simd

}  // namespace nasion
