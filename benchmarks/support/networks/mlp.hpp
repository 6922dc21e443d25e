#pragma once
// Three fully connected layers, for digits.

#include "nasion/nasion.hpp"

namespace bench {

/// Images [N, 1, 28, 28] -> [N, 10].
struct Mlp {
  nasion::nn::Linear<float> fc1, fc2, fc3;

  explicit Mlp(nasion::Rng& rng)
      : fc1({.in = 784, .out = 512}, rng), fc2({.in = 512, .out = 512}, rng), fc3({.in = 512, .out = 10}, rng) {}

  nasion::Tensorf operator()(const nasion::Tensorf& images) const { return fc3(relu(fc2(relu(fc1(flatten(images)))))); }
  static void visit(auto& self, auto&& f) {
    f("fc1", self.fc1);
    f("fc2", self.fc2);
    f("fc3", self.fc3);
  }
};

}  // namespace bench
