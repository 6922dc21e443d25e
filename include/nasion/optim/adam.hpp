#pragma once
// Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019), with the update order of PyTorch's torch.optim.

#include <cmath>

#include "nasion/nn/module.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion::optim {

struct AdamOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  bool decoupled = false;  ///< decay acts on the parameter itself instead of its gradient, as in AdamW
};

/// g = grad + weight_decay p  (decoupled: g = grad and p -= lr weight_decay p);   m = beta1 m + (1 - beta1) g;   v =
/// beta2 v + (1 - beta2) g^2; p -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps).   Parameters without a
/// gradient stay.
template <std::floating_point T>
class Adam {
 public:
  using Scalar = T;
  AdamOptions options;

  /// ValueError for negative settings, a beta outside [0, 1), or a parameter that is no leaf.
  Adam(std::vector<Tensor<T>> parameters, const AdamOptions& o) : options(o), parameters_(std::move(parameters)) {
    const char* name = o.decoupled ? "AdamW" : "Adam";
    check<ValueError>(
        o.lr >= 0 && o.eps >= 0 && o.weight_decay >= 0 && o.beta1 >= 0 && o.beta1 < 1 && o.beta2 >= 0 && o.beta2 < 1,
        "[", name, "] lr ", o.lr, ", eps ", o.eps, " and weight_decay ", o.weight_decay,
        " must not be negative, beta1 ", o.beta1, " and beta2 ", o.beta2, " must be in [0, 1)");
    steps_.resize(parameters_.size(), 0);
    for (const auto& p : parameters_) {
      check<ValueError>(p.is_leaf(), "[", name, "] parameter ", p.shape(),
                        " is the result of an operation, not a leaf");
      first_.push_back(Tensor<T>::zeros(p.shape(), p.order()));
      second_.push_back(Tensor<T>::zeros(p.shape(), p.order()));
    }
  }

  void zero_grad() const {
    for (const auto& p : parameters_) p.zero_grad();
  }

  void step() {
    const nasion::detail::Timer timer(options.decoupled ? "AdamW" : "Adam", Pass::update);
    const NoGrad no_grad;
    const T beta1 = static_cast<T>(options.beta1), beta2 = static_cast<T>(options.beta2),
            eps = static_cast<T>(options.eps);
    const T new1 = static_cast<T>(1 - options.beta1), new2 = static_cast<T>(1 - options.beta2);
    const T decay = static_cast<T>(options.decoupled ? 0 : options.weight_decay);
    const T keep = static_cast<T>(options.decoupled ? 1 - options.lr * options.weight_decay : 1);
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const auto& p = parameters_[i];
      if (!p.grad().defined()) continue;
      const auto grad = to_order(p.grad(), p.order());
      nasion::detail::count_cost(0, 7 * nasion::detail::bytes<T>(p.shape()));
      const auto t = static_cast<double>(++steps_[i]);
      const T rate = static_cast<T>(options.lr / (1 - std::pow(options.beta1, t)));
      const T root = static_cast<T>(std::sqrt(1 - std::pow(options.beta2, t)));
      const T* g = grad.data();
      T *to = p.mutable_data(), *m = first_[i].mutable_data(), *v = second_[i].mutable_data();
      parallel_for(p.size(), 16384, [&](Index begin, Index end) {
        for (Index j = begin; j < end; ++j) {
          const T d = g[j] + decay * to[j];
          m[j] = beta1 * m[j] + new1 * d;
          v[j] = beta2 * v[j] + new2 * d * d;
          to[j] = keep * to[j] - rate * m[j] / (std::sqrt(v[j]) / root + eps);
        }
      });
    }
  }

  static void visit(auto& self, auto&& f) {
    for (std::size_t i = 0; i < self.parameters_.size(); ++i) {
      f.buffer(message("first.", i), self.first_[i]);
      f.buffer(message("second.", i), self.second_[i]);
      f.counter(message("steps.", i), self.steps_[i]);
    }
  }

 private:
  std::vector<Tensor<T>> parameters_, first_, second_;
  std::vector<std::int64_t> steps_;  // made by each parameter
};

struct AdamWOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 1e-2;
};

/// Adam whose weight decay is decoupled: it shrinks every parameter alike, however large its gradients were.
template <std::floating_point T>
class AdamW : public Adam<T> {
 public:
  AdamW(std::vector<Tensor<T>> parameters, const AdamWOptions& o)
      : Adam<T>(std::move(parameters), {.lr = o.lr,
                                        .beta1 = o.beta1,
                                        .beta2 = o.beta2,
                                        .eps = o.eps,
                                        .weight_decay = o.weight_decay,
                                        .decoupled = true}) {}
};

}  // namespace nasion::optim
