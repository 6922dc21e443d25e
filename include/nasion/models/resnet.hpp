#pragma once
// Residual networks (He et al. 2015) with the layout and the names of torchvision, so that its weights load.

#include <array>
#include <optional>
#include <vector>

#include "nasion/nn/batch_norm.hpp"
#include "nasion/nn/layers.hpp"
#include "nasion/ops/pool.hpp"

namespace nasion::models {

namespace detail {

/// Kaiming-normal convolution that keeps the size up to its stride. No bias: batch normalisation would take it away.
template <Real T>
nn::Conv2d<T> resnet_conv(Index in, Index out, Index kernel, Index stride, Rng& rng) {
  nn::Conv2d<T> conv({.in = in, .out = out, .kernel = kernel, .stride = stride, .padding = kernel / 2, .bias = false},
                     rng);
  conv.weight = nn::kaiming_normal_weight<T>(conv.weight.shape(), rng);
  return conv;
}

}  // namespace detail

/// What brings x to the size of a block's result, where they differ.
template <Real T>
struct Downsample {
  nn::Conv2d<T> conv;
  nn::BatchNorm2d<T> bn;

  Downsample(Index in, Index out, Index stride, Rng& rng)
      : conv(detail::resnet_conv<T>(in, out, 1, stride, rng)), bn({.features = out}) {}

  /// Nothing when x has that size already.
  static std::optional<Downsample> where_needed(Index in, Index out, Index stride, Rng& rng) {
    if (in == out && stride == 1) return std::nullopt;
    return Downsample(in, out, stride, rng);
  }

  Tensor<T> operator()(const Tensor<T>& x) const { return bn(conv(x)); }
  static void visit(auto& self, auto&& f) {
    f("0", self.conv);
    f("1", self.bn);
    f.conv_bn(self.conv, self.bn);
  }
};

/// relu(x + two 3x3 convolutions of x).   [N, in, H, W] -> [N, width, H / stride, W / stride]
template <Real T>
struct BasicBlock {
  using Scalar = T;
  static constexpr Index expansion = 1;  // channels of the result per width

  nn::Conv2d<T> conv1;
  nn::BatchNorm2d<T> bn1;
  nn::Conv2d<T> conv2;
  nn::BatchNorm2d<T> bn2;
  std::optional<Downsample<T>> downsample;

  BasicBlock(Index in, Index width, Index stride, Rng& rng)
      : conv1(detail::resnet_conv<T>(in, width, 3, stride, rng)),
        bn1({.features = width, .activation = Activation::relu}),
        conv2(detail::resnet_conv<T>(width, width, 3, 1, rng)),
        bn2({.features = width, .activation = Activation::relu}),
        downsample(Downsample<T>::where_needed(in, width, stride, rng)) {}

  /// What zero_init_residual sets to 0.
  nn::BatchNorm2d<T>& last_norm() { return bn2; }

  Tensor<T> operator()(const Tensor<T>& x) const {
    const auto y = bn1(conv1(x));
    return bn2(conv2(y), downsample ? (*downsample)(x) : x);
  }
  static void visit(auto& self, auto&& f) {
    f("conv1", self.conv1);
    f("bn1", self.bn1);
    f("conv2", self.conv2);
    f("bn2", self.bn2);
    f("downsample", self.downsample);
    f.conv_bn(self.conv1, self.bn1);
    f.conv_bn_residual(self.conv2, self.bn2);
  }
};

/// relu(x + convolutions 1x1, 3x3 and 1x1 of x), the stride at the 3x3.   [N, in, H, W] -> [N, 4 width, H / stride,
/// ...]
template <Real T>
struct Bottleneck {
  using Scalar = T;
  static constexpr Index expansion = 4;

  nn::Conv2d<T> conv1;
  nn::BatchNorm2d<T> bn1;
  nn::Conv2d<T> conv2;
  nn::BatchNorm2d<T> bn2;
  nn::Conv2d<T> conv3;
  nn::BatchNorm2d<T> bn3;
  std::optional<Downsample<T>> downsample;

  Bottleneck(Index in, Index width, Index stride, Rng& rng)
      : conv1(detail::resnet_conv<T>(in, width, 1, 1, rng)),
        bn1({.features = width, .activation = Activation::relu}),
        conv2(detail::resnet_conv<T>(width, width, 3, stride, rng)),
        bn2({.features = width, .activation = Activation::relu}),
        conv3(detail::resnet_conv<T>(width, expansion * width, 1, 1, rng)),
        bn3({.features = expansion * width, .activation = Activation::relu}),
        downsample(Downsample<T>::where_needed(in, expansion * width, stride, rng)) {}

