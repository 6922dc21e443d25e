#pragma once
// Layers that learn: parameters and an operation.

#include "nasion/nn/init.hpp"
#include "nasion/nn/module.hpp"
#include "nasion/ops/conv2d.hpp"
#include "nasion/ops/conv_transpose2d.hpp"
#include "nasion/ops/linear.hpp"

namespace nasion::nn {

/// `in` and `out` are channels, the others as in Conv2dOptions, with the defaults of torch.nn.Conv2d.
struct Conv2dConfig {
  Index in = 0, out = 0;
  Size2 kernel = 1, stride = 1, padding = 0, dilation = 1;
  Index groups = 1;
  bool bias = true;
  Conv2dAlgorithm algorithm = Conv2dAlgorithm::automatic;
  Activation activation = Activation::none;  ///< of the result, in the same pass
};

/// Convolution, [N, in, H, W] -> [N, out, OH, OW].   `Conv2d<float>({.in = 1, .out = 12, .kernel = 3}, rng)`
template <Real T>
struct Conv2d {
  Tensor<T> weight;  // [out, in / groups, kernel.h, kernel.w]
  Tensor<T> bias;    // [out], or undefined
  Conv2dOptions options;

  /// Draws weight [out, in / groups, kh, kw] and bias [out] from `rng`, as default_weight(). ValueError for sizes out
  /// of range or that the groups do not divide.
  Conv2d(const Conv2dConfig& c, Rng& rng)
      : options{.stride = c.stride,
                .padding = c.padding,
                .dilation = c.dilation,
                .groups = c.groups,
                .algorithm = c.algorithm,
                .activation = c.activation} {
    check<ValueError>(c.in > 0 && c.out > 0 && c.groups > 0 && c.kernel.h > 0 && c.kernel.w > 0, "[Conv2d] in ", c.in,
                      ", out ", c.out, ", groups ", c.groups, " and kernel ", c.kernel, " must be positive");
    check<ValueError>(c.in % c.groups == 0 && c.out % c.groups == 0, "[Conv2d] groups ", c.groups, " must divide in ",
                      c.in, " and out ", c.out);
    nasion::detail::check_conv2d_options(Checker("Conv2d"), options);
    weight = default_weight<T>({c.out, c.in / c.groups, c.kernel.h, c.kernel.w}, rng);
    if (c.bias) bias = default_bias<T>(weight.shape(), rng);
  }

  Tensor<T> operator()(const Tensor<T>& x) const { return conv2d(x, weight, bias, options); }
  static void visit(auto& self, auto&& f) {
    f("weight", self.weight);
    f("bias", self.bias);
  }
};

/// `in` and `out` are channels, the others as in ConvTranspose2dOptions and torch.nn.ConvTranspose2d.
struct ConvTranspose2dConfig {
  Index in = 0, out = 0;
  Size2 kernel = 1, stride = 1, padding = 0, output_padding = 0, dilation = 1;
  Index groups = 1;
  bool bias = true;
};

/// Transposed convolution, [N, in, H, W] -> [N, out, OH, OW].
/// `ConvTranspose2d<float>({.in = 64, .out = 32, .kernel = 2, .stride = 2}, rng)` doubles the size.
template <Real T>
struct ConvTranspose2d {
  Tensor<T> weight;  // [in, out / groups, kernel.h, kernel.w]
  Tensor<T> bias;    // [out], or undefined
  ConvTranspose2dOptions options;

  /// Draws weight [in, out / groups, kh, kw] and bias [out] from `rng`, as default_weight(). ValueError for sizes out
  /// of range or that the groups do not divide.
  ConvTranspose2d(const ConvTranspose2dConfig& c, Rng& rng)
      : options{.stride = c.stride,
                .padding = c.padding,
                .output_padding = c.output_padding,
                .dilation = c.dilation,
                .groups = c.groups} {
    check<ValueError>(c.in > 0 && c.out > 0 && c.groups > 0 && c.kernel.h > 0 && c.kernel.w > 0,
                      "[ConvTranspose2d] in ", c.in, ", out ", c.out, ", groups ", c.groups, " and kernel ", c.kernel,
                      " must be positive");
    check<ValueError>(c.in % c.groups == 0 && c.out % c.groups == 0, "[ConvTranspose2d] groups ", c.groups,
                      " must divide in ", c.in, " and out ", c.out);
    nasion::detail::check_conv_transpose2d_options(Checker("ConvTranspose2d"), options);
    weight = default_weight<T>({c.in, c.out / c.groups, c.kernel.h, c.kernel.w}, rng);
    // The fan-in as PyTorch counts it, from a weight that is read as if it were that of a Conv2d.
    if (c.bias) bias = uniform_parameter<T>({c.out}, 1 / std::sqrt(static_cast<double>(fan_in(weight.shape()))), rng);
  }

  Tensor<T> operator()(const Tensor<T>& x) const { return conv_transpose2d(x, weight, bias, options); }
  static void visit(auto& self, auto&& f) {
    f("weight", self.weight);
    f("bias", self.bias);
  }
};

/// `in` and `out` are features, as in torch.nn.Linear.
struct LinearConfig {
  Index in = 0, out = 0;
  bool bias = true;
};

/// Fully connected, y = x W^T + b: [N, in] -> [N, out].   `Linear<float>({.in = 128, .out = 2}, rng)`
template <Real T>
struct Linear {
  Tensor<T> weight;  // [out, in]
  Tensor<T> bias;    // [out], or undefined

  /// Draws weight [out, in] and bias [out] from `rng`, as default_weight(). ValueError for sizes that are not positive.
  Linear(const LinearConfig& c, Rng& rng) {
    check<ValueError>(c.in > 0 && c.out > 0, "[Linear] in ", c.in, " and out ", c.out, " must be positive");
    weight = default_weight<T>({c.out, c.in}, rng);
    if (c.bias) bias = default_bias<T>(weight.shape(), rng);
  }

  Tensor<T> operator()(const Tensor<T>& x) const { return linear(x, weight, bias); }
  static void visit(auto& self, auto&& f) {
    f("weight", self.weight);
    f("bias", self.bias);
  }
};

}  // namespace nasion::nn
