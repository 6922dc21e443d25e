#pragma once
// The project's five networks in libtorch, as its users write them: torchvision's ResNet-18 with ReLU in place, and the
// others likewise.

#include <torch/torch.h>

#include <string>
#include <vector>

#include "../support/networks.hpp"

namespace peer {

namespace F = torch::nn::functional;
using torch::Tensor;

inline torch::nn::Conv2d conv(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding, bool bias) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(padding).bias(bias));
}

struct Model : torch::nn::Module {
  virtual Tensor forward(Tensor images) = 0;
};

/// Parts 1 and 2.
struct KeypointCnn : Model {
  struct Block {
    int64_t channels, kernel, pooled;
  };

  KeypointCnn(const std::vector<Block>& blocks, int64_t outputs) {
    int64_t in = 1;
    for (const auto& [channels, kernel, pooled] : blocks) {
      features->push_back(conv(in, channels, kernel, 1, 0, true));
      features->push_back(torch::nn::ReLU(torch::nn::ReLUOptions().inplace(true)));
      features->push_back(torch::nn::AdaptiveMaxPool2d(pooled));
      in = channels;
    }
    const int64_t side = blocks.back().pooled;
    register_module("features", features);
    fc1 = register_module("fc1", torch::nn::Linear(in * side * side, 128));
    fc2 = register_module("fc2", torch::nn::Linear(128, outputs));
  }
  Tensor forward(Tensor x) override { return fc2(fc1(features->forward(x).flatten(1)).relu_()); }

  torch::nn::Sequential features;
  torch::nn::Linear fc1{nullptr}, fc2{nullptr};
};

/// The fully convolutional network of part 4.
struct HeatmapFcn : Model {
  HeatmapFcn() {
    using namespace torch::nn;
    const auto relu = [] { return ReLU(ReLUOptions().inplace(true)); };
    layers = Sequential(conv(1, 12, 3, 1, 0, true), relu(), BatchNorm2d(12),                                    //
                        conv(12, 32, 5, 1, 0, true), relu(), AdaptiveMaxPool2d(32), Dropout(0.2),               //
                        conv(32, 64, 5, 1, 0, true), relu(), AdaptiveMaxPool2d(64), Dropout(0.2),               //
                        conv(64, 64, 5, 1, 0, true), relu(), AdaptiveMaxPool2d(64), Dropout(0.2),               //
                        conv(64, 64, 5, 1, 0, true), relu(), BatchNorm2d(64),                                   //
                        conv(64, 128, 3, 1, 0, true), relu(), AdaptiveMaxPool2d(128),                           //
                        conv(128, 64, 3, 1, 0, true), relu(),                                                   //
                        AdaptiveMaxPool2d(AdaptiveMaxPool2dOptions({120, 160})), conv(64, 58, 1, 1, 0, true));  //
    register_module("layers", layers);
  }
  Tensor forward(Tensor x) override { return layers->forward(x); }

  torch::nn::Sequential layers{nullptr};
};

/// The U-Net of part 4.
struct UNet : Model {
  UNet() {
    const std::vector<int64_t> channels{16, 32, 64, 128, 128};
    for (std::size_t i = 0; i < channels.size(); ++i)
      down.push_back(register_module("down" + std::to_string(i), block(i ? channels[i - 1] : 1, channels[i])));
    for (std::size_t i = 0; i + 1 < channels.size(); ++i)
      up.push_back(register_module("up" + std::to_string(i), block(channels[i] + channels[i + 1], channels[i])));
    maps = register_module("maps", conv(16, 58, 1, 1, 0, true));
  }
  static torch::nn::Sequential block(int64_t in, int64_t out) {
    using namespace torch::nn;
    const auto relu = [] { return ReLU(ReLUOptions().inplace(true)); };
    return Sequential(conv(in, out, 3, 1, 1, false), BatchNorm2d(out), relu(), conv(out, out, 3, 1, 1, false),
                      BatchNorm2d(out), relu());
  }
  Tensor forward(Tensor images) override {
    std::vector<Tensor> levels{down[0]->forward(images)};
    for (std::size_t i = 1; i < down.size(); ++i)
      levels.push_back(down[i]->forward(torch::max_pool2d(levels.back(), {2, 2})));
    Tensor x = levels.back();
    for (std::size_t i = up.size(); i-- > 0;) {
      const auto size = levels[i].sizes().slice(2).vec();
      const auto larger =
          F::interpolate(x, F::InterpolateFuncOptions().size(size).mode(torch::kBilinear).align_corners(false));
      x = up[i]->forward(torch::cat({levels[i], larger}, 1));
    }
    return maps(x);
  }

