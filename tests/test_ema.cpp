#include "nasion/optim/ema.hpp"

#include "nasion/io/checkpoint.hpp"
#include "nasion/nn/functions.hpp"
#include "nasion/nn/layers.hpp"
#include "nasion/nn/sequential.hpp"
#include "nasion/ops/loss.hpp"
#include "nasion/optim/adam.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
using test::values;

namespace {

/// A module with everything a module can have: shared parameters, a buffer, a counter, a train / eval switch.
struct Net {
  Tensord weight = Tensord::from({2}, {1, 2}).set_requires_grad(), tied = weight;
  Tensord mean = Tensord::zeros({1});
  std::int64_t batches = 0;
  bool is_training = true;

  Tensord operator()(const Tensord& x) const { return x * weight; }
  static void visit(auto& self, auto&& f) {
    f("weight", self.weight);
    f("tied", self.tied);
    f.buffer("mean", self.mean);
    f.counter("batches", self.batches);
    f.training(self.is_training);
  }
};

}  // namespace

TEST_CASE("The average follows the weights; buffers and counters are copies") {
  Net net;
  optim::Ema<Net> ema(net, {.decay = 0.9, .warm_up = false});
  CHECK_FALSE(ema.model().is_training);
  CHECK_FALSE(ema.model().weight.requires_grad());
  net.weight.detach().copy_from(Tensord::from({2}, {3, -2}));
  net.mean.fill(7);
  net.batches = 5;
  ema.update(net);
  CHECK(ema.model().weight.at({0}) == Approx(0.9 * 1 + 0.1 * 3));
  CHECK(ema.model().weight.at({1}) == Approx(0.9 * 2 - 0.1 * 2));
  CHECK(ema.model().tied.same_as(ema.model().weight));  // and was averaged once
  CHECK(ema.model().mean.item() == 7);
  CHECK(ema.model().batches == 5);
  ema.update(net);
  CHECK(ema.model().weight.at({0}) == Approx(0.9 * 1.2 + 0.1 * 3));
  CHECK(values(net.weight) == std::vector<double>{3, -2});
  CHECK(net.is_training);
}

TEST_CASE("The decay warms up") {
  Net net;
  optim::Ema<Net> ema(net, {.decay = 0.2});
  net.weight.detach().copy_from(Tensord::from({2}, {3, 3}));
  double average = 1;
  for (const double decay : {1 / 10., 2 / 11., 0.2, 0.2}) {
    ema.update(net);
    average = decay * average + (1 - decay) * 3;
    CHECK(ema.model().weight.at({0}) == Approx(average));
  }
}

namespace {

using Sequence = nn::Sequential<float>;

Sequence network() {
  Rng rng(1);
  return Sequence(nn::Conv2d<float>({.in = 1, .out = 3, .kernel = 3}, rng), nn::ReLU<float>{}, nn::Flatten<float>{},
                  nn::Dropout<float>(0.3, rng), nn::Linear<float>({.in = 27, .out = 2}, rng));
}

/// All that a run has: what is trained and its average.
struct Averaged {
  using Scalar = float;
  Sequence net = network();
  optim::Ema<Sequence> ema;
  Averaged() : ema(net, {.decay = 0.9}) {}
  static void visit(auto& self, auto&& f) {
    f("net", self.net);
    f("ema", self.ema);
  }
};

void train(Averaged& run, optim::Adam<float>& optimizer, std::uint64_t first, std::uint64_t last) {
  for (auto i = first; i < last; ++i) {
    Rng rng = Rng(17).split(i);
    const auto x = Tensorf::normal({4, 1, 5, 5}, rng), y = Tensorf::normal({4, 2}, rng);
    optimizer.zero_grad();
    mse_loss(run.net(x), y).backward();
    optimizer.step();
    run.ema.update(run.net);
  }
}

}  // namespace

TEST_CASE("A run with an average that stops and goes on ends with the same bits") {
  test::TemporaryFolder folder;
  const auto make_optimizer = [](const Averaged& run) { return optim::Adam<float>(nn::parameters(run.net), {}); };
  Averaged whole;
  auto optimizer = make_optimizer(whole);
  train(whole, optimizer, 0, 3);
  io::save_checkpoint(folder / "run", whole, optimizer);
  train(whole, optimizer, 3, 6);

  Averaged resumed;
  auto its_optimizer = make_optimizer(resumed);
  train(resumed, its_optimizer, 50, 51);
  io::load_checkpoint(folder / "run", resumed, its_optimizer);
  train(resumed, its_optimizer, 3, 6);
  io::save_checkpoint(folder / "resumed", resumed, its_optimizer);
  io::save_checkpoint(folder / "whole", whole, optimizer);
  CHECK(test::read_text(folder / "resumed") == test::read_text(folder / "whole"));
}

TEST_CASE("Ema refuses a decay outside [0, 1] and another model") {
  const auto net = network();
  CHECK_THROWS_WITH(optim::Ema<Sequence>(net, {.decay = 1.5}), ContainsSubstring("[Ema] decay must be in [0, 1]"));
  optim::Ema<Sequence> ema(net);
  Rng rng(1);
  CHECK_THROWS_WITH(ema.update(Sequence(nn::Linear<float>({.in = 2, .out = 2}, rng))), ContainsSubstring("[Ema]"));
}
