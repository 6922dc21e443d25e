#pragma once
// The convolutions of networks that others train: depthwise, pointwise, grouped, dilated and strided ones. Each network
// is followed layer by layer, as torchvision defines it.

#include <algorithm>
#include <array>
#include <utility>

#include "conv_shapes.hpp"

namespace bench {

namespace detail {

/// Collects the convolutions of a network on square images.
class Network {
 public:
  Network(std::string name, long n, long c, long side) : name_(std::move(name)), n_(n), c_(c), side_(side) {}

  /// A square kernel, padded to keep the size at stride 1.
  Network& conv(long k, long kernel, long stride = 1, long groups = 1) {
    const ConvShape shape{.n = n_,
                          .c = c_,
                          .h = side_,
                          .w = side_,
                          .k = k,
                          .kernel = kernel,
                          .stride = stride,
                          .padding = kernel / 2,
                          .network = name_,
                          .first = shapes_.empty(),
                          .groups = groups};
    shapes_.push_back(shape);
    c_ = k, side_ = shape.oh();
    return *this;
  }
  Network& depthwise(long kernel, long stride) { return conv(c_, kernel, stride, c_); }
  Network& pool() {
    side_ /= 2;
    return *this;
  }
  Network& channels(long c) {
    c_ = c;
    return *this;
  }
  /// MobileNet's block: widen, filter each channel, narrow.
  Network& inverted_residual(long widened, long k, long kernel, long stride) {
    if (widened != c_) conv(widened, 1);
    return depthwise(kernel, stride).conv(k, 1);
  }
  long c() const { return c_; }
  std::vector<ConvShape> take() { return std::move(shapes_); }

