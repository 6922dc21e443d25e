#pragma once
// Adagrad (Duchi et al. 2011), with the update order of PyTorch's torch.optim.Adagrad.

#include <cmath>

#include "nasion/optim/pieces.hpp"

namespace nasion::optim {

/// Names and defaults of torch.optim.Adagrad. None negative.
struct AdagradOptions {
  double lr = 1e-2, lr_decay = 0, weight_decay = 0, initial_accumulator_value = 0, eps = 1e-10;
};

/// g = grad + weight_decay p;   s += g^2  (initial_accumulator_value at first);
/// p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps) in step t.   Parameters without a gradient stay.
template <Real T>
class Adagrad {
 public:
  using Scalar = T;
  AdagradOptions options;

  /// ValueError for settings that are negative or not finite, or a parameter that is no leaf or given twice.
  Adagrad(std::vector<Tensor<T>> parameters, const AdagradOptions& o) : options(o), parameters_(std::move(parameters)) {
    check_options();
    detail::check_parameters("Adagrad", parameters_);
    steps_.resize(parameters_.size(), 0);
    for (const auto& p : parameters_)
      sums_.push_back(Tensor<T>::full(p.shape(), static_cast<T>(o.initial_accumulator_value), p.order()));
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
    const nasion::detail::Timer timer("Adagrad", Pass::update);
    const T decay = static_cast<T>(options.weight_decay), eps = static_cast<T>(options.eps);
    detail::for_gradients(parameters_, [&](std::size_t i, const Tensor<T>& grad, const Tensor<T>& parameter) {
      const T lr = static_cast<T>(options.lr / (1 + static_cast<double>(steps_[i]++) * options.lr_decay));
      const T* g = grad.memory();
      T *p = nasion::detail::writable(parameter), *s = nasion::detail::writable(sums_[i]);
      parallel_for(parameter.size(), 16384, [=](Index begin, Index end) {
        for (Index j = begin; j < end; ++j) {
          const T d = g[j] + decay * p[j];
          s[j] += d * d;
          p[j] -= lr * d / (std::sqrt(s[j]) + eps);
        }
      });
    });
  }

  static void visit(auto& self, auto&& f) {
    for (std::size_t i = 0; i < self.parameters_.size(); ++i) {
      f.buffer(message("sum.", i), self.sums_[i]);
      f.counter(message("steps.", i), self.steps_[i]);
    }
  }

 private:
  void check_options() const {
    const auto& o = options;
    for (const double setting : {o.lr, o.lr_decay, o.weight_decay, o.initial_accumulator_value, o.eps})
      check<ValueError>(setting >= 0 && std::isfinite(setting), "[Adagrad] lr ", o.lr, ", lr_decay ", o.lr_decay,
                        ", weight_decay ", o.weight_decay, ", initial_accumulator_value ", o.initial_accumulator_value,
                        " and eps ", o.eps, " must be finite and not negative");
  }

  std::vector<Tensor<T>> parameters_, sums_;
  std::vector<std::int64_t> steps_;  // made by each parameter
};

}  // namespace nasion::optim
