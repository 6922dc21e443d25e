#pragma once
// ONNX's operators that put elements in their places, pick them by conditions, and the losses of classes.

#include <limits>

#include "nasion/io/onnx/operators_matrix.hpp"

namespace nasion::io::detail::onnx {

/// `updates` put at `positions` of x, both flat; equal positions one after the other. For "none", gradients pass.
template <class T>
Tensor<T> scatter(const Tensor<T>& x, const std::vector<Index>& positions, const Tensor<T>& updates,
                  std::string_view how) {
  const Op op("scatter");
  const auto y = contiguous(x.detach()).clone();
  const auto from = contiguous(updates.detach());
  T* to = Op::writable(y);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    T& place = to[positions[i]];
    const T value = from.data()[i];
    place = how == "add"   ? place + value
            : how == "mul" ? place * value
            : how == "max" ? std::max(place, value)
            : how == "min" ? std::min(place, value)
                           : value;
  }
  const bool known = how == "none" || how == "add";
  check<ValueError>(known || !grad_enabled() || !(x.requires_grad() || updates.requires_grad()), "reduction ",
                    in_quotes(how), " has no gradient");
  return op.record(y, {x, updates},
                   [positions, adds = how == "add", shape = updates.shape()](const Tensor<T>& grad) -> Grads<T> {
                     const auto dy = contiguous(grad), dx = dy.clone();
                     const auto picked = Tensor<T>::empty(shape);
                     for (std::size_t i = 0; i < positions.size(); ++i) {
                       Op::writable(picked)[i] = dy.data()[positions[i]];
                       if (!adds) Op::writable(dx)[positions[i]] = 0;
                     }
                     return {dx, picked};
                   });
}

template <class T>
Values<T> scatter_values(const Call<T>& c, const std::vector<Index>& positions) {
  const auto how = c.text("reduction", "none");
  check<ValueError>(how == "none" || how == "add" || how == "mul" || how == "max" || how == "min",
                    "there is no reduction ", in_quotes(how));
  check(c.value(2).shape().size() == static_cast<Index>(positions.size()), "updates ", c.value(2).shape(),
        " do not fit ", positions.size(), " positions");
  const auto y = scatter(c.tensor(0), positions, c.tensor(2), how);
  return one<T>(c.inputs[0].is_integer() ? OnnxValue<T>(to_integers<T>(y)) : OnnxValue<T>(y));
}

template <class T>
Values<T> scatter_elements(const Call<T>& c) {
  const Shape& x = c.value(0).shape();
  const auto& indices = c.value(1).integers();
  const int axis = c.axis("axis", 0, x.rank());
  check(indices.shape.rank() == x.rank(), "indices ", indices.shape, " do not fit input ", x);
  for (int d = 0; d < x.rank(); ++d)
    check(d == axis || indices.shape[d] <= x[d], "indices ", indices.shape, " do not fit input ", x);
  const Strides steps = dense_strides(x, MemoryOrder::row_major),
                lines = dense_strides(indices.shape, MemoryOrder::row_major);
  std::vector<Index> positions;
  for (Index i = 0; i < indices.size(); ++i) {
    Index rest = i, at = 0;
    for (int d = 0; d < x.rank(); ++d) {
      const auto s = static_cast<std::size_t>(d);
      Index along = rest / lines[s];
      rest %= lines[s];
      if (d == axis) {
        along = indices.values[static_cast<std::size_t>(i)];
        check<ValueError>(along >= -x[d] && along < x[d], "index ", along, " is outside dimension ", d, " of input ",
                          x);
        if (along < 0) along += x[d];
      }
      at += along * steps[s];
    }
    positions.push_back(at);
  }
  return scatter_values(c, positions);
}

template <class T>
Values<T> scatter_nd(const Call<T>& c) {
  const Shape& x = c.value(0).shape();
  const auto& indices = c.value(1).integers();
  const auto rows = rows_picked(x, indices, 0);
  Index size = 1;
  for (int d = static_cast<int>(indices.shape[-1]); d < x.rank(); ++d) size *= x[d];
  std::vector<Index> positions;
  for (const Index row : rows)
    for (Index i = 0; i < size; ++i) positions.push_back(row * size + i);
  return scatter_values(c, positions);
}

