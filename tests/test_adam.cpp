#include "nasion/optim/adam.hpp"

#include <cmath>
#include <limits>

#include "nasion/models/keypoint_cnn.hpp"
#include "nasion/ops/loss.hpp"
#include "nasion/optim/sgd.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using test::values;

TEST_CASE("The first step of Adam is the learning rate, whatever the gradient's size") {
  for (const double g : {1e-3, 1., 1e3}) {
    const auto p = Tensord::from({2}, {1, 1}).set_requires_grad();
    optim::Adam<double> adam({p}, {.lr = 0.1});
    p.set_grad(Tensord::from({2}, {g, -g}));
    adam.step();
    CHECK(p.at({0}) == Approx(0.9).epsilon(1e-5));
    CHECK(p.at({1}) == Approx(1.1).epsilon(1e-5));
  }
}

TEST_CASE("Adam by its formulas") {
  const double lr = 0.1, b1 = 0.8, b2 = 0.9, eps = 1e-3, decay = 0.05;
  const auto p = Tensord::from({1}, {2}).set_requires_grad();
  optim::Adam<double> adam({p}, {.lr = lr, .beta1 = b1, .beta2 = b2, .eps = eps, .weight_decay = decay});
  double x = 2, m = 0, v = 0;
  for (int t = 1; t <= 10; ++t) {
    const double grad = std::sin(t), g = grad + decay * x;
    m = b1 * m + (1 - b1) * g;
    v = b2 * v + (1 - b2) * g * g;
    x -= lr * (m / (1 - std::pow(b1, t))) / (std::sqrt(v / (1 - std::pow(b2, t))) + eps);
    p.set_grad(Tensord::full({1}, grad));
    adam.step();
    CHECK(p.item() == Approx(x).epsilon(1e-12));
  }
}

TEST_CASE("AdamW by its formulas: the decay does not pass through the moments") {
  const double lr = 0.1, b1 = 0.8, b2 = 0.9, eps = 1e-3, decay = 0.05;
  const auto p = Tensord::from({1}, {2}).set_requires_grad();
  optim::AdamW<double> adam({p}, {.lr = lr, .beta1 = b1, .beta2 = b2, .eps = eps, .weight_decay = decay});
  double x = 2, m = 0, v = 0;
  for (int t = 1; t <= 10; ++t) {
    const double g = std::sin(t);
    m = b1 * m + (1 - b1) * g;
    v = b2 * v + (1 - b2) * g * g;
    x -= lr * decay * x;
    x -= lr * (m / (1 - std::pow(b1, t))) / (std::sqrt(v / (1 - std::pow(b2, t))) + eps);
    p.set_grad(Tensord::full({1}, g));
    adam.step();
    CHECK(p.item() == Approx(x).epsilon(1e-12));
  }
  CHECK(optim::AdamW<double>({p}, {}).options.weight_decay == 1e-2);
  CHECK(nn::state_dict(adam).tensors.size() == 2);  // its state is Adam's
  CHECK_THROWS_AS(optim::AdamW<double>({p}, {.lr = -1}), ValueError);
}

TEST_CASE("Adam skips parameters without a gradient and goes on from a saved state") {
  const auto run = [](bool interrupted) {
    const auto p = Tensord::from({2}, {1, 2}).set_requires_grad(), q = Tensord::ones({1}).set_requires_grad();
    auto adam = std::make_unique<optim::Adam<double>>(std::vector{p, q}, optim::AdamOptions{.lr = 0.1});
    for (int i = 0; i < 6; ++i) {
      if (interrupted && i == 3) {
        auto next = std::make_unique<optim::Adam<double>>(std::vector{p, q}, optim::AdamOptions{.lr = 0.1});
        nn::load_state_dict(*next, nn::state_dict(*adam));
        adam = std::move(next);
      }
      p.set_grad(Tensord::full({2}, i + 1));
      if (i == 5) q.set_grad(Tensord::ones({1}));
      adam->step();
    }
    return std::pair{values(p), q.item()};
  };
  CHECK(run(true) == run(false));
  CHECK(run(false).second == Approx(0.9));  // its own first step
}

