#pragma once
// ONNX's operators of single elements.

#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "nasion/io/onnx/call.hpp"
#include "nasion/io/onnx/integers.hpp"
#include "nasion/ops/compare.hpp"
#include "nasion/ops/elementwise.hpp"
#include "nasion/ops/reduce.hpp"

namespace nasion::io::detail::onnx {

template <class T>
using Table = std::map<std::string_view, Operator<T>>;

/// Before version 7 the second operand could stand for dimensions from `axis` on.
template <class T>
Tensor<T> second(const Call<T>& c) {
  const auto a = c.tensor(0), b = c.tensor(1);
  if (c.opset >= 7 || !c.has_attribute("axis") || b.rank() >= a.rank()) return b;
  auto sizes = sizes_of(b.shape());
  const Index axis = c.axis("axis", 0, a.rank());
  while (axis + static_cast<Index>(sizes.size()) < a.rank()) sizes.push_back(1);
  return reshape(b, shape_of(sizes));
}

/// `f` of tensors; `g` of two integers when both are.
template <class T, class F, class G>
Values<T> binary(const Call<T>& c, F f, G g) {
  if (c.value(0).is_integer() && c.value(1).is_integer())
    return one<T>(zip_integers(c.inputs[0].integers(), c.inputs[1].integers(), g));
  return one<T>(f(c.tensor(0), second(c)));
}

template <class T, class F, class G>
Values<T> comparison(const Call<T>& c, F f, G g) {
  return binary<T>(
      c, [f](const Tensor<T>& a, const Tensor<T>& b) { return OnnxValue<T>(to_integers<T>(f(a, b))); }, g);
}

/// f of all inputs, from the first to the last.
template <class T, class F, class G>
Values<T> variadic(const Call<T>& c, F f, G g) {
  auto y = c.value(0);
  for (std::size_t i = 1; i < c.inputs.size(); ++i) {
    const auto& x = c.value(i);
    if (y.is_integer() && x.is_integer())
      y = zip_integers(y.integers(), x.integers(), g);
    else
      y = f(to_tensor(y), to_tensor(x));
  }
  return one<T>(y);
}

template <class T, class F>
Values<T> unary(const Call<T>& c, F f) {
  return one<T>(f(c.tensor(0)));
}

/// A function and its derivative.
template <class T, class F, class D>
Values<T> function(const Call<T>& c, OpName name, F f, D df) {
  const Op op(name);
  return one<T>(elementwise(op, c.tensor(0), f, df));
}
/// A function of steps, whose derivative is 0.
template <class T, class F>
Values<T> steps(const Call<T>& c, OpName name, F f) {
  if (c.value(0).is_integer()) return one<T>(c.value(0));
  return function<T>(c, name, f, [](T) { return T{0}; });
}

template <class T>
Tensor<T> power(const Tensor<T>& a, const Tensor<T>& b) {
  if (b.size() == 1 && !b.requires_grad() && broadcasts_to(b.shape(), a.shape())) {
    const T exponent = b.item();
    return exponent == 2 ? square(a) : pow(a, exponent);
  }
  const Op op("pow");
  return op.record(
      zip_elements(op, a, b, [](T p, T q) { return std::pow(p, q); }), {a, b},
      [a = save(a), b = save(b)](const Tensor<T>& dy) -> Grads<T> {
        const auto of_base = zip_elements(*a, *b, [](T p, T q) { return q * std::pow(p, q - 1); });
        const auto of_exponent = zip_elements(*a, *b, [](T p, T q) { return std::pow(p, q) * std::log(p); });
        return {a.requires_grad() ? dy * of_base : Tensor<T>{}, b.requires_grad() ? dy * of_exponent : Tensor<T>{}};
      });
}

template <class T>
Values<T> modulo(const Call<T>& c) {
  const bool of_dividend = c.integer("fmod", 0) != 0;
  return binary<T>(
      c,
      [](const Tensor<T>& a, const Tensor<T>& b) {
        return zip_elements(a.detach(), b.detach(), [](T p, T q) { return std::fmod(p, q); });
      },
      [of_dividend](Index a, Index b) { return integer_remainder(a, b, of_dividend); });
}

template <class T>
Values<T> clip(const Call<T>& c) {
  constexpr T most = std::numeric_limits<T>::infinity();
  const bool attributes = c.opset < 11;
  const T low = attributes ? static_cast<T>(c.real("min", double{-most})) : c.number(1, -most);
  const T high = attributes ? static_cast<T>(c.real("max", double{most})) : c.number(2, most);
  if (c.value(0).is_integer()) {
    const Index least = attributes || !c.has(1) ? std::numeric_limits<Index>::min() : c.integers(1).at(0);
    const Index largest = attributes || !c.has(2) ? std::numeric_limits<Index>::max() : c.integers(2).at(0);
    return one<T>(map_integers(c.inputs[0].integers(), [=](Index v) { return std::min(std::max(v, least), largest); }));
  }
  const auto x = c.tensor(0);
  if (low == 0 && high == 6) return one<T>(relu6(x));
  if (low == 0 && high == most) return one<T>(relu(x));
  // When there is nothing between them, ONNX has the upper limit for all.
  return one<T>(clamp(x, std::min(low, high), high));
}

template <class T>
Values<T> prelu(const Call<T>& c) {
  const auto x = c.tensor(0);
  auto slope = c.tensor(1);
  if (slope.rank() == 1 && slope.size() > 1 && x.rank() > 1 && slope.size() == x.dim(1)) {  // of channels
    std::vector<Index> sizes(static_cast<std::size_t>(x.rank() - 1), 1);
    sizes[0] = slope.size();
    if (c.opset < 7 || !broadcasts_to(slope.shape(), x.shape())) slope = reshape(slope, shape_of(sizes));
  }
  return one<T>(relu(x) - slope * relu(-x));
}

template <class T>
Values<T> cast(const Call<T>& c) {
  const Index to = c.integer("to", 0);
  const auto& x = c.value(0);
  if (to == 1 || to == 10 || to == 11 || to == 16) return one<T>(x.is_integer() ? OnnxValue<T>(to_tensor(x)) : x);
  if (to == 9) {  // bool
    if (x.is_integer()) return one<T>(map_integers(x.integers(), [](Index v) { return Index{v != 0}; }));
    return one<T>(to_integers<T>(ne(x.tensor().detach(), T{0})));
  }
  const int bits = to == 2 || to == 3 ? 8 : to == 4 || to == 5 ? 16 : to == 6 || to == 12 ? 32 : to == 7 ? 64 : 0;
  check<ValueError>(bits > 0, "elements of type ", to, " are not computed with");
  const bool is_signed = to == 3 || to == 5 || to == 6 || to == 7;
  return one<T>(map_integers(to_integers(x), [=](Index v) {
    const Index high = bits == 64 ? std::numeric_limits<Index>::max() : (Index{1} << (bits - is_signed)) - 1;
    check<ValueError>(v <= high && v >= (is_signed ? -high - 1 : 0), v, " is no integer of ", bits, " bits");
    return v;
  }));
}

template <class T>
Values<T> where(const Call<T>& c) {
  const auto& condition = c.value(0);
  if (c.value(1).is_integer() && c.value(2).is_integer()) {
    const auto pick = [&](const IntegerArray& a, bool if_true) {
      return zip_integers(condition.integers(), a, [=](Index p, Index v) { return (p != 0) == if_true ? v : 0; });
    };
    return one<T>(zip_integers(pick(c.inputs[1].integers(), true), pick(c.inputs[2].integers(), false),
                               [](Index a, Index b) { return a | b; }));  // one of them is 0
  }
  return one<T>(nasion::where(to_tensor(condition), c.tensor(1), c.tensor(2)));
}

template <class T>
Table<T> arithmetic_operators() {
  using A = const Tensor<T>&;
  using C = const Call<T>&;
  return {
      {"Add",
       [](C c) {
         return binary<T>(
             c, [relu = c.step.activation == Activation::relu](A a, A b) { return relu ? add_relu(a, b) : a + b; },
             [](Index a, Index b) { return wrapped(bits_of(a) + bits_of(b)); });
       }},
      {"Sub",
       [](C c) {
         return binary<T>(
             c, [](A a, A b) { return a - b; }, [](Index a, Index b) { return wrapped(bits_of(a) - bits_of(b)); });
       }},
      {"Mul",
       [](C c) {
         return binary<T>(
             c, [](A a, A b) { return a * b; }, [](Index a, Index b) { return wrapped(bits_of(a) * bits_of(b)); });
       }},
      {"Div",
       [](C c) {
         return binary<T>(
             c, [](A a, A b) { return a / b; }, integer_quotient);
       }},
      {"Pow", [](C c) { return binary<T>(c, power<T>, integer_power); }},
      {"Mod", modulo<T>},
      {"Max", [](C c) { return variadic<T>(c, maximum<T>, [](Index a, Index b) { return std::max(a, b); }); }},
      {"Min", [](C c) { return variadic<T>(c, minimum<T>, [](Index a, Index b) { return std::min(a, b); }); }},
      {"Sum",
       [](C c) {
         return variadic<T>(
             c, [](A a, A b) { return a + b; }, [](Index a, Index b) { return wrapped(bits_of(a) + bits_of(b)); });
       }},
      {"Mean",
       [](C c) {
         const auto total = variadic<T>(
             c, [](A a, A b) { return a + b; }, [](Index a, Index b) { return wrapped(bits_of(a) + bits_of(b)); });
         return one<T>(to_tensor(total[0]) / static_cast<T>(c.inputs.size()));
       }},
      {"Equal",
       [](C c) {
         return comparison<T>(
             c, [](A a, A b) { return eq(a, b); }, [](Index a, Index b) { return Index{a == b}; });
       }},
      {"Less",
       [](C c) {
         return comparison<T>(
             c, [](A a, A b) { return lt(a, b); }, [](Index a, Index b) { return Index{a < b}; });
       }},
      {"LessOrEqual",
       [](C c) {
         return comparison<T>(
             c, [](A a, A b) { return le(a, b); }, [](Index a, Index b) { return Index{a <= b}; });
       }},
      {"Greater",
       [](C c) {
         return comparison<T>(
             c, [](A a, A b) { return gt(a, b); }, [](Index a, Index b) { return Index{a > b}; });
       }},
      {"GreaterOrEqual",
       [](C c) {
         return comparison<T>(
             c, [](A a, A b) { return ge(a, b); }, [](Index a, Index b) { return Index{a >= b}; });
       }},
      {"And",
       [](C c) {
         return one<T>(
             zip_integers(c.value(0).integers(), c.value(1).integers(), [](Index a, Index b) { return a & b; }));
       }},
      {"Or",
       [](C c) {
         return one<T>(
             zip_integers(c.value(0).integers(), c.value(1).integers(), [](Index a, Index b) { return a | b; }));
       }},
      {"Xor",
       [](C c) {
         return one<T>(
             zip_integers(c.value(0).integers(), c.value(1).integers(), [](Index a, Index b) { return a ^ b; }));
       }},
      {"Not", [](C c) { return one<T>(map_integers(c.value(0).integers(), [](Index a) { return Index{a == 0}; })); }},
      {"Where", where<T>},
      {"Cast", cast<T>},
      {"IsNaN",
       [](C c) { return one<T>(to_integers<T>(map_elements(c.tensor(0), [](T v) { return T(std::isnan(v)); }))); }},
      {"IsInf",
       [](C c) {
         const bool low = c.integer("detect_negative", 1) != 0, high = c.integer("detect_positive", 1) != 0;
         return one<T>(
             to_integers<T>(map_elements(c.tensor(0), [=](T v) { return T(std::isinf(v) && (v < 0 ? low : high)); })));
       }},
  };
}

template <class T>
Table<T> activation_operators() {
  using A = const Tensor<T>&;
  using C = const Call<T>&;
  return {
      {"Relu", [](C c) { return unary<T>(c, relu<T>); }},
      {"Sigmoid", [](C c) { return unary<T>(c, sigmoid<T>); }},
      {"Tanh", [](C c) { return unary<T>(c, [](A x) { return tanh(x); }); }},
      {"LeakyRelu", [](C c) { return one<T>(leaky_relu(c.tensor(0), static_cast<T>(c.real("alpha", 0.01)))); }},
      {"PRelu", prelu<T>},
      {"Elu", [](C c) { return one<T>(elu(c.tensor(0), static_cast<T>(c.real("alpha", 1)))); }},
      {"Celu",
       [](C c) {
         const T a = static_cast<T>(c.real("alpha", 1));
         return one<T>(elu(c.tensor(0) / a, T{1}) * a);
       }},
      {"Selu",
       [](C c) {
         const T alpha = static_cast<T>(c.real("alpha", c.opset < 6 ? 1.6732 : 1.67326319217681884765625)),
                 gamma = static_cast<T>(c.real("gamma", c.opset < 6 ? 1.0507 : 1.05070102214813232421875));
         return one<T>(elu(c.tensor(0), alpha) * gamma);
       }},
      {"HardSigmoid",
       [](C c) {
         const T slope = static_cast<T>(c.real("alpha", 0.2)), offset = static_cast<T>(c.real("beta", 0.5));
         return one<T>(clamp(c.tensor(0) * slope + offset, T{0}, T{1}));
       }},
      {"HardSwish", [](C c) { return unary<T>(c, hardswish<T>); }},
      {"Swish",
       [](C c) {
         const auto x = c.tensor(0);
         return one<T>(x * sigmoid(x * static_cast<T>(c.real("alpha", 1))));
       }},
      {"Gelu",
       [](C c) {
         const auto x = c.tensor(0);
         if (c.text("approximate", "none") == "none") return one<T>(gelu(x));
         return one<T>(x * T(0.5) * (tanh((x + x * x * x * T(0.044715)) * T(0.7978845608028654)) + T{1}));
       }},
      {"Mish", [](C c) { return unary<T>(c, [](A x) { return x * tanh(softplus(x)); }); }},
      {"Softplus", [](C c) { return unary<T>(c, [](A x) { return softplus(x); }); }},
      {"Softsign", [](C c) { return unary<T>(c, [](A x) { return x / (abs(x) + T{1}); }); }},
      {"ThresholdedRelu",
       [](C c) {
         const T least = static_cast<T>(c.real("alpha", 1));
         return function<T>(
             c, "thresholded_relu", [least](T v) { return v > least ? v : T{0}; },
             [least](T v) { return v > least ? T{1} : T{0}; });
       }},
      {"Shrink",
       [](C c) {
         const T bias = static_cast<T>(c.real("bias", 0)), limit = static_cast<T>(c.real("lambd", 0.5));
         return function<T>(
             c, "shrink", [=](T v) { return v < -limit  ? v + bias
                                            : v > limit ? v - bias
                                                        : T{0}; },
             [=](T v) { return v < -limit || v > limit ? T{1} : T{0}; });
       }},
      {"Clip", clip<T>},
  };
}

template <class T>
Table<T> function_operators() {
  using A = const Tensor<T>&;
  using C = const Call<T>&;
  return {
      {"Abs",
       [](C c) {
         if (c.value(0).is_integer())
           return one<T>(
               map_integers(c.inputs[0].integers(), [](Index v) { return v < 0 ? wrapped(0 - bits_of(v)) : v; }));
         return unary<T>(c, [](A x) { return abs(x); });
       }},
      {"Neg",
       [](C c) {
         if (c.value(0).is_integer())
           return one<T>(map_integers(c.inputs[0].integers(), [](Index v) { return wrapped(0 - bits_of(v)); }));
         return unary<T>(c, [](A x) { return -x; });
       }},
      {"Exp", [](C c) { return unary<T>(c, [](A x) { return exp(x); }); }},
      {"Log", [](C c) { return unary<T>(c, [](A x) { return log(x); }); }},
      {"Sqrt", [](C c) { return unary<T>(c, [](A x) { return sqrt(x); }); }},
      {"Reciprocal", [](C c) { return unary<T>(c, [](A x) { return T{1} / x; }); }},
      {"Ceil", [](C c) { return steps<T>(c, "ceil", [](T v) { return std::ceil(v); }); }},
      {"Floor", [](C c) { return steps<T>(c, "floor", [](T v) { return std::floor(v); }); }},
      {"Round", [](C c) { return steps<T>(c, "round", [](T v) { return std::nearbyint(v); }); }},
      {"Sign",
       [](C c) {
         if (c.value(0).is_integer())
           return one<T>(map_integers(c.inputs[0].integers(), [](Index v) { return Index{(v > 0) - (v < 0)}; }));
         return steps<T>(c, "sign", [](T v) { return static_cast<T>((v > 0) - (v < 0)); });
       }},
      {"Sin",
       [](C c) {
         return function<T>(
             c, "sin", [](T v) { return std::sin(v); }, [](T v) { return std::cos(v); });
       }},
      {"Cos",
       [](C c) {
         return function<T>(
             c, "cos", [](T v) { return std::cos(v); }, [](T v) { return -std::sin(v); });
       }},
      {"Tan",
       [](C c) {
         return function<T>(
             c, "tan", [](T v) { return std::tan(v); }, [](T v) { return 1 + std::tan(v) * std::tan(v); });
       }},
      {"Asin",
       [](C c) {
         return function<T>(
             c, "asin", [](T v) { return std::asin(v); }, [](T v) { return 1 / std::sqrt(1 - v * v); });
       }},
      {"Acos",
       [](C c) {
         return function<T>(
             c, "acos", [](T v) { return std::acos(v); }, [](T v) { return -1 / std::sqrt(1 - v * v); });
       }},
      {"Atan",
       [](C c) {
         return function<T>(
             c, "atan", [](T v) { return std::atan(v); }, [](T v) { return 1 / (1 + v * v); });
       }},
      {"Sinh",
       [](C c) {
         return function<T>(
             c, "sinh", [](T v) { return std::sinh(v); }, [](T v) { return std::cosh(v); });
       }},
      {"Cosh",
       [](C c) {
         return function<T>(
             c, "cosh", [](T v) { return std::cosh(v); }, [](T v) { return std::sinh(v); });
       }},
      {"Asinh",
       [](C c) {
         return function<T>(
             c, "asinh", [](T v) { return std::asinh(v); }, [](T v) { return 1 / std::sqrt(v * v + 1); });
       }},
      {"Acosh",
       [](C c) {
         return function<T>(
             c, "acosh", [](T v) { return std::acosh(v); }, [](T v) { return 1 / std::sqrt(v * v - 1); });
       }},
      {"Atanh",
       [](C c) {
         return function<T>(
             c, "atanh", [](T v) { return std::atanh(v); }, [](T v) { return 1 / (1 - v * v); });
       }},
      {"Erf",
       [](C c) {
         return function<T>(
             c, "erf", [](T v) { return std::erf(v); }, [](T v) { return T(1.1283791670955126) * std::exp(-v * v); });
       }},
      {"Identity", [](C c) { return one<T>(c.value(0)); }},
  };
}

}  // namespace nasion::io::detail::onnx
