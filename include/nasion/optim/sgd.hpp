#pragma once
// Stochastic gradient descent, with the update order of PyTorch's torch.optim.SGD.

#include "nasion/nn/module.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion::optim {

struct SgdOptions {
  double lr = 1e-3, momentum = 0, dampening = 0, weight_decay = 0;
  bool nesterov = false;
};

/// g = grad + weight_decay p;   v = momentum v + (1 - dampening) g  (v = g at the first step);
/// p -= lr (g + momentum v with Nesterov, v with momentum, otherwise g).   Parameters without a gradient stay.
template <std::floating_point T>
class SGD {
 public:
  using Scalar = T;
  SgdOptions options;

  /// ValueError for negative settings, for Nesterov without momentum or with dampening, or when a parameter is no leaf.
  SGD(std::vector<Tensor<T>> parameters, const SgdOptions& o) : options(o), parameters_(std::move(parameters)) {
    check<ValueError>(o.lr >= 0 && o.momentum >= 0 && o.weight_decay >= 0, "[SGD] lr ", o.lr, ", momentum ", o.momentum,
                      " and weight_decay ", o.weight_decay, " must not be negative");
    check<ValueError>(!o.nesterov || (o.momentum > 0 && o.dampening == 0),
                      "[SGD] Nesterov needs a momentum and no dampening, got momentum ", o.momentum, " and dampening ",
                      o.dampening);
    moved_.resize(parameters_.size(), 0);
    for (const auto& p : parameters_) {
      check<ValueError>(p.is_leaf(), "[SGD] parameter ", p.shape(), " is the result of an operation, not a leaf");
      velocity_.push_back(o.momentum > 0 ? Tensor<T>::zeros(p.shape(), p.order()) : Tensor<T>{});
    }
  }

  void zero_grad() const {
    for (const auto& p : parameters_) p.zero_grad();
  }

  void step() {
    const nasion::detail::Timer timer("SGD", Pass::update);
    const NoGrad no_grad;
    const T lr = static_cast<T>(options.lr), momentum = static_cast<T>(options.momentum);
    const T decay = static_cast<T>(options.weight_decay);
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const auto& p = parameters_[i];
      if (!p.grad().defined()) continue;
      const auto grad = to_order(p.grad(), p.order());
      const T* g = grad.data();
      T* to = p.mutable_data();
      T* v = velocity_[i].defined() ? velocity_[i].mutable_data() : nullptr;
      nasion::detail::count_cost(0, (v ? 5 : 3) * nasion::detail::bytes<T>(p.shape()));
      const T fresh = moved_[i]++ == 0 ? T{1} : static_cast<T>(1 - options.dampening);
      parallel_for(p.size(), 16384, [&](Index begin, Index end) {
        for (Index j = begin; j < end; ++j) {
          T d = g[j] + decay * to[j];
          if (v) {
            v[j] = momentum * v[j] + fresh * d;
            d = options.nesterov ? d + momentum * v[j] : v[j];
          }
          to[j] -= lr * d;
        }
      });
    }
  }

  static void visit(auto& self, auto&& f) {
    for (std::size_t i = 0; i < self.parameters_.size(); ++i) {
      f.buffer(message("velocity.", i), self.velocity_[i]);
      f.counter(message("steps.", i), self.moved_[i]);
    }
  }

 private:
  std::vector<Tensor<T>> parameters_, velocity_;
  std::vector<std::int64_t> moved_;  // steps made by each parameter
};

}  // namespace nasion::optim
