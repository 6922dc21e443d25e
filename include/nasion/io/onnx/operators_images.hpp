#pragma once
// ONNX's convolutions and poolings of any number of dimensions: those of images at the library's own speed, others by
// means of these.

#include <cmath>
#include <limits>

#include "nasion/io/onnx/operators_matrix.hpp"
#include "nasion/ops/conv2d.hpp"
#include "nasion/ops/conv_transpose2d.hpp"
#include "nasion/ops/pool.hpp"

namespace nasion::io::detail::onnx {

/// Windows along each of the spatial dimensions.
struct Windows {
  std::vector<Index> kernel, strides, dilations, before, after;

  std::size_t rank() const { return kernel.size(); }
  Index reach(std::size_t d) const { return (kernel[d] - 1) * dilations[d] + 1; }
  bool symmetric() const { return before == after; }
  bool plain() const {
    return std::all_of(dilations.begin(), dilations.end(), [](Index n) { return n == 1; });
  }
};

/// `pads`, or those that auto_pad means for input x.
template <class T>
Windows windows_of(const Call<T>& c, const Shape& x, std::vector<Index> kernel) {
  check(x.rank() >= 3 && static_cast<int>(kernel.size()) == x.rank() - 2, "input ", x, " must be [N, C, ..] with ",
        kernel.size(), " dimensions more, as the kernel has");
  const std::size_t n = kernel.size();
  const std::vector<Index> ones(n, 1);
  Windows w{std::move(kernel), c.list("strides", ones), c.list("dilations", ones), {}, {}};
  auto pads = c.list("pads", std::vector<Index>(2 * n, 0));
  check(w.strides.size() == n && w.dilations.size() == n && pads.size() == 2 * n,
        "strides, dilations or pads do not fit ", n, " dimensions");
  const auto in_range = [](const std::vector<Index>& list, Index low) {
    return std::all_of(list.begin(), list.end(), [low](Index v) { return v >= low && v <= max_extent; });
  };
  check<ValueError>(in_range(w.kernel, 1) && in_range(w.strides, 1) && in_range(w.dilations, 1) && in_range(pads, 0),
                    "kernel, strides, dilations or pads are out of range");
  const auto mode = c.text("auto_pad", "NOTSET");
  if (mode == "SAME_UPPER" || mode == "SAME_LOWER")
    for (std::size_t d = 0; d < n; ++d) {
      const Index size = x[static_cast<int>(d) + 2], outputs = (size + w.strides[d] - 1) / w.strides[d];
      const Index total = std::max<Index>(0, (outputs - 1) * w.strides[d] + w.reach(d) - size);
      pads[d] = mode == "SAME_UPPER" ? total / 2 : total - total / 2;
      pads[d + n] = total - pads[d];
    }
  w.before.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(n));
  w.after.assign(pads.begin() + static_cast<std::ptrdiff_t>(n), pads.end());
  return w;
}

/// x with `value` around its images, by the amounts for spatial dimensions.
template <class T>
Tensor<T> pad_space(const Tensor<T>& x, const std::vector<Index>& before, const std::vector<Index>& after, T value) {
  std::vector<Index> low(2, 0), high(2, 0);
  low.insert(low.end(), before.begin(), before.end());
  high.insert(high.end(), after.begin(), after.end());
  return pad(x, low, high, value);
}

/// Makes one spatial dimension two, the first of size 1.
inline void add_dimension(Windows& w) {
  for (auto* list : {&w.kernel, &w.strides, &w.dilations}) list->insert(list->begin(), 1);
  for (auto* list : {&w.before, &w.after}) list->insert(list->begin(), 0);
}

inline Size2 size2(const std::vector<Index>& list) { return {list[0], list[1]}; }

template <class T>
Tensor<T> convolve2d(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias, const Windows& w, Index groups,
                     Activation activation) {
  return conv2d(x, weight, bias,
                {.stride = size2(w.strides),
                 .padding = Padding(w.before[0], w.before[1], w.after[0], w.after[1]),
                 .dilation = size2(w.dilations),
                 .groups = groups,
                 .activation = activation});
}

