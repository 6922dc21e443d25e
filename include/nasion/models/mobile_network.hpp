#pragma once
// What MobileNets and EfficientNet are made of, with torchvision's names: blocks that widen, filter each channel, and
// narrow again (Sandler et al. 2018).

#include <optional>
#include <string>
#include <vector>

#include "nasion/nn/batch_norm.hpp"
#include "nasion/nn/functions.hpp"
#include "nasion/nn/layers.hpp"
#include "nasion/ops/pool.hpp"

namespace nasion::models {

/// A convolution that keeps the size up to its stride, batch norm, and an activation. torchvision's
/// Conv2dNormActivation.
template <Real T>
struct ConvNorm {
  /// Sizes, and settings of the norm.
  struct Config {
    Index in = 0, out = 0, kernel = 1, stride = 1, groups = 1;
    Activation activation = Activation::none;
    double eps = 1e-5, momentum = 0.1;
  };

  nn::Conv2d<T> conv;
  nn::BatchNorm2d<T> bn;

  ConvNorm(const Config& c, Rng& rng)
      : conv({.in = c.in,
              .out = c.out,
              .kernel = c.kernel,
              .stride = c.stride,
              .padding = c.kernel / 2,
              .groups = c.groups,
              .bias = false},
             rng),
        bn({.features = c.out, .eps = c.eps, .momentum = c.momentum, .activation = c.activation}) {
    conv.weight = nn::kaiming_normal_weight<T>(conv.weight.shape(), rng);
  }

  Tensor<T> operator()(const Tensor<T>& x) const { return bn(conv(x)); }
  static void visit(auto& self, auto&& f) {
    f("0", self.conv);
    f("1", self.bn);
    f.conv_bn(self.conv, self.bn);
  }
};

/// Scales each channel by what the means of all channels say of it (Hu et al. 2018).
template <Real T>
struct SqueezeExcitation {
  /// Channels in between, and the activations of both layers.
  struct Config {
    Index squeezed = 0;
    Activation activation = Activation::relu;
    bool hard = false;  ///< hardsigmoid instead of sigmoid
  };

  nn::Conv2d<T> fc1, fc2;
  bool hard;

  SqueezeExcitation(Index channels, const Config& c, Rng& rng)
      : fc1({.in = channels, .out = c.squeezed, .kernel = 1, .activation = c.activation}, rng),
        fc2({.in = c.squeezed, .out = channels, .kernel = 1}, rng),
        hard(c.hard) {
    for (auto* fc : {&fc1, &fc2}) {
      fc->weight = nn::kaiming_normal_weight<T>(fc->weight.shape(), rng);
      fc->bias.detach().fill(T{0});
    }
  }

  Tensor<T> operator()(const Tensor<T>& x) const {
    const auto scale = fc2(fc1(adaptive_avg_pool2d(x, 1)));
    return x * (hard ? hardsigmoid(scale) : sigmoid(scale));
  }
  static void visit(auto& self, auto&& f) {
    f("fc1", self.fc1);
    f("fc2", self.fc2);
  }
};

/// Sizes of a MobileBlock that widens to `wide` channels, and settings of its norms.
template <Real T>
struct MobileBlockConfig {
  Index in = 0, wide = 0, out = 0, kernel = 3, stride = 1;
  Activation activation = Activation::relu;
  std::optional<typename SqueezeExcitation<T>::Config> excitation{};
  double eps = 1e-5, momentum = 0.1;
  bool flat_names = false;  ///< MobileNetV2's: `conv.2` instead of `block.2.0`
};

/// Widens with 1x1 (unless it is as wide), filters each channel, scales channels if asked for, narrows with 1x1; adds
/// its input where the sizes are equal.   [N, in, H, W] -> [N, out, H / stride, W / stride]
template <Real T>
struct MobileBlock {
  std::optional<ConvNorm<T>> expand;
  ConvNorm<T> depthwise;
  std::optional<SqueezeExcitation<T>> excite;
  ConvNorm<T> project;
  bool residual, flat_names;

