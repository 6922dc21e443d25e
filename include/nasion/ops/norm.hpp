#pragma once
// Normalisation of each sample by itself: of a layer, of groups of channels, of single channels.

#include "nasion/kernels/normalize.hpp"
#include "nasion/ops/reduce.hpp"

namespace nasion {

namespace detail {

/// Each of `rows` pieces of x, row-major, with mean 0 and variance 1.
template <class T>
Tensor<T> normalized(const Op& op, const Tensor<T>& input, Index rows, T epsilon) {
  const auto x = contiguous(input), y = Tensor<T>::empty(x.shape()), scales = Tensor<T>::empty({rows});
  const Index n = rows == 0 ? 0 : x.size() / rows;
  if (n > 0) kernels::normalize_rows(rows, n, epsilon, x.data(), Op::writable(y), Op::writable(scales));
  op.option("size", n);
  op.option("epsilon", epsilon);
  return op.record(y, {x}, [=, y = save(y)](const Tensor<T>& grad) -> Grads<T> {
    const auto dy = contiguous(grad), dx = Tensor<T>::empty(grad.shape());
    if (n > 0) kernels::normalize_rows_backward(rows, n, y->data(), scales.data(), dy.data(), Op::writable(dx));
    return {dx};
  });
}

/// y weight + bias, each where defined.
template <class T>
Tensor<T> affine(Tensor<T> y, const Tensor<T>& weight, const Tensor<T>& bias) {
  if (weight.defined()) y = y * weight;
  return bias.defined() ? y + bias : y;
}

}  // namespace detail

/// x normalised over its last dimensions, which are `shape`, to mean 0 and variance 1, then times weight plus bias (Ba
/// et al. 2016). weight and bias [shape] or undefined -> the shape of x, row-major.   ShapeError when they do not fit
/// or are empty, ValueError unless epsilon > 0.
template <Real T>
Tensor<T> layer_norm(const Tensor<T>& x, const Shape& shape, const Tensor<T>& weight = {}, const Tensor<T>& bias = {},
                     double epsilon = 1e-5) {
  const Op op("layer_norm");
  op.check<ValueError>(epsilon > 0, "epsilon ", epsilon, " must be positive");
  const bool fits = shape.rank() > 0 && shape.rank() <= x.rank() && shape.size() > 0 &&
                    std::equal(shape.begin(), shape.end(), x.shape().end() - shape.rank());
  op.check(fits, "input ", x.shape(), " does not end in ", shape, ", or there is nothing in that");
  for (const auto& [role, p] : {std::pair{"weight ", &weight}, {"bias ", &bias}})
    if (p->defined()) op.check(p->shape() == shape, role, p->shape(), " does not fit shape ", shape);
  return detail::affine(detail::normalized(op, x, x.size() / shape.size(), static_cast<T>(epsilon)), weight, bias);
}

/// x normalised over each of `groups` groups of neighbouring channels of each sample, then times weight plus bias of
/// each channel (Wu and He 2018). x [N, C, ...], weight and bias [C] or undefined -> the shape of x, row-major.
/// ShapeError when they do not fit, ValueError unless the groups divide C and epsilon > 0.
template <Real T>
Tensor<T> group_norm(const Tensor<T>& x, Index groups, const Tensor<T>& weight = {}, const Tensor<T>& bias = {},
                     double epsilon = 1e-5) {
  const Op op("group_norm");
  op.check<ValueError>(epsilon > 0, "epsilon ", epsilon, " must be positive");
  op.check(x.rank() >= 2, "input ", x.shape(), " must be [N, C, ...]");
  const Index channels = x.dim(1);
  op.check<ValueError>(groups > 0 && channels % groups == 0, groups, " groups do not divide the channels of input ",
                       x.shape());
  std::vector<Index> sizes(static_cast<std::size_t>(x.rank()) - 1, 1);
  sizes[0] = channels;
  const auto of_channel = [&](const char* role, const Tensor<T>& p) {
    if (!p.defined()) return p;
    op.check(p.shape() == Shape{channels}, role, p.shape(), " does not fit input ", x.shape());
    return reshape(p, Shape(std::span<const Index>(sizes)));
  };
  const auto w = of_channel("weight ", weight), b = of_channel("bias ", bias);
  return detail::affine(detail::normalized(op, x, x.dim(0) * groups, static_cast<T>(epsilon)), w, b);
}

/// group_norm() of single channels (Ulyanov et al. 2016), by the statistics of each image, in training and after.
template <Real T>
Tensor<T> instance_norm(const Tensor<T>& x, const Tensor<T>& weight = {}, const Tensor<T>& bias = {},
                        double epsilon = 1e-5) {
  const Op op("instance_norm");
  op.check(x.rank() >= 2, "input ", x.shape(), " must be [N, C, ...]");
  return x.dim(1) == 0 ? x : group_norm(x, x.dim(1), weight, bias, epsilon);
}

}  // namespace nasion
