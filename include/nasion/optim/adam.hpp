#pragma once
// Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019), with the update order of PyTorch's torch.optim.

#include <cmath>

#include "nasion/core/sqrt.hpp"
#include "nasion/nn/module.hpp"
#include "nasion/ops/shape.hpp"
#include "nasion/optim/pieces.hpp"

namespace nasion::optim {

/// Names and defaults of torch.optim.Adam, whose betas are one by one here. None negative, betas below 1.
struct AdamOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  bool decoupled = false;  ///< decay acts on the parameter itself instead of its gradient, as in AdamW
};

/// g = grad + weight_decay p  (decoupled: g = grad and p -= lr weight_decay p);   m = beta1 m + (1 - beta1) g;   v =
/// beta2 v + (1 - beta2) g^2; p -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps).   Parameters without a
/// gradient stay.
template <Real T>
class Adam {
 public:
  using Scalar = T;
  AdamOptions options;

  /// ValueError for settings that are negative or not finite, a beta outside [0, 1), or a parameter that is no leaf or
  /// given twice.
  Adam(std::vector<Tensor<T>> parameters, const AdamOptions& o) : options(o), parameters_(std::move(parameters)) {
    check_options();
    detail::check_parameters(name(), parameters_);
    steps_.resize(parameters_.size(), 0);
    for (const auto& p : parameters_) {
      first_.push_back(Tensor<T>::zeros(p.shape(), p.order()));
      second_.push_back(Tensor<T>::zeros(p.shape(), p.order()));
    }
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
    const nasion::detail::Timer timer(name(), Pass::update);
    const NoGrad no_grad;
    std::vector<Update> updates;
    std::vector<Tensor<T>> reordered;  // gradients that lie in another order than their parameter
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const auto& p = parameters_[i];
      if (!p.grad().defined()) continue;
      auto grad = p.grad();
      if (grad.order() != p.order()) reordered.push_back(grad = to_order(grad, p.order()));
      nasion::detail::count_cost(0, 7 * nasion::detail::bytes<T>(p.shape()));
      const auto t = static_cast<double>(++steps_[i]);
      updates.push_back({grad.memory(), nasion::detail::writable(p), nasion::detail::writable(first_[i]),
                         nasion::detail::writable(second_[i]), p.size(),
                         static_cast<T>(options.lr / (1 - std::pow(options.beta1, t))),
                         static_cast<T>(std::sqrt(1 - std::pow(options.beta2, t)))});
    }
    const Factors factors(options);
    detail::for_pieces(updates, [&](const Update& u, Index begin, Index end) {
      constexpr Index lanes = simd::lanes<T>;
      Index j = begin;
      for (; j + lanes <= end; j += lanes) update<lanes>(u, factors, j);
      for (; j < end; ++j) update<1>(u, factors, j);
    });
  }

  static void visit(auto& self, auto&& f) {
    for (std::size_t i = 0; i < self.parameters_.size(); ++i) {
      f.buffer(message("first.", i), self.first_[i]);
      f.buffer(message("second.", i), self.second_[i]);
      f.counter(message("steps.", i), self.steps_[i]);
    }
  }

 private:
  struct Update {
    const T* grad;
    T *parameter, *first, *second;
    Index size;
    T rate, root;
  };
  struct Factors {
    T beta1, beta2, new1, new2, eps, decay, keep;
    explicit Factors(const AdamOptions& o)
        : beta1(static_cast<T>(o.beta1)),
          beta2(static_cast<T>(o.beta2)),
          new1(static_cast<T>(1 - o.beta1)),
          new2(static_cast<T>(1 - o.beta2)),
          eps(static_cast<T>(o.eps)),
          decay(static_cast<T>(o.decoupled ? 0 : o.weight_decay)),
          keep(static_cast<T>(o.decoupled ? 1 - o.lr * o.weight_decay : 1)) {}
  };

  const char* name() const { return options.decoupled ? "AdamW" : "Adam"; }

  void check_options() const {
    const auto& o = options;
    for (const double setting : {o.lr, o.eps, o.weight_decay})
      check<ValueError>(setting >= 0 && std::isfinite(setting), "[", name(), "] lr ", o.lr, ", eps ", o.eps,
                        " and weight_decay ", o.weight_decay, " must be finite and not negative");
    for (const double beta : {o.beta1, o.beta2})
      check<ValueError>(beta >= 0 && beta < 1, "[", name(), "] beta1 ", o.beta1, " and beta2 ", o.beta2,
                        " must be in [0, 1)");
  }

  /// Elements j .. j + width-1.
  template <Index width>
  static void update(const Update& u, const Factors& f, Index j) {
    using V = simd::Lanes<T, width>;
    const V g = simd::load<width>(u.grad + j);
    V p = simd::load<width>(u.parameter + j), m = simd::load<width>(u.first + j), v = simd::load<width>(u.second + j);
    const V d = g + f.decay * p;
    m = f.beta1 * m + f.new1 * d;
    v = f.beta2 * v + f.new2 * d * d;
    p = f.keep * p - u.rate * m / (simd::sqrt(v) / u.root + f.eps);
    simd::store<width>(u.parameter + j, p);
    simd::store<width>(u.first + j, m);
    simd::store<width>(u.second + j, v);
  }

  std::vector<Tensor<T>> parameters_, first_, second_;
  std::vector<std::int64_t> steps_;  // made by each parameter
};

/// Names and defaults of torch.optim.AdamW.
struct AdamWOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 1e-2;
};

/// Adam whose weight decay is decoupled: it shrinks every parameter alike, however large its gradients were.
template <Real T>
class AdamW : public Adam<T> {
 public:
  /// Errors as for Adam.
  AdamW(std::vector<Tensor<T>> parameters, const AdamWOptions& o)
      : Adam<T>(std::move(parameters), {.lr = o.lr,
                                        .beta1 = o.beta1,
                                        .beta2 = o.beta2,
                                        .eps = o.eps,
                                        .weight_decay = o.weight_decay,
                                        .decoupled = true}) {}
};

}  // namespace nasion::optim
