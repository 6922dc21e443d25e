#pragma once
// The regression networks of parts 1 and 2: convolutions with adaptive max pooling, then two linear layers to
// coordinates.

#include <vector>

#include "nasion/nn/layers.hpp"
#include "nasion/ops/activation.hpp"
#include "nasion/ops/pool.hpp"

namespace nasion::models {

/// One block of KeypointCnn: convolution without padding, ReLU, adaptive max pooling to pooled x pooled.
struct KeypointBlock {
  Index channels, kernel, pooled;
};

/// `blocks`, at least one, follow each other; then `hidden` features, and `outputs` numbers: two for each point.
struct KeypointCnnConfig {
  Index in_channels = 1;
  std::vector<KeypointBlock> blocks;
  Index hidden = 128, outputs = 2;
};

/// Images [N, in_channels, H, W] -> [N, outputs], the coordinates that it was trained for. Any size of image that the
/// first kernel fits in.
template <Real T>
struct KeypointCnn {
  std::vector<nn::Conv2d<T>> convs;
  std::vector<Index> pooled;
  nn::Linear<T> fc1, fc2;

  KeypointCnn(const KeypointCnnConfig& config, Rng& rng)
      : convs(make_convs(config, rng)),
        fc1({.in = features(config), .out = config.hidden}, rng),
        fc2({.in = config.hidden, .out = config.outputs}, rng) {
    for (const auto& block : config.blocks) pooled.push_back(block.pooled);
  }

  Tensor<T> operator()(const Tensor<T>& images) const {
    auto x = images;
    for (std::size_t i = 0; i < convs.size(); ++i) x = adaptive_max_pool2d(convs[i](x), pooled[i]);
    return fc2(relu(fc1(flatten(x))));
  }
  static void visit(auto& self, auto&& f) {
    f("convs", self.convs);
    f("fc1", self.fc1);
    f("fc2", self.fc2);
  }

 private:
  static std::vector<nn::Conv2d<T>> make_convs(const KeypointCnnConfig& config, Rng& rng) {
    check<ValueError>(!config.blocks.empty(), "[KeypointCnn] needs at least one block");
    std::vector<nn::Conv2d<T>> convs;
    Index in = config.in_channels;
    for (const auto& block : config.blocks) {
      convs.emplace_back(
          nn::Conv2dConfig{.in = in, .out = block.channels, .kernel = block.kernel, .activation = Activation::relu},
          rng);
      in = block.channels;
    }
    return convs;
  }
  static Index features(const KeypointCnnConfig& config) {
    const auto& last = config.blocks.back();
    return last.channels * last.pooled * last.pooled;
  }
};

/// The course's network for the nose tip: grey images of 60 x 80 pixels -> (x, y).
inline KeypointCnnConfig nose_tip_config() {
  return {.blocks = {{12, 3, 12}, {32, 5, 32}, {64, 5, 64}, {32, 3, 20}}, .hidden = 128, .outputs = 2};
}

/// The course's network for all 58 points: grey images of 120 x 160 pixels -> (x, y) of each.
inline KeypointCnnConfig full_face_config() {
  return {.blocks = {{12, 3, 12}, {32, 5, 32}, {64, 5, 64}, {64, 5, 64}, {32, 5, 10}}, .hidden = 128, .outputs = 116};
}

}  // namespace nasion::models