template <class T>
Values<T> compress(const Call<T>& c) {
  auto x = c.value(0);
  const auto& condition = c.value(1).integers();
  if (!c.has_attribute("axis")) x = moved(x, [](const auto& t) { return flatten(t, 0); });
  const int axis = c.axis("axis", 0, x.shape().rank());
  std::vector<Index> taken;
  for (Index i = 0; i < condition.size(); ++i)
    if (condition.values[static_cast<std::size_t>(i)] != 0) taken.push_back(i);
  return one<T>(moved(x, [&](const auto& t) { return index_select(t, axis, taken); }));
}

template <class T>
Values<T> nonzero(const Call<T>& c) {
  const auto x = contiguous(c.tensor(0).detach());
  std::vector<Index> found;
  for (Index i = 0; i < x.size(); ++i)
    if (x.data()[i] != 0) found.push_back(i);
  const auto steps = dense_strides(x.shape(), MemoryOrder::row_major);
  std::vector<Index> positions;
  for (int d = 0; d < x.rank(); ++d)
    for (const Index i : found) positions.push_back(i / steps[static_cast<std::size_t>(d)] % x.dim(d));
  return one<T>(IntegerArray(Shape{x.rank(), static_cast<Index>(found.size())}, std::move(positions)));
}

template <class T>
Values<T> center_crop_pad(const Call<T>& c) {
  auto x = c.value(0);
  const auto& sizes = c.integers(1);
  auto axes = axes_of<T>(c.list("axes"), x.shape().rank());
  if (!c.has_attribute("axes"))
    for (int d = 0; d < x.shape().rank(); ++d) axes.push_back(d);
  check(sizes.size() == axes.size(), sizes.size(), " sizes for ", axes.size(), " dimensions");
  std::vector<Index> before(static_cast<std::size_t>(x.shape().rank()), 0), after = before;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto d = static_cast<std::size_t>(axes[i]);
    check(sizes[i] >= 0 && sizes[i] <= max_extent, "size ", sizes[i], " is out of range");
    const Index grows = sizes[i] - x.shape()[axes[i]];
    before[d] = grows / 2;
    after[d] = grows - before[d];
  }
  return one<T>(padded<T>(x, before, after, "constant", T{0}));
}

/// Of logarithms of probabilities [N, C, ..], by classes [N, ..]: their negative, weighted, without the class that is
/// ignored; the mean is that of the weights.
template <class T>
Tensor<T> likelihood_loss(const Call<T>& c, const Tensor<T>& x) {
  const auto& classes = c.value(1).integers();
  check(x.rank() >= 2 && classes.shape == without(x.shape(), {1}, false), "classes ", classes.shape,
        " do not fit scores ", x.shape());
  const bool ignores = c.has_attribute("ignore_index");
  const Index ignored = c.integer("ignore_index", -1), count = x.dim(1);
  const auto weights = c.has(2) ? contiguous(c.tensor(2)) : Tensor<T>::ones({count});
  check(weights.shape() == Shape{count}, "weights ", weights.shape(), " do not fit scores ", x.shape());
  const auto factors = Tensor<T>::empty(x.shape().with(1, 1));
  IntegerArray at(factors.shape(), classes.values);
  T* factor = nasion::detail::writable(factors);
  for (auto& i : at.values) {
    const bool skip = ignores && i == ignored;
    check<ValueError>(skip || (i >= 0 && i < count), "class ", i, " is none of ", count);
    if (skip) i = 0;
    *factor++ = skip ? T{0} : weights.data()[i];
  }
  const auto losses = -(gather(x, 1, at) * factors);
  const auto how = c.text("reduction", "mean");
  if (how == "none") return reshape(losses, classes.shape);
  return how == "sum" ? sum(losses) : sum(losses) / sum(factors);
}

template <class T>
Values<T> softmax_loss(const Call<T>& c) {
  const auto logarithms = log_softmax(c.tensor(0), 1);
  auto results = one<T>(likelihood_loss(c, logarithms));
  results.push_back(logarithms);
  return results;
}

template <class T>
Table<T> scatter_operators() {
  return {
      {"ScatterElements", scatter_elements<T>},
      {"Scatter", scatter_elements<T>},
      {"ScatterND", scatter_nd<T>},
      {"Compress", compress<T>},
      {"NonZero", nonzero<T>},
      {"CenterCropPad", center_crop_pad<T>},
      {"NegativeLogLikelihoodLoss", [](const Call<T>& c) { return one<T>(likelihood_loss(c, c.tensor(0))); }},
      {"SoftmaxCrossEntropyLoss", softmax_loss<T>},
  };
}

}  // namespace nasion::io::detail::onnx
