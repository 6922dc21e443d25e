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
  kernels::map(x.size(), x.data(), y.mutable_data(), f);
  return y;
}

/// f(a, b), broadcast; in the order of the first operand that has the shape of the result.
template <class T, class F>
Tensor<T> zip(const char* op, const Tensor<T>& a, const Tensor<T>& b, F f) {
  const Shape shape = broadcast_shape(op, a.shape(), b.shape());
  const MemoryOrder order = a.shape() == shape ? a.order() : b.shape() == shape ? b.order() : MemoryOrder::row_major;
  auto y = Tensor<T>::empty(shape, order);
  if (a.shape() == b.shape() && a.order() == b.order())
    kernels::zip(y.size(), a.data(), b.data(), y.mutable_data(), f);
  else
    kernels::zip_broadcast(shape, a.data(), broadcast_strides(a.shape(), a.order(), shape), b.data(),
                           broadcast_strides(b.shape(), b.order(), shape), y.mutable_data(), order, f);
  return y;
}

/// y = f(x), where the derivative is known from x: dx = dy df(x).
template <class T, class F, class D>
Tensor<T> unary_by_input(const char* op, const Tensor<T>& x, F f, D df) {
  const Timer timer(op);
  const auto y = map(x, f);
  return record(op, y, {x}, [op, x = save(x), df](const Tensor<T>& dy) -> Grads<T> {
    return {zip(op, dy, *x, [df](T g, T v) { return g * df(v); })};
  });
}

/// y = f(x), where the derivative is known from y: dx = dy df(y).
template <class T, class F, class D>
Tensor<T> unary_by_output(const char* op, const Tensor<T>& x, F f, D df) {
  const Timer timer(op);
  const auto y = map(x, f);
  return record(op, y, {x}, [op, y = save(y), df](const Tensor<T>& dy) -> Grads<T> {
    return {zip(op, dy, *y, [df](T g, T v) { return g * df(v); })};
  });
}

}  // namespace detail

// Two operands.

template <std::floating_point T>
Tensor<T> operator+(const Tensor<T>& a, const Tensor<T>& b) {
  const detail::Timer timer("add");
  return record("add", detail::zip("add", a, b, [](T p, T q) { return p + q; }), {a, b},
                [](const Tensor<T>& dy) -> Grads<T> {
                  return {dy, dy};
                });
}

template <std::floating_point T>
Tensor<T> operator-(const Tensor<T>& a, const Tensor<T>& b) {
  const detail::Timer timer("sub");
  return record("sub", detail::zip("sub", a, b, [](T p, T q) { return p - q; }), {a, b},
                [](const Tensor<T>& dy) -> Grads<T> {
                  return {dy, detail::map(dy, [](T g) { return -g; })};
                });
}

template <std::floating_point T>
Tensor<T> operator*(const Tensor<T>& a, const Tensor<T>& b) {
  const detail::Timer timer("mul");
  return record("mul", detail::zip("mul", a, b, [](T p, T q) { return p * q; }), {a, b},
                [a = save(a), b = save(b)](const Tensor<T>& dy) -> Grads<T> {
                  return {a.requires_grad() ? dy * *b : Tensor<T>{}, b.requires_grad() ? dy * *a : Tensor<T>{}};
                });
}

template <std::floating_point T>
Tensor<T> operator/(const Tensor<T>& a, const Tensor<T>& b) {
  const detail::Timer timer("div");
  const auto y = detail::zip("div", a, b, [](T p, T q) { return p / q; });
  return record("div", y, {a, b}, [b = save(b), y = save(y)](const Tensor<T>& dy) -> Grads<T> {
    const auto da = dy / *b;
    return {da, b.requires_grad() ? detail::zip("div", da, *y, [](T g, T q) { return -g * q; }) : Tensor<T>{}};
  });
}

namespace detail {
/// The element that `better(a, b)` prefers; equal elements share the gradient. NaN wins.
template <class T, class Better>
Tensor<T> choose(const char* op, const Tensor<T>& a, const Tensor<T>& b, Better better) {
  const Timer timer(op);
  const auto y = zip(op, a, b, [better](T p, T q) { return better(p, q) || std::isnan(p) ? p : q; });
  const auto share = [better](T p, T q) { return better(p, q) ? T{1} : p == q ? T{0.5} : T{0}; };
  return record(op, y, {a, b}, [op, a = save(a), b = save(b), share](const Tensor<T>& dy) -> Grads<T> {
    return {dy * zip(op, *a, *b, share), dy * zip(op, *b, *a, share)};
  });
}
}  // namespace detail

/// The larger of two elements; equal elements share the gradient, as in PyTorch. NaN wins.
template <std::floating_point T>
Tensor<T> maximum(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::choose("maximum", a, b, [](T p, T q) { return p > q; });
}

/// The smaller of two elements; equal elements share the gradient. NaN wins.
template <std::floating_point T>
Tensor<T> minimum(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::choose("minimum", a, b, [](T p, T q) { return p < q; });
}

/// max(a + b, 0) in one pass; the gradient at 0 is 0. NaN stays.
template <std::floating_point T>
Tensor<T> add_relu(const Tensor<T>& a, const Tensor<T>& b) {
  const auto y = detail::zip("add_relu", a, b, [](T p, T q) { return p + q < 0 ? T{0} : p + q; });
  return record("add_relu", y, {a, b}, [y = save(y)](const Tensor<T>& dy) -> Grads<T> {
    const auto g = detail::zip("add_relu", dy, *y, [](T d, T v) { return v > 0 ? d : T{0}; });
    return {g, g};
  });
}

