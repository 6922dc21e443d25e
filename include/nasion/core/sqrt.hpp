#pragma once
// Square roots of a whole register. std::sqrt may have to set errno, which keeps compilers from vectorising it.

#include <cmath>

#include "nasion/core/simd.hpp"

#if defined(__AVX__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace nasion::simd {
inline namespace NASION_INSTRUCTION_SET {

inline float sqrt(float x) { return std::sqrt(x); }
inline double sqrt(double x) { return std::sqrt(x); }

#if defined(__AVX512F__)  // with a mask of all lanes: without one, GCC 12 warns of its own undefined register
inline Vector<float> sqrt(Vector<float> x) { return _mm512_maskz_sqrt_ps(0xFFFF, x); }
inline Vector<double> sqrt(Vector<double> x) { return _mm512_maskz_sqrt_pd(0xFF, x); }
#elif defined(__AVX__)
inline Vector<float> sqrt(Vector<float> x) { return _mm256_sqrt_ps(x); }
inline Vector<double> sqrt(Vector<double> x) { return _mm256_sqrt_pd(x); }
#elif defined(__SSE2__)
inline Vector<float> sqrt(Vector<float> x) { return _mm_sqrt_ps(x); }
inline Vector<double> sqrt(Vector<double> x) { return _mm_sqrt_pd(x); }
#elif defined(__aarch64__)
inline Vector<float> sqrt(Vector<float> x) { return vsqrtq_f32(x); }
inline Vector<double> sqrt(Vector<double> x) { return vsqrtq_f64(x); }
#else
template <class V>
V sqrt(V x) {
  for (std::size_t i = 0; i < sizeof(x) / sizeof(x[0]); ++i) x[i] = std::sqrt(x[i]);
  return x;
}
#endif

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::simd
