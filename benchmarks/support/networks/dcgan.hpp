#pragma once
// The generator of DCGAN (Radford, Metz and Chintala 2015), as PyTorch's tutorial has it.

#include <vector>

#include "nasion/nasion.hpp"

namespace bench {

/// Noise [N, 100, 1, 1] -> images [N, 3, 64, 64].
struct DcganGenerator {
  std::vector<nasion::nn::ConvTranspose2d<float>> convs;
  std::vector<nasion::nn::BatchNorm2d<float>> norms;

  explicit DcganGenerator(nasion::Rng& rng) {
    nasion::Index in = 100;
    for (const nasion::Index out : {512, 256, 128, 64, 3}) {
      const bool first = convs.empty();
      convs.emplace_back(
          nasion::nn::ConvTranspose2dConfig{
              .in = in, .out = out, .kernel = 4, .stride = first ? 1 : 2, .padding = first ? 0 : 1, .bias = false},
          rng);
      if (out != 3)
        norms.emplace_back(nasion::nn::BatchNorm2dConfig{.features = out, .activation = nasion::Activation::relu});
      in = out;
    }
  }

  nasion::Tensorf operator()(const nasion::Tensorf& noise) const {
    auto x = noise;
    for (std::size_t i = 0; i < norms.size(); ++i) x = norms[i](convs[i](x));
    return tanh(convs.back()(x));
  }
  static void visit(auto& self, auto&& f) {
    f("convs", self.convs);
    f("norms", self.norms);
  }
};

}  // namespace bench
