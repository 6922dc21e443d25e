#pragma once
// What takes a compiler longest: the kernels of convolutions and matrix products, for float and double. Units that link
// the CMake target nasion::compiled (it defines NASION_COMPILED) are told here that src/compiled_kernels.cpp holds
// them.

#include "nasion/kernels/conv2d/conv2d.hpp"
#include "nasion/kernels/gemm.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

// For float, double, and pairs of bfloat16 with results in float.
#define NASION_DIRECT_KERNELS(prefix, S, T)                                                        \
  prefix template decltype(conv2d_direct_forward<T, S>) conv2d_direct_forward<T, S>;               \
  prefix template decltype(conv2d_direct_backward_input<T, S>) conv2d_direct_backward_input<T, S>; \
  prefix template decltype(conv2d_direct_backward_weight<S, T>) conv2d_direct_backward_weight<S, T>

// Every combination of factors that an operation uses.
#define NASION_GEMM(prefix, ...)                                 \
  prefix template decltype(gemm<__VA_ARGS__>) gemm<__VA_ARGS__>; \
  prefix template decltype(parallel_gemm<__VA_ARGS__>) parallel_gemm<__VA_ARGS__>

#define NASION_KERNELS(prefix, T)                                                \
  NASION_DIRECT_KERNELS(prefix, T, T);                                           \
  NASION_GEMM(prefix, Factor::plain, Factor::plain, T);                          \
  NASION_GEMM(prefix, Factor::plain, Factor::transposed, T);                     \
  NASION_GEMM(prefix, Factor::transposed, Factor::plain, T);                     \
  prefix template decltype(conv2d_prepare<T>) conv2d_prepare<T>;                 \
  prefix template decltype(conv2d_forward<T>) conv2d_forward<T>;                 \
  prefix template decltype(conv2d_backward_result<T>) conv2d_backward_result<T>; \
  prefix template decltype(conv2d_backward_input<T>) conv2d_backward_input<T>;   \
  prefix template decltype(conv2d_backward_weight<T>) conv2d_backward_weight<T>

NASION_KERNELS(extern, float);
NASION_KERNELS(extern, double);
NASION_DIRECT_KERNELS(extern, Bfloat16Pair, float);
#ifdef NASION_COMPILE_KERNELS  // src/compiled_kernels.cpp
NASION_KERNELS(, float);
NASION_KERNELS(, double);
NASION_DIRECT_KERNELS(, Bfloat16Pair, float);
#endif

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels

#undef NASION_DIRECT_KERNELS
#undef NASION_GEMM
#undef NASION_KERNELS
