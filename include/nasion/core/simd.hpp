#pragma once
// Vectors as wide as the registers that the compiler's target flags allow. Arithmetic on them is the language's own:
// GCC and Clang apply + - * / to each element.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#ifdef __AVX__
#include <immintrin.h>
#endif

#include "nasion/core/instruction_set.hpp"
#include "nasion/core/shape.hpp"

namespace nasion::simd {
inline namespace NASION_INSTRUCTION_SET {

#if defined(__AVX512F__)
inline constexpr Index register_bytes = 64, register_count = 32;
#elif defined(__AVX__)
inline constexpr Index register_bytes = 32, register_count = 16;
#elif defined(__aarch64__)
inline constexpr Index register_bytes = 16, register_count = 32;
#else
inline constexpr Index register_bytes = 16, register_count = 16;
#endif

template <class T>
inline constexpr Index lanes = register_bytes / static_cast<Index>(sizeof(T));

namespace detail {
template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
  typedef float type __attribute__((vector_size(register_bytes)));
  // In memory: at any address that an element may have.
  typedef float stored __attribute__((vector_size(register_bytes), aligned(alignof(float)), may_alias));
};
template <>
struct VectorOf<double> {
  typedef double type __attribute__((vector_size(register_bytes)));
  typedef double stored __attribute__((vector_size(register_bytes), aligned(alignof(double)), may_alias));
};
template <class T, Index width>
struct LanesOf {
  typedef T type __attribute__((vector_size(width * static_cast<Index>(sizeof(T)))));
};
template <class T>
struct LanesOf<T, 1> {
  using type = T;
};
}  // namespace detail

/// A vector of lanes<T> elements, float or double.
template <class T>
using Vector = typename detail::VectorOf<T>::type;

template <class T>
Vector<T> load(const T* src) {
  return *reinterpret_cast<const typename detail::VectorOf<T>::stored*>(src);
}
template <class T>
void store(T* dst, const Vector<T>& v) {
  *reinterpret_cast<typename detail::VectorOf<T>::stored*>(dst) = v;
}

/// `width` elements side by side, a power of two: in a register or a part of one. A single element is itself.
template <class T, Index width>
using Lanes = typename detail::LanesOf<T, width>::type;

/// Loads and stores `width` elements, float, double or integers.
template <Index width, class T>
Lanes<T, width> load(const T* src) {
  Lanes<T, width> v;
  std::memcpy(&v, src, sizeof(v));
  return v;
}
template <Index width, class T>
void store(T* dst, const Lanes<T, width>& v) {
  std::memcpy(dst, &v, sizeof(v));
}

/// A vector with x in every lane.
template <class T>
[[gnu::always_inline]] inline Vector<T> broadcast(const T& x) {
  return x - Vector<T>{};
}
/// sum += a times b, lane by lane.
template <class V>
[[gnu::always_inline]] inline void add_product(V& sum, const V& a, const V& b) {
  sum += a * b;
}

namespace detail {
/// Copies `count` elements, fewer than there are lanes: half of them, a quarter, and so on, as the digits of count say.
template <class T>
[[gnu::always_inline]] inline void copy_tail(const T* src, T* dst, Index count) {
#pragma GCC unroll 4
  for (Index half = lanes<T> / 2; half > 0; half /= 2)
    if (count & half) {
      std::memcpy(dst, src, static_cast<std::size_t>(half) * sizeof(T));
      dst += half;
      src += half;
    }
}
}  // namespace detail

/// Loads `count` elements into the first lanes, zeros into the others; reads nothing behind them.
template <class T>
Vector<T> load_n(const T* src, Index count) {
  if (count >= lanes<T>) return load(src);
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return reinterpret_cast<Vector<T>>(_mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1), src));
  else
    return reinterpret_cast<Vector<T>>(_mm512_maskz_loadu_pd(static_cast<__mmask8>((1U << count) - 1), src));
#elif defined(__AVX__)
  if constexpr (sizeof(T) == 4)
    return reinterpret_cast<Vector<T>>(
        _mm256_maskload_ps(src, reinterpret_cast<__m256i>(__v8si{0, 1, 2, 3, 4, 5, 6, 7} < static_cast<int>(count))));
  else
    return reinterpret_cast<Vector<T>>(
        _mm256_maskload_pd(src, reinterpret_cast<__m256i>(__v4di{0, 1, 2, 3} < static_cast<long long>(count))));
#else
  T values[lanes<T>] = {};
  detail::copy_tail(src, values, count);
  return load(values);
