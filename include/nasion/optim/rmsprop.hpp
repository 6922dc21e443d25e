#pragma once
// RMSprop (Hinton 2012; centred, Graves 2013), with the update order of PyTorch's torch.optim.RMSprop.

#include <cmath>

#include "nasion/optim/pieces.hpp"

namespace nasion::optim {

/// Names and defaults of torch.optim.RMSprop. None negative, alpha at most 1.
struct RmspropOptions {
  double lr = 1e-2, alpha = 0.99, eps = 1e-8, weight_decay = 0, momentum = 0;
  bool centered = false;  ///< divides by the deviation of gradients instead of their size
};

/// g = grad + weight_decay p;   v = alpha v + (1 - alpha) g^2;   centred: m = alpha m + (1 - alpha) g, s = v - m^2,
/// otherwise s = v;   b = momentum b + g / (sqrt(s) + eps);   p -= lr b.   Parameters without a gradient stay.
template <Real T>
class RMSprop {
 public:
  using Scalar = T;
  RmspropOptions options;

  /// ValueError for settings that are negative or not finite, an alpha above 1, or a parameter that is no leaf or given
  /// twice.
  RMSprop(std::vector<Tensor<T>> parameters, const RmspropOptions& o) : options(o), parameters_(std::move(parameters)) {
    check_options();
    detail::check_parameters("RMSprop", parameters_);
    for (const auto& p : parameters_)
      for (auto* state : {&squares_, &means_, &steps_}) state->push_back(Tensor<T>::zeros(p.shape(), p.order()));
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
    const nasion::detail::Timer timer("RMSprop", Pass::update);
    const auto number = [](double v) { return static_cast<T>(v); };
    const T lr = number(options.lr), alpha = number(options.alpha), fresh = number(1 - options.alpha);
    const T eps = number(options.eps), decay = number(options.weight_decay), momentum = number(options.momentum);
    const bool centered = options.centered;
    detail::for_gradients(parameters_, [&](std::size_t i, const Tensor<T>& grad, const Tensor<T>& parameter) {
      const auto state = [i](const std::vector<Tensor<T>>& all) { return nasion::detail::writable(all[i]); };
      const T* g = grad.memory();
      T *p = nasion::detail::writable(parameter), *v = state(squares_), *m = state(means_), *b = state(steps_);
      parallel_for(parameter.size(), 16384, [=](Index begin, Index end) {
        for (Index j = begin; j < end; ++j) {
          const T d = g[j] + decay * p[j];
          v[j] = alpha * v[j] + fresh * d * d;
          if (centered) m[j] += fresh * (d - m[j]);
          b[j] = momentum * b[j] + d / (std::sqrt(centered ? v[j] - m[j] * m[j] : v[j]) + eps);
          p[j] -= lr * b[j];
        }
      });
    });
  }

  static void visit(auto& self, auto&& f) {
    for (std::size_t i = 0; i < self.parameters_.size(); ++i) {
      f.buffer(message("square.", i), self.squares_[i]);
      f.buffer(message("mean.", i), self.means_[i]);
      f.buffer(message("step.", i), self.steps_[i]);
    }
  }

 private:
  void check_options() const {
    const auto& o = options;
    for (const double setting : {o.lr, o.alpha, o.eps, o.weight_decay, o.momentum})
      check<ValueError>(setting >= 0 && std::isfinite(setting), "[RMSprop] lr ", o.lr, ", alpha ", o.alpha, ", eps ",
                        o.eps, ", weight_decay ", o.weight_decay, " and momentum ", o.momentum,
                        " must be finite and not negative");
    check<ValueError>(o.alpha <= 1, "[RMSprop] alpha ", o.alpha, " must be at most 1");
  }

  std::vector<Tensor<T>> parameters_, squares_, means_, steps_;
};

}  // namespace nasion::optim
