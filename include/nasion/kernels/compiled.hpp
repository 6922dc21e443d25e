#pragma once
// What takes a compiler longest: the kernels of convolutions and matrix products, for float and double. Units that link
// the CMake target nasion::compiled (it defines NASION_COMPILED) are told here that src/compiled_kernels.cpp holds
// them.

#include "nasion/kernels/conv2d/conv2d.hpp"
#include "nasion/kernels/gemm.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

// For float, double, and pairs of bfloat16 with results in float.
#define NASION_DIRECT_KERNELS(prefix, S, T)                                                                         \
  prefix template void conv2d_direct_forward(const Conv2dSizes&, const S*, const T*, const T*, bool, T*, const S*); \
  prefix template void conv2d_direct_backward_input(const Conv2dSizes&, const S*, const T*, T*);                    \
  prefix template void conv2d_direct_backward_weight<S>(const Conv2dSizes&, const T*, const T*, T*)

// Every combination of factors that an operation uses.
#define NASION_GEMM(prefix, a_is, b_is, T)                                                                         \
  prefix template void gemm<Factor::a_is, Factor::b_is>(Index, Index, Index, const T*, Index, const T*, Index, T*, \
                                                        Index, Into);                                              \
  prefix template void parallel_gemm<Factor::a_is, Factor::b_is>(Index, Index, Index, const T*, Index, const T*,   \
                                                                 Index, T*, Index, Into)

#define NASION_KERNELS(prefix, T)                                                                                     \
  NASION_DIRECT_KERNELS(prefix, T, T);                                                                                \
  NASION_GEMM(prefix, plain, plain, T);                                                                               \
  NASION_GEMM(prefix, plain, transposed, T);                                                                          \
  NASION_GEMM(prefix, transposed, plain, T);                                                                          \
  prefix template std::unique_ptr<Scratch<T>> conv2d_prepare(Conv2dAlgorithm, const Conv2dSizes&, const T*);          \
  prefix template void conv2d_forward(Conv2dAlgorithm, const Conv2dSizes&, MemoryOrder, const T*, const T*, const T*, \
                                      bool, T*, const T*);                                                            \
  prefix template void conv2d_backward_result(const Conv2dSizes&, MemoryOrder, const T*, const T*, T*, T*);           \
  prefix template void conv2d_backward_input(Conv2dAlgorithm, const Conv2dSizes&, MemoryOrder, const T*, const T*,    \
                                             T*);                                                                     \
  prefix template void conv2d_backward_weight(Conv2dAlgorithm, const Conv2dSizes&, MemoryOrder, const T*, const T*, T*)

NASION_KERNELS(extern, float);
NASION_KERNELS(extern, double);
NASION_DIRECT_KERNELS(extern, Bfloat16Pair, float);

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
