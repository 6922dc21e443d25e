#pragma once
// ONNX's Resize and Upsample: of each dimension a sum of some of its elements. Images are enlarged by interpolate()
// where that means the same.

#include <cmath>
#include <limits>

#include "nasion/io/onnx/operators_images.hpp"
#include "nasion/ops/upsample.hpp"

namespace nasion::io::detail::onnx {

/// How one dimension is resampled.
struct Resampling {
  std::string_view mode, coordinates, nearest;
  double cubic = -0.75, outside = 0;
  bool exclude_outside = false, antialias = false;
};

/// Where output `i` lies among the inputs, in elements.
inline double position(const Resampling& r, Index i, Index inputs, Index outputs, double scale, double roi_low,
                       double roi_high) {
  const auto at = static_cast<double>(i), in = static_cast<double>(inputs), out = static_cast<double>(outputs);
  if (r.coordinates == "asymmetric") return at / scale;
  if (r.coordinates == "align_corners") return outputs == 1 ? 0 : at * (in - 1) / (scale * in - 1);
  if (r.coordinates == "pytorch_half_pixel") return outputs == 1 ? -0.5 : (at + 0.5) / scale - 0.5;
  if (r.coordinates == "half_pixel_symmetric") {
    const double adjusted = out / (scale * in);
    return in / 2 * (1 - adjusted) + (at + 0.5) / scale - 0.5;
  }
  if (r.coordinates == "tf_crop_and_resize")
    return outputs == 1 ? 0.5 * (roi_low + roi_high) * (in - 1)
                        : roi_low * (in - 1) + at * (roi_high - roi_low) * (in - 1) / (out - 1);
  check<ValueError>(r.coordinates == "half_pixel", "there are no coordinates ", in_quotes(r.coordinates));
  return (at + 0.5) / scale - 0.5;
}

inline double nearest_of(const Resampling& r, double at) {
  if (r.nearest == "floor") return std::floor(at);
  if (r.nearest == "ceil") return std::ceil(at);
  if (r.nearest == "round_prefer_ceil") return std::floor(at + 0.5);
  return std::ceil(at - 0.5);
}

/// The weight of an element at distance t.
inline double weight_of(const Resampling& r, double t) {
  t = std::abs(t);
  if (r.mode == "linear") return std::max(0.0, 1 - t);
  const double a = r.cubic;
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

/// x with `outputs` elements along `axis`: for each, the weighted sum of those around its place.
template <class T>
Tensor<T> resample(const Tensor<T>& x, int axis, Index outputs, const Resampling& r, double scale, double low,
                   double high) {
  const Index inputs = x.dim(axis);
  const double stretch = r.antialias && scale < 1 ? 1 / scale : 1, reach = (r.mode == "cubic" ? 2 : 1) * stretch;
  const auto taps = r.mode == "nearest" ? Index{1} : static_cast<Index>(2 * std::ceil(reach));
  std::vector<std::vector<Index>> from(static_cast<std::size_t>(taps),
                                       std::vector<Index>(static_cast<std::size_t>(outputs)));
  std::vector<Index> sizes(static_cast<std::size_t>(x.rank()), 1);
  sizes[static_cast<std::size_t>(axis)] = outputs;
  std::vector<Tensor<T>> weights;
  for (Index k = 0; k < taps; ++k) weights.push_back(Tensor<T>::zeros(shape_of(sizes)));
  const auto extra = Tensor<T>::zeros(shape_of(sizes));  // what stands outside
  const auto clamped = [inputs](double v) {
    return static_cast<Index>(std::clamp(v, 0.0, static_cast<double>(inputs - 1)));
  };
  for (Index i = 0; i < outputs; ++i) {
    const auto o = static_cast<std::size_t>(i);
    const double at = position(r, i, inputs, outputs, scale, low, high);
    if (r.coordinates == "tf_crop_and_resize" && (at < 0 || at > static_cast<double>(inputs - 1))) {
      nasion::detail::writable(extra)[i] = static_cast<T>(r.outside);
      continue;
    }
    if (r.mode == "nearest") {
      from[0][o] = clamped(nearest_of(r, at));
      nasion::detail::writable(weights[0])[i] = 1;
      continue;
    }
    const double first = std::floor(at) - std::ceil(reach) + 1;
    double total = 0;
    std::vector<double> w(static_cast<std::size_t>(taps));
    for (Index k = 0; k < taps; ++k) {
      const double element = first + static_cast<double>(k);
      const bool outside = element < 0 || element >= static_cast<double>(inputs);
      const double value = outside && r.exclude_outside ? 0 : weight_of(r, (element - at) / stretch);
      total += w[static_cast<std::size_t>(k)] = value;
      from[static_cast<std::size_t>(k)][o] = clamped(element);
    }
    for (Index k = 0; k < taps; ++k)
      nasion::detail::writable(weights[static_cast<std::size_t>(k)])[i] =
          static_cast<T>(w[static_cast<std::size_t>(k)] / (total == 0 ? 1 : total));
  }
  Tensor<T> y;
  for (std::size_t k = 0; k < from.size(); ++k) {
    const auto part = r.mode == "nearest" && r.coordinates != "tf_crop_and_resize"
                          ? index_select(x, axis, from[k])
                          : index_select(x, axis, from[k]) * weights[k];
    y = y.defined() ? y + part : part;
  }
  return r.coordinates == "tf_crop_and_resize" ? y + extra : y;
}

/// Options of interpolate() for the same result; nothing when there are none.
inline bool is_interpolation(const Resampling& r, const Shape& x, const std::vector<Index>& sizes,
                             const std::vector<double>& scales, InterpolateOptions& o) {
  if (x.rank() != 4 || sizes[0] != x[0] || sizes[1] != x[1] || r.antialias || r.exclude_outside) return false;
  for (int d = 2; d < 4; ++d) {
    const auto i = static_cast<std::size_t>(d);
    if (std::abs(static_cast<double>(sizes[i]) - scales[i] * static_cast<double>(x[d])) > 1e-6) return false;
  }
  o.size = {sizes[2], sizes[3]};
  if (r.mode == "nearest") return r.coordinates == "asymmetric" && r.nearest == "floor";
  o.mode = Interpolation::bilinear;
  o.align_corners = r.coordinates == "align_corners";
  return r.mode == "linear" && (o.align_corners || r.coordinates == "half_pixel" ||
                                (r.coordinates == "pytorch_half_pixel" && sizes[2] > 1 && sizes[3] > 1));
}

/// The new sizes and scales of the named dimensions; the others stay.
template <class T>
void resize_targets(const Call<T>& c, const Shape& x, const std::vector<int>& axes, std::vector<Index>& sizes,
                    std::vector<double>& scales) {
  const bool is_resize = c.opset >= 11;
  const std::size_t scales_at = c.opset >= 11 ? 2 : 1;
  if (is_resize && c.has(3) && c.inputs[3].shape().size() > 0) {
    const auto wanted = to_integers(c.inputs[3]).values;
    check(wanted.size() == axes.size(), wanted.size(), " sizes for ", axes.size(), " dimensions");
    const auto policy = c.text("keep_aspect_ratio_policy", "stretch");
    const auto ratio = [&](std::size_t i) {
      return static_cast<double>(wanted[i]) / static_cast<double>(std::max<Index>(x[axes[i]], 1));
    };
    double common = axes.empty() ? 1 : ratio(0);
    for (std::size_t i = 0; i < axes.size(); ++i)
      common = policy == "not_larger" ? std::min(common, ratio(i)) : std::max(common, ratio(i));
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const auto d = static_cast<std::size_t>(axes[i]);
      scales[d] = policy == "stretch" ? ratio(i) : common;
      sizes[d] = policy == "stretch" ? wanted[i]
                                     : static_cast<Index>(std::floor(common * static_cast<double>(x[axes[i]]) + 0.5));
    }
    return;
  }
  std::vector<double> given;
  if (const auto* attribute = c.step.find("scales")) {
    given.assign(attribute->numbers.begin(), attribute->numbers.end());
  } else {
    const auto values = contiguous(c.tensor(scales_at).detach());
    given.assign(values.data(), values.data() + values.size());
  }
  check(given.size() == axes.size(), given.size(), " scales for ", axes.size(), " dimensions");
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto d = static_cast<std::size_t>(axes[i]);
    const double size = std::floor(static_cast<double>(x[axes[i]]) * given[i] + 1e-9);
    check<ValueError>(given[i] > 0 && size <= static_cast<double>(max_extent), "scale ", given[i], " is out of range");
    scales[d] = given[i];
    sizes[d] = static_cast<Index>(size);
  }
}

