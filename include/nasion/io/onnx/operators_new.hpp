#pragma once
// ONNX's operators that make tensors of new elements, or move blocks of them.

#include <cmath>

#include "nasion/io/onnx/operators_shape.hpp"

namespace nasion::io::detail::onnx {

/// The value comes as a second input, which the loader makes of the attribute.
template <class T>
Values<T> constant_of_shape(const Call<T>& c) {
  const Shape shape = shape_of(c.integers(0));
  if (!c.has(1)) return one<T>(Tensor<T>::zeros(shape));
  const auto flat = moved(c.inputs[1], [](const auto& t) { return reshape(t, Shape{}); });
  return one<T>(moved(flat, [&](const auto& t) { return broadcast_to(t, shape); }));
}

template <class T>
Values<T> number_range(const Call<T>& c) {
  if (c.value(0).is_integer()) {
    const Index first = c.integers(0).at(0), last = c.integers(1).at(0), step = c.integers(2).at(0);
    const auto steps_wide =
        step == 0 ? 0.0 : (static_cast<double>(last) - static_cast<double>(first)) / static_cast<double>(step);
    check<ValueError>(step != 0 && steps_wide < double{max_extent}, "range ", first, " .. ", last, " in steps of ",
                      step);
    std::vector<Index> values;
    for (Index i = 0; static_cast<double>(i) < steps_wide; ++i)
      values.push_back(wrapped(bits_of(first) + bits_of(i) * bits_of(step)));
    return one<T>(IntegerArray(std::move(values)));
  }
  const T first = c.number(0, 0), last = c.number(1, 0), step = c.number(2, 1);
  const double count = std::ceil(double{last - first} / double{step});
  check<ValueError>(step != 0 && count < double{max_extent}, "range ", first, " .. ", last, " in steps of ", step);
  const auto y = Tensor<T>::empty({static_cast<Index>(std::max(0.0, count))});
  for (Index i = 0; i < y.size(); ++i) y.set({i}, first + static_cast<T>(i) * step);
  return one<T>(y);
}

/// [N, C r^2, H, W] -> [N, C, H r, W r], or back.
template <class T>
Values<T> blocks(const Call<T>& c, bool to_space) {
  const auto x = c.tensor(0);
  const Index r = c.integer("blocksize", 0);
  check(x.rank() == 4 && r > 0 && r <= max_extent, "input ", x.shape(), " must be [N, C, H, W], and block size ", r,
        " positive");
  const Index n = x.dim(0), channels = x.dim(1), h = x.dim(2), w = x.dim(3);
  if (!to_space) {
    check(h % r == 0 && w % r == 0, "input ", x.shape(), " is not of blocks of ", r);
    const auto parts = reshape(x, Shape{n, channels, h / r, r, w / r, r});
    return one<T>(reshape(permute(parts, {0, 3, 5, 1, 2, 4}), Shape{n, channels * r * r, h / r, w / r}));
  }
  check(channels % (r * r) == 0, "input ", x.shape(), " has no channels for blocks of ", r);
  const Index k = channels / (r * r);
  const bool crd = c.text("mode", "DCR") == "CRD";
  const auto parts = reshape(x, crd ? Shape{n, k, r, r, h, w} : Shape{n, r, r, k, h, w});
  return one<T>(reshape(permute(parts, crd ? std::vector<int>{0, 1, 4, 2, 5, 3} : std::vector<int>{0, 3, 4, 1, 5, 2}),
                        Shape{n, k, h * r, w * r}));
}

template <class T>
Values<T> one_hot_classes(const Call<T>& c) {
  const auto indices = to_integers(c.value(0));
  const Index depth = to_integers(c.value(1)).values.at(0);
  check<ValueError>(depth > 0 && depth <= max_extent, "depth ", depth, " is out of range");
  const int axis = c.axis("axis", -1, indices.shape.rank() + 1);
  IntegerArray positions = indices;
  for (auto& i : positions.values) i = i < 0 ? i + depth : i;
  // What is outside has no class: it becomes one more, that is cut off.
  for (auto& i : positions.values) i = i < 0 || i >= depth ? depth : i;
  std::vector<int> order;
  for (int d = 0; d < indices.shape.rank(); ++d) order.push_back(d);
  order.insert(order.begin() + axis, indices.shape.rank());
  const auto hot = permute(slice(one_hot<T>(positions, depth + 1), -1, 0, depth), order);
  const auto values = c.tensor(2);
  const T off = values.at({0}), on = values.at({1});
  const auto y = map_elements(hot, [=](T v) { return v != 0 ? on : off; });
  return one<T>(c.inputs[2].is_integer() ? OnnxValue<T>(to_integers<T>(y)) : OnnxValue<T>(y));
}

template <class T>
Values<T> triangle(const Call<T>& c) {
  const Index k = c.has(1) ? to_integers(c.inputs[1]).values.at(0) : 0;
  const bool upper = c.integer("upper", 1) != 0;
  const Shape& s = c.value(0).shape();
  check(s.rank() >= 2, "input ", s, " must be matrices");
  return one<T>(moved(c.inputs[0], [&]<class U>(const Tensor<U>& t) {
    const auto mask = Tensor<U>::zeros({s[-2], s[-1]});
    for (Index i = 0; i < s[-2]; ++i)
      for (Index j = 0; j < s[-1]; ++j)
        if (upper ? j - i >= k : j - i <= k) mask.set({i, j}, U{1});
    return nasion::where(mask, t, Tensor<U>::scalar(0));
  }));
}

template <class T>
Table<T> new_operators() {
  using C = const Call<T>&;
  return {
      {"ConstantOfShape", constant_of_shape<T>},
      {"Range", number_range<T>},
      {"DepthToSpace", [](C c) { return blocks<T>(c, true); }},
      {"SpaceToDepth", [](C c) { return blocks<T>(c, false); }},
      {"OneHot", one_hot_classes<T>},
      {"Trilu", triangle<T>},
  };
}

}  // namespace nasion::io::detail::onnx