/// The sum over the planes of the kernel: each is a convolution of images with the planes of x that it meets.
template <class T>
Tensor<T> convolve3d(Tensor<T> x, const Tensor<T>& weight, const Tensor<T>& bias, const Windows& w, Index groups) {
  x = pad_space(x, {w.before[0], 0, 0}, {w.after[0], 0, 0}, T{0});
  const Index room = x.dim(2) - w.reach(0);
  check(room >= 0, "weight ", weight.shape(), " is larger than input ", x.shape(), " with padding");
  const Index n = x.dim(0), planes = room / w.strides[0] + 1;
  auto flat = w;
  for (auto* list : {&flat.kernel, &flat.strides, &flat.dilations, &flat.before, &flat.after})
    list->erase(list->begin());
  Tensor<T> total;
  for (Index i = 0; i < w.kernel[0]; ++i) {
    const Index first = i * w.dilations[0];
    const auto met =
        permute(index_select(x, 2, range(first, first + planes * w.strides[0], w.strides[0])), {0, 2, 1, 3, 4});
    const auto images = reshape(met, Shape{n * planes, x.dim(1), x.dim(3), x.dim(4)});
    const auto plane =
        reshape(slice(weight, 2, i, i + 1), Shape{weight.dim(0), weight.dim(1), weight.dim(3), weight.dim(4)});
    const auto y = convolve2d(images, plane, i == 0 ? bias : Tensor<T>{}, flat, groups, Activation::none);
    total = total.defined() ? total + y : y;
  }
  const auto result = reshape(total, Shape{n, planes, weight.dim(0), total.dim(2), total.dim(3)});
  return permute(result, {0, 2, 1, 3, 4});
}

template <class T>
Values<T> convolution(const Call<T>& c) {
  auto x = c.tensor(0), weight = c.tensor(1);
  const auto bias = c.tensor_or_none(2);
  check(weight.rank() >= 3, "weight ", weight.shape(), " must be [K, C / groups, ..]");
  auto w = windows_of(c, x.shape(), {weight.shape().begin() + 2, weight.shape().end()});
  const Index groups = c.integer("group", 1);
  if (w.rank() == 3) return one<T>(nasion::detail::activate(convolve3d(x, weight, bias, w, groups), c.step.activation));
  check(w.rank() <= 2, "input ", x.shape(), " has more than three spatial dimensions");
  if (w.rank() == 2) return one<T>(convolve2d(x, weight, bias, w, groups, c.step.activation));
  add_dimension(w);
  return one<T>(squeeze(convolve2d(unsqueeze(x, 2), unsqueeze(weight, 2), bias, w, groups, c.step.activation), 2));
}

template <class T>
Values<T> transposed_convolution(const Call<T>& c) {
  auto x = c.tensor(0), weight = c.tensor(1);
  check(weight.rank() >= 3 && weight.rank() <= 4, "weight ", weight.shape(),
        " must be [C, K / groups, ..] of one or two dimensions more");
  auto w = windows_of(c, x.shape(), {weight.shape().begin() + 2, weight.shape().end()});
  auto extra = c.list("output_padding", std::vector<Index>(w.rank(), 0));
  auto wanted = c.list("output_shape");
  check(extra.size() == w.rank() && (wanted.empty() || wanted.size() == w.rank()),
        "output_padding or output_shape do not fit input ", x.shape());
  const auto mode = c.text("auto_pad", "NOTSET");
  if (wanted.empty() && mode.starts_with("SAME"))
    for (std::size_t d = 0; d < w.rank(); ++d) wanted.push_back(x.dim(static_cast<int>(d) + 2) * w.strides[d]);
  // The result without pads; then what is beyond the wanted one is cut off, or zeros are added.
  std::vector<Index> cut_before = w.before, cut_after = w.after;
  for (std::size_t d = 0; d < w.rank(); ++d) {
    const Index whole = (x.dim(static_cast<int>(d) + 2) - 1) * w.strides[d] + w.reach(d);
    if (!wanted.empty()) {
      const Index total = whole + extra[d] - wanted[d];
      cut_before[d] = mode == "SAME_UPPER" ? total / 2 : total - total / 2;
      if (mode == "NOTSET") cut_before[d] = total / 2;
      cut_after[d] = total - cut_before[d];
    }
    cut_after[d] -= extra[d];
  }
  const bool direct =
      cut_before == cut_after && std::all_of(cut_before.begin(), cut_before.end(), [](Index n) { return n >= 0; });
  if (w.rank() == 1) {
    x = unsqueeze(x, 2), weight = unsqueeze(weight, 2);
    add_dimension(w);
  }
  auto padding = w;
  if (direct)
    padding.before = cut_before;
  else
    padding.before.assign(w.rank(), 0);
  if (padding.before.size() < 2) padding.before.insert(padding.before.begin(), 0);
  auto y = conv_transpose2d(x, weight, c.tensor_or_none(2),
                            {.stride = size2(w.strides),
                             .padding = size2(padding.before),
                             .dilation = size2(w.dilations),
                             .groups = c.integer("group", 1)});
  if (cut_before.size() == 1) y = squeeze(y, 2);
  if (!direct) {
    std::vector<Index> low(2, 0), high(2, 0);
    for (std::size_t d = 0; d < cut_before.size(); ++d) {
      low.push_back(-cut_before[d]);
      high.push_back(-cut_after[d]);
    }
    const auto bias = c.tensor_or_none(2);
    const bool grows = std::any_of(high.begin(), high.end(), [](Index n) { return n > 0; }) ||
                       std::any_of(low.begin(), low.end(), [](Index n) { return n > 0; });
    if (bias.defined() && grows) {  // what is added has the bias, too
      auto sizes = std::vector<Index>(static_cast<std::size_t>(y.rank()), 1);
      sizes[1] = bias.size();
      const auto b = reshape(bias, shape_of(sizes));
      return one<T>(padded<T>(y - b, low, high, "constant", T{0}).tensor() + b);
    }
    y = padded<T>(y, low, high, "constant", T{0}).tensor();
  }
  return one<T>(y);
}

