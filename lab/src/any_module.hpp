#pragma once
// Networks and optimizers without their types, so that what trains them is compiled once, not for each of them.

#include <functional>
#include <memory>
#include <utility>

#include "nasion/core/tensor.hpp"
#include "nasion/nn/module.hpp"

namespace lab {

/// A module by what can be asked of it: its parts and, of a network, its answers.
struct AnyModule {
  using Scalar = float;
  std::function<void(nasion::nn::Visitor<float>&)> parts;
  std::function<nasion::Tensorf(const nasion::Tensorf&)> answer = {};

  nasion::Tensorf operator()(const nasion::Tensorf& x) const { return answer(x); }
  static void visit(auto& self, nasion::nn::Visitor<float>& f) { self.parts(f); }
};

/// A handle on `module`, which must outlive it.
template <class Module>
AnyModule any_module(Module& module) {
  AnyModule any{[&module](nasion::nn::Visitor<float>& f) { Module::visit(module, f); }};
  if constexpr (requires(nasion::Tensorf x) { module(x); })
    any.answer = [&module](const nasion::Tensorf& x) -> nasion::Tensorf { return module(x); };
  return any;
}

/// An optimizer of any kind, as training::fit uses it.
class AnyOptimizer {
 public:
  using Scalar = float;
  struct {
    double lr;
  } options;

  template <class Optimizer>
  explicit AnyOptimizer(Optimizer optimizer) : options{optimizer.options.lr} {
    const auto own = std::make_shared<Optimizer>(std::move(optimizer));
    parts_ = [own](nasion::nn::Visitor<float>& f) { Optimizer::visit(*own, f); };
    step_ = [own](double lr) {
      own->options.lr = lr;
      own->step();
    };
  }

  void step() { step_(options.lr); }
  static void visit(auto& self, nasion::nn::Visitor<float>& f) { self.parts_(f); }

 private:
  std::function<void(nasion::nn::Visitor<float>&)> parts_;
  std::function<void(double)> step_;
};

}  // namespace lab
