#pragma once
// ONNX's operators that move elements, or ask for shapes.

#include <limits>

#include "nasion/io/onnx/operators_elementwise.hpp"
#include "nasion/ops/index.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion::io::detail::onnx {

/// `list` as positions of dimensions.
template <class T>
std::vector<int> axes_of(const std::vector<Index>& list, int rank) {
  std::vector<int> axes;
  for (const Index d : list) axes.push_back(Call<T>::axis(d, rank));
  return axes;
}

template <class T>
Values<T> reshape_to(const Call<T>& c) {
  const auto& x = c.value(0);
  auto sizes = c.list("shape", 1);
  const bool zero_is_zero = c.integer("allowzero", 0) != 0;
  Index known = 1;
  auto open = sizes.end();
  for (auto n = sizes.begin(); n != sizes.end(); ++n) {
    if (*n == 0 && !zero_is_zero) {
      check(n - sizes.begin() < x.shape().rank(), "size 0 at ", n - sizes.begin(), " copies none of input ", x.shape());
      *n = x.shape()[static_cast<int>(n - sizes.begin())];
    }
    if (*n == -1) {
      check(open == sizes.end(), "more than one size is -1 for input ", x.shape());
      open = n;
    } else {
      check(*n >= 0 && (*n == 0 || known <= max_size / *n), "size ", *n, " is out of range for input ", x.shape());
      known *= *n;
    }
  }
  if (open != sizes.end()) {
    check(known > 0 && x.shape().size() % known == 0, "input ", x.shape(), " cannot be cut into pieces of ", known);
    *open = x.shape().size() / known;
  }
  return one<T>(moved(x, [&](const auto& t) { return reshape(t, shape_of(sizes)); }));
}

template <class T>
Values<T> flatten_to_matrix(const Call<T>& c) {
  const auto& x = c.value(0);
  const Index rank = x.shape().rank(), given = c.integer("axis", 1);
  check(given >= -rank && given <= rank, "dimension ", given, " does not exist in input ", x.shape());
  const Index axis = given < 0 ? given + rank : given;
  Index rows = 1, columns = 1;
  for (int d = 0; d < rank; ++d) (d < axis ? rows : columns) *= x.shape()[d];
  return one<T>(moved(x, [&](const auto& t) { return reshape(t, Shape{rows, columns}); }));
}

template <class T>
Values<T> squeeze_axes(const Call<T>& c) {
  const auto& x = c.value(0);
  const auto axes = axes_of<T>(c.list("axes", 1), x.shape().rank());
  std::vector<Index> sizes;
  for (int d = 0; d < x.shape().rank(); ++d) {
    const bool named = std::find(axes.begin(), axes.end(), d) != axes.end();
    check(!named || x.shape()[d] == 1, "dimension ", d, " of input ", x.shape(), " is not of size 1");
    if (!(axes.empty() ? x.shape()[d] == 1 : named)) sizes.push_back(x.shape()[d]);
  }
  return one<T>(moved(x, [&](const auto& t) { return reshape(t, shape_of(sizes)); }));
}

template <class T>
Values<T> unsqueeze_axes(const Call<T>& c) {
  const auto& x = c.value(0);
  const auto list = c.list("axes", 1);
  const auto rank = x.shape().rank() + static_cast<int>(std::min<std::size_t>(list.size(), max_rank + 1));
  check(rank <= max_rank, "rank ", rank, " is above ", max_rank);
  const auto axes = axes_of<T>(list, rank);
  std::vector<Index> sizes;
  auto next = x.shape().begin();
  for (int d = 0; d < rank; ++d) {
    const auto times = std::count(axes.begin(), axes.end(), d);
    check(times <= 1, "dimension ", d, " is named twice");
    sizes.push_back(times == 1 ? 1 : *next++);
  }
  return one<T>(moved(x, [&](const auto& t) { return reshape(t, shape_of(sizes)); }));
}

template <class T>
Values<T> transpose_axes(const Call<T>& c) {
  const auto& x = c.value(0);
  std::vector<int> axes = axes_of<T>(c.list("perm"), x.shape().rank());
  if (!c.has_attribute("perm"))
    for (int d = x.shape().rank() - 1; d >= 0; --d) axes.push_back(d);
  return one<T>(moved(x, [&](const auto& t) { return permute(t, axes); }));
}

