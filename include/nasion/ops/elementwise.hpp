#pragma once
// Arithmetic with broadcasting and functions of one element. Results keep the memory order of the operands.

#include <cmath>

#include "nasion/core/autograd.hpp"
#include "nasion/kernels/elementwise.hpp"
#include "nasion/kernels/math.hpp"

namespace nasion {

namespace detail {

template <class T, class F>
Tensor<T> map(const Tensor<T>& x, F f) {
  auto y = Tensor<T>::empty(x.shape(), x.order());
  kernels::map(x.size(), x.data(), writable(y), f);
  return y;
}

/// f(a, b), broadcast; in the order of the first operand that has the shape of the result.
template <class T, class F>
Tensor<T> zip(const char* op, const Tensor<T>& a, const Tensor<T>& b, F f) {
  const Shape shape = broadcast_shape(op, a.shape(), b.shape());
  const MemoryOrder order = a.shape() == shape ? a.order() : b.shape() == shape ? b.order() : MemoryOrder::row_major;
  auto y = Tensor<T>::empty(shape, order);
  if (a.shape() == b.shape() && a.order() == b.order())
    kernels::zip(y.size(), a.data(), b.data(), writable(y), f);
  else
    kernels::zip_broadcast(shape, a.data(), broadcast_strides(a.shape(), a.order(), shape), b.data(),
                           broadcast_strides(b.shape(), b.order(), shape), writable(y), order, f);
  return y;
}

/// x read as if broadcast to `shape`, as dense memory.
template <class T>
Tensor<T> broadcast_copy(const Tensor<T>& x, const Shape& shape, MemoryOrder order) {
  auto y = Tensor<T>::empty(shape, order);
  strided_copy(shape, x.data(), broadcast_strides(x.shape(), x.order(), shape), writable(y), y.strides());
  return y;
}

/// f(dy, a, b), where a and b are broadcast to the shape of dy.
template <class T, class F>
Tensor<T> zip_gradient(const Tensor<T>& dy, const Tensor<T>& a, const Tensor<T>& b, F f) {
  const auto like_dy = [&](const Tensor<T>& x) {
    return x.shape() == dy.shape() && x.order() == dy.order() ? x : broadcast_copy(x, dy.shape(), dy.order());
  };
  const auto y = Tensor<T>::empty(dy.shape(), dy.order());
  kernels::zip(y.size(), dy.data(), like_dy(a).data(), like_dy(b).data(), writable(y), f);
  return y;
}

/// y = f(x), where dx = gradient(dy, x).
template <class T, class F, class D>
Tensor<T> unary_by_input(const char* op, const Tensor<T>& x, F f, D gradient) {
  const Timer timer(op);
  const auto y = map(x, f);
  return record(op, y, {x},
                [op, x = save(x), gradient](const Tensor<T>& dy) -> Grads<T> { return {zip(op, dy, *x, gradient)}; });
}

/// y = f(x), where dx = gradient(dy, y).
template <class T, class F, class D>
Tensor<T> unary_by_output(const char* op, const Tensor<T>& x, F f, D gradient) {
  const Timer timer(op);
  const auto y = map(x, f);
  return record(op, y, {x},
                [op, y = save(y), gradient](const Tensor<T>& dy) -> Grads<T> { return {zip(op, dy, *y, gradient)}; });
}

}  // namespace detail

// Two operands.

/// a + b, element by element. Shapes broadcast as in NumPy, ShapeError when they do not; so do all operations of two
/// tensors here.
template <std::floating_point T>
Tensor<T> operator+(const Tensor<T>& a, const Tensor<T>& b) {
  const detail::Timer timer("add");
  return record("add", detail::zip("add", a, b, [](T p, T q) { return p + q; }), {a, b},
                [](const Tensor<T>& dy) -> Grads<T> {
                  return {dy, dy};
                });
}

/// a - b, element by element, broadcast.
template <std::floating_point T>
Tensor<T> operator-(const Tensor<T>& a, const Tensor<T>& b) {
  const detail::Timer timer("sub");
  return record("sub", detail::zip("sub", a, b, [](T p, T q) { return p - q; }), {a, b},
                [](const Tensor<T>& dy) -> Grads<T> {
                  return {dy, detail::map(dy, [](T g) { return -g; })};
                });
}

/// a b, element by element, broadcast.
template <std::floating_point T>
Tensor<T> operator*(const Tensor<T>& a, const Tensor<T>& b) {
  const detail::Timer timer("mul");
  return record("mul", detail::zip("mul", a, b, [](T p, T q) { return p * q; }), {a, b},
                [a = save(a), b = save(b)](const Tensor<T>& dy) -> Grads<T> {
                  return {a.requires_grad() ? dy * *b : Tensor<T>{}, b.requires_grad() ? dy * *a : Tensor<T>{}};
                });
}

/// a / b, element by element, broadcast. Division by 0 gives infinity or NaN.
template <std::floating_point T>
Tensor<T> operator/(const Tensor<T>& a, const Tensor<T>& b) {
  const detail::Timer timer("div");
  const auto y = detail::zip("div", a, b, [](T p, T q) { return p / q; });
  return record("div", y, {a, b}, [a = save(a), b = save(b)](const Tensor<T>& dy) -> Grads<T> {
    const auto gradient_of_b = [](T g, T p, T q) { return kernels::quotient_gradient(g, p, q); };
    return {a.requires_grad() ? dy / *b : Tensor<T>{},
            b.requires_grad() ? detail::zip_gradient(dy, *a, *b, gradient_of_b) : Tensor<T>{}};
  });
}

namespace detail {
/// The element that `better(a, b)` prefers; equal elements share the gradient. NaN wins, and then both have the
/// gradient, as in PyTorch.
template <class T, class Better>
Tensor<T> choose(const char* op, const Tensor<T>& a, const Tensor<T>& b, Better better) {
  const Timer timer(op);
  const auto y = zip(op, a, b, [better](T p, T q) { return better(p, q) || std::isnan(p) ? p : q; });
  return record(op, y, {a, b}, [a = save(a), b = save(b), better](const Tensor<T>& dy) -> Grads<T> {
    const auto share = [better](T g, T own, T other) { return better(other, own) ? T{0} : own == other ? g / 2 : g; };
    return {zip_gradient(dy, *a, *b, share), zip_gradient(dy, *b, *a, share)};
  });
}
}  // namespace detail

/// The larger of two elements, broadcast; equal elements share the gradient, as in PyTorch. NaN wins.
template <std::floating_point T>
Tensor<T> maximum(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::choose("maximum", a, b, [](T p, T q) { return p > q; });
}

/// The smaller of two elements, broadcast; equal elements share the gradient. NaN wins.
template <std::floating_point T>
Tensor<T> minimum(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::choose("minimum", a, b, [](T p, T q) { return p < q; });
}

/// max(a + b, 0) in one pass, broadcast; the gradient at 0 is 0. NaN stays, and lets the gradient pass.
template <std::floating_point T>
Tensor<T> add_relu(const Tensor<T>& a, const Tensor<T>& b) {
  const detail::Timer timer("add_relu");
  const auto y = detail::zip("add_relu", a, b, [](T p, T q) { return p + q < 0 ? T{0} : p + q; });
  return record("add_relu", y, {a, b}, [y = save(y)](const Tensor<T>& dy) -> Grads<T> {
    const auto g = detail::zip("add_relu", dy, *y, [](T d, T v) { return v <= 0 ? T{0} : d; });
    return {g, g};
  });
}

// An operand and a number.

/// x + s for each element.
template <std::floating_point T>
Tensor<T> operator+(const Tensor<T>& x, std::type_identity_t<T> s) {
  const detail::Timer timer("add");
  return record("add", detail::map(x, [s](T v) { return v + s; }), {x},
                [](const Tensor<T>& dy) -> Grads<T> { return {dy}; });
}
template <std::floating_point T>
Tensor<T> operator+(std::type_identity_t<T> s, const Tensor<T>& x) {
  return x + s;
}
/// s x for each element.
template <std::floating_point T>
Tensor<T> operator*(const Tensor<T>& x, std::type_identity_t<T> s) {
  const detail::Timer timer("mul");
  return record("mul", detail::map(x, [s](T v) { return v * s; }), {x},
                [s](const Tensor<T>& dy) -> Grads<T> { return {detail::map(dy, [s](T g) { return g * s; })}; });
}
template <std::floating_point T>
Tensor<T> operator*(std::type_identity_t<T> s, const Tensor<T>& x) {
  return x * s;
}
/// -x, x - s or s - x for each element.
template <std::floating_point T>
Tensor<T> operator-(const Tensor<T>& x) {
  return x * T{-1};
}
template <std::floating_point T>
Tensor<T> operator-(const Tensor<T>& x, std::type_identity_t<T> s) {
  return x + (-s);
}
template <std::floating_point T>
Tensor<T> operator-(std::type_identity_t<T> s, const Tensor<T>& x) {
  return -x + s;
}
/// x / s or s / x for each element. Division by 0 gives infinity or NaN.
template <std::floating_point T>
Tensor<T> operator/(const Tensor<T>& x, std::type_identity_t<T> s) {
  const detail::Timer timer("div");
  return record("div", detail::map(x, [s](T v) { return v / s; }), {x},
                [s](const Tensor<T>& dy) -> Grads<T> { return {detail::map(dy, [s](T g) { return g / s; })}; });
}
template <std::floating_point T>
Tensor<T> operator/(std::type_identity_t<T> s, const Tensor<T>& x) {
  return detail::unary_by_input(
      "div", x, [s](T v) { return s / v; }, [s](T g, T v) { return kernels::quotient_gradient(g, s, v); });
}

// One operand.

/// e^x
template <std::floating_point T>
Tensor<T> exp(const Tensor<T>& x) {
  return detail::unary_by_output(
      "exp", x, [](T v) { return kernels::exp(v); }, [](T g, T y) { return g * y; });
}
/// Natural logarithm: -infinity for 0, NaN below.
template <std::floating_point T>
Tensor<T> log(const Tensor<T>& x) {
  return detail::unary_by_input(
      "log", x, [](T v) { return std::log(v); }, [](T g, T v) { return g / v; });
}
/// Square root: NaN below 0. The gradient at 0 is infinite.
template <std::floating_point T>
Tensor<T> sqrt(const Tensor<T>& x) {
  return detail::unary_by_output(
      "sqrt", x, [](T v) { return std::sqrt(v); }, [](T g, T y) { return g / (2 * y); });
}
/// x^2
template <std::floating_point T>
Tensor<T> square(const Tensor<T>& x) {
  return detail::unary_by_input(
      "square", x, [](T v) { return v * v; }, [](T g, T v) { return g * v * 2; });
}
/// x^exponent, as std::pow has it: NaN for a negative x unless the exponent is whole.
template <std::floating_point T>
Tensor<T> pow(const Tensor<T>& x, std::type_identity_t<T> exponent) {
  return detail::unary_by_input(
      "pow", x, [exponent](T v) { return std::pow(v, exponent); },
      [exponent](T g, T v) { return kernels::power_gradient(g, v, exponent); });
}
/// Absolute value; the gradient at 0 is 0.
template <std::floating_point T>
Tensor<T> abs(const Tensor<T>& x) {
  return detail::unary_by_input(
      "abs", x, [](T v) { return std::abs(v); }, [](T g, T v) { return g * static_cast<T>((v > 0) - (v < 0)); });
}
/// x limited to [low, high]; no gradient outside. NaN stays. ValueError unless low <= high.
template <std::floating_point T>
Tensor<T> clamp(const Tensor<T>& x, std::type_identity_t<T> low, std::type_identity_t<T> high) {
  check<ValueError>(low <= high, "[clamp] low ", low, " is above high ", high);
  return detail::unary_by_input(
      "clamp", x, [=](T v) { return v < low    ? low
                                    : v > high ? high
                                               : v; },
      [=](T g, T v) { return v >= low && v <= high ? g : T{0}; });
}
/// max(x, 0); the gradient at 0 is 0. NaN stays, and lets the gradient pass.
template <std::floating_point T>
Tensor<T> relu(const Tensor<T>& x) {
  return detail::unary_by_output(
      "relu", x, [](T v) { return v < 0 ? T{0} : v; }, [](T g, T y) { return y <= 0 ? T{0} : g; });
}
/// x where positive, slope x elsewhere; the gradient at 0 is that of the negative side.
template <std::floating_point T>
Tensor<T> leaky_relu(const Tensor<T>& x, std::type_identity_t<T> slope = T(0.01)) {
  return detail::unary_by_input(
      "leaky_relu", x, [slope](T v) { return v > 0 ? v : slope * v; },
      [slope](T g, T v) { return v > 0 ? g : g * slope; });
}
/// x where positive, alpha (e^x - 1) elsewhere.
template <std::floating_point T>
Tensor<T> elu(const Tensor<T>& x, std::type_identity_t<T> alpha = T{1}) {
  return detail::unary_by_input(
      "elu", x, [alpha](T v) { return v > 0 ? v : alpha * kernels::expm1(std::min(v, T{0})); },
      [alpha](T g, T v) { return v > 0 ? g : g * (alpha * kernels::exp(v)); });
}
/// 1 / (1 + e^-x), without overflow.
template <std::floating_point T>
Tensor<T> sigmoid(const Tensor<T>& x) {
  return detail::unary_by_output(
      "sigmoid", x, [](T v) { return kernels::sigmoid(v); }, [](T g, T y) { return g * (y * (1 - y)); });
}
/// Hyperbolic tangent.
template <std::floating_point T>
Tensor<T> tanh(const Tensor<T>& x) {
  return detail::unary_by_output(
      "tanh", x, [](T v) { return kernels::tanh(v); }, [](T g, T y) { return g * (1 - y * y); });
}

}  // namespace nasion
