#pragma once
// Activations as functions of one element, without branches that would keep compilers from vectorising loops over them;
// and as the end of another kernel, which applies them to its results.

#include <algorithm>
#include <limits>

#include "nasion/core/parallel.hpp"
#include "nasion/kernels/math.hpp"

namespace nasion {

/// What conv2d() and batch_norm() apply to their results while they have them at hand: the function of that name.
enum class Activation { none, relu, relu6, silu, hardswish };

namespace kernels {
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

// Chosen at run time.

/// Limits are applied to results in registers, and their gradient is seen in the result. Curves are left to a pass over
/// results that are in a cache still, and their gradient needs the element.
constexpr bool is_limit(Activation a) { return a == Activation::relu || a == Activation::relu6; }
constexpr bool is_curve(Activation a) { return a == Activation::silu || a == Activation::hardswish; }

/// Of the results of a limit.
template <class T>
constexpr T upper_limit(Activation a) {
  return a == Activation::relu6 ? T{6} : std::numeric_limits<T>::infinity();
}

/// Calls f.template operator()<a>(): a loop needs the activation as a constant.
template <class F>
void with_activation(Activation a, F&& f) {
  switch (a) {
    case Activation::none:
      return f.template operator()<Activation::none>();
    case Activation::relu:
      return f.template operator()<Activation::relu>();
    case Activation::relu6:
      return f.template operator()<Activation::relu6>();
    case Activation::silu:
      return f.template operator()<Activation::silu>();
    case Activation::hardswish:
      return f.template operator()<Activation::hardswish>();
  }
}

template <Activation a, class T>
T activated(T v) {
  if constexpr (a == Activation::relu) return relu(v);
  if constexpr (a == Activation::relu6) return relu6(v);
  if constexpr (a == Activation::silu) return silu(v);
  if constexpr (a == Activation::hardswish) return hardswish(v);
  return v;
}
/// From the element, for limits also from the result.
template <Activation a, class T>
T activation_gradient(T g, T v) {
  if constexpr (a == Activation::relu) return relu_gradient(g, v);
  if constexpr (a == Activation::relu6) return relu6_gradient(g, v);
  if constexpr (a == Activation::silu) return silu_gradient(g, v);
  if constexpr (a == Activation::hardswish) return hardswish_gradient(g, v);
  return g;
}

/// y[i] = the activation of y[i]. A function of its own: the kernels that call it are many, and compiled long enough.
template <class T>
[[gnu::noinline]] void activate(Activation a, Index n, T* y) {
  with_activation(a, [&]<Activation known>() {
    for (Index i = 0; i < n; ++i) y[i] = activated<known>(y[i]);
  });
}

/// y[i] = the activation of x[i], in parallel. Pieces of 64 KiB of float are copied, and changed while they are in L2.
template <class T>
void activate_copy(Activation a, Index n, const T* x, T* y) {
  parallel_for(n, 16384, [=](Index begin, Index end) {
    std::copy(x + begin, x + end, y + begin);
    activate(a, end - begin, y + begin);
  });
}

/// dx[i] = the gradient of x[i] for dy[i], in parallel.
template <class T>
void activation_gradients(Activation a, Index n, const T* x, const T* dy, T* dx) {
  parallel_for(n, 16384, [=](Index begin, Index end) {
    with_activation(a, [&]<Activation known>() {
      for (Index i = begin; i < end; ++i) dx[i] = activation_gradient<known>(dy[i], x[i]);
    });
  });
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace kernels
}  // namespace nasion
