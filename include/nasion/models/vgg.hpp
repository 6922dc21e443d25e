#pragma once
// VGG networks (Simonyan and Zisserman 2014) with the layout and the names of torchvision, so that its weights load.

#include <vector>

#include "nasion/models/mobile_network.hpp"

namespace nasion::models {

/// `outputs`: classes, or numbers of a regression. `batch_norm`: after each convolution. `dropout`: before the second
/// and third linear layer, while training.
struct VggConfig {
  Index in_channels = 3, outputs = 1000;
  bool batch_norm = false;
  double dropout = 0.5;
};

/// Images [N, in_channels, H, W], at least 32 x 32 pixels -> [N, outputs]. vgg11(), vgg13(), vgg16() and vgg19() make
/// it.
template <Real T>
struct Vgg {
  std::vector<nn::Conv2d<T>> convs;
  std::vector<nn::BatchNorm2d<T>> norms;  // one for each, or none
  std::vector<Index> counts;              // convolutions of each stage
  nn::Linear<T> fc0, fc3, fc6;
  nn::Dropout<T> dropout;

  /// Stages of so many convolutions, of 64, 128, 256, 512 and 512 channels, each of which ends in max pooling.
  Vgg(const std::vector<Index>& each, const VggConfig& c, Rng& rng)
      : counts(each),
        fc0(detail::small_linear<T>(512 * 7 * 7, 4096, rng)),
        fc3(detail::small_linear<T>(4096, 4096, rng)),
        fc6(detail::small_linear<T>(4096, c.outputs, rng)),
        dropout(c.dropout, rng) {
    Index in = c.in_channels, out = 64;
    for (const Index count : counts) {
      for (Index i = 0; i < count; ++i, in = out) {
        auto& conv =
            convs.emplace_back(nn::Conv2dConfig{.in = in,
                                                .out = out,
                                                .kernel = 3,
                                                .padding = 1,
                                                .activation = c.batch_norm ? Activation::none : Activation::relu},
                               rng);
        conv.weight = nn::kaiming_normal_weight<T>(conv.weight.shape(), rng);
        conv.bias.detach().fill(T{0});
        if (c.batch_norm) norms.emplace_back(nn::BatchNorm2dConfig{.features = out, .activation = Activation::relu});
      }
      out = std::min<Index>(2 * out, 512);
    }
  }

  Tensor<T> operator()(const Tensor<T>& images) const {
    auto x = images;
    std::size_t at = 0;
    for (const Index count : counts) {
      for (Index i = 0; i < count; ++i, ++at) {
        x = convs[at](x);
        if (!norms.empty()) x = norms[at](x);
      }
      x = max_pool2d(x);
    }
    x = flatten(adaptive_avg_pool2d(x, 7));
    x = dropout(relu(fc0(x)));
    return fc6(dropout(relu(fc3(x))));
  }
  static void visit(auto& self, auto&& f) {
    std::size_t at = 0;
    int number = 0;  // of layers, of which activations and pooling are some
    for (const Index count : self.counts) {
      for (Index i = 0; i < count; ++i, ++at) {
        f(message("features.", number++), self.convs[at]);
        if (!self.norms.empty()) {
          f(message("features.", number++), self.norms[at]);
          f.conv_bn(self.convs[at], self.norms[at]);
        }
        ++number;
      }
      ++number;
    }
    f("classifier.0", self.fc0);
    f("classifier.3", self.fc3);
    f("classifier.6", self.fc6);
    f("dropout", self.dropout);
  }
};

/// torchvision's vgg11, or, with batch norm, vgg11_bn: 133 million parameters with 3 channels and 1000 outputs.
template <Real T>
Vgg<T> vgg11(const VggConfig& config, Rng& rng) {
  return {{1, 1, 2, 2, 2}, config, rng};
}
/// torchvision's vgg13 or vgg13_bn.
template <Real T>
Vgg<T> vgg13(const VggConfig& config, Rng& rng) {
  return {{2, 2, 2, 2, 2}, config, rng};
}
/// torchvision's vgg16 or vgg16_bn: 138 million parameters.
template <Real T>
Vgg<T> vgg16(const VggConfig& config, Rng& rng) {
  return {{2, 2, 3, 3, 3}, config, rng};
}
/// torchvision's vgg19 or vgg19_bn: 144 million parameters.
template <Real T>
Vgg<T> vgg19(const VggConfig& config, Rng& rng) {
  return {{2, 2, 4, 4, 4}, config, rng};
}

}  // namespace nasion::models
