// What a stranger's first program does: trains a tiny convolutional network, here to the brightness of noise pictures.
#include <iostream>
#include <nasion/nasion.hpp>

int main() {
  nasion::Rng rng(1);
  nasion::nn::Sequential<float> model(nasion::nn::Conv2d<float>({.in = 1, .out = 4, .kernel = 3}, rng),
                                      nasion::nn::ReLU<float>{}, nasion::nn::AdaptiveAvgPool2d<float>{2},
                                      nasion::nn::Flatten<float>{},
                                      nasion::nn::Linear<float>({.in = 16, .out = 1}, rng));
  nasion::optim::SGD<float> optimizer(nasion::nn::parameters(model), {.lr = 0.1});
  const auto images = nasion::Tensor<float>::uniform({8, 1, 12, 12}, rng);
  const auto targets = nasion::reshape(nasion::mean(images, {1, 2, 3}), {8, 1});
  float first = 0, last = 0;
  for (int step = 0; step < 100; ++step) {
    optimizer.zero_grad();
    const auto loss = nasion::mse_loss(model(images), targets);
    loss.backward();
    optimizer.step();
    last = loss.item();
    if (step == 0) first = last;
  }
  std::cout << "loss " << first << " -> " << last << '\n';
  return last < 0.1F * first ? 0 : 1;
}
