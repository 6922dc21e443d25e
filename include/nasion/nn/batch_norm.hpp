#pragma once
// Batch normalisation as a layer: it learns a scale and a shift, and remembers the statistics of its batches.

#include "nasion/nn/module.hpp"
#include "nasion/ops/activation.hpp"
#include "nasion/ops/batch_norm.hpp"

namespace nasion::nn {

/// `features`: channels. `eps` and `momentum` as in BatchNormOptions. `affine`: with a weight and a bias that are
/// learned. Names and defaults of torch.nn.BatchNorm1d and 2d. `activation`: of the result, in the same pass.
struct BatchNorm2dConfig {
  Index features = 0;
  double eps = 1e-5, momentum = 0.1;
  bool affine = true;
  Activation activation = Activation::none;
};

/// Normalises each channel of [N, features, H, W]: while training by the statistics of the batch, in eval mode by the
/// running ones, which it then only reads.   `BatchNorm2d<float>({.features = 64, .activation = Activation::relu})`
template <Real T>
struct BatchNorm2d {
  Tensor<T> weight, bias;               // [features], or undefined
  Tensor<T> running_mean, running_var;  // [features]
  double eps, momentum;
  bool is_training = true;
  mutable std::int64_t num_batches_tracked = 0;  // counts uses in training
  SumOverProcesses sum_over_processes{};         // set by sync_batch_norm()
  Activation activation = Activation::none;
  /// Whether fold_into() was called: the convolution before this layer does its work, the activation after it perhaps
  /// included.
  enum class Folded { no, yes, with_activation };
  Folded folded = Folded::no;

  /// ValueError unless features > 0, eps >= 0, momentum in [0, 1] and there is such an activation.
  explicit BatchNorm2d(const BatchNorm2dConfig& c) : BatchNorm2d(c, Checker("BatchNorm2d")) {}

  /// The activation of y + residual, where y is the normalised x; the residual has its shape, and may be left out.
  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& residual = {}) const {
    at_.check(x.rank() == 4, "input ", x.shape(), " must be [N, C, H, W]");
    return normalise(x, residual);
  }

  /// Moves what this layer does in eval mode, and the activation unless a residual comes before it, into the
  /// convolution whose result it is given. Neither can be trained afterwards, and this layer has no state any more.
  /// ValueError when it was folded before or the convolution has an activation, ShapeError when that has another number
  /// of channels.
  void fold_into(auto& conv, bool before_residual) {
    at_.check<ValueError>(folded == Folded::no, "is folded into a convolution already");
    at_.check<ValueError>(conv.options.activation == Activation::none,
                          "cannot be folded into a convolution with an activation of its own");
    at_.check(conv.weight.dim(0) == running_mean.size(), "of ", running_mean.size(),
              " features cannot be folded into a convolution with weight ", conv.weight.shape());
    const auto kernel = contiguous(conv.weight.detach()).clone(), shift = Tensor<T>::empty(running_mean.shape());
    const Index size = kernel.size() / kernel.dim(0);
    for (Index c = 0; c < kernel.dim(0); ++c) {
      const auto value = [c](const Tensor<T>& x, double otherwise) {
        return x.defined() ? static_cast<double>(x.data()[c]) : otherwise;
      };
      const double scale = value(weight, 1) / std::sqrt(value(running_var, 1) + eps);
      T* from = nasion::detail::writable(kernel) + c * size;
      std::transform(from, from + size, from, [scale](T w) { return static_cast<T>(double{w} * scale); });
      nasion::detail::writable(shift)[c] =
          static_cast<T>(value(bias, 0) + (value(conv.bias, 0) - value(running_mean, 0)) * scale);
    }
    conv.weight = kernel;
    conv.bias = shift;
    if (!before_residual) conv.options.activation = activation;
    folded = before_residual ? Folded::yes : Folded::with_activation;
    weight = bias = running_mean = running_var = {};
  }

  static void visit(auto& self, auto&& f) {
    if (self.folded != Folded::no) return;
    f("weight", self.weight);
    f("bias", self.bias);
    f.buffer("running_mean", self.running_mean);
    f.buffer("running_var", self.running_var);
    f.counter("num_batches_tracked", self.num_batches_tracked, false);  // older files of PyTorch have none
    f.training(self.is_training);
    f.sum_over_processes(self.sum_over_processes);
  }

 protected:
  /// For a layer of another name, which begins the messages.
  BatchNorm2d(const BatchNorm2dConfig& c, const Checker& at)
      : eps(c.eps), momentum(c.momentum), activation(c.activation), at_(at) {
    at_.check<ValueError>(c.features > 0, "features ", c.features, " must be positive");
    nasion::detail::check_batch_norm_options(at_, momentum, eps);
    nasion::detail::check_activation(at_, activation);
    if (c.affine) {
      weight = Tensor<T>::ones({c.features}).set_requires_grad();
      bias = Tensor<T>::zeros({c.features}).set_requires_grad();
    }
    running_mean = Tensor<T>::zeros({c.features});
    running_var = Tensor<T>::ones({c.features});
  }

  /// operator() for any rank that batch_norm() takes.
  Tensor<T> normalise(const Tensor<T>& x, const Tensor<T>& residual) const {
    if (folded != Folded::no) return after_convolution(x, residual);
    const auto y = batch_norm(x, running_mean, running_var, weight, bias,
                              {.training = is_training,
                               .momentum = momentum,
                               .eps = eps,
                               .activation = activation,
                               .sum_over_processes = sum_over_processes},
                              residual);
    if (is_training) ++num_batches_tracked;
    return y;
  }
  Checker at_;

 private:
  /// What is left to do when the convolution did the rest.
  Tensor<T> after_convolution(const Tensor<T>& x, const Tensor<T>& residual) const {
    if (folded == Folded::with_activation && activation != Activation::none) {
      at_.check<ValueError>(!residual.defined(),
                            "was folded into a convolution together with its activation, but is called with a "
                            "residual: visit() must say f.conv_bn_residual");
      return x;
    }
    if (!residual.defined()) return nasion::detail::activate(x, activation);
    return activation == Activation::relu ? add_relu(x, residual) : nasion::detail::activate(x + residual, activation);
  }
};

/// The same for [N, features] and sequences [N, features, L].   `BatchNorm1d<float>({.features = 64})`
template <Real T>
struct BatchNorm1d : BatchNorm2d<T> {
  /// Errors as of BatchNorm2d.
  explicit BatchNorm1d(const BatchNorm2dConfig& c) : BatchNorm2d<T>(c, Checker("BatchNorm1d")) {}
  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& residual = {}) const {
    this->at_.check(x.rank() == 2 || x.rank() == 3, "input ", x.shape(), " must be [N, C] or [N, C, L]");
    return this->normalise(x, residual);
  }
};

/// Makes every batch norm of `model` normalise, while training, by the statistics of a batch that several processes
/// share, as PyTorch's SyncBatchNorm does. Empty: by those of the part that is here, as at first.
template <class M>
requires(!std::is_const_v<M>) void sync_batch_norm(M& model, const SumOverProcesses& sum) {
  for (auto* slot : traverse(model).sums_over_processes) *slot = sum;
}

}  // namespace nasion::nn