#endif
}
/// Stores the first `count` lanes; writes nothing behind them.
template <class T>
void store_n(T* dst, const Vector<T>& v, Index count) {
  if (count >= lanes<T>) return store(dst, v);
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    _mm512_mask_storeu_ps(dst, static_cast<__mmask16>((1U << count) - 1), reinterpret_cast<__m512>(v));
  else
    _mm512_mask_storeu_pd(dst, static_cast<__mmask8>((1U << count) - 1), reinterpret_cast<__m512d>(v));
#else
  T values[lanes<T>];
  store(values, v);
  detail::copy_tail(values, dst, count);
#endif
}

/// Stores past the caches, to an address that is a multiple of register_bytes; visible to other threads after
/// stream_fence(). Without AVX, an ordinary store.
template <class T>
void stream(T* dst, const Vector<T>& v) {
#if defined(__AVX512F__)
  _mm512_stream_si512(reinterpret_cast<__m512i*>(dst), reinterpret_cast<__m512i>(v));
#elif defined(__AVX__)
  _mm256_stream_si256(reinterpret_cast<__m256i*>(dst), reinterpret_cast<__m256i>(v));
#else
  store(dst, v);
#endif
}
/// To be called by each thread after its last stream(), or others might read what was there before.
inline void stream_fence() {
#if defined(__AVX__)
  _mm_sfence();
#endif
}

/// Lane l of the result is lane place[l] + offset of v.
template <class T>
[[gnu::always_inline]] inline Vector<T> permute(const Vector<T>& v, const std::int32_t* place, std::int32_t offset) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return reinterpret_cast<Vector<T>>(_mm512_maskz_permutexvar_ps(
        0xFFFF, _mm512_add_epi32(_mm512_loadu_si512(place), _mm512_set1_epi32(offset)), reinterpret_cast<__m512>(v)));
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4)
    return reinterpret_cast<Vector<T>>(_mm256_permutevar8x32_ps(
        reinterpret_cast<__m256>(v),
        _mm256_add_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(place)), _mm256_set1_epi32(offset))));
#endif
  T src[lanes<T>], dst[lanes<T>];
  store(src, v);
  for (Index l = 0; l < lanes<T>; ++l) dst[l] = src[place[l] + offset];
  return load(dst);
}

namespace detail {
template <class T, std::size_t... I>
[[gnu::always_inline]] inline void transpose_step(const Vector<T> (&src)[lanes<T>], Vector<T> (&dst)[lanes<T>],
                                                  std::index_sequence<I...>) {
  constexpr int half = static_cast<int>(lanes<T>) / 2;
#pragma GCC unroll 8
  for (int i = 0; i < half; ++i) {  // interleaves the lower halves of two rows, then their upper halves
    dst[2 * i] = __builtin_shufflevector(src[i], src[i + half], (I / 2 + I % 2 * lanes<T>)...);
    dst[2 * i + 1] = __builtin_shufflevector(src[i], src[i + half], (half + I / 2 + I % 2 * lanes<T>)...);
  }
}
}  // namespace detail

/// Rows become columns: lane j of vector i is now lane i of vector j.
template <class T>
[[gnu::always_inline]] inline void transpose(Vector<T> (&rows)[lanes<T>]) {
  // A perfect shuffle of all elements rotates the binary digits of their positions by one; log2(lanes) of them exchange
  // row and column.
#pragma GCC unroll 4
  for (Index n = lanes<T>; n > 1; n /= 2) {
    Vector<T> src[lanes<T>];
    std::copy_n(rows, lanes<T>, src);
    detail::transpose_step<T>(src, rows, std::make_index_sequence<lanes<T>>{});
  }
}

/// The sum of all lanes, by halves.
template <class T>
T sum(Vector<T> v) {
  return [&]<std::size_t... i>(std::index_sequence<i...>) {
    constexpr int n = static_cast<int>(sizeof...(i));
    const auto add = [&]<int half>(std::integral_constant<int, half>) {
      v += __builtin_shufflevector(v, v, (static_cast<int>(i) ^ half)...);
    };
    if constexpr (n >= 16) add(std::integral_constant<int, 8>());
    if constexpr (n >= 8) add(std::integral_constant<int, 4>());
    if constexpr (n >= 4) add(std::integral_constant<int, 2>());
    add(std::integral_constant<int, 1>());
    return v[0];
  }
  (std::make_index_sequence<static_cast<std::size_t>(lanes<T>)>());
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::simd
