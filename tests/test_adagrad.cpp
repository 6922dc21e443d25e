#include "nasion/optim/adagrad.hpp"

#include <limits>

#include "support/optimizers.hpp"

using namespace nasion;
using test::check_orders, test::check_state, test::check_steps;

TEST_CASE("20 steps of Adagrad as in PyTorch") {
  check_steps<optim::Adagrad<double>>("adagrad", {});
  check_steps<optim::Adagrad<double>>(
      "adagrad_other",
      {.lr = 0.1, .lr_decay = 0.2, .weight_decay = 0.1, .initial_accumulator_value = 0.3, .eps = 1e-4});
}

TEST_CASE("Adagrad skips parameters without a gradient and goes on from a saved state") {
  check_state<optim::Adagrad<double>>({.lr = 0.1, .lr_decay = 0.1});
}

TEST_CASE("Adagrad takes gradients in another memory order") { check_orders<optim::Adagrad<double>>(); }

TEST_CASE("Adagrad refuses settings that make no sense") {
  const auto p = Tensord::ones({2}).set_requires_grad();
  CHECK_THROWS_WITH(optim::Adagrad<double>({p}, {.lr = -1}), ContainsSubstring("[Adagrad] lr -1"));
  CHECK_THROWS_AS(optim::Adagrad<double>({p}, {.eps = std::numeric_limits<double>::infinity()}), ValueError);
  CHECK_THROWS_AS(optim::Adagrad<double>({p}, {.lr_decay = -0.5}), ValueError);
  CHECK_THROWS_WITH(optim::Adagrad<double>({p, p}, {}),
                    ContainsSubstring("[Adagrad]") && ContainsSubstring("share memory"));
  optim::Adagrad<double> optimizer({p}, {});
  optimizer.options.lr = -1;
  p.set_grad(Tensord::ones({2}));
  CHECK_THROWS_AS(optimizer.step(), ValueError);
  CHECK(test::values(p) == std::vector<double>{1, 1});
}
