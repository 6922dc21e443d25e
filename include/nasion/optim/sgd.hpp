#pragma once
// Stochastic gradient descent, with the update order of PyTorch's torch.optim.SGD.

#include <cmath>

#include "nasion/nn/module.hpp"
#include "nasion/ops/shape.hpp"
#include "nasion/optim/pieces.hpp"

namespace nasion::optim {

/// Names of torch.optim.SGD. Neither lr, momentum nor weight_decay negative; Nesterov needs a momentum and no
/// dampening.
struct SgdOptions {
  double lr = 1e-3, momentum = 0, dampening = 0, weight_decay = 0;
  bool nesterov = false;
};

/// g = grad + weight_decay p;   v = momentum v + (1 - dampening) g  (v = g at first);
/// p -= lr (g + momentum v with Nesterov, v with momentum, otherwise g).   Parameters without a gradient stay. All
/// options may change between steps: v begins with the first step that has a momentum, and rests in those without.
template <Real T>
class SGD {
 public:
  using Scalar = T;
  SgdOptions options;

  /// ValueError for settings that are negative or not finite, for Nesterov without momentum or with dampening, or when
  /// a parameter is no leaf or given twice.
  SGD(std::vector<Tensor<T>> parameters, const SgdOptions& o) : options(o), parameters_(std::move(parameters)) {
    check_options();
    detail::check_parameters("SGD", parameters_);
    moved_.resize(parameters_.size(), 0);
    for (const auto& p : parameters_)
      velocity_.push_back(o.momentum > 0 ? Tensor<T>::zeros(p.shape(), p.order()) : Tensor<T>{});
  }

  /// What it was given.
  const std::vector<Tensor<T>>& parameters() const { return parameters_; }

  /// Forgets the gradients of all parameters.
  void zero_grad() const {
    for (const auto& p : parameters_) p.zero_grad();
  }

  /// One update of all parameters that have a gradient. Nothing of it is recorded. ValueError, and nothing is changed,
  /// when `options` has been given values that the constructor refuses.
  void step() {
    check_options();
    const nasion::detail::Timer timer("SGD", Pass::update);
    const NoGrad no_grad;
    std::vector<Update> updates;
    std::vector<Tensor<T>> reordered;  // gradients that lie in another order than their parameter
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const auto& p = parameters_[i];
      if (!p.grad().defined()) continue;
      auto grad = p.grad();
      if (grad.order() != p.order()) reordered.push_back(grad = to_order(grad, p.order()));
      const bool moves = options.momentum > 0, begins = moved_[i] == 0 || !velocity_[i].defined();
      if (moves) ++moved_[i];
      if (moves && !velocity_[i].defined()) velocity_[i] = Tensor<T>::zeros(p.shape(), p.order());
      nasion::detail::count_cost(0, (moves ? 5 : 3) * nasion::detail::bytes<T>(p.shape()));
      updates.push_back({grad.memory(), nasion::detail::writable(p),
                         moves ? nasion::detail::writable(velocity_[i]) : nullptr, p.size(),
                         begins ? T{1} : static_cast<T>(1 - options.dampening)});
    }
    detail::for_pieces(updates, [this](const Update& u, Index begin, Index end) {
      if (!u.velocity)
        descend(u, begin, end);
      else if (options.nesterov)
        descend_with_momentum<true>(u, begin, end);
      else
        descend_with_momentum<false>(u, begin, end);
    });
  }

  static void visit(auto& self, auto&& f) {
    for (std::size_t i = 0; i < self.parameters_.size(); ++i) {
      f.optional_buffer(message("velocity.", i), self.velocity_[i], self.parameters_[i]);
      f.counter(message("steps.", i), self.moved_[i]);
    }
  }

 private:
  struct Update {
    const T* grad;
    T *parameter, *velocity;
    Index size;
    T fresh;  // part of the gradient that goes into the velocity
  };

  void check_options() const {
    const auto& o = options;
    for (const double setting : {o.lr, o.momentum, o.weight_decay})
      check<ValueError>(setting >= 0 && std::isfinite(setting), "[SGD] lr ", o.lr, ", momentum ", o.momentum,
                        " and weight_decay ", o.weight_decay, " must be finite and not negative");
    check<ValueError>(std::isfinite(o.dampening), "[SGD] dampening ", o.dampening, " must be finite");
    check<ValueError>(!o.nesterov || (o.momentum > 0 && o.dampening == 0),
                      "[SGD] Nesterov needs a momentum and no dampening, got momentum ", o.momentum, " and dampening ",
                      o.dampening);
  }

  void descend(const Update& u, Index begin, Index end) const {
    const T lr = static_cast<T>(options.lr), decay = static_cast<T>(options.weight_decay);
    const T* g = u.grad;
    T* __restrict p = u.parameter;
    for (Index j = begin; j < end; ++j) p[j] -= lr * (g[j] + decay * p[j]);
  }
  template <bool nesterov>
  void descend_with_momentum(const Update& u, Index begin, Index end) const {
    const T lr = static_cast<T>(options.lr), decay = static_cast<T>(options.weight_decay);
    const T momentum = static_cast<T>(options.momentum), fresh = u.fresh;
    const T* g = u.grad;
    T* __restrict p = u.parameter, * __restrict v = u.velocity;
    for (Index j = begin; j < end; ++j) {
      const T d = g[j] + decay * p[j];
      v[j] = momentum * v[j] + fresh * d;
      p[j] -= lr * (nesterov ? d + momentum * v[j] : v[j]);
    }
  }

  std::vector<Tensor<T>> parameters_;
  std::vector<Tensor<T>> velocity_;  // undefined where there was no momentum yet
  std::vector<std::int64_t> moved_;  // steps with momentum made by each parameter
};

}  // namespace nasion::optim