 private:
  std::string name_;
  long n_, c_, side_;
  std::vector<ConvShape> shapes_;
};

struct Stage {
  long expansion, k, blocks, stride, kernel;
};

template <std::size_t count>
std::vector<ConvShape> mobile(std::string name, const std::array<Stage, count>& stages, long head) {
  Network net(std::move(name), 16, 3, 224);
  net.conv(32, 3, 2);
  for (const auto& s : stages)
    for (long i = 0; i < s.blocks; ++i)
      net.inverted_residual(net.c() * s.expansion, s.k, s.kernel, i == 0 ? s.stride : 1);
  return net.conv(head, 1).take();
}
/// Sandler et al., "MobileNetV2", 2018, table 2.
inline std::vector<ConvShape> mobilenet_v2_shapes() {
  return mobile("mobilenet_v2",
                std::array<Stage, 7>{{{1, 16, 1, 1, 3},
                                      {6, 24, 2, 2, 3},
                                      {6, 32, 3, 2, 3},
                                      {6, 64, 4, 2, 3},
                                      {6, 96, 3, 1, 3},
                                      {6, 160, 3, 2, 3},
                                      {6, 320, 1, 1, 3}}},
                1280);
}
/// Howard et al., "Searching for MobileNetV3", 2019, table 1.
inline std::vector<ConvShape> mobilenet_v3_shapes() {
  struct Block {
    long kernel, widened, k, stride;
  };
  Network net("mobilenet_v3_large", 16, 3, 224);
  net.conv(16, 3, 2);
  for (const auto& [kernel, widened, k, stride] : std::array<Block, 15>{{{3, 16, 16, 1},
                                                                         {3, 64, 24, 2},
                                                                         {3, 72, 24, 1},
                                                                         {5, 72, 40, 2},
                                                                         {5, 120, 40, 1},
                                                                         {5, 120, 40, 1},
                                                                         {3, 240, 80, 2},
                                                                         {3, 200, 80, 1},
                                                                         {3, 184, 80, 1},
                                                                         {3, 184, 80, 1},
                                                                         {3, 480, 112, 1},
                                                                         {3, 672, 112, 1},
                                                                         {5, 672, 160, 2},
                                                                         {5, 960, 160, 1},
                                                                         {5, 960, 160, 1}}})
    net.inverted_residual(widened, k, kernel, stride);
  return net.conv(960, 1).take();
}
/// Tan and Le, "EfficientNet", 2019, table 1.
inline std::vector<ConvShape> efficientnet_b0_shapes() {
  return mobile("efficientnet_b0",
                std::array<Stage, 7>{{{1, 16, 1, 1, 3},
                                      {6, 24, 2, 2, 3},
                                      {6, 40, 2, 2, 5},
                                      {6, 80, 3, 2, 3},
                                      {6, 112, 3, 1, 5},
                                      {6, 192, 4, 2, 5},
                                      {6, 320, 1, 1, 3}}},
                1280);
}
/// Bottlenecks with `groups` in their 3x3 convolution, which has `width` channels at first.
inline std::vector<ConvShape> bottlenecks(std::string name, long width, long groups) {
  Network net(std::move(name), 8, 3, 224);
  net.conv(64, 7, 2).pool();
  long stride = 1, k = 256;
  for (const long blocks : {3, 4, 6, 3}) {
    for (long i = 0; i < blocks; ++i) net.conv(width, 1).conv(width, 3, i == 0 ? stride : 1, groups).conv(k, 1);
    stride = 2, width *= 2, k *= 2;
  }
  return net.take();
}
/// Huang et al., "Densely connected convolutional networks", 2017, table 1.
inline std::vector<ConvShape> densenet121_shapes() {
  Network net("densenet121", 4, 3, 224);
  net.conv(64, 7, 2).pool();
  long c = 64;
  for (const long layers : {6, 12, 24, 16}) {
    for (long i = 0; i < layers; ++i, c += 32) net.channels(c).conv(128, 1).conv(32, 3);
    net.channels(c);
    if (layers != 16) net.conv(c /= 2, 1).pool();
  }
  return net.take();
}
inline std::vector<ConvShape> vgg_shapes() {
  Network net("vgg", 128, 3, 32);
  for (const long k : {64, 128, 256}) net.conv(k, 3).conv(k, 3).pool();
  return net.take();
}
/// Simonyan and Zisserman, "Very deep convolutional networks", 2014, table 1, D.
inline std::vector<ConvShape> vgg16_shapes() {
  Network net("vgg16", 8, 3, 224);
  for (const auto& [k, layers] :
       std::array<std::pair<long, int>, 5>{{{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}}}) {
    for (int i = 0; i < layers; ++i) net.conv(k, 3);
    net.pool();
  }
  return net.take();
}
/// The generator of DCGAN, from its images back to its noise: a transposed convolution is the gradient of the input of
/// one of these, and its gradients are the other two passes.
inline std::vector<ConvShape> dcgan_shapes() {
  std::vector<ConvShape> shapes;
  long c = 3, side = 64;
  for (const long k : {64, 128, 256, 512}) {
    shapes.push_back(
        {.n = 64, .c = c, .h = side, .w = side, .k = k, .kernel = 4, .stride = 2, .padding = 1, .network = "dcgan"});
    c = k, side /= 2;
  }
  shapes.push_back({.n = 64, .c = c, .h = side, .w = side, .k = 100, .kernel = 4, .network = "dcgan"});
  return shapes;
}
/// Dilated convolutions as DeepLab has them behind a ResNet.
inline std::vector<ConvShape> atrous_shapes() {
  std::vector<ConvShape> shapes;
  for (const long dilation : {2, 4, 12})
    shapes.push_back({.n = 4,
                      .c = 256,
                      .h = 28,
                      .w = 28,
                      .k = 256,
                      .kernel = 3,
                      .padding = dilation,
                      .network = "deeplab",
                      .dilation = dilation});
  return shapes;
}

}  // namespace detail

/// The shapes of MobileNetV2 and V3, EfficientNet-B0, ResNet-50, ResNeXt-50, DenseNet-121, VGG-16, a VGG for small
/// images, DCGAN, DeepLab and the U-Net of part 4.
inline std::vector<ConvShape> zoo_shapes() {
  return unique_shapes({detail::mobilenet_v2_shapes(), detail::mobilenet_v3_shapes(), detail::efficientnet_b0_shapes(),
                        detail::bottlenecks("resnet50", 64, 1), detail::bottlenecks("resnext50", 128, 32),
                        detail::densenet121_shapes(), detail::vgg16_shapes(), detail::vgg_shapes(),
                        detail::dcgan_shapes(), detail::atrous_shapes(), detail::unet_shapes()});
}

}  // namespace bench
