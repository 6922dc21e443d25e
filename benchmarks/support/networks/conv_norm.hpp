#pragma once
// A convolution without bias, batch norm and an activation: what mobile networks are made of. torchvision's
// Conv2dNormActivation, with its names.

#include "nasion/nasion.hpp"

namespace bench {

using nasion::Index, nasion::Rng, nasion::Tensorf;
namespace nn = nasion::nn;

/// [N, in, H, W] -> [N, out, H / stride, W / stride]
struct ConvNorm {
  struct Config {
    Index in = 0, out = 0, kernel = 1, stride = 1, groups = 1;
    nasion::Activation activation = nasion::Activation::none;
  };

  nn::Conv2d<float> conv;
  nn::BatchNorm2d<float> bn;

  ConvNorm(const Config& c, Rng& rng)
      : conv({.in = c.in,
              .out = c.out,
              .kernel = c.kernel,
              .stride = c.stride,
              .padding = c.kernel / 2,
              .groups = c.groups,
              .bias = false},
             rng),
        bn({.features = c.out, .activation = c.activation}) {}

  Tensorf operator()(const Tensorf& x) const { return bn(conv(x)); }
  static void visit(auto& self, auto&& f) {
    f("0", self.conv);
    f("1", self.bn);
    f.conv_bn(self.conv, self.bn);
  }
};

}  // namespace bench
