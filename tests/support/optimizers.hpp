#pragma once
// What is tested of every optimizer whose results PyTorch's are held against.

#include <memory>
#include <string>

#include "nasion/nn/module.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

namespace test {

/// 20 steps from the file's start, with its gradients, are those of the case `name`.
template <class Optimizer>
void check_steps(const std::string& name, const decltype(Optimizer::options)& options) {
  CAPTURE(name);
  const Golden golden("optimizers");
  const auto gradients = golden["gradients"];
  const auto p = golden["start"].clone().set_requires_grad();
  Optimizer optimizer({p}, options);
  for (Index i = 0; i < gradients.dim(0); ++i) {
    p.set_grad(squeeze(slice(gradients, 0, i, i + 1), 0).clone());
    optimizer.step();
    CHECK(max_difference(p.detach(), squeeze(slice(golden[name], 0, i, i + 1), 0)) < 1e-13);
  }
}

/// Six steps give the same when another optimizer goes on from the state after three; a parameter without a gradient
/// stays.
template <class Optimizer>
void check_state(const decltype(Optimizer::options)& options) {
  const auto run = [&](bool interrupted) {
    const auto p = Tensord::from({2}, {1, 2}).set_requires_grad(), q = Tensord::ones({1}).set_requires_grad();
    auto optimizer = std::make_unique<Optimizer>(std::vector{p, q}, options);
    for (int i = 0; i < 6; ++i) {
      if (interrupted && i == 3) {
        auto next = std::make_unique<Optimizer>(std::vector{p, q}, options);
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

/// A gradient in another memory order than the parameter's is the same gradient.
template <class Optimizer>
void check_orders() {
  const auto p = random({2, 3, 2, 2}).set_requires_grad(), q = p.detach().clone().set_requires_grad();
  const auto g = random({2, 3, 2, 2}, 5);
  Optimizer one({p}, {}), other({q}, {});
  p.set_grad(g);
  q.set_grad(to_order(g, MemoryOrder::channels_last));
  one.step();
  other.step();
  CHECK(identical(p.detach(), q.detach()));
}

}  // namespace test
