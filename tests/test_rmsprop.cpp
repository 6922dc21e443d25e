#include "nasion/optim/rmsprop.hpp"

#include <limits>

#include "nasion/nn/module.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::values;

TEST_CASE("20 steps of RMSprop as in PyTorch") {
  const test::Golden golden("optimizers");
  const auto gradients = golden["gradients"];
  const std::pair<const char*, optim::RmspropOptions> cases[] = {
      {"rmsprop", {}},
      {"rmsprop_momentum", {.lr = 0.02, .alpha = 0.9, .eps = 1e-4, .weight_decay = 0.1, .momentum = 0.8}},
      {"rmsprop_centered", {.lr = 0.02, .alpha = 0.9, .eps = 1e-3, .momentum = 0.5, .centered = true}}};
  for (const auto& [name, options] : cases) {
    const auto p = golden["start"].clone().set_requires_grad();
    optim::RMSprop<double> optimizer({p}, options);
    for (Index i = 0; i < gradients.dim(0); ++i) {
      p.set_grad(squeeze(slice(gradients, 0, i, i + 1), 0).clone());
      optimizer.step();
      CHECK(test::max_difference(p.detach(), squeeze(slice(golden[name], 0, i, i + 1), 0)) < 1e-13);
    }
  }
}

TEST_CASE("RMSprop skips parameters without a gradient and goes on from a saved state") {
  const auto run = [](bool interrupted) {
    const auto p = Tensord::from({2}, {1, 2}).set_requires_grad(), q = Tensord::ones({1}).set_requires_grad();
    auto optimizer = std::make_unique<optim::RMSprop<double>>(
        std::vector{p, q}, optim::RmspropOptions{.lr = 0.1, .momentum = 0.5, .centered = true});
    for (int i = 0; i < 6; ++i) {
      if (interrupted && i == 3) {
        auto next = std::make_unique<optim::RMSprop<double>>(
            std::vector{p, q}, optim::RmspropOptions{.lr = 0.1, .momentum = 0.5, .centered = true});
        nn::load_state_dict(*next, nn::state_dict(*optimizer));
        optimizer = std::move(next);
      }
      p.set_grad(Tensord::full({2}, i + 1));
      optimizer->step();
    }
    optimizer->zero_grad();
    CHECK_FALSE(p.grad().defined());
    return std::pair{values(p), q.item()};
  };
  CHECK(run(true) == run(false));
  CHECK(run(false).second == 1);
}

TEST_CASE("RMSprop takes gradients in another memory order") {
  const auto p = test::random({2, 3, 2, 2}).set_requires_grad(), q = p.detach().clone().set_requires_grad();
  const auto g = test::random({2, 3, 2, 2}, 5);
  optim::RMSprop<double> one({p}, {}), other({q}, {});
  p.set_grad(g);
  q.set_grad(to_order(g, MemoryOrder::channels_last));
  one.step();
  other.step();
  CHECK(test::identical(p.detach(), q.detach()));
}

TEST_CASE("RMSprop refuses settings that make no sense") {
  const auto p = Tensord::ones({2}).set_requires_grad();
  CHECK_THROWS_WITH(optim::RMSprop<double>({p}, {.lr = -1}), ContainsSubstring("[RMSprop] lr -1"));
  CHECK_THROWS_AS(optim::RMSprop<double>({p}, {.eps = std::numeric_limits<double>::infinity()}), ValueError);
  CHECK_THROWS_AS(optim::RMSprop<double>({p}, {.alpha = 1.5}), ValueError);
  CHECK_THROWS_WITH(optim::RMSprop<double>({p, p}, {}),
                    ContainsSubstring("[RMSprop]") && ContainsSubstring("share memory"));
  optim::RMSprop<double> optimizer({p}, {});
  optimizer.options.lr = -1;
  p.set_grad(Tensord::ones({2}));
  CHECK_THROWS_AS(optimizer.step(), ValueError);
  CHECK(values(p) == std::vector<double>{1, 1});
}