TEST_CASE("Adam refuses settings that make no sense") {
  const auto p = Tensord::ones({1}).set_requires_grad();
  const auto make = [&](const optim::AdamOptions& options) { return optim::Adam<double>({p}, options); };
  CHECK_THROWS_WITH(make({.lr = -1}), ContainsSubstring("[Adam] lr -1"));
  CHECK_THROWS_AS(make({.beta1 = 1}), ValueError);
  CHECK_THROWS_AS(make({.beta2 = -0.1}), ValueError);
  CHECK_THROWS_AS(make({.eps = -1}), ValueError);
  CHECK_THROWS_WITH(optim::Adam<double>({p * 2}, {}), ContainsSubstring("[Adam] parameter [1]"));
  CHECK_THROWS_AS(make({.weight_decay = std::nan("")}), ValueError);
  CHECK_THROWS_AS(make({.lr = std::numeric_limits<double>::infinity()}), ValueError);

  // Nor when they are set later.
  optim::AdamW<double> adam({p}, {});
  p.set_grad(Tensord::ones({1}));
  adam.options.beta1 = 1;
  CHECK_THROWS_WITH(adam.step(), ContainsSubstring("[AdamW] beta1 1 and"));
  adam.options.beta1 = 0.9;
  adam.options.lr = -1;
  CHECK_THROWS_WITH(adam.step(), ContainsSubstring("[AdamW] lr -1"));
  CHECK(p.item() == 1);
}

namespace {

/// Parameters after a few steps of training from a fixed start, on images of noise.
template <class Optimizer, class Options>
std::vector<Tensorf> train(MemoryOrder order, const Options& options) {
  Rng rng(5);
  const models::KeypointCnn<float> net({.blocks = {{6, 3, 9}, {8, 5, 12}}, .hidden = 16, .outputs = 4}, rng);
  Optimizer optimizer(nn::parameters(net), options);
  for (int step = 0; step < 4; ++step) {
    const auto images = to_order(Tensorf::normal({9, 1, 24, 20}, rng), order), points = Tensorf::uniform({9, 4}, rng);
    optimizer.zero_grad();
    mse_loss(net(images), points).backward();
    optimizer.step();
  }
  return nn::parameters(net);
}

bool all_identical(const std::vector<Tensorf>& a, const std::vector<Tensorf>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& p, const auto& q) { return test::identical(p, q); });
}

}  // namespace

TEST_CASE("Training ends with the same bits for any number of threads") {
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
    CHECK(test::same_for_all_thread_counts(
        [&] { return train<optim::SGD<float>>(order, optim::SgdOptions{.lr = 0.05, .momentum = 0.9}); },
        all_identical));
    CHECK(test::same_for_all_thread_counts(
        [&] { return train<optim::Adam<float>>(order, optim::AdamOptions{.lr = 0.01}); }, all_identical));
  }
}

TEST_CASE("AdamW follows options that change between steps, as PyTorch does") {
  // torch: p = torch.ones(1, dtype=torch.float64, requires_grad=True); adam = torch.optim.AdamW([p], lr=0.1); 5 times:
  //   adam.param_groups[0].update(..) before step i; adam.zero_grad(); (p * p * (i + 1)).sum().backward(); adam.step()
  const auto run = [](auto&& change) {
    const auto p = Tensord::ones({1}).set_requires_grad();
    optim::AdamW<double> adam({p}, {.lr = 0.1});
    for (int i = 0; i < 5; ++i) {
      change(i, adam.options);
      adam.zero_grad();
      sum(p * p * (i + 1)).backward();
      adam.step();
    }
    return p.item();
  };
  CHECK(run([](int i, optim::AdamOptions& o) {
          o.beta1 = i < 2 ? 0.9 : 0.5;
          o.beta2 = i < 2 ? 0.999 : 0.9;
        }) == Approx(0.4653866984308297).epsilon(1e-12));
  CHECK(run([](int i, optim::AdamOptions& o) {
          o.weight_decay = i > 1 ? 0.5 : 0;
          o.eps = i < 3 ? 1e-8 : 0.1;
          o.lr = 0.1 / (i + 1);
        }) == Approx(0.7437793165000456).epsilon(1e-12));
}
