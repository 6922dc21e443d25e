#pragma once
// Layers that learn: parameters and an operation.

#include "nasion/nn/init.hpp"
#include "nasion/nn/module.hpp"
#include "nasion/ops/conv1d.hpp"
#include "nasion/ops/conv2d.hpp"
#include "nasion/ops/conv_transpose2d.hpp"
#include "nasion/ops/index.hpp"
#include "nasion/ops/linear.hpp"
#include "nasion/ops/prelu.hpp"

namespace nasion::nn {

/// `in` and `out` are channels, the others as in Conv2dOptions, with the defaults of torch.nn.Conv2d.
struct Conv2dConfig {
  Index in = 0, out = 0;
  Size2 kernel = 1, stride = 1;
  Padding padding = 0;
  Size2 dilation = 1;
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

/// `in` and `out` are channels, the others as in Conv1dOptions, with the defaults of torch.nn.Conv1d.
struct Conv1dConfig {
  Index in = 0, out = 0;
  Index kernel = 1, stride = 1, padding = 0, dilation = 1;
  Index groups = 1;
  bool bias = true;
  Activation activation = Activation::none;  ///< of the result, in the same pass
};

/// Convolution of sequences, [N, in, L] -> [N, out, OL].   `Conv1d<float>({.in = 1, .out = 12, .kernel = 3}, rng)`
template <Real T>
struct Conv1d {
  Tensor<T> weight;  // [out, in / groups, kernel]
  Tensor<T> bias;    // [out], or undefined
  Conv1dOptions options;

  /// Draws weight [out, in / groups, kernel] and bias [out] from `rng`, as default_weight(). ValueError for sizes out
  /// of range or that the groups do not divide.
  Conv1d(const Conv1dConfig& c, Rng& rng)
      : options{.stride = c.stride,
                .padding = c.padding,
                .dilation = c.dilation,
                .groups = c.groups,
                .activation = c.activation} {
    check<ValueError>(c.in > 0 && c.out > 0 && c.groups > 0 && c.kernel > 0, "[Conv1d] in ", c.in, ", out ", c.out,
                      ", groups ", c.groups, " and kernel ", c.kernel, " must be positive");
    check<ValueError>(c.in % c.groups == 0 && c.out % c.groups == 0, "[Conv1d] groups ", c.groups, " must divide in ",
                      c.in, " and out ", c.out);
    nasion::detail::check_conv2d_options(Checker("Conv1d"), nasion::detail::of_one_row(options));
    weight = default_weight<T>({c.out, c.in / c.groups, c.kernel}, rng);
    if (c.bias) bias = default_bias<T>(weight.shape(), rng);
  }

  Tensor<T> operator()(const Tensor<T>& x) const { return conv1d(x, weight, bias, options); }
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

/// `words` rows of `features` numbers; the row `padding` (none when negative) is zero and stays so. Defaults of
/// torch.nn.Embedding.
struct EmbeddingConfig {
  Index words = 0, features = 0, padding = -1;
};

/// A learned row for each of `words` numbers, of any shape -> [.., features].
/// `Embedding<float>({.words = 10000, .features = 64}, rng)`
template <Real T>
struct Embedding {
  Tensor<T> weight;  // [words, features]
  Index padding;

  /// Draws the weight from the standard normal distribution. ValueError for sizes that are not positive, or a padding
  /// that is no word.
  Embedding(const EmbeddingConfig& c, Rng& rng) : padding(c.padding) {
    check<ValueError>(c.words > 0 && c.features > 0 && padding < c.words, "[Embedding] words ", c.words,
                      " and features ", c.features, " must be positive, and padding ", padding, " a word");
    weight = Tensor<T>::normal({c.words, c.features}, rng);
    if (padding >= 0) slice(weight, 0, padding, padding + 1).fill(T{0});
    weight.set_requires_grad();
  }

  Tensor<T> operator()(const IntegerArray& indices) const { return embedding(indices, weight, padding); }
  static void visit(auto& self, auto&& f) { f("weight", self.weight); }
};

/// `features`: a slope for each channel, or one for all. `initial`: what it begins with. Defaults of torch.nn.PReLU.
struct PReLUConfig {
  Index features = 1;
  double initial = 0.25;
};

/// ReLU with a learned slope, [N, features, ...] -> the same: see prelu().
template <Real T>
struct PReLU {
  Tensor<T> weight;  // [features]

  /// ValueError unless features > 0.
  explicit PReLU(const PReLUConfig& c = {}) {
    check<ValueError>(c.features > 0, "[PReLU] features ", c.features, " must be positive");
    weight = Tensor<T>::full({c.features}, static_cast<T>(c.initial)).set_requires_grad();
  }

  Tensor<T> operator()(const Tensor<T>& x) const { return prelu(x, weight); }
  static void visit(auto& self, auto&& f) { f("weight", self.weight); }
};

}  // namespace nasion::nn
