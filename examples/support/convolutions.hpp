#pragma once
// Most of what a compiler does for a network is the convolution kernels. Here they are compiled once, in
// convolutions.cpp, for all programs and tests.

#include "nasion/kernels/conv2d.hpp"

namespace nasion::kernels {

#define NASION_CONVOLUTIONS(prefix, T)                                                                                \
  prefix template std::unique_ptr<Scratch<T>> conv2d_prepare(Conv2dAlgorithm, const Conv2dSizes&, const T*);          \
  prefix template void conv2d_forward(Conv2dAlgorithm, const Conv2dSizes&, MemoryOrder, const T*, const T*, const T*, \
                                      bool, T*, const T*);                                                            \
  prefix template void conv2d_backward_result(const Conv2dSizes&, MemoryOrder, const T*, const T*, T*, T*);           \
  prefix template void conv2d_backward_input(Conv2dAlgorithm, const Conv2dSizes&, MemoryOrder, const T*, const T*,    \
                                             T*);                                                                     \
  prefix template void conv2d_backward_weight(Conv2dAlgorithm, const Conv2dSizes&, MemoryOrder, const T*, const T*, T*)

NASION_CONVOLUTIONS(extern, float);
NASION_CONVOLUTIONS(extern, double);

}  // namespace nasion::kernels