/// Outputs along dimension d, as ONNX counts them: a last window must not begin in the padding.
inline Index outputs_of(const Windows& w, std::size_t d, Index size, bool ceil_mode) {
  const Index padded = size + w.before[d] + w.after[d], room = padded - w.reach(d);
  check(room >= 0 && size > 0, "a kernel of ", w.kernel[d], " is larger than ", size, " elements with padding");
  Index outputs = (room + (ceil_mode ? w.strides[d] - 1 : 0)) / w.strides[d] + 1;
  if (ceil_mode && (outputs - 1) * w.strides[d] >= size + w.before[d]) --outputs;
  return outputs;
}

/// `combine` of the elements of each window, one dimension after the other; `empty` stands in the padding.
template <class T, class F>
Tensor<T> pool_each(Tensor<T> x, const Windows& w, bool ceil_mode, T empty, F combine) {
  for (std::size_t d = 0; d < w.rank(); ++d) {
    const int axis = static_cast<int>(d) + 2;
    const Index size = x.dim(axis), outputs = outputs_of(w, d, size, ceil_mode);
    const Index needed = (outputs - 1) * w.strides[d] + w.reach(d) - size - w.before[d];
    std::vector<Index> before(w.rank(), 0), after = before;
    before[d] = w.before[d], after[d] = std::max<Index>(0, needed);
    if (before[d] + after[d] > 0) x = pad_space(x, before, after, empty);
    Tensor<T> y;
    for (Index i = 0; i < w.kernel[d]; ++i) {
      const Index first = i * w.dilations[d];
      const auto taken = index_select(x, axis, range(first, first + outputs * w.strides[d], w.strides[d]));
      y = y.defined() ? combine(y, taken) : taken;
    }
    x = y;
  }
  return x;
}

inline PoolOptions pool_options(const Windows& w, bool ceil_mode) {
  return {.kernel = size2(w.kernel), .stride = size2(w.strides), .padding = size2(w.before), .ceil_mode = ceil_mode};
}

/// Whether the library's own pooling has such windows.
inline bool is_pool2d(const Windows& w) {
  const auto half = [&](std::size_t d) { return 2 * w.before[d] <= w.kernel[d]; };
  return w.rank() == 2 && w.symmetric() && w.plain() && half(0) && half(1);
}

template <class T>
Values<T> max_pool(const Call<T>& c) {
  check<ValueError>(c.step.outputs.size() == 1, "the positions of the largest elements are not computed");
  const auto x = c.tensor(0);
  auto w = windows_of(c, x.shape(), c.list("kernel_shape"));
  const bool ceil_mode = c.integer("ceil_mode", 0) != 0;
  if (is_pool2d(w)) return one<T>(max_pool2d(x, pool_options(w, ceil_mode)));
  return one<T>(pool_each(x, w, ceil_mode, -std::numeric_limits<T>::infinity(), maximum<T>));
}

