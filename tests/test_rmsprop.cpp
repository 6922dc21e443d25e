#include "nasion/optim/rmsprop.hpp"

#include <limits>

#include "support/optimizers.hpp"

using namespace nasion;
using test::check_orders, test::check_state, test::check_steps;

TEST_CASE("20 steps of RMSprop as in PyTorch") {
  check_steps<optim::RMSprop<double>>("rmsprop", {});
  check_steps<optim::RMSprop<double>>("rmsprop_momentum",
                                      {.lr = 0.02, .alpha = 0.9, .eps = 1e-4, .weight_decay = 0.1, .momentum = 0.8});
  check_steps<optim::RMSprop<double>>("rmsprop_centered",
                                      {.lr = 0.02, .alpha = 0.9, .eps = 1e-3, .momentum = 0.5, .centered = true});
}

TEST_CASE("RMSprop skips parameters without a gradient and goes on from a saved state") {
  check_state<optim::RMSprop<double>>({.lr = 0.1, .momentum = 0.5, .centered = true});
}

TEST_CASE("RMSprop takes gradients in another memory order") { check_orders<optim::RMSprop<double>>(); }

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
  CHECK(test::values(p) == std::vector<double>{1, 1});
}
