#pragma once
// The brick of the networks here that learn maps.

#include "nasion/nn/batch_norm.hpp"
#include "nasion/nn/layers.hpp"

namespace nasion::models {

/// Convolution, batch norm, ReLU.   [N, in, H, W] -> [N, out, H / stride, W / stride], rounded up
template <Real T>
struct ConvBlock {
  nn::Conv2d<T> conv;
  nn::BatchNorm2d<T> bn;

  /// ValueError unless `kernel` is odd.
  ConvBlock(Index in, Index out, Rng& rng, Index kernel = 3, Index dilation = 1, Index stride = 1)
      : conv({.in = in,
              .out = out,
              .kernel = kernel,
              .stride = stride,
              .padding = kernel / 2 * dilation,
              .dilation = dilation,
              .bias = false},  // batch norm has its own
             rng),
        bn({.features = out, .activation = Activation::relu}) {
    check<ValueError>(kernel % 2 == 1, "[ConvBlock] kernel ", kernel, " must be odd");
  }

  Tensor<T> operator()(const Tensor<T>& x) const { return bn(conv(x)); }
  static void visit(auto& self, auto&& f) {
    f("conv", self.conv);
    f("bn", self.bn);
    f.conv_bn(self.conv, self.bn);
  }
};

}  // namespace nasion::models