template <class T>
Values<T> resize(const Call<T>& c) {
  auto x = c.tensor(0);
  Resampling r{.mode = c.text("mode", "nearest"),
               .coordinates = c.text("coordinate_transformation_mode", c.opset < 11 ? "asymmetric" : "half_pixel"),
               .nearest = c.text("nearest_mode", c.opset < 11 ? "floor" : "round_prefer_floor"),
               .cubic = c.real("cubic_coeff_a", -0.75),
               .outside = c.real("extrapolation_value", 0),
               .exclude_outside = c.integer("exclude_outside", 0) != 0,
               .antialias = c.integer("antialias", 0) != 0};
  if (r.mode == "bilinear") r.mode = "linear";
  check<ValueError>(r.mode == "nearest" || r.mode == "linear" || r.mode == "cubic", "there is no mode ",
                    in_quotes(r.mode));
  const int rank = x.rank();
  auto axes = axes_of<T>(c.list("axes"), rank);
  if (!c.has_attribute("axes"))
    for (int d = 0; d < rank; ++d) axes.push_back(d);
  auto sizes = sizes_of(x.shape());
  std::vector<double> scales(sizes.size(), 1), low(sizes.size(), 0), high(sizes.size(), 1);
  resize_targets(c, x.shape(), axes, sizes, scales);
  for (const Index n : sizes) check<ValueError>(n >= 0 && n <= max_extent, "size ", n, " is out of range");
  (void)shape_of(sizes);  // throws where there are too many elements
  InterpolateOptions options;
  const bool pixels = rank == 4 && sizes[2] > 0 && sizes[3] > 0 && x.dim(2) > 0 && x.dim(3) > 0;
  if (pixels && is_interpolation(r, x.shape(), sizes, scales, options)) return one<T>(interpolate(x, options));
  if (r.coordinates == "tf_crop_and_resize") {
    const auto roi = contiguous(c.tensor(1).detach());
    check(roi.size() == static_cast<Index>(2 * axes.size()), "roi ", roi.shape(), " does not fit ", axes.size(),
          " dimensions");
    for (std::size_t i = 0; i < axes.size(); ++i) {
      low[static_cast<std::size_t>(axes[i])] = double{roi.data()[i]};
      high[static_cast<std::size_t>(axes[i])] = double{roi.data()[i + axes.size()]};
    }
  }
  for (const int d : axes) {
    const auto i = static_cast<std::size_t>(d);
    if (sizes[i] == x.dim(d) && scales[i] == 1 && r.coordinates != "tf_crop_and_resize") continue;
    check(x.dim(d) > 0, "dimension ", d, " of input ", x.shape(), " is empty");
    x = resample(x, d, sizes[i], r, scales[i], low[i], high[i]);
  }
  return one<T>(x);
}

template <class T>
Table<T> resize_operators() {
  return {{"Resize", resize<T>}, {"Upsample", resize<T>}};
}

}  // namespace nasion::io::detail::onnx
