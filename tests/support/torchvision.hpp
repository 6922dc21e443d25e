#pragma once
// Networks that torchvision has, too: weights that both have, results for them, and the names of their states.

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "nasion/nn/init.hpp"
#include "nasion/nn/module.hpp"
#include "support/golden.hpp"

namespace test {

/// Numbers of a healthy size in everything that is kept, as `fill_resnet` of generate.py has them.
template <class M>
void fill(const M& net) {
  using T = nn::ScalarOf<M>;
  std::uint32_t number = 0;
  for (const auto& [name, x] : nn::state_dict(net).tensors) {
    const bool is_weight = x.rank() > 1, is_mean = name.ends_with("running_mean") || name.ends_with("bias");
    const double fan_in = static_cast<double>(nn::fan_in(x.shape()));
    const double scale = is_weight ? std::exp2(std::nearbyint(std::log2(6 / fan_in) / 2)) : is_mean ? 0.25 : 0.5;
    auto values = hashed<T>(x.size(), number++, scale);
    if (!is_weight && !is_mean)
      for (T& value : values) value += 1;
    x.detach().copy_from(Tensor<T>::from(x.shape(), values));
  }
}

/// Lines `name key [shape]` of a golden text for this name, without the name.
inline std::vector<std::string> golden_state(const std::string& file, const std::string& name) {
  std::ifstream text(std::filesystem::path(NASION_GOLDEN_DIR) / file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);)
    if (line.starts_with(name + " ")) lines.push_back(line.substr(name.size() + 1));
  return lines;
}

/// The lines of golden_state() for a network.
template <class M>
std::vector<std::string> state_lines(const M& net) {
  std::vector<std::string> lines;
  const auto state = nn::state_dict(net);
  for (const auto& entry : state.tensors) lines.push_back(message(entry.name, " ", entry.tensor.shape()));
  for (const auto& entry : state.counters) lines.push_back(message(entry.name, " ", Shape{}));
  return lines;
}

}  // namespace test
