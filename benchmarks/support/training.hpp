#pragma once
// Training steps of nasion's networks on random images, as the example programs make them.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "nasion/nasion.hpp"
#include "networks.hpp"

namespace bench {

/// --network, some of the five, and --batch, 0 when it is not given.
inline void add_network_flags(CLI::App& app, std::vector<std::string>& names, long& batch) {
  app.add_option("--network", names, "which networks")
      ->delimiter(',')
      ->check(CLI::IsMember(network_names()))
      ->capture_default_str();
  app.add_option("--batch", batch, "images of each process (default: as each network is trained)")
      ->check(CLI::Range(1, 65536));
}

/// Calls `use(model)` with the network of this name, made from seed 1.
template <class Use>
void with_model(const Network& network, Use&& use) {
  using namespace nasion;
  Rng rng(1);
  const std::string name = network.name;
  if (name == "part1")
    use(models::KeypointCnn<float>(models::nose_tip_config(), rng));
  else if (name == "part2")
    use(models::KeypointCnn<float>(models::full_face_config(), rng));
  else if (name == "fcn")
    use(models::HeatmapFcn<float>({}, rng));
  else if (name == "unet")
    use(models::UNet<float>({}, rng));
  else
    use(models::resnet18<float>({.in_channels = 1, .outputs = network.outputs}, rng));
}

inline nasion::Tensorf random_images(const Network& network) {
  nasion::Rng rng(2);
  return nasion::Tensorf::uniform({network.batch, 1, network.height, network.width}, rng, -0.5, 0.5);
}

/// Forward, loss, backward and SGD, on the same images every time.
template <class Model>
class Training {
 public:
  Training(const Network& network, Model model)
      : network_(network),
        model_(std::move(model)),
        optimizer_(nasion::nn::parameters(model_), {.lr = 1e-4}),
        images_(random_images(network)) {
    using namespace nasion;
    Rng rng(3);
    const auto points = Tensorf::uniform({network.batch, network.maps ? 2 * network.outputs : network.outputs}, rng);
    targets_ = network.maps ? models::heatmap_targets(points, network.height, network.width, 0) : points;
  }

  /// The loss before the step.
  float step() {
    using namespace nasion;
    optimizer_.zero_grad();
    const auto answer = model_(images_);
    const auto loss = network_.maps ? spatial_cross_entropy(answer, targets_) : mse_loss(answer, targets_);
    loss.backward();
    optimizer_.step();
    return loss.item();
  }

 private:
  Network network_;
  Model model_;
  nasion::optim::SGD<float> optimizer_;
  nasion::Tensorf images_, targets_;
};

}  // namespace bench