template <class T>
Values<T> concatenate(const Call<T>& c) {
  const auto& first = c.value(0);
  const int axis = c.axis("axis", 1, first.shape().rank());
  if (!first.is_integer()) {
    std::vector<Tensor<T>> parts;
    for (std::size_t i = 0; i < c.inputs.size(); ++i) parts.push_back(c.tensor(i));
    return one<T>(parts.size() == 1 ? parts[0] : concat(parts, axis));
  }
  OnnxValue<T> y = first;
  for (std::size_t i = 1; i < c.inputs.size(); ++i) {
    const auto& part = c.value(i).integers();
    check(part.shape.rank() == y.shape().rank(), "part ", part.shape, " does not fit part ", y.shape());
    Index outer = 1;
    for (int d = 0; d < axis; ++d) outer *= y.shape()[d];
    for (int d = 0; d < part.shape.rank(); ++d)
      check(d == axis || part.shape[d] == y.shape()[d], "part ", part.shape, " does not fit part ", y.shape());
    const auto& a = y.integers();
    const auto shape = a.shape.with(axis, a.shape[axis] + part.shape[axis]);
    std::vector<Index> values;
    const Index of_a = outer == 0 ? 0 : a.size() / outer, of_b = outer == 0 ? 0 : part.size() / outer;
    for (Index row = 0; row < outer; ++row) {
      values.insert(values.end(), a.values.begin() + row * of_a, a.values.begin() + (row + 1) * of_a);
      values.insert(values.end(), part.values.begin() + row * of_b, part.values.begin() + (row + 1) * of_b);
    }
    y = IntegerArray(shape, std::move(values));
  }
  return one<T>(y);
}

template <class T>
Values<T> split_parts(const Call<T>& c) {
  const auto& x = c.value(0);
  const int axis = c.axis("axis", 0, x.shape().rank());
  auto sizes = c.list("split", 1);
  if (sizes.empty()) {
    const auto parts = static_cast<Index>(c.step.outputs.size());
    Index left = x.shape()[axis];
    const Index size = (left + parts - 1) / std::max<Index>(parts, 1);
    for (Index i = 0; i < parts; ++i) {
      sizes.push_back(std::min(size, left));
      left -= sizes.back();
    }
  }
  Index end = 0;
  Values<T> parts;
  for (const Index size : sizes) {
    check(size >= 0 && size <= x.shape()[axis] - end, "pieces do not fit dimension ", axis, " of input ", x.shape());
    parts.push_back(moved(x, [&](const auto& t) { return slice(t, axis, end, end + size); }));
    end += size;
  }
  return parts;
}

/// Positions first, first + step, ... on this side of `last`.
inline std::vector<Index> range(Index first, Index last, Index step) {
  std::vector<Index> positions;
  for (Index i = first; step > 0 ? i < last : i > last; i += step) positions.push_back(i);
  return positions;
}

template <class T>
Values<T> slice_axes(const Call<T>& c) {
  auto y = c.value(0);
  const auto starts = c.list("starts", 1), ends = c.list("ends", 2);
  auto list = c.list("axes", 3);
  const auto strides = c.has(4) ? to_integers(c.inputs[4]).values : std::vector<Index>(starts.size(), 1);
  if (list.empty())
    for (std::size_t i = 0; i < starts.size(); ++i) list.push_back(static_cast<Index>(i));
  check(ends.size() == starts.size() && list.size() == starts.size() && strides.size() == starts.size(),
        "starts, ends, axes and steps are of different lengths");
  const auto axes = axes_of<T>(list, y.shape().rank());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const Index n = y.shape()[axes[i]], step = std::clamp<Index>(strides[i], -max_size, max_size);
    check<ValueError>(step != 0, "a step is 0");
    const auto at = [n](Index v, Index low, Index high) { return std::clamp(v < 0 ? v + n : v, low, high); };
    const Index first = step > 0 ? at(starts[i], 0, n) : at(starts[i], 0, n - 1);
    const Index last = step > 0 ? at(ends[i], 0, n) : at(ends[i], -1, n - 1);
    if (step == 1)
      y = moved(y, [&](const auto& t) { return slice(t, axes[i], first, std::max(first, last)); });
    else
      y = moved(y, [&](const auto& t) {
        return index_select(t, axes[i], n == 0 ? std::vector<Index>{} : range(first, last, step));
      });
  }
  return one<T>(y);
}

inline std::vector<Index> from_end(std::vector<Index> positions, Index n) {
  for (auto& i : positions)
    if (i < 0) i += n;
  return positions;
}

template <class T>
Values<T> gather_slices(const Call<T>& c) {
  const auto& x = c.value(0);
  const auto indices = to_integers(c.value(1));
  const int axis = c.axis("axis", 0, x.shape().rank());
  const auto positions = from_end(indices.values, x.shape()[axis]);
  auto sizes = sizes_of(x.shape());
  sizes.erase(sizes.begin() + axis);
  sizes.insert(sizes.begin() + axis, indices.shape.begin(), indices.shape.end());
  return one<T>(moved(x, [&](const auto& t) { return reshape(index_select(t, axis, positions), shape_of(sizes)); }));
}

