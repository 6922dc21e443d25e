#pragma once
// Arithmetic with broadcasting and functions of one element. Results keep the memory order of the operands. Operations
// of one tensor take any shape, of which their results are, and any value: what has no result is NaN.

#include <cmath>
#include <type_traits>

#include "nasion/core/op.hpp"
#include "nasion/kernels/elementwise.hpp"
#include "nasion/kernels/math.hpp"

namespace nasion {

/// f(x) of each element, a fresh tensor in the order of x, outside of any graph: a loop for the inside of an operation,
/// or of its gradient. f maps a T to a T and is called by several threads, in any order.
template <Real T, class F>
Tensor<T> map_elements(const Tensor<T>& x, F f) {
  const auto y = Tensor<T>::empty(x.shape(), x.order());
  kernels::map(x.size(), x.memory(), Op::writable(y), [f](T v) { return static_cast<T>(f(v)); });
  return y;
}

namespace detail {

/// f(a, b), broadcast to `shape`; channels-last where an operand of that shape is.
template <class T, class F>
Tensor<T> zip(const Shape& shape, const Tensor<T>& a, const Tensor<T>& b, F f) {
  const auto last = [&](const Tensor<T>& x) { return x.shape() == shape && x.order() == MemoryOrder::channels_last; };
  const MemoryOrder order = last(a) || last(b) ? MemoryOrder::channels_last : MemoryOrder::row_major;
  const auto y = Tensor<T>::empty(shape, order);
  if (a.shape() == b.shape() && a.order() == b.order())
    kernels::zip(y.size(), a.memory(), b.memory(), Op::writable(y), f);
  else
    kernels::zip_broadcast(shape, a.memory(), broadcast_strides(a.shape(), a.order(), shape), b.memory(),
                           broadcast_strides(b.shape(), b.order(), shape), Op::writable(y), order, f);
  return y;
}

}  // namespace detail

/// f(a, b) of each pair of elements, otherwise as map_elements(). Shapes broadcast as in NumPy: a ShapeError of `op`
/// when they do not. The result is channels-last where an operand of its shape is.
template <Real T, class F>
Tensor<T> zip_elements(const Checker& op, const Tensor<T>& a, const Tensor<T>& b, F f) {
  const Shape shape = broadcast_shape(op.name(), a.shape(), b.shape());
  return detail::zip(shape, a, b, [f](T p, T q) { return static_cast<T>(f(p, q)); });
}
/// The same for a gradient, where the shapes are known to fit.
template <Real T, class F>
Tensor<T> zip_elements(const Tensor<T>& a, const Tensor<T>& b, F f) {
  return zip_elements(Checker("zip_elements"), a, b, f);
}

/// A function of one number, which several threads may call at once.
template <class F, class T>
concept ElementFunction = std::is_invocable_r_v<T, const F&, T>;
/// A derivative df(v), or a whole gradient df(g, v): see elementwise().
template <class D, class T>
concept ElementDerivative = ElementFunction<D, T> || std::is_invocable_r_v<T, const D&, T, T>;

/// What a derivative is computed from, and so what is kept until backward().
enum class DerivativeOf { input, result };

namespace detail {

/// A null pointer to a function would be called for each element.
template <class F>
void check_function(const Op& op, const char* role, const F& f) {
  if constexpr (std::is_pointer_v<F>) op.check<ValueError>(f != nullptr, role, " is a null pointer");
}

/// x read as if broadcast to `shape`, as dense memory.
template <class T>
Tensor<T> broadcast_copy(const Tensor<T>& x, const Shape& shape, MemoryOrder order) {
  auto y = Tensor<T>::empty(shape, order);
  strided_copy(shape, x.memory(), broadcast_strides(x.shape(), x.order(), shape), Op::writable(y), y.strides());
  return y;
}

/// f(a, b, c), broadcast to `shape`, in the given order.
template <class T, class F>
Tensor<T> zip(const Shape& shape, MemoryOrder order, const Tensor<T>& a, const Tensor<T>& b, const Tensor<T>& c, F f) {
  const auto whole = [&](const Tensor<T>& x) {
    return x.shape() == shape && x.order() == order ? x : broadcast_copy(x, shape, order);
  };
  const auto y = Tensor<T>::empty(shape, order);
  kernels::zip(y.size(), whole(a).memory(), whole(b).memory(), whole(c).memory(), Op::writable(y), f);
  return y;
}

/// f(dy, a, b), where a and b are broadcast to the shape of dy.
template <class T, class F>
Tensor<T> zip_gradient(const Tensor<T>& dy, const Tensor<T>& a, const Tensor<T>& b, F f) {
  return zip(dy.shape(), dy.order(), dy, a, b, f);
}

}  // namespace detail

/// The whole of an operation that applies a function to single elements, as activations do: y = f(x), in the order of
/// x, of any shape. f maps a T to a T. df(v) is its derivative, for an element v of x, or, with DerivativeOf::result,
/// of y: then x need not be kept until backward(). A df of two numbers, df(g, v), is the gradient of x for the gradient
/// g of y, where it is no product: relu() stops even an infinite g. Both are called by several threads, in any order,
/// and may be inlined into loops of vectors when they are lambdas.   ValueError for a null pointer to a function.
///
///     template <Real T>
///     Tensor<T> softsign(const Tensor<T>& x) {
///       const Op op("softsign");
///       return elementwise(op, x, [](T v) { return v / (1 + std::abs(v)); },
///                          [](T v) { return 1 / ((1 + std::abs(v)) * (1 + std::abs(v))); });
///     }
template <Real T, ElementFunction<T> F, ElementDerivative<T> D>
Tensor<T> elementwise(const Op& op, const Tensor<T>& x, F f, D df, DerivativeOf of = DerivativeOf::input) {
  detail::check_function(op, "function", f);
  detail::check_function(op, "derivative", df);
  const auto y = map_elements(x, f);
  return op.record(y, {x}, [df, v = save(of == DerivativeOf::input ? x : y)](const Tensor<T>& dy) -> Grads<T> {
    return {zip_elements(dy, *v, [df](T g, T p) {
      if constexpr (std::is_invocable_r_v<T, const D&, T, T>)
        return df(g, p);
      else
        return g * static_cast<T>(df(p));
    })};
  });
}
/// The same without a name of its own: "elementwise" in a profile.
template <Real T, ElementFunction<T> F, ElementDerivative<T> D>
Tensor<T> elementwise(const Tensor<T>& x, F f, D df, DerivativeOf of = DerivativeOf::input) {
  const Op op("elementwise");
  return elementwise(op, x, f, df, of);
}

// Two operands.

/// a + b, element by element. Shapes broadcast as in NumPy; ShapeError when they do not.
template <Real T>
Tensor<T> operator+(const Tensor<T>& a, const Tensor<T>& b) {
  const Op op("add");
  return op.record(zip_elements(op, a, b, [](T p, T q) { return p + q; }), {a, b}, [](const Tensor<T>& dy) -> Grads<T> {
    return {dy, dy};
  });
}

/// a - b, element by element. Shapes broadcast; ShapeError when they do not.
template <Real T>
Tensor<T> operator-(const Tensor<T>& a, const Tensor<T>& b) {
  const Op op("sub");
  return op.record(zip_elements(op, a, b, [](T p, T q) { return p - q; }), {a, b}, [](const Tensor<T>& dy) -> Grads<T> {
    return {dy, map_elements(dy, [](T g) { return -g; })};
  });
}

/// a b, element by element. Shapes broadcast; ShapeError when they do not.
template <Real T>
Tensor<T> operator*(const Tensor<T>& a, const Tensor<T>& b) {
  const Op op("mul");
  return op.record(zip_elements(op, a, b, [](T p, T q) { return p * q; }), {a, b},
                   [a = save(a), b = save(b)](const Tensor<T>& dy) -> Grads<T> {
                     return {a.requires_grad() ? dy * *b : Tensor<T>{}, b.requires_grad() ? dy * *a : Tensor<T>{}};
                   });
}

/// a / b, element by element; infinity or NaN where b is 0. Shapes broadcast; ShapeError when they do not.
template <Real T>
Tensor<T> operator/(const Tensor<T>& a, const Tensor<T>& b) {
  const Op op("div");
  const auto y = zip_elements(op, a, b, [](T p, T q) { return p / q; });
  return op.record(y, {a, b}, [a = save(a), b = save(b)](const Tensor<T>& dy) -> Grads<T> {
    const auto gradient_of_b = [](T g, T p, T q) { return kernels::quotient_gradient(g, p, q); };
    return {a.requires_grad() ? dy / *b : Tensor<T>{},
            b.requires_grad() ? detail::zip_gradient(dy, *a, *b, gradient_of_b) : Tensor<T>{}};
  });
}

namespace detail {
/// The element that `better(a, b)` prefers; equal elements share the gradient. NaN wins, and then both have the
/// gradient, as in PyTorch.
template <class T, class Better>
Tensor<T> choose(const Op& op, const Tensor<T>& a, const Tensor<T>& b, Better better) {
  const auto y = zip_elements(op, a, b, [better](T p, T q) { return better(p, q) || std::isnan(p) ? p : q; });
  return op.record(y, {a, b}, [a = save(a), b = save(b), better](const Tensor<T>& dy) -> Grads<T> {
    const auto share = [better](T g, T own, T other) { return better(other, own) ? T{0} : own == other ? g / 2 : g; };
    return {zip_gradient(dy, *a, *b, share), zip_gradient(dy, *b, *a, share)};
  });
}
}  // namespace detail

/// The larger of two elements; NaN wins, and equal elements share the gradient, as in PyTorch. Shapes broadcast;
/// ShapeError when they do not.
template <Real T>
Tensor<T> maximum(const Tensor<T>& a, const Tensor<T>& b) {
  const Op op("maximum");
  return detail::choose(op, a, b, [](T p, T q) { return p > q; });
}

/// The smaller of two elements, in all else as maximum().
template <Real T>
Tensor<T> minimum(const Tensor<T>& a, const Tensor<T>& b) {
  const Op op("minimum");
  return detail::choose(op, a, b, [](T p, T q) { return p < q; });
}

/// max(a + b, 0) in one pass; the gradient at 0 is 0. NaN stays, and lets the gradient pass. Shapes broadcast;
/// ShapeError when they do not.
template <Real T>
Tensor<T> add_relu(const Tensor<T>& a, const Tensor<T>& b) {
  const Op op("add_relu");
  const auto y = zip_elements(op, a, b, [](T p, T q) { return p + q < 0 ? T{0} : p + q; });
  return op.record(y, {a, b}, [y = save(y)](const Tensor<T>& dy) -> Grads<T> {
    const auto g = zip_elements(dy, *y, [](T d, T v) { return v <= 0 ? T{0} : d; });
    return {g, g};
  });
}

// An operand and a number.

/// x + s or s + x for each element.
template <Real T>
Tensor<T> operator+(const Tensor<T>& x, std::type_identity_t<T> s) {
  const Op op("add");
  op.option("number", s);
  return op.record(map_elements(x, [s](T v) { return v + s; }), {x},
                   [](const Tensor<T>& dy) -> Grads<T> { return {dy}; });
}
template <Real T>
Tensor<T> operator+(std::type_identity_t<T> s, const Tensor<T>& x) {
  return x + s;
}
/// x s or s x for each element.
template <Real T>
Tensor<T> operator*(const Tensor<T>& x, std::type_identity_t<T> s) {
  const Op op("mul");
  op.option("number", s);
  return op.record(map_elements(x, [s](T v) { return v * s; }), {x},
                   [s](const Tensor<T>& dy) -> Grads<T> { return {map_elements(dy, [s](T g) { return g * s; })}; });
}
template <Real T>
Tensor<T> operator*(std::type_identity_t<T> s, const Tensor<T>& x) {
  return x * s;
}
/// -x, x - s or s - x for each element.
template <Real T>
Tensor<T> operator-(const Tensor<T>& x) {
  return x * T{-1};
}
template <Real T>
Tensor<T> operator-(const Tensor<T>& x, std::type_identity_t<T> s) {
  return x + (-s);
}
template <Real T>
Tensor<T> operator-(std::type_identity_t<T> s, const Tensor<T>& x) {
  return -x + s;
}
/// x / s or s / x for each element. Division by 0 gives infinity or NaN.
template <Real T>
Tensor<T> operator/(const Tensor<T>& x, std::type_identity_t<T> s) {
  const Op op("div");
  op.option("number", s);
  return op.record(map_elements(x, [s](T v) { return v / s; }), {x},
                   [s](const Tensor<T>& dy) -> Grads<T> { return {map_elements(dy, [s](T g) { return g / s; })}; });
}
template <Real T>
Tensor<T> operator/(std::type_identity_t<T> s, const Tensor<T>& x) {
  const Op op("div");
  op.option("dividend", s);
  return elementwise(
      op, x, [s](T v) { return s / v; }, [s](T g, T v) { return kernels::quotient_gradient(g, s, v); });
}

// One operand.

/// e^x for each element: infinity where that is too large for T.
template <Real T>
Tensor<T> exp(const Tensor<T>& x) {
  const Op op("exp");
  return elementwise(
      op, x, [](T v) { return kernels::exp(v); }, [](T y) { return y; }, DerivativeOf::result);
}
/// Natural logarithm of each element: -infinity for 0, NaN below.
template <Real T>
Tensor<T> log(const Tensor<T>& x) {
  const Op op("log");
  return elementwise(
      op, x, [](T v) { return std::log(v); }, [](T g, T v) { return g / v; });
}
/// Square root of each element: NaN below 0. The gradient at 0 is infinite.
template <Real T>
Tensor<T> sqrt(const Tensor<T>& x) {
  const Op op("sqrt");
  return elementwise(
      op, x, [](T v) { return std::sqrt(v); }, [](T g, T y) { return g / (2 * y); }, DerivativeOf::result);
}
/// x^2 for each element.
template <Real T>
Tensor<T> square(const Tensor<T>& x) {
  const Op op("square");
  return elementwise(
      op, x, [](T v) { return v * v; }, [](T g, T v) { return g * v * 2; });
}
/// x^exponent for each element, as std::pow has it: NaN for a negative x unless the exponent is whole.
template <Real T>
Tensor<T> pow(const Tensor<T>& x, std::type_identity_t<T> exponent) {
  const Op op("pow");
  op.option("exponent", exponent);
  return elementwise(
      op, x, [exponent](T v) { return std::pow(v, exponent); },
      [exponent](T g, T v) { return kernels::power_gradient(g, v, exponent); });
}
/// Absolute value of each element; the gradient at 0 is 0.
template <Real T>
Tensor<T> abs(const Tensor<T>& x) {
  const Op op("abs");
  return elementwise(
      op, x, [](T v) { return std::abs(v); }, [](T v) { return static_cast<T>((v > 0) - (v < 0)); });
}
/// Each element limited to [low, high], beyond which the gradient is 0. NaN stays. ValueError unless low <= high.
template <Real T>
Tensor<T> clamp(const Tensor<T>& x, std::type_identity_t<T> low, std::type_identity_t<T> high) {
  const Op op("clamp");
  op.check<ValueError>(low <= high, "low ", low, " is above high ", high);
  op.option("limits", low, high);
  return elementwise(
      op, x, [=](T v) { return v < low    ? low
                               : v > high ? high
                                          : v; },
      [=](T g, T v) { return v >= low && v <= high ? g : T{0}; });
}

}  // namespace nasion
