#pragma once
// Modules without parameters: operations as objects, for Sequential.

#include "nasion/nn/module.hpp"
#include "nasion/ops/activation.hpp"
#include "nasion/ops/dropout.hpp"
#include "nasion/ops/pixel_shuffle.hpp"
#include "nasion/ops/pool.hpp"
#include "nasion/ops/softmax.hpp"
#include "nasion/ops/upsample.hpp"

namespace nasion::nn {

/// x itself: in place of a layer that is left out.
template <Real T>
struct Identity {
  Tensor<T> operator()(const Tensor<T>& x) const { return x; }
  static void visit(auto&, auto&&) {}
};

/// max(x, 0), of any shape.
template <Real T>
struct ReLU {
  Tensor<T> operator()(const Tensor<T>& x) const { return relu(x); }
  static void visit(auto&, auto&&) {}
};

/// min(max(x, 0), 6), of any shape.
template <Real T>
struct ReLU6 {
  Tensor<T> operator()(const Tensor<T>& x) const { return relu6(x); }
  static void visit(auto&, auto&&) {}
};

/// x where positive, slope x elsewhere, of any shape.
template <Real T>
struct LeakyReLU {
  T slope = T(0.01);
  Tensor<T> operator()(const Tensor<T>& x) const { return leaky_relu(x, slope); }
  static void visit(auto&, auto&&) {}
};

/// x where positive, alpha (e^x - 1) elsewhere, of any shape.
template <Real T>
struct ELU {
  T alpha = T{1};
  Tensor<T> operator()(const Tensor<T>& x) const { return elu(x, alpha); }
  static void visit(auto&, auto&&) {}
};

/// ELU with the slopes that keep mean 0 and variance 1, of any shape: see selu().
template <Real T>
struct SELU {
  Tensor<T> operator()(const Tensor<T>& x) const { return selu(x); }
  static void visit(auto&, auto&&) {}
};

/// log(1 + e^(beta x)) / beta, of any shape; x itself where beta x is above `threshold`.
template <Real T>
struct Softplus {
  T beta = T{1}, threshold = T{20};
  Tensor<T> operator()(const Tensor<T>& x) const { return softplus(x, beta, threshold); }
  static void visit(auto&, auto&&) {}
};

/// 1 / (1 + e^-x), of any shape.
template <Real T>
struct Sigmoid {
  Tensor<T> operator()(const Tensor<T>& x) const { return sigmoid(x); }
  static void visit(auto&, auto&&) {}
};

/// x sigmoid(x), of any shape.
template <Real T>
struct SiLU {
  Tensor<T> operator()(const Tensor<T>& x) const { return silu(x); }
  static void visit(auto&, auto&&) {}
};

/// min(max(x + 3, 0), 6) / 6, of any shape.
template <Real T>
struct Hardsigmoid {
  Tensor<T> operator()(const Tensor<T>& x) const { return hardsigmoid(x); }
  static void visit(auto&, auto&&) {}
};

/// x hardsigmoid(x), of any shape.
template <Real T>
struct Hardswish {
  Tensor<T> operator()(const Tensor<T>& x) const { return hardswish(x); }
  static void visit(auto&, auto&&) {}
};

/// x times the normal distribution function of x, of any shape.
template <Real T>
struct GELU {
  Tensor<T> operator()(const Tensor<T>& x) const { return gelu(x); }
  static void visit(auto&, auto&&) {}
};

/// Hyperbolic tangent, of any shape.
template <Real T>
struct Tanh {
  Tensor<T> operator()(const Tensor<T>& x) const { return tanh(x); }
  static void visit(auto&, auto&&) {}
};

/// exp(x) / sum(exp(x)) along `dim`, which by default are the classes of [N, C, ...].
template <Real T>
struct Softmax {
  int dim = 1;
  Tensor<T> operator()(const Tensor<T>& x) const { return softmax(x, dim); }
  static void visit(auto&, auto&&) {}
};

/// Logarithm of Softmax along `dim`, without loss of digits.
template <Real T>
struct LogSoftmax {
  int dim = 1;
  Tensor<T> operator()(const Tensor<T>& x) const { return log_softmax(x, dim); }
  static void visit(auto&, auto&&) {}
};

/// [N, C, H, W] -> [N, C H W]
template <Real T>
struct Flatten {
  Tensor<T> operator()(const Tensor<T>& x) const { return flatten(x); }
  static void visit(auto&, auto&&) {}
};

/// Largest number of each window, [N, C, H, W] -> [N, C, OH, OW]: see max_pool2d().
template <Real T>
struct MaxPool2d {
  PoolOptions options;
  Tensor<T> operator()(const Tensor<T>& x) const { return max_pool2d(x, options); }
  static void visit(auto&, auto&&) {}
};

/// Mean of each window, [N, C, H, W] -> [N, C, OH, OW]: see avg_pool2d().
template <Real T>
struct AvgPool2d {
  PoolOptions options;
  Tensor<T> operator()(const Tensor<T>& x) const { return avg_pool2d(x, options); }
  static void visit(auto&, auto&&) {}
};

/// Largest numbers of windows that cover the image, [N, C, H, W] -> [N, C, output.h, output.w].
template <Real T>
struct AdaptiveMaxPool2d {
  Size2 output;
  Tensor<T> operator()(const Tensor<T>& x) const { return adaptive_max_pool2d(x, output); }
  static void visit(auto&, auto&&) {}
};

/// Means over windows that cover the image, [N, C, H, W] -> [N, C, output.h, output.w].
template <Real T>
struct AdaptiveAvgPool2d {
  Size2 output;
  Tensor<T> operator()(const Tensor<T>& x) const { return adaptive_avg_pool2d(x, output); }
  static void visit(auto&, auto&&) {}
};

/// Images of another size, [N, C, H, W] -> [N, C, OH, OW]: a given one, or `scale_factor` times as large. See
/// interpolate().
template <Real T>
struct Upsample {
  InterpolateOptions options;
  Tensor<T> operator()(const Tensor<T>& x) const { return interpolate(x, options); }
  static void visit(auto&, auto&&) {}
};

/// Images `factor` times as large, [N, C factor^2, H, W] -> [N, C, H factor, W factor]: see pixel_shuffle().
template <Real T>
struct PixelShuffle {
  Index factor = 2;
  Tensor<T> operator()(const Tensor<T>& x) const { return pixel_shuffle(x, factor); }
  static void visit(auto&, auto&&) {}
};

/// Zeroes elements at random while training, and scales the others by 1 / (1 - p); identity in eval mode. Any shape.
/// Its generator is part of a checkpoint.
template <Real T>
struct Dropout {
  double p;
  bool is_training = true;
  mutable Rng rng;  // advances with every use in training; eval mode never touches it

  /// The masks come from a stream of their own, named by the next number of `source`. ValueError unless 0 <= p <= 1.
  Dropout(double probability, Rng& source) : p(probability), rng(source.split(source())) {
    check<ValueError>(p >= 0 && p <= 1, "[Dropout] probability must be in [0, 1], got ", p);
  }
  Tensor<T> operator()(const Tensor<T>& x) const { return is_training ? dropout(x, p, rng) : x; }
  static void visit(auto& self, auto&& f) {
    f.training(self.is_training);
    f.rng("rng", self.rng);
  }
};

/// The same for whole channels of single images [N, C, H, W].
template <Real T>
struct Dropout2d : Dropout<T> {
  using Dropout<T>::Dropout;
  Tensor<T> operator()(const Tensor<T>& x) const { return this->is_training ? dropout2d(x, this->p, this->rng) : x; }
};

}  // namespace nasion::nn
