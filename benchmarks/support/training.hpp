#pragma once
// Training steps of networks on random images, as the example programs make them.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "nasion/nasion.hpp"
#include "networks.hpp"
#include "networks/dcgan.hpp"
#include "networks/mlp.hpp"
#include "networks/vgg.hpp"

namespace bench {

/// --network, some of the list, and --batch, 0 when it is not given.
inline void add_network_flags(CLI::App& app, std::vector<std::string>& names, long& batch) {
  app.add_option("--network", names, "which networks")
      ->delimiter(',')
      ->check(CLI::IsMember(network_names()))
      ->capture_default_str();
  app.add_option("--batch", batch, "images of each process (default: as each network is trained)")
      ->check(CLI::Range(1, 65536));
}

/// --order, of the images that a network is given.
inline void add_order_flag(CLI::App& app, std::string& order) {
  app.add_option("--order", order, "memory order of the images")
      ->check(CLI::IsMember({"channels_last", "row_major"}))
      ->capture_default_str();
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
  else if (name == "resnet18")
    use(models::resnet18<float>({.in_channels = 1, .outputs = network.outputs}, rng));
  else if (name == "resnet50")
    use(models::resnet50<float>({}, rng));
  else if (name == "mobilenet_v2")
    use(models::mobilenet_v2<float>({}, rng));
  else if (name == "efficientnet_b0")
    use(models::efficientnet_b0<float>({}, rng));
  else if (name == "densenet121")
    use(models::densenet121<float>({}, rng));
  else if (name == "vgg")
    use(SmallVgg(rng));
  else if (name == "dcgan")
    use(DcganGenerator(rng));
  else
    use(Mlp(rng));
}

/// How many numbers a model learns: equal to those of its peer, or the two are not the same network.
template <class Model>
nasion::Index parameter_count(const Model& model) {
  nasion::Index count = 0;
  for (const auto& parameter : nasion::nn::parameters(model)) count += parameter.size();
  return count;
}

inline nasion::Tensorf random_images(const Network& network, const std::string& order = "row_major") {
  nasion::Rng rng(2);
  const auto images =
      nasion::Tensorf::uniform({network.batch, network.channels, network.height, network.width}, rng, -0.5, 0.5);
  return order == "row_major" ? images : to_order(images, nasion::MemoryOrder::channels_last);
}

/// Forward, loss, backward and SGD, on the same images every time.
template <class Model>
class Training {
 public:
  Training(const Network& network, Model model, const std::string& order = "row_major")
      : network_(network),
        model_(std::move(model)),
        optimizer_(nasion::nn::parameters(model_), {.lr = 1e-4}),
        images_(random_images(network, order)) {
    using namespace nasion;
    Rng rng(3);
    if (network.maps)
      targets_ = models::heatmap_targets(Tensorf::uniform({network.batch, 2 * network.outputs}, rng), network.height,
                                         network.width, 0);
    else if (std::string(network.name) == "dcgan")
      targets_ = Tensorf::uniform({network.batch, network.outputs, 64, 64}, rng);
    else
      targets_ = Tensorf::uniform({network.batch, network.outputs}, rng);
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