  /// What zero_init_residual sets to 0.
  nn::BatchNorm2d<T>& last_norm() { return bn3; }

  Tensor<T> operator()(const Tensor<T>& x) const {
    const auto y = bn2(conv2(bn1(conv1(x))));
    return bn3(conv3(y), downsample ? (*downsample)(x) : x);
  }
  static void visit(auto& self, auto&& f) {
    f("conv1", self.conv1);
    f("bn1", self.bn1);
    f("conv2", self.conv2);
    f("bn2", self.bn2);
    f("conv3", self.conv3);
    f("bn3", self.bn3);
    f("downsample", self.downsample);
    f.conv_bn(self.conv1, self.bn1);
    f.conv_bn(self.conv2, self.bn2);
    f.conv_bn_residual(self.conv3, self.bn3);
  }
};

/// `outputs`: classes, or numbers of a regression.
struct ResNetConfig {
  Index in_channels = 3, outputs = 1000;
  bool zero_init_residual = false;  ///< every block starts as the identity: the last batch norm's weight is 0
};

/// Images [N, in_channels, H, W] -> [N, outputs]. Four layers of `depths` blocks; each but the first halves the size
/// and doubles the width.   `auto model = models::resnet18<float>({.in_channels = 1, .outputs = 136}, rng);`
template <class Block>
struct ResNet {
  using Scalar = typename Block::Scalar;

  nn::Conv2d<Scalar> conv1;
  nn::BatchNorm2d<Scalar> bn1;
  std::vector<Block> layer1, layer2, layer3, layer4;
  nn::Linear<Scalar> fc;

  ResNet(const std::array<Index, 4>& depths, const ResNetConfig& c, Rng& rng)
      : conv1(detail::resnet_conv<Scalar>(c.in_channels, 64, 7, 2, rng)),
        bn1({.features = 64, .activation = Activation::relu}),
        layer1(blocks(depths[0], 64, 64, 1, c, rng)),
        layer2(blocks(depths[1], 64 * Block::expansion, 128, 2, c, rng)),
        layer3(blocks(depths[2], 128 * Block::expansion, 256, 2, c, rng)),
        layer4(blocks(depths[3], 256 * Block::expansion, 512, 2, c, rng)),
        fc({.in = 512 * Block::expansion, .out = c.outputs}, rng) {}

  Tensor<Scalar> operator()(const Tensor<Scalar>& images) const {
    auto x = max_pool2d(bn1(conv1(images)), {.kernel = 3, .stride = 2, .padding = 1});
    for (const auto* layer : {&layer1, &layer2, &layer3, &layer4})
      for (const auto& block : *layer) x = block(x);
    return fc(flatten(adaptive_avg_pool2d(x, 1)));
  }
  static void visit(auto& self, auto&& f) {
    f("conv1", self.conv1);
    f("bn1", self.bn1);
    f.conv_bn(self.conv1, self.bn1);
    f("layer1", self.layer1);
    f("layer2", self.layer2);
    f("layer3", self.layer3);
    f("layer4", self.layer4);
    f("fc", self.fc);
  }

 private:
  static std::vector<Block> blocks(Index depth, Index in, Index width, Index stride, const ResNetConfig& c, Rng& rng) {
    check<ValueError>(depth > 0, "[ResNet] every layer needs a block, got ", depth);
    std::vector<Block> layer;
    for (Index i = 0; i < depth; ++i) {
      layer.emplace_back(i == 0 ? in : width * Block::expansion, width, i == 0 ? stride : 1, rng);
      if (c.zero_init_residual) layer.back().last_norm().weight.detach().fill(0);
    }
    return layer;
  }
};

/// ResNet-18, torchvision's resnet18: [N, in_channels, H, W] -> [N, outputs]; 11.7 million parameters with 3 channels
/// and 1000 outputs.
template <Real T>
ResNet<BasicBlock<T>> resnet18(const ResNetConfig& config, Rng& rng) {
  return {{2, 2, 2, 2}, config, rng};
}
/// ResNet-34, torchvision's resnet34: 21.8 million parameters.
template <Real T>
ResNet<BasicBlock<T>> resnet34(const ResNetConfig& config, Rng& rng) {
  return {{3, 4, 6, 3}, config, rng};
}
/// ResNet-50, torchvision's resnet50: 25.6 million parameters.
template <Real T>
ResNet<Bottleneck<T>> resnet50(const ResNetConfig& config, Rng& rng) {
  return {{3, 4, 6, 3}, config, rng};
}

}  // namespace nasion::models
