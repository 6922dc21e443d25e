#pragma once
// Activations as functions of one element, without branches that would keep compilers from vectorising loops over them.

#include "nasion/kernels/math.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// max(v, 0); NaN stays.
template <class T>
T relu(T v) {
  return v < 0 ? T{0} : v;
}
/// v limited to [0, 6]; NaN stays.
template <class T>
T relu6(T v) {
  return v < 0 ? T{0} : v > 6 ? T{6} : v;
}
/// v sigmoid(v)
template <class T>
T silu(T v) {
  return v / (1 + kernels::exp(-v));
}
/// v relu6(v + 3) / 6
template <class T>
T hardswish(T v) {
  return v * relu6(v + 3) / 6;
}

// Gradients of the element, for the gradient g of the result. Both sides first, then the choice.

/// From the element or from the result y, whose sign is the same. NaN lets g pass.
template <class T>
T relu_gradient(T g, T y) {
  return y <= 0 ? T{0} : g;
}
/// From the element or from the result, likewise.
template <class T>
T relu6_gradient(T g, T y) {
  return y <= 0 ? T{0} : y >= 6 ? T{0} : g;
}
template <class T>
T silu_gradient(T g, T v) {
  const T s = kernels::sigmoid(v);
  return g * (s * (1 + v * (1 - s)));
}
template <class T>
T hardswish_gradient(T g, T v) {
  const T between = g * (v / 3 + T(0.5));
  return v <= -3 ? T{0} : v >= 3 ? g : between;
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