template <class T>
Values<T> gather_elements(const Call<T>& c) {
  const auto& x = c.value(0);
  const int axis = c.axis("axis", 0, x.shape().rank());
  const auto& indices = c.value(1).integers();
  const IntegerArray positions(indices.shape, from_end(indices.values, x.shape()[axis]));
  return one<T>(moved(x, [&](const auto& t) { return gather(t, axis, positions); }));
}

/// Numbers of the rows of `data`, seen as [batch, .., row], that the last dimension of `indices` picks.
inline std::vector<Index> rows_picked(const Shape& data, const IntegerArray& indices, Index batch_dims) {
  check(indices.shape.rank() > 0 && batch_dims >= 0 && batch_dims < indices.shape.rank(), "indices ", indices.shape,
        " do not fit input ", data);
  const Index depth = indices.shape[-1];
  check(depth + batch_dims <= data.rank(), "indices ", indices.shape, " do not fit input ", data);
  Index batches = 1;
  for (int d = 0; d < batch_dims; ++d) {
    check(data[d] == indices.shape[d], "indices ", indices.shape, " do not fit input ", data);
    batches *= data[d];
  }
  const Index tuples = depth == 0 ? indices.shape.with(-1, 1).size() : indices.size() / depth;
  std::vector<Index> rows(static_cast<std::size_t>(tuples));
  for (Index t = 0; t < tuples; ++t) {
    Index row = batches == 0 ? 0 : t / (tuples / batches);
    for (Index k = 0; k < depth; ++k) {
      const Index n = data[static_cast<int>(batch_dims + k)];
      Index i = indices.values[static_cast<std::size_t>(t * depth + k)];
      check<ValueError>(i >= -n && i < n, "index ", i, " is outside dimension ", batch_dims + k, " of input ", data);
      row = row * n + (i < 0 ? i + n : i);
    }
    rows[static_cast<std::size_t>(t)] = row;
  }
  return rows;
}

template <class T>
Values<T> gather_nd(const Call<T>& c) {
  const auto& x = c.value(0);
  const auto& indices = c.value(1).integers();
  const Index batch = c.integer("batch_dims", 0);
  const auto rows = rows_picked(x.shape(), indices, batch);
  const auto first = static_cast<int>(batch + indices.shape[-1]);
  Index count = 1, size = 1;
  for (int d = 0; d < x.shape().rank(); ++d) (d < first ? count : size) *= x.shape()[d];
  std::vector<Index> sizes(indices.shape.begin(), indices.shape.end() - 1);
  sizes.insert(sizes.end(), x.shape().begin() + first, x.shape().end());
  return one<T>(moved(x, [&](const auto& t) {
    return reshape(index_select(reshape(t, Shape{count, size}), 0, rows), shape_of(sizes));
  }));
}

template <class T>
Values<T> expand(const Call<T>& c) {
  const auto& x = c.value(0);
  const Shape shape = broadcast_shape("onnx", x.shape(), shape_of(c.integers(1)));
  return one<T>(shape == x.shape() ? x : moved(x, [&](const auto& t) { return broadcast_to(t, shape); }));
}

template <class T>
Values<T> tile(const Call<T>& c) {
  auto y = c.value(0);
  auto repeats = to_integers(c.value(1)).values;
  if (c.opset < 6) {  // one number and a dimension
    std::vector<Index> all(static_cast<std::size_t>(y.shape().rank()), 1);
    all.at(static_cast<std::size_t>(c.axis(to_integers(c.value(2)).values.at(0), y.shape().rank()))) = repeats.at(0);
    repeats = all;
  }
  check(static_cast<int>(repeats.size()) == y.shape().rank(), repeats.size(), " repeats for input ", y.shape());
  for (int d = 0; d < y.shape().rank(); ++d) {
    const Index n = y.shape()[d], times = repeats[static_cast<std::size_t>(d)];
    check(times >= 0 && times <= max_size / std::max<Index>(n, 1), "repeats ", times, " are out of range");
    if (times == 1) continue;
    (void)y.shape().with(d, n * times);  // throws where there are too many elements
    std::vector<Index> positions;
    for (Index i = 0; i < n * times; ++i) positions.push_back(i % n);
    y = moved(y, [&](const auto& t) { return index_select(t, d, positions); });
  }
  return one<T>(y);
}