  std::vector<torch::nn::Sequential> down, up;
  torch::nn::Conv2d maps{nullptr};
};

/// relu(x + two 3x3 convolutions of x).
struct BasicBlock : torch::nn::Module {
  BasicBlock(int64_t in, int64_t out, int64_t stride) {
    conv1 = register_module("conv1", conv(in, out, 3, stride, 1, false));
    bn1 = register_module("bn1", torch::nn::BatchNorm2d(out));
    conv2 = register_module("conv2", conv(out, out, 3, 1, 1, false));
    bn2 = register_module("bn2", torch::nn::BatchNorm2d(out));
    if (in != out)
      downsample = register_module(
          "downsample", torch::nn::Sequential(conv(in, out, 1, stride, 0, false), torch::nn::BatchNorm2d(out)));
  }
  Tensor forward(const Tensor& x) {
    const auto y = bn2(conv2(bn1(conv1(x)).relu_()));
    return y.add_(downsample ? downsample->forward(x) : x).relu_();
  }

  torch::nn::Conv2d conv1{nullptr}, conv2{nullptr};
  torch::nn::BatchNorm2d bn1{nullptr}, bn2{nullptr};
  torch::nn::Sequential downsample{nullptr};
};

struct ResNet18 : Model {
  explicit ResNet18(int64_t outputs) {
    conv1 = register_module("conv1", conv(1, 64, 7, 2, 3, false));
    bn1 = register_module("bn1", torch::nn::BatchNorm2d(64));
    int64_t in = 64;
    for (const int64_t out : {64, 128, 256, 512}) {
      for (int64_t i = 0; i < 2; ++i)
        blocks->push_back(BasicBlock(i == 0 ? in : out, out, i == 0 && in != out ? 2 : 1));
      in = out;
    }
    register_module("blocks", blocks);
    fc = register_module("fc", torch::nn::Linear(512, outputs));
  }
  Tensor forward(Tensor x) override {
    x = torch::max_pool2d(bn1(conv1(x)).relu_(), {3, 3}, {2, 2}, {1, 1});
    x = blocks->forward(x);
    return fc(torch::adaptive_avg_pool2d(x, {1, 1}).flatten(1));
  }

  torch::nn::Conv2d conv1{nullptr};
  torch::nn::BatchNorm2d bn1{nullptr};
  torch::nn::Sequential blocks;
  torch::nn::Linear fc{nullptr};
};

inline std::shared_ptr<Model> make_model(const bench::Network& network) {
  const std::string name = network.name;
  if (name == "part1")
    return std::make_shared<KeypointCnn>(
        std::vector<KeypointCnn::Block>{{12, 3, 12}, {32, 5, 32}, {64, 5, 64}, {32, 3, 20}}, network.outputs);
  if (name == "part2")
    return std::make_shared<KeypointCnn>(
        std::vector<KeypointCnn::Block>{{12, 3, 12}, {32, 5, 32}, {64, 5, 64}, {64, 5, 64}, {32, 5, 10}},
        network.outputs);
  if (name == "fcn") return std::make_shared<HeatmapFcn>();
  if (name == "unet") return std::make_shared<UNet>();
  return std::make_shared<ResNet18>(network.outputs);
}

}  // namespace peer