/// How many elements of x, or of x and its padding, are in each window: their reciprocals.
template <class T>
Tensor<T> window_shares(const Shape& x, const Windows& w, std::size_t d, bool ceil_mode, bool with_padding) {
  const Index size = x[static_cast<int>(d) + 2], outputs = outputs_of(w, d, size, ceil_mode);
  std::vector<Index> sizes(static_cast<std::size_t>(x.rank()), 1);
  sizes[d + 2] = outputs;
  const auto shares = Tensor<T>::empty(shape_of(sizes));
  const Index low = with_padding ? -w.before[d] : 0, high = with_padding ? size + w.after[d] : size;
  for (Index o = 0; o < outputs; ++o) {
    Index count = 0;
    for (Index i = 0; i < w.kernel[d]; ++i) {
      const Index at = o * w.strides[d] + i * w.dilations[d] - w.before[d];
      count += at >= low && at < high;
    }
    nasion::detail::writable(shares)[o] = T{1} / static_cast<T>(count);
  }
  return shares;
}

template <class T>
Values<T> average_pool(const Call<T>& c) {
  const auto x = c.tensor(0);
  const auto w = windows_of(c, x.shape(), c.list("kernel_shape"));
  const bool ceil_mode = c.integer("ceil_mode", 0) != 0, with_padding = c.integer("count_include_pad", 0) != 0;
  const bool no_padding =
      w.symmetric() && std::all_of(w.before.begin(), w.before.end(), [](Index n) { return n == 0; });
  if (is_pool2d(w) && !ceil_mode && (with_padding || no_padding)) return one<T>(avg_pool2d(x, pool_options(w, false)));
  auto y = pool_each(x, w, ceil_mode, T{0}, [](const Tensor<T>& a, const Tensor<T>& b) { return a + b; });
  for (std::size_t d = 0; d < w.rank(); ++d) y = y * window_shares<T>(x.shape(), w, d, ceil_mode, with_padding);
  return one<T>(y);
}

template <class T>
Values<T> lp_pool(const Call<T>& c) {
  const auto x = c.tensor(0);
  const auto w = windows_of(c, x.shape(), c.list("kernel_shape"));
  const T p = static_cast<T>(c.integer("p", 2));
  const auto sums = pool_each(pow(abs(x), p), w, c.integer("ceil_mode", 0) != 0, T{0},
                              [](const Tensor<T>& a, const Tensor<T>& b) { return a + b; });
  return one<T>(pow(sums, 1 / p));
}

template <class T>
std::vector<int> spatial_axes(const Tensor<T>& x) {
  check(x.rank() >= 3, "input ", x.shape(), " must be [N, C, ..]");
  std::vector<int> axes(static_cast<std::size_t>(x.rank() - 2));
  std::iota(axes.begin(), axes.end(), 2);
  return axes;
}

template <class T>
Values<T> global_average(const Call<T>& c) {
  const auto x = c.tensor(0);
  return one<T>(x.rank() == 4 ? adaptive_avg_pool2d(x, 1) : mean(x, spatial_axes(x), true));
}

template <class T>
Values<T> global_max(const Call<T>& c) {
  auto x = c.tensor(0);
  if (x.rank() == 4) return one<T>(adaptive_max_pool2d(x, 1));
  for (const int d : spatial_axes(x)) x = max(x, d, true);
  return one<T>(x);
}

/// Local response normalisation: squares are summed over neighbouring channels.
template <class T>
Values<T> local_response(const Call<T>& c) {
  const auto x = c.tensor(0);
  const Index size = c.integer("size", 1);
  check(x.rank() >= 2 && size > 0 && size <= max_extent, "input ", x.shape(), " must be [N, C, ..], and size ", size,
        " positive");
  std::vector<Index> before(static_cast<std::size_t>(x.rank()), 0), after = before;
  before[1] = (size - 1) / 2, after[1] = size - 1 - before[1];
  const auto squares = pad(square(x), before, after);
  auto sums = slice(squares, 1, 0, x.dim(1));
  for (Index i = 1; i < size; ++i) sums = sums + slice(squares, 1, i, i + x.dim(1));
  const T alpha = static_cast<T>(c.real("alpha", 1e-4)), beta = static_cast<T>(c.real("beta", 0.75));
  return one<T>(x / pow(sums * (alpha / static_cast<T>(size)) + static_cast<T>(c.real("bias", 1)), beta));
}

template <class T>
Table<T> image_operators() {
  return {
      {"Conv", convolution<T>},         {"ConvTranspose", transposed_convolution<T>},
      {"MaxPool", max_pool<T>},         {"AveragePool", average_pool<T>},
      {"LpPool", lp_pool<T>},           {"GlobalAveragePool", global_average<T>},
      {"GlobalMaxPool", global_max<T>}, {"LRN", local_response<T>},
  };
}

}  // namespace nasion::io::detail::onnx