  MobileBlock(const MobileBlockConfig<T>& c, Rng& rng)
      : expand(c.wide == c.in
                   ? std::nullopt
                   : std::optional(ConvNorm<T>(
                         {.in = c.in, .out = c.wide, .activation = c.activation, .eps = c.eps, .momentum = c.momentum},
                         rng))),
        depthwise({.in = c.wide,
                   .out = c.wide,
                   .kernel = c.kernel,
                   .stride = c.stride,
                   .groups = c.wide,
                   .activation = c.activation,
                   .eps = c.eps,
                   .momentum = c.momentum},
                  rng),
        project({.in = c.wide, .out = c.out, .eps = c.eps, .momentum = c.momentum}, rng),
        residual(c.stride == 1 && c.in == c.out),
        flat_names(c.flat_names) {
    if (c.excitation) excite.emplace(c.wide, *c.excitation, rng);
  }

  Tensor<T> operator()(const Tensor<T>& x) const {
    auto y = depthwise(expand ? (*expand)(x) : x);
    if (excite) y = (*excite)(y);
    y = project(y);
    return residual ? x + y : y;
  }
  static void visit(auto& self, auto&& f) {
    int i = 0;
    const auto next = [&] { return message(self.flat_names ? "conv." : "block.", i++); };
    if (self.expand) f(next(), self.expand);
    f(next(), self.depthwise);
    if (self.excite) f(next(), self.excite);
    if (!self.flat_names) return f(next(), self.project);
    f(next(), self.project.conv);
    f(next(), self.project.bn);
    f.conv_bn(self.project.conv, self.project.bn);
  }
};

/// `outputs`: classes, or numbers of a regression. `dropout`: before the last layer, while training.
struct MobileNetworkConfig {
  Index in_channels = 3, outputs = 1000;
  double dropout = 0.2;
};

/// Images [N, in_channels, H, W] -> [N, outputs]: a convolution, stages of blocks, a 1x1 convolution, means over all
/// pixels, and a classifier of one layer or two. mobilenet_v2(), mobilenet_v3_large(), mobilenet_v3_small() and
/// efficientnet_b0() make it.
template <Real T>
struct MobileNetwork {
  ConvNorm<T> first;
  std::vector<std::vector<MobileBlock<T>>> stages;
  ConvNorm<T> last;
  std::optional<nn::Linear<T>> hidden;  // with hardswish
  nn::Dropout<T> dropout;
  nn::Linear<T> classifier;
  bool stage_names = false;  // EfficientNet's: `features.2.0` for the first block of a stage

  Tensor<T> operator()(const Tensor<T>& images) const {
    auto x = first(images);
    for (const auto& stage : stages)
      for (const auto& block : stage) x = block(x);
    x = flatten(adaptive_avg_pool2d(last(x), 1));
    if (hidden) x = hardswish((*hidden)(x));
    return classifier(dropout(x));
  }
  static void visit(auto& self, auto&& f) {
    int i = 0;
    const auto next = [&] { return message("features.", i++); };
    f(next(), self.first);
    for (auto& stage : self.stages)
      if (self.stage_names)
        f(next(), stage);
      else
        for (auto& block : stage) f(next(), block);
    f(next(), self.last);
    if (self.hidden) f("classifier.0", self.hidden);
    f("dropout", self.dropout);
    f(self.hidden ? "classifier.3" : "classifier.1", self.classifier);
  }
};

namespace detail {
/// Normal weights of deviation 0.01 and no bias, as torchvision begins with.
template <class T>
nn::Linear<T> small_linear(Index in, Index out, Rng& rng) {
  nn::Linear<T> linear({.in = in, .out = out}, rng);
  linear.weight = Tensor<T>::normal({out, in}, rng, 0, 0.01).set_requires_grad();
  linear.bias.detach().fill(T{0});
  return linear;
}
}  // namespace detail

}  // namespace nasion::models
