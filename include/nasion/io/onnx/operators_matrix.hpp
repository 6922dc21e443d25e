#pragma once
// ONNX's operators of matrices, and those that reduce and normalise dimensions.

#include <limits>
#include <numeric>

#include "nasion/io/onnx/operators_shape.hpp"
#include "nasion/ops/batch_norm.hpp"
#include "nasion/ops/dropout.hpp"
#include "nasion/ops/linear.hpp"
#include "nasion/ops/matmul.hpp"
#include "nasion/ops/norm.hpp"
#include "nasion/ops/softmax.hpp"
#include "nasion/ops/sort.hpp"
#include "nasion/ops/statistics.hpp"

namespace nasion::io::detail::onnx {

template <class T>
Values<T> gemm(const Call<T>& c) {
  auto a = c.tensor(0);
  const auto b = c.tensor(1);
  auto bias = c.tensor_or_none(2);
  const T alpha = static_cast<T>(c.real("alpha", 1)), beta = static_cast<T>(c.real("beta", 1));
  check(a.rank() == 2 && b.rank() == 2, "first ", a.shape(), " and second ", b.shape(), " must be matrices");
  if (c.integer("transA", 0) != 0) a = transpose(a);
  const bool is_weight = c.integer("transB", 0) != 0;  // [out, in], as linear() has it
  if (bias.defined() && beta != 1) bias = bias * beta;
  if (is_weight && alpha == 1 && bias.defined() && bias.shape() == Shape{b.dim(0)}) return one<T>(linear(a, b, bias));
  auto y = is_weight ? linear(a, b) : matmul(a, b);
  if (alpha != 1) y = y * alpha;
  return one<T>(bias.defined() ? y + bias : y);
}

/// Dimensions to reduce: all when none is named, unless the node says that this means none.
template <class T>
std::vector<int> reduced_axes(const Call<T>& c, int rank) {
  auto axes = axes_of<T>(c.list("axes", 1), rank);
  if (axes.empty() && c.integer("noop_with_empty_axes", 0) == 0) {
    axes.resize(static_cast<std::size_t>(rank));
    std::iota(axes.begin(), axes.end(), 0);
  }
  return axes;
}

inline Shape without(const Shape& shape, const std::vector<int>& axes, bool keep) {
  std::vector<Index> sizes;
  for (int d = 0; d < shape.rank(); ++d) {
    const bool named = std::find(axes.begin(), axes.end(), d) != axes.end();
    if (!named || keep) sizes.push_back(named ? 1 : shape[d]);
  }
  return shape_of(sizes);
}

/// f(x, d) reduces dimension d to size 1, one after the other.
template <class T, class F>
Values<T> reduce_each(const Call<T>& c, T of_nothing, F f) {
  auto x = c.tensor(0);
  const auto axes = reduced_axes(c, x.rank());
  const Shape shape = without(x.shape(), axes, c.integer("keepdims", 1) != 0);
  if (x.size() == 0) return one<T>(Tensor<T>::full(shape, of_nothing));
  for (const int d : axes) x = f(x, d);
  return one<T>(c.inputs[0].is_integer() ? OnnxValue<T>(to_integers<T>(reshape(x, shape)))
                                         : OnnxValue<T>(reshape(x, shape)));
}

/// f(x, dims) reduces dimensions to size 1.
template <class T, class F>
Values<T> reduce(const Call<T>& c, F f) {
  const auto x = c.tensor(0);
  const auto axes = reduced_axes(c, x.rank());
  const Shape shape = without(x.shape(), axes, c.integer("keepdims", 1) != 0);
  if (axes.empty() && x.rank() > 0) return one<T>(c.inputs[0]);
  const auto y = reshape(f(x, axes), shape);
  return one<T>(c.inputs[0].is_integer() ? OnnxValue<T>(to_integers<T>(y)) : OnnxValue<T>(y));
}

template <class T>
Tensor<T> product_along(const Tensor<T>& x, int axis) {
  auto y = slice(x, axis, 0, 1);
  for (Index i = 1; i < x.dim(axis); ++i) y = y * slice(x, axis, i, i + 1);
  return y;
}

template <class T>
Values<T> arg_best(const Call<T>& c, bool largest) {
  const auto x = c.tensor(0).detach();
  const int axis = c.axis("axis", 0, x.rank());
  const bool last = c.integer("select_last_index", 0) != 0;
  const auto y = last ? flip(x, {axis}) : x;
  auto positions = largest ? argmax(y, axis) : argmin(y, axis);
  if (last)
    for (auto& i : positions) i = x.dim(axis) - 1 - i;
  return one<T>(IntegerArray(without(x.shape(), {axis}, c.integer("keepdims", 1) != 0), std::move(positions)));
}

/// Before version 13 the dimensions from `axis` on are one.
template <class T, class F>
Values<T> softmax_axis(const Call<T>& c, F f) {
  const auto x = c.tensor(0);
  if (c.opset >= 13) return one<T>(f(x, c.axis("axis", -1, x.rank())));
  const int axis = c.axis("axis", 1, x.rank());
  Index rows = 1;
  for (int d = 0; d < axis; ++d) rows *= x.dim(d);
  const auto y = f(reshape(x, Shape{rows, rows == 0 ? 1 : x.size() / rows}), 1);
  return one<T>(reshape(y, x.shape()));
}

template <class T>
Values<T> hardmax(const Call<T>& c) {
  return softmax_axis<T>(c, [](const Tensor<T>& x, int axis) {
    std::vector<int> order;
    for (int d = 0; d < x.rank() - 1; ++d) order.push_back(d);
    order.insert(order.begin() + axis, x.rank() - 1);
    const auto at = IntegerArray(without(x.shape(), {axis}, false), argmax(x.detach(), axis));
    return permute(one_hot<T>(at, x.dim(axis)), order);
  });
}

template <class T>
Values<T> top_k(const Call<T>& c) {
  const auto x = c.tensor(0);
  const int axis = c.axis("axis", -1, x.rank());
  const Index k = c.opset < 10 ? c.integer("k", 0) : to_integers(c.value(1)).values.at(0);
  auto best = topk(x, k, axis, c.integer("largest", 1) != 0);
  Values<T> both =
      one<T>(c.inputs[0].is_integer() ? OnnxValue<T>(to_integers<T>(best.values)) : OnnxValue<T>(best.values));
  both.push_back(std::move(best.indices));
  return both;
}

template <class T>
Values<T> cumulative_sum(const Call<T>& c) {
  auto x = c.tensor(0);
  const int axis = Call<T>::axis(to_integers(c.value(1)).values.at(0), x.rank());
  const bool reverse = c.integer("reverse", 0) != 0;
  if (reverse) x = flip(x, {axis});
  auto y = cumsum(x, axis);
  if (c.integer("exclusive", 0) != 0) y = y - x;
  if (reverse) y = flip(y, {axis});
  return one<T>(c.inputs[0].is_integer() ? OnnxValue<T>(to_integers<T>(y)) : OnnxValue<T>(y));
}

/// x of any rank from 2 as [N, C, H, W]. Nothing is copied for images.
template <class T>
Tensor<T> as_images(const Tensor<T>& x) {
  check(x.rank() >= 2, "input ", x.shape(), " must be [N, C, ..]");
  if (x.rank() == 4) return x;
  const Index n = x.dim(0) * x.dim(1);
  return reshape(x, Shape{x.dim(0), x.dim(1), 1, n == 0 ? 0 : x.size() / n});
}

/// While the module is trained, by the statistics of the batch, and the running ones move; so, too, for a node that
/// says so, whose running statistics are results.
template <class T>
Values<T> batch_normalization(const Call<T>& c) {
  const auto x = c.tensor(0);
  const bool asked = c.opset >= 14 && c.integer("training_mode", 0) != 0;
  const double momentum = c.real("momentum", 0.9);
  const auto mean = c.tensor(3), variance = c.tensor(4);
  const BatchNormOptions options{.training = c.training || asked,
                                 .momentum = asked ? 0 : 1 - momentum,
                                 .eps = c.real("epsilon", 1e-5),
                                 .activation = c.step.activation};
  auto images = as_images(x);
  Values<T> results = one<T>(reshape(batch_norm(images, mean, variance, c.tensor(1), c.tensor(2), options), x.shape()));
  if (!asked) return results;
  const NoGrad no_grad;
  images = images.detach();
  const T keep = static_cast<T>(momentum);
  results.push_back(mean * keep + nasion::mean(images, {0, 2, 3}) * (1 - keep));
  results.push_back(variance * keep + var(images, {0, 2, 3}, false, 0) * (1 - keep));
  return results;
}

template <class T>
Values<T> layer_normalization(const Call<T>& c) {
  const auto x = c.tensor(0);
  const int axis = c.axis("axis", -1, x.rank());
  const Shape shape(std::span<const Index>(x.shape().begin() + axis, x.shape().end()));
  const double epsilon = c.real("epsilon", 1e-5);
  const auto fits = [&](const Tensor<T>& p) { return !p.defined() || p.shape() == shape; };
  const auto weight = c.tensor(1), bias = c.tensor_or_none(2);
  auto results = fits(weight) && fits(bias)
                     ? one<T>(layer_norm(x, shape, weight, bias, epsilon))
                     : one<T>(nasion::detail::affine(layer_norm(x, shape, {}, {}, epsilon), weight, bias));
  if (c.step.outputs.size() == 1) return results;
  std::vector<int> axes(static_cast<std::size_t>(x.rank() - axis));
  std::iota(axes.begin(), axes.end(), axis);
  results.push_back(mean(x, axes, true));
  results.push_back(T{1} / sqrt(var(x, axes, true, 0) + static_cast<T>(epsilon)));
  return results;
}

template <class T>
Values<T> rms_normalization(const Call<T>& c) {
  const auto x = c.tensor(0);
  std::vector<int> axes;
  for (int d = c.axis("axis", -1, x.rank()); d < x.rank(); ++d) axes.push_back(d);
  const T epsilon = static_cast<T>(c.real("epsilon", 1e-5));
  return one<T>(x / sqrt(mean(square(x), axes, true) + epsilon) * c.tensor(1));
}

/// Weights of groups before version 21, of channels from then on.
template <class T>
Values<T> group_normalization(const Call<T>& c) {
  const auto x = c.tensor(0);
  const Index groups = c.integer("num_groups", 1);
  auto weight = c.tensor(1), bias = c.tensor(2);
  check(x.rank() >= 2, "input ", x.shape(), " must be [N, C, ..]");
  if (c.opset < 21 && weight.size() == groups && groups > 0 && x.dim(1) % groups == 0) {
    const Shape spread{groups, x.dim(1) / groups};
    const auto to_channels = [&](const Tensor<T>& p) {
      return reshape(broadcast_to(reshape(p, Shape{groups, 1}), spread), Shape{x.dim(1)});
    };
    weight = to_channels(weight), bias = to_channels(bias);
  }
  return one<T>(group_norm(x, groups, weight, bias, c.real("epsilon", 1e-5)));
}

template <class T>
Values<T> lp_normalization(const Call<T>& c) {
  const auto x = c.tensor(0);
  const int axis = c.axis("axis", -1, x.rank());
  const auto length = norm(x, static_cast<T>(c.integer("p", 2)), {axis}, true);
  const auto divisor = nasion::where(eq(length.detach(), T{0}), Tensor<T>::scalar(1), length);
  return one<T>(x / divisor);
}

template <class T>
Values<T> dropout_elements(const Call<T>& c) {
  const auto x = c.tensor(0);
  const double p = c.opset < 12 ? c.real("ratio", 0.5) : double{c.number(1, T(0.5))};
  check<ValueError>(p >= 0 && p < 1, "ratio ", p, " must be in [0, 1)");
  // training_mode is an input since version 12, false where it is left out; a module that is trained says the same.
  const bool asked = c.opset >= 12 && c.number(2, T{0}) != 0;
  const auto y = (asked || c.training) && p > 0 ? dropout(x, p, c.rng) : x;
  auto results = one<T>(y);
  if (c.step.outputs.size() < 2) return results;
  check<ValueError>(y.same_as(x), "the mask of a dropout in training is not computed");
  results.push_back(IntegerArray(x.shape(), std::vector<Index>(static_cast<std::size_t>(x.size()), 1)));
  return results;
}

template <class T>
Table<T> matrix_operators() {
  using A = const Tensor<T>&;
  using C = const Call<T>&;
  using D = const std::vector<int>&;
  constexpr T most = std::numeric_limits<T>::infinity();
  return {
      {"Gemm", gemm<T>},
      {"MatMul", [](C c) { return one<T>(matmul(c.tensor(0), c.tensor(1))); }},
      {"Softmax", [](C c) { return softmax_axis<T>(c, softmax<T>); }},
      {"LogSoftmax", [](C c) { return softmax_axis<T>(c, log_softmax<T>); }},
      {"Hardmax", hardmax<T>},
      {"ReduceSum", [](C c) { return reduce<T>(c, [](A x, D dims) { return sum(x, dims, true); }); }},
      {"ReduceMean", [](C c) { return reduce<T>(c, [](A x, D dims) { return mean(x, dims, true); }); }},
      {"ReduceSumSquare", [](C c) { return reduce<T>(c, [](A x, D dims) { return sum(square(x), dims, true); }); }},
      {"ReduceL1", [](C c) { return reduce<T>(c, [](A x, D dims) { return sum(abs(x), dims, true); }); }},
      {"ReduceL2", [](C c) { return reduce<T>(c, [](A x, D dims) { return norm(x, T{2}, dims, true); }); }},
      {"ReduceLogSum", [](C c) { return reduce<T>(c, [](A x, D dims) { return log(sum(x, dims, true)); }); }},
      {"ReduceLogSumExp", [](C c) { return reduce<T>(c, [](A x, D dims) { return logsumexp(x, dims, true); }); }},
      {"ReduceMax", [](C c) { return reduce_each<T>(c, -most, [](A x, int d) { return max(x, d, true); }); }},
      {"ReduceMin", [](C c) { return reduce_each<T>(c, most, [](A x, int d) { return min(x, d, true); }); }},
      {"ReduceProd", [](C c) { return reduce_each<T>(c, T{1}, product_along<T>); }},
      {"ArgMax", [](C c) { return arg_best<T>(c, true); }},
      {"ArgMin", [](C c) { return arg_best<T>(c, false); }},
      {"TopK", top_k<T>},
      {"CumSum", cumulative_sum<T>},
      {"BatchNormalization", batch_normalization<T>},
      {"InstanceNormalization",
       [](C c) { return one<T>(instance_norm(c.tensor(0), c.tensor(1), c.tensor(2), c.real("epsilon", 1e-5))); }},
      {"LayerNormalization", layer_normalization<T>},
      {"RMSNormalization", rms_normalization<T>},
      {"GroupNormalization", group_normalization<T>},
      {"LpNormalization", lp_normalization<T>},
      {"Dropout", dropout_elements<T>},
  };
}

}  // namespace nasion::io::detail::onnx