/// Amounts before and after each dimension; negative ones cut.
template <class T>
OnnxValue<T> padded(OnnxValue<T> x, std::vector<Index> before, std::vector<Index> after, std::string_view mode,
                    T value) {
  for (int d = 0; d < x.shape().rank(); ++d) {
    auto &low = before[static_cast<std::size_t>(d)], &high = after[static_cast<std::size_t>(d)];
    check(std::min(low, high) >= -max_extent && std::max(low, high) <= max_extent, "pads ", low, " and ", high,
          " are out of range");
    const Index begin = std::max<Index>(0, -low), end = x.shape()[d] - std::max<Index>(0, -high);
    if (begin > 0 || end < x.shape()[d]) x = moved(x, [&](const auto& t) { return slice(t, d, begin, end); });
    low = std::max<Index>(low, 0), high = std::max<Index>(high, 0);
  }
  const auto nothing = [](const auto& list) {
    return std::all_of(list.begin(), list.end(), [](Index n) { return n == 0; });
  };
  if (nothing(before) && nothing(after)) return x;
  if (mode == "constant") {
    check<ValueError>(!x.is_integer() || value == 0, "integers are padded with zeros only");
    return moved(x, [&]<class U>(const Tensor<U>& t) { return pad(t, before, after, static_cast<U>(value)); });
  }
  check<ValueError>(mode == "reflect" || mode == "edge" || mode == "wrap", "there is no mode ", in_quotes(mode));
  if (mode != "wrap")
    return moved(x, [&](const auto& t) {
      return pad(t, before, after, mode == "edge" ? PadMode::replicate : PadMode::reflect);
    });
  for (int d = 0; d < x.shape().rank(); ++d) {
    const Index n = x.shape()[d], low = before[static_cast<std::size_t>(d)], high = after[static_cast<std::size_t>(d)];
    if (low + high == 0) continue;
    check(n > 0, "dimension ", d, " of input ", x.shape(), " is empty");
    std::vector<Index> from;
    for (Index i = -low; i < n + high; ++i) from.push_back(((i % n) + n) % n);
    x = moved(x, [&](const auto& t) { return index_select(t, d, from); });
  }
  return x;
}

template <class T>
Values<T> pad_axes(const Call<T>& c) {
  const auto& x = c.value(0);
  const auto pads = c.list(c.opset < 2 ? "paddings" : "pads", 1);
  const T value = c.opset < 11 ? static_cast<T>(c.real("value", 0)) : c.number(2, T{0});
  std::vector<int> axes = c.has(3) ? axes_of<T>(to_integers(c.inputs[3]).values, x.shape().rank()) : std::vector<int>{};
  if (!c.has(3))
    for (int d = 0; d < x.shape().rank(); ++d) axes.push_back(d);
  check(pads.size() == 2 * axes.size(), pads.size(), " pads for ", axes.size(), " dimensions");
  std::vector<Index> before(static_cast<std::size_t>(x.shape().rank()), 0), after = before;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    before[static_cast<std::size_t>(axes[i])] = pads[i];
    after[static_cast<std::size_t>(axes[i])] = pads[i + axes.size()];
  }
  return one<T>(padded(x, before, after, c.text("mode", "constant"), value));
}

template <class T>
Values<T> shape_as_integers(const Call<T>& c) {
  const Shape& shape = c.value(0).shape();
  const Index rank = shape.rank();
  const auto at = [&](std::string_view name, Index otherwise) {
    const Index v = c.integer(name, otherwise);
    return std::clamp<Index>(v < 0 ? v + rank : v, 0, rank);
  };
  const Index first = at("start", 0), last = std::max(first, at("end", rank));
  return one<T>(IntegerArray(std::vector<Index>(shape.begin() + first, shape.begin() + last)));
}

template <class T>
Table<T> shape_operators() {
  using C = const Call<T>&;
  return {
      {"Reshape", reshape_to<T>},
      {"Flatten", flatten_to_matrix<T>},
      {"Squeeze", squeeze_axes<T>},
      {"Unsqueeze", unsqueeze_axes<T>},
      {"Transpose", transpose_axes<T>},
      {"Concat", concatenate<T>},
      {"Split", split_parts<T>},
      {"Slice", slice_axes<T>},
      {"Gather", gather_slices<T>},
      {"GatherElements", gather_elements<T>},
      {"GatherND", gather_nd<T>},
      {"Expand", expand<T>},
      {"Tile", tile<T>},
      {"Pad", pad_axes<T>},
      {"Shape", shape_as_integers<T>},
      {"Size", [](C c) { return one<T>(IntegerArray(Shape{}, {c.value(0).shape().size()})); }},
  };
}

}  // namespace nasion::io::detail::onnx
