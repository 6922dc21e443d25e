#include "nasion/optim/parameter_groups.hpp"

#include "nasion/optim/adam.hpp"
#include "nasion/optim/sgd.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using Groups = optim::ParameterGroups<optim::SGD<double>>;

TEST_CASE("Groups of parameters learn at rates of their own") {
  const auto p = Tensord::ones({2}).set_requires_grad(), q = Tensord::ones({3}).set_requires_grad();
  Groups groups({{{p}, {.lr = 0.5}}, {{q}, {.lr = 0.125, .weight_decay = 1}}});
  const auto step = [&] {
    p.set_grad(Tensord::ones({2}));
    q.set_grad(Tensord::ones({3}));
    groups.step();
  };
  step();
  CHECK(p.at({0}) == 0.5);
  CHECK(q.at({0}) == 0.75);  // 1 - 0.125 (1 + 1)
  groups.options.lr = 0.25;  // half, for all
  step();
  CHECK(p.at({1}) == 0.25);
  CHECK(q.at({2}) == 0.75 - 0.0625 * 1.75);
  groups.zero_grad();
  CHECK_FALSE(p.grad().defined());
  CHECK_FALSE(q.grad().defined());
}

TEST_CASE("Groups of parameters go on from a saved state") {
  using Adams = optim::ParameterGroups<optim::AdamW<double>>;
  const auto run = [](bool interrupted) {
    const auto p = Tensord::ones({2}).set_requires_grad(), q = Tensord::ones({3}).set_requires_grad();
    const auto make = [&] {
      return std::make_unique<Adams>(std::vector<optim::AdamW<double>>{{{p}, {}}, {{q}, {.lr = 1}}});
    };
    auto groups = make();
    for (int i = 0; i < 6; ++i) {
      if (interrupted && i == 3) {
        auto next = make();
        nn::load_state_dict(*next, nn::state_dict(*groups));
        groups = std::move(next);
      }
      p.set_grad(Tensord::full({2}, i));
      q.set_grad(Tensord::full({3}, i));
      groups->step();
    }
    return std::pair{test::values(p), test::values(q)};
  };
  CHECK(run(true) == run(false));
}

TEST_CASE("Groups of parameters that make no sense") {
  const auto p = Tensord::ones({2}).set_requires_grad(), q = Tensord::ones({2}).set_requires_grad();
  CHECK_THROWS_WITH(Groups(std::vector<optim::SGD<double>>{}),
                    ContainsSubstring("[ParameterGroups] needs at least one"));
  CHECK_THROWS_WITH(Groups({{{p}, {.lr = 0}}, {{q}, {.lr = 1}}}), ContainsSubstring("must be positive"));
  CHECK_THROWS_WITH(Groups({{{p}, {.lr = 1}}, {{q, p}, {.lr = 1}}}), ContainsSubstring("share memory"));
}
