#pragma once
// The five networks of the project, some that others have, and what they are trained with.

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace bench {

/// Images [batch, channels, height, width] to coordinates or classes [batch, outputs], to maps [batch, outputs, height,
/// width], or, in DCGAN, to images.
struct Network {
  const char* name;
  long batch, channels, height, width, outputs;
  bool maps = false;
};

inline constexpr std::array<Network, 12> networks{{{"part1", 16, 1, 60, 80, 2},
                                                   {"part2", 64, 1, 120, 160, 116},
                                                   {"fcn", 8, 1, 120, 160, 58, true},
                                                   {"unet", 8, 1, 120, 160, 58, true},
                                                   {"resnet18", 16, 1, 224, 224, 136},
                                                   {"resnet50", 8, 3, 224, 224, 1000},
                                                   {"mobilenet_v2", 16, 3, 224, 224, 1000},
                                                   {"efficientnet_b0", 16, 3, 224, 224, 1000},
                                                   {"densenet121", 4, 3, 224, 224, 1000},
                                                   {"vgg", 128, 3, 32, 32, 10},
                                                   {"dcgan", 64, 100, 1, 1, 3},
                                                   {"mlp", 128, 1, 28, 28, 10}}};
/// Those that come first are the project's.
inline constexpr std::size_t project_networks = 5;

/// The names of the first `count`.
inline std::vector<std::string> network_names(std::size_t count = networks.size()) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.emplace_back(networks[i].name);
  return names;
}

/// The network of this name, which must be one; a batch of 0 leaves the one that it is trained with.
inline Network find_network(const std::string& name, long batch = 0) {
  Network network = *std::find_if(networks.begin(), networks.end(), [&](const auto& n) { return n.name == name; });
  if (batch > 0) network.batch = batch;
  return network;
}

}  // namespace bench
