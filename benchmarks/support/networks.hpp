#pragma once
// The five networks of the project, and what they are trained with.

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace bench {

/// Grey images [batch, 1, height, width] to coordinates [batch, outputs] or to maps [batch, outputs, height, width].
struct Network {
  const char* name;
  long batch, height, width, outputs;
  bool maps;
};

inline constexpr std::array<Network, 5> networks{{{"part1", 16, 60, 80, 2, false},
                                                  {"part2", 64, 120, 160, 116, false},
                                                  {"fcn", 8, 120, 160, 58, true},
                                                  {"unet", 8, 120, 160, 58, true},
                                                  {"resnet18", 16, 224, 224, 136, false}}};

inline std::vector<std::string> network_names() {
  std::vector<std::string> names;
  for (const auto& network : networks) names.emplace_back(network.name);
  return names;
}

/// The network of this name, which must be one; a batch of 0 leaves the one that it is trained with.
inline Network find_network(const std::string& name, long batch = 0) {
  Network network = *std::find_if(networks.begin(), networks.end(), [&](const auto& n) { return n.name == name; });
  if (batch > 0) network.batch = batch;
  return network;
}

}  // namespace bench
