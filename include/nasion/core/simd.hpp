#pragma once
// Vectors as wide as the registers that the compiler's target flags allow. Arithmetic on them is the language's own:
// GCC and Clang apply + - * / to each element.

#include <type_traits>
#include <utility>

#include "nasion/core/shape.hpp"

namespace nasion::simd {

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
  // In memory: at any address that a number may have.
  typedef float stored __attribute__((vector_size(register_bytes), aligned(alignof(float)), may_alias));
};
template <>
struct VectorOf<double> {
  typedef double type __attribute__((vector_size(register_bytes)));
  typedef double stored __attribute__((vector_size(register_bytes), aligned(alignof(double)), may_alias));
};
}  // namespace detail

/// lanes<T> numbers, float or double.
template <class T>
using Vector = typename detail::VectorOf<T>::type;

template <class T>
Vector<T> load(const T* from) {
  return *reinterpret_cast<const typename detail::VectorOf<T>::stored*>(from);
}
template <class T>
void store(T* to, const Vector<T>& v) {
  *reinterpret_cast<typename detail::VectorOf<T>::stored*>(to) = v;
}

/// The sum of the numbers of v, by halves.
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

}  // namespace nasion::simd
