#pragma once
// ResNet-18 as TorchScript, frozen and optimised for inference: libtorch folds batch norm into the convolutions and
// runs them in oneDNN's own layouts.

#include <torch/script.h>

#include <string>

#include "libtorch_networks.hpp"

namespace peer {

namespace detail {
/// The frozen module's source, beside the parameters that it names.
class Script {
 public:
  explicit Script(torch::jit::Module& module) : module_(module) {}

  void convolution(const std::string& name, const torch::nn::Conv2d& layer, int64_t stride, int64_t padding) {
    module_.register_parameter(name, layer->weight.detach().clone(), false);
    const auto pair = [](int64_t value) { return "[" + std::to_string(value) + ", " + std::to_string(value) + "]"; };
    line("x = torch.conv2d(x, self." + name + ", None, " + pair(stride) + ", " + pair(padding) + ", [1, 1], 1)");
  }
  void batch_norm(const std::string& name, const torch::nn::BatchNorm2d& layer) {
    const auto add = [&](const std::string& what, const Tensor& value) {
      module_.register_parameter(name + what, value.detach().clone(), false);
    };
    add("_weight", layer->weight);
    add("_bias", layer->bias);
    add("_mean", layer->running_mean);
    add("_var", layer->running_var);
    const std::string self = "self." + name;
    line("x = torch.batch_norm(x, " + self + "_weight, " + self + "_bias, " + self + "_mean, " + self +
         "_var, False, 0.1, 1e-5, True)");
  }
  void line(const std::string& code) { source_ += "    " + code + "\n"; }
  void define() { module_.define(source_); }

 private:
  torch::jit::Module& module_;
  std::string source_ = "def forward(self, x):\n";
};
}  // namespace detail

inline torch::jit::Module frozen_resnet18(const ResNet18& model) {
  torch::jit::Module module("ResNet18");
  detail::Script script(module);
  script.convolution("conv1", model.conv1, 2, 3);
  script.batch_norm("bn1", model.bn1);
  script.line("x = torch.max_pool2d(torch.relu(x), [3, 3], [2, 2], [1, 1])");
  for (std::size_t i = 0; i < model.blocks->size(); ++i) {
    const auto& block = model.blocks->at<BasicBlock>(i);
    const int64_t stride = block.downsample ? (i == 0 ? 1 : 2) : 1;
    const std::string name = "block" + std::to_string(i);
    script.line("before = x");
    script.convolution(name + "_conv1", block.conv1, stride, 1);
    script.batch_norm(name + "_bn1", block.bn1);
    script.line("x = torch.relu(x)");
    script.convolution(name + "_conv2", block.conv2, 1, 1);
    script.batch_norm(name + "_bn2", block.bn2);
    if (block.downsample) {
      script.line("main = x");
      script.line("x = before");
      script.convolution(name + "_down", std::dynamic_pointer_cast<torch::nn::Conv2dImpl>(block.downsample->ptr(0)),
                         stride, 0);
      script.batch_norm(name + "_down_bn",
                        std::dynamic_pointer_cast<torch::nn::BatchNorm2dImpl>(block.downsample->ptr(1)));
      script.line("x = torch.relu(main + x)");
    } else {
      script.line("x = torch.relu(x + before)");
    }
  }
  module.register_parameter("fc_weight", model.fc->weight.detach().clone(), false);
  module.register_parameter("fc_bias", model.fc->bias.detach().clone(), false);
  script.line("x = torch.flatten(torch.adaptive_avg_pool2d(x, [1, 1]), 1, -1)");
  script.line("return torch.linear(x, self.fc_weight, self.fc_bias)");
  script.define();
  module.register_attribute("training", c10::BoolType::get(), false);
  return torch::jit::optimize_for_inference(module);
}

}  // namespace peer
