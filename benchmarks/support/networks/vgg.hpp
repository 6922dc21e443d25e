#pragma once
// Six 3x3 convolutions with batch norm, as VGG (Simonyan and Zisserman 2014) would have them for images of 32 x 32.

#include <vector>

#include "nasion/nasion.hpp"

namespace bench {

/// Images [N, 3, 32, 32] -> [N, 10].
struct SmallVgg {
  std::vector<nasion::nn::Conv2d<float>> convs;
  std::vector<nasion::nn::BatchNorm2d<float>> norms;
  nasion::nn::Linear<float> fc;

  explicit SmallVgg(nasion::Rng& rng) : fc({.in = 256 * 4 * 4, .out = 10}, rng) {
    nasion::Index in = 3;
    for (const nasion::Index out : {64, 64, 128, 128, 256, 256}) {
      convs.emplace_back(nasion::nn::Conv2dConfig{.in = in, .out = out, .kernel = 3, .padding = 1, .bias = false}, rng);
      norms.emplace_back(nasion::nn::BatchNorm2dConfig{.features = out, .activation = nasion::Activation::relu});
      in = out;
    }
  }

  nasion::Tensorf operator()(const nasion::Tensorf& images) const {
    auto x = images;
    for (std::size_t i = 0; i < convs.size(); ++i) {
      x = norms[i](convs[i](x));
      if (i % 2 == 1) x = max_pool2d(x);
    }
    return fc(flatten(x));
  }
  static void visit(auto& self, auto&& f) {
    f("convs", self.convs);
    f("norms", self.norms);
    f("fc", self.fc);
    for (std::size_t i = 0; i < self.convs.size(); ++i) f.conv_bn(self.convs[i], self.norms[i]);
  }
};

}  // namespace bench
