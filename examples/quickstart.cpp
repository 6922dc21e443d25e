// Define, train, save, load, predict: a network that finds the centre of a bright disc. Needs no files.

#include <iostream>
#include <nasion/io/safetensors.hpp>
#include <nasion/nasion.hpp>

using namespace nasion;

struct Discs {  // a dataset; the generator makes every sample its own
  Index size() const { return 512; }
  data::Example<float> get(Index, Rng& rng) const {
    const double x = rng.uniform(6, 26), y = rng.uniform(6, 26), radius = rng.uniform(2, 5);
    const auto image = Tensorf::normal({1, 32, 32}, rng, 0, 0.1);
    for (Index i = 0; i < 32 * 32; ++i)
      if (std::hypot(static_cast<double>(i % 32) - x, static_cast<double>(i / 32) - y) < radius)
        image.set({0, i / 32, i % 32}, 1);
    return {image, Tensorf::from({2}, {static_cast<float>(x / 32), static_cast<float>(y / 32)})};
  }
};

struct Net {
  nn::Conv2d<float> conv1, conv2;
  nn::Linear<float> fc;
  explicit Net(Rng& r)
      : conv1({.in = 1, .out = 8, .kernel = 5}, r),
        conv2({.in = 8, .out = 8, .kernel = 3}, r),
        fc({.in = 288, .out = 2}, r) {}
  Tensorf operator()(const Tensorf& images) const {
    const auto x = max_pool2d(relu(conv1(images)));
    return fc(flatten(max_pool2d(relu(conv2(x)))));
  }
  static void visit(auto& self, auto&& f) { f("conv1", self.conv1), f("conv2", self.conv2), f("fc", self.fc); }
};

int main() {
  Rng rng(0);
  Net net(rng);
  const Discs discs;
  optim::Adam<float> optimizer(nn::parameters(net), {.lr = 5e-3});
  auto loader = data::make_loader(discs, {.batch_size = 32, .shuffle = true});
  for (int epoch = 1; epoch <= 20; ++epoch) {
    float last = 0;
    for (const auto& batch : loader) {
      optimizer.zero_grad();
      const auto loss = mse_loss(net(batch.input), batch.target);
      loss.backward();
      optimizer.step();
      last = loss.item();
    }
    std::cout << "epoch " << epoch << ": loss " << last << "\n";
  }
  io::save("quickstart.safetensors", net);
  Net loaded(rng);
  io::load("quickstart.safetensors", loaded);
  const auto sample = discs.get(0, rng);
  const auto found = loaded(reshape(sample.input, {1, 1, 32, 32}));
  std::cout << "disc at " << sample.target.at({0}) << ", found at " << found.at({0, 0}) << " of the width\n";
}
