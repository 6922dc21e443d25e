#pragma once
// Activations: functions of one element, under PyTorch's names. Tensors have any shape, and keep their memory order.
// One that is missing is two lambdas: docs/add_an_op.md.

#include "nasion/kernels/activation.hpp"
#include "nasion/ops/elementwise.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion {

/// max(x, 0) for each element; the gradient at 0 is 0. NaN stays, and lets the gradient pass.
template <Real T>
Tensor<T> relu(const Tensor<T>& x) {
  const Op op("relu");
  return elementwise(
      op, x, [](T v) { return kernels::relu(v); }, [](T g, T y) { return kernels::relu_gradient(g, y); },
      DerivativeOf::result);
}
/// min(max(x, 0), 6) for each element; the gradient at 0 and 6 is 0. NaN stays, and lets the gradient pass.
template <Real T>
Tensor<T> relu6(const Tensor<T>& x) {
  const Op op("relu6");
  return elementwise(
      op, x, [](T v) { return kernels::relu6(v); }, [](T g, T y) { return kernels::relu6_gradient(g, y); },
      DerivativeOf::result);
}

// Both sides first, then the choice: compilers turn that into vectors, and a choice of what to compute into a branch.

/// x where positive, slope x elsewhere, for any slope; the gradient at 0 is that of the negative side.
template <Real T>
Tensor<T> leaky_relu(const Tensor<T>& x, std::type_identity_t<T> slope = T(0.01)) {
  const Op op("leaky_relu");
  op.option("slope", slope);
  const auto choose = [slope](T value, T v) {
    const T negative = slope * value;
    return v > 0 ? value : negative;
  };
  return elementwise(
      op, x, [choose](T v) { return choose(v, v); }, choose);
}
/// x where positive, alpha (e^x - 1) elsewhere, for any alpha; the gradient at 0 is that of the negative side.
template <Real T>
Tensor<T> elu(const Tensor<T>& x, std::type_identity_t<T> alpha = T{1}) {
  const Op op("elu");
  op.option("alpha", alpha);
  return elementwise(
      op, x,
      [alpha](T v) {
        const T negative = alpha * kernels::expm1(std::min(v, T{0}));
        return v > 0 ? v : negative;
      },
      [alpha](T v) {
        const T negative = alpha * kernels::exp(v);
        return v > 0 ? T{1} : negative;
      });
}
/// 1.0507 x where positive, 1.7581 (e^x - 1) elsewhere (Klambauer et al. 2017, who give more digits): keeps mean 0 and
/// variance 1 from layer to layer.
template <Real T>
Tensor<T> selu(const Tensor<T>& x) {
  constexpr T scale = T(1.0507009873554804934193349852946), of_negative = scale * T(1.6732632423543772848170429916717);
  const Op op("selu");
  return elementwise(
      op, x,
      [](T v) {
        const T positive = scale * v, negative = of_negative * kernels::expm1(std::min(v, T{0}));
        return v > 0 ? positive : negative;
      },
      [](T v) {
        const T negative = of_negative * kernels::exp(v);
        return v > 0 ? scale : negative;
      });
}
/// log(1 + e^(beta x)) / beta for each element, without overflow; x itself where beta x is above `threshold`.
template <Real T>
Tensor<T> softplus(const Tensor<T>& x, std::type_identity_t<T> beta = T{1}, std::type_identity_t<T> threshold = T{20}) {
  const Op op("softplus");
  op.option("beta", beta);
  return elementwise(
      op, x,
      [=](T v) {
        const T t = beta * v, soft = (kernels::relu(t) + kernels::log1p(kernels::exp(-std::abs(t)))) / beta;
        return t > threshold ? v : soft;
      },
      [=](T v) {
        const T soft = kernels::sigmoid(beta * v);
        return beta * v > threshold ? T{1} : soft;
      });
}
/// 1 / (1 + e^-x) for each element, in [0, 1], without overflow.
template <Real T>
Tensor<T> sigmoid(const Tensor<T>& x) {
  const Op op("sigmoid");
  return elementwise(
      op, x, [](T v) { return kernels::sigmoid(v); }, [](T y) { return y * (1 - y); }, DerivativeOf::result);
}
/// min(max(x + 3, 0), 6) / 6 for each element; the gradient at -3 and 3 is 0.
template <Real T>
Tensor<T> hardsigmoid(const Tensor<T>& x) {
  const Op op("hardsigmoid");
  return elementwise(
      op, x, [](T v) { return kernels::relu6(v + 3) / 6; },
      [](T g, T v) {
        const T between = g / 6;
        return v > -3 && v < 3 ? between : T{0};
      });
}
/// x sigmoid(x) for each element (Elfwing et al. 2018), also named swish. NaN for -infinity, as in PyTorch.
template <Real T>
Tensor<T> silu(const Tensor<T>& x) {
  const Op op("silu");
  return elementwise(
      op, x, [](T v) { return kernels::silu(v); }, [](T g, T v) { return kernels::silu_gradient(g, v); });
}
/// x hardsigmoid(x) for each element (Howard et al. 2019); the gradient is 0 at -3 and 1 at 3. NaN for -infinity.
template <Real T>
Tensor<T> hardswish(const Tensor<T>& x) {
  const Op op("hardswish");
  return elementwise(
      op, x, [](T v) { return kernels::hardswish(v); }, [](T g, T v) { return kernels::hardswish_gradient(g, v); });
}
/// x Phi(x) for each element, where Phi is the normal distribution function (Hendrycks and Gimpel 2016): the exact
/// form, not that of tanh. NaN for -infinity.
template <Real T>
Tensor<T> gelu(const Tensor<T>& x) {
  const Op op("gelu");
  const auto phi = [](T v) { return (1 + std::erf(v / std::numbers::sqrt2_v<T>)) / 2; };
  return elementwise(
      op, x, [phi](T v) { return v * phi(v); },
      [phi](T v) {
        constexpr T density = std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>;  // at 0
        return phi(v) + v * density * kernels::exp(-v * v / 2);
      });
}
/// Hyperbolic tangent of each element, in [-1, 1].
template <Real T>
Tensor<T> tanh(const Tensor<T>& x) {
  const Op op("tanh");
  return elementwise(
      op, x, [](T v) { return kernels::tanh(v); }, [](T y) { return 1 - y * y; }, DerivativeOf::result);
}

namespace detail {

/// The function that an option names, which takes compilers less than the functions above, each of them a choice.
template <class T>
Tensor<T> activate(const Tensor<T>& x, Activation activation) {
  if (activation == Activation::none) return x;
  const Op op("activate");
  const auto y = Tensor<T>::empty(x.shape(), x.order());
  kernels::activate_copy(activation, x.size(), x.memory(), Op::writable(y));
  op.option("activation", static_cast<int>(activation));
  return op.record(y, {x}, [activation, x = save(x)](const Tensor<T>& dy) -> Grads<T> {
    const auto dx = Tensor<T>::empty(x->shape(), x->order());
    kernels::activation_gradients(activation, x->size(), x->memory(), to_order(dy, x->order()).memory(),
                                  Op::writable(dx));
    return {dx};
  });
}

inline void check_activation(const Checker& at, Activation activation) {
  at.check<ValueError>(activation >= Activation::none && activation <= Activation::hardswish, "there is no activation ",
                       static_cast<int>(activation));
}

}  // namespace detail

}  // namespace nasion
