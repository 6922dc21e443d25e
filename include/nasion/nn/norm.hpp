#pragma once
// Layers that normalise each sample by itself: the same while training and after.

#include "nasion/nn/module.hpp"
#include "nasion/ops/norm.hpp"

namespace nasion::nn {

namespace detail {
/// Weight 1 and bias 0 of a normalisation, which are learned.
template <class T>
void start_affine(const Shape& shape, bool has_weight, bool has_bias, Tensor<T>& weight, Tensor<T>& bias) {
  if (has_weight) weight = Tensor<T>::ones(shape).set_requires_grad();
  if (has_bias) bias = Tensor<T>::zeros(shape).set_requires_grad();
}
}  // namespace detail

/// `shape`: the last dimensions of the input, over which it is normalised. `affine`: with a weight that is learned, and
/// a `bias`. Defaults of torch.nn.LayerNorm.
struct LayerNormConfig {
  Shape shape{};
  double eps = 1e-5;
  bool affine = true, bias = true;
};

/// Normalises the last dimensions, [.., shape] -> the same: see layer_norm().   `LayerNorm<float>({.shape = {64}})`
template <Real T>
struct LayerNorm {
  Tensor<T> weight, bias;  // [shape], or undefined
  Shape shape;
  double eps;

  /// ShapeError for an empty shape, ValueError unless eps > 0.
  explicit LayerNorm(const LayerNormConfig& c) : shape(c.shape), eps(c.eps) {
    check(shape.rank() > 0 && shape.size() > 0, "[LayerNorm] shape ", shape, " is empty");
    check<ValueError>(eps > 0, "[LayerNorm] eps ", eps, " must be positive");
    detail::start_affine(shape, c.affine, c.affine && c.bias, weight, bias);
  }
  Tensor<T> operator()(const Tensor<T>& x) const { return layer_norm(x, shape, weight, bias, eps); }
  static void visit(auto& self, auto&& f) {
    f("weight", self.weight);
    f("bias", self.bias);
  }
};

/// `groups` divide the channels, `features`. `affine`: with a weight and a bias that are learned. Defaults of
/// torch.nn.GroupNorm.
struct GroupNormConfig {
  Index groups = 1, features = 0;
  double eps = 1e-5;
  bool affine = true;
};

/// Normalises groups of channels of [N, features, ...]: see group_norm().
/// `GroupNorm<float>({.groups = 8, .features = 64})`
template <Real T>
struct GroupNorm {
  Tensor<T> weight, bias;  // [features], or undefined
  Index groups, features;
  double eps;

  /// ValueError unless the groups divide the features, both positive, and eps > 0.
  explicit GroupNorm(const GroupNormConfig& c) : groups(c.groups), features(c.features), eps(c.eps) {
    check<ValueError>(groups > 0 && features > 0 && features % groups == 0, "[GroupNorm] groups ", groups,
                      " must divide features ", features);
    check<ValueError>(eps > 0, "[GroupNorm] eps ", eps, " must be positive");
    detail::start_affine({features}, c.affine, c.affine, weight, bias);
  }
  Tensor<T> operator()(const Tensor<T>& x) const {
    check(x.rank() >= 2 && x.dim(1) == features, "[GroupNorm] input ", x.shape(), " must be [N, ", features, ", ...]");
    return group_norm(x, groups, weight, bias, eps);
  }
  static void visit(auto& self, auto&& f) {
    f("weight", self.weight);
    f("bias", self.bias);
  }
};

/// `features`: channels. Defaults of torch.nn.InstanceNorm2d: without a weight and a bias.
struct InstanceNorm2dConfig {
  Index features = 0;
  double eps = 1e-5;
  bool affine = false;
};

/// Normalises each channel of each image [N, features, H, W]: see instance_norm().
/// `InstanceNorm2d<float>({.features = 64})`
template <Real T>
struct InstanceNorm2d {
  Tensor<T> weight, bias;  // [features], or undefined
  Index features;
  double eps;

  /// ValueError unless features > 0 and eps > 0.
  explicit InstanceNorm2d(const InstanceNorm2dConfig& c) : features(c.features), eps(c.eps) {
    check<ValueError>(features > 0 && eps > 0, "[InstanceNorm2d] features ", features, " and eps ", eps,
                      " must be positive");
    detail::start_affine({features}, c.affine, c.affine, weight, bias);
  }
  /// ShapeError for another rank or number of channels, and for images of one pixel, of which nothing would be left.
  Tensor<T> operator()(const Tensor<T>& x) const {
    check(x.rank() == 4 && x.dim(1) == features, "[InstanceNorm2d] input ", x.shape(), " must be [N, ", features,
          ", H, W]");
    check(x.dim(2) * x.dim(3) != 1, "[InstanceNorm2d] expected more than 1 pixel in input ", x.shape());
    return instance_norm(x, weight, bias, eps);
  }
  static void visit(auto& self, auto&& f) {
    f("weight", self.weight);
    f("bias", self.bias);
  }
};

}  // namespace nasion::nn