// An operand and a number.

template <std::floating_point T>
Tensor<T> operator+(const Tensor<T>& x, std::type_identity_t<T> s) {
  const detail::Timer timer("add");
  return record("add", detail::map(x, [s](T v) { return v + s; }), {x},
                [](const Tensor<T>& dy) -> Grads<T> { return {dy}; });
}
template <std::floating_point T>
Tensor<T> operator*(const Tensor<T>& x, std::type_identity_t<T> s) {
  const detail::Timer timer("mul");
  return record("mul", detail::map(x, [s](T v) { return v * s; }), {x},
                [s](const Tensor<T>& dy) -> Grads<T> { return {detail::map(dy, [s](T g) { return g * s; })}; });
}
template <std::floating_point T>
Tensor<T> operator+(std::type_identity_t<T> s, const Tensor<T>& x) {
  return x + s;
}
template <std::floating_point T>
Tensor<T> operator*(std::type_identity_t<T> s, const Tensor<T>& x) {
  return x * s;
}
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
template <std::floating_point T>
Tensor<T> operator/(const Tensor<T>& x, std::type_identity_t<T> s) {
  const detail::Timer timer("div");
  return record("div", detail::map(x, [s](T v) { return v / s; }), {x},
                [s](const Tensor<T>& dy) -> Grads<T> { return {detail::map(dy, [s](T g) { return g / s; })}; });
}
template <std::floating_point T>
Tensor<T> operator/(std::type_identity_t<T> s, const Tensor<T>& x) {
  return detail::unary_by_input(
      "div", x, [s](T v) { return s / v; }, [s](T v) { return -s / (v * v); });
}

// One operand.

template <std::floating_point T>
Tensor<T> exp(const Tensor<T>& x) {
  return detail::unary_by_output(
      "exp", x, [](T v) { return kernels::exp(v); }, [](T y) { return y; });
}
/// Natural logarithm.
template <std::floating_point T>
Tensor<T> log(const Tensor<T>& x) {
  return detail::unary_by_input(
      "log", x, [](T v) { return std::log(v); }, [](T v) { return 1 / v; });
}
template <std::floating_point T>
Tensor<T> sqrt(const Tensor<T>& x) {
  return detail::unary_by_output(
      "sqrt", x, [](T v) { return std::sqrt(v); }, [](T y) { return T{0.5} / y; });
}
template <std::floating_point T>
Tensor<T> square(const Tensor<T>& x) {
  return detail::unary_by_input(
      "square", x, [](T v) { return v * v; }, [](T v) { return 2 * v; });
}
template <std::floating_point T>
Tensor<T> pow(const Tensor<T>& x, std::type_identity_t<T> exponent) {
  return detail::unary_by_input(
      "pow", x, [exponent](T v) { return std::pow(v, exponent); },
      [exponent](T v) { return exponent == 0 ? T{0} : exponent * std::pow(v, exponent - 1); });
}
/// Absolute value; the gradient at 0 is 0.
template <std::floating_point T>
Tensor<T> abs(const Tensor<T>& x) {
  return detail::unary_by_input(
      "abs", x, [](T v) { return std::abs(v); }, [](T v) { return static_cast<T>((v > 0) - (v < 0)); });
}
/// x limited to [low, high]; no gradient outside. NaN stays.
template <std::floating_point T>
Tensor<T> clamp(const Tensor<T>& x, std::type_identity_t<T> low, std::type_identity_t<T> high) {
  check<ValueError>(low <= high, "[clamp] low ", low, " is above high ", high);
  return detail::unary_by_input(
      "clamp", x, [=](T v) { return v < low    ? low
                                    : v > high ? high
                                               : v; },
      [=](T v) { return v >= low && v <= high ? T{1} : T{0}; });
}
/// max(x, 0); the gradient at 0 is 0. NaN stays.
template <std::floating_point T>
Tensor<T> relu(const Tensor<T>& x) {
  return detail::unary_by_output(
      "relu", x, [](T v) { return v < 0 ? T{0} : v; }, [](T y) { return y > 0 ? T{1} : T{0}; });
}
/// x where positive, slope x elsewhere.
template <std::floating_point T>
Tensor<T> leaky_relu(const Tensor<T>& x, std::type_identity_t<T> slope = T(0.01)) {
  return detail::unary_by_input(
      "leaky_relu", x, [slope](T v) { return v > 0 ? v : slope * v; }, [slope](T v) { return v > 0 ? T{1} : slope; });
}
/// x where positive, alpha (e^x - 1) elsewhere.
template <std::floating_point T>
Tensor<T> elu(const Tensor<T>& x, std::type_identity_t<T> alpha = T{1}) {
  return detail::unary_by_input(
      "elu", x, [alpha](T v) { return v > 0 ? v : alpha * kernels::expm1(std::min(v, T{0})); },
      [alpha](T v) { return v > 0 ? T{1} : alpha * kernels::exp(v); });
}
/// 1 / (1 + e^-x)
template <std::floating_point T>
Tensor<T> sigmoid(const Tensor<T>& x) {
  return detail::unary_by_output(
      "sigmoid", x, [](T v) { return kernels::sigmoid(v); }, [](T y) { return y * (1 - y); });
}
template <std::floating_point T>
Tensor<T> tanh(const Tensor<T>& x) {
  return detail::unary_by_output(
      "tanh", x, [](T v) { return kernels::tanh(v); }, [](T y) { return 1 - y * y; });
}

}  // namespace nasion
