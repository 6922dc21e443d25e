#pragma once
// A training run of a second, with all that processes could do differently: batch norm, dropout, augmentation, an
// incomplete last batch.

#include "nasion/data/loader.hpp"
#include "nasion/nn/batch_norm.hpp"
#include "nasion/nn/functions.hpp"
#include "nasion/nn/layers.hpp"
#include "nasion/ops/loss.hpp"
#include "nasion/optim/adam.hpp"
#include "nasion/optim/sgd.hpp"
#include "nasion/training/fit.hpp"

namespace test {

struct SmallImages {
  nasion::Index n = 22;
  bool augmented = true;
  nasion::Index size() const { return n; }
  nasion::data::Example<float> get(nasion::Index i, nasion::Rng& rng) const {
    nasion::Rng own = nasion::Rng(9).split(static_cast<std::uint64_t>(i));
    const auto x = nasion::Tensorf::uniform({1, 6, 6}, own, -1, 1);
    const float left = x.at({0, 2, 1}), right = x.at({0, 2, 4});
    if (augmented) x.set({0, 0, 0}, static_cast<float>(rng.uniform()));
    return {x, nasion::Tensorf::from({2}, {left, right - left})};
  }
};

struct SmallNet {
  nasion::nn::Conv2d<float> conv;
  nasion::nn::BatchNorm2d<float> bn;
  nasion::nn::Dropout<float> dropout;
  nasion::nn::Linear<float> fc;
  explicit SmallNet(nasion::Rng& rng, nasion::Index features = 8, double p = 0.2)
      : conv({.in = 1, .out = features, .kernel = 3}, rng),
        bn({.features = features, .activation = nasion::Activation::relu}),
        dropout(p, rng),
        fc({.in = features * 16, .out = 2}, rng) {}
  nasion::Tensorf operator()(const nasion::Tensorf& x) const { return fc(dropout(nasion::flatten(bn(conv(x))))); }
  static void visit(auto& self, auto&& f) {
    f("conv", self.conv), f("bn", self.bn), f("dropout", self.dropout), f("fc", self.fc);
  }
};

inline nasion::Tensorf small_loss(const nasion::Tensorf& y, const nasion::Tensorf& target) {
  return nasion::mse_loss(y, target);
}

/// The batches of 6 can be shared by 1, 2, 3 and 6 processes, the last one, of 4, by 3.
inline nasion::data::LoaderOptions small_batches(const nasion::data::Shard& shard = {}) {
  return {.batch_size = 6, .shuffle = true, .seed = 3, .shard = shard};
}

}  // namespace test
