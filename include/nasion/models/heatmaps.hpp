#pragma once
// Heatmaps: one map per point, high where the point is. From coordinates to maps for training, and back.

#include <algorithm>
#include <cmath>

#include "nasion/core/autograd.hpp"
#include "nasion/core/parallel.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion::models {

/// Probability maps for softmax cross-entropy: coordinates [N, 2 K], x and y as parts of width and height, ->
/// [N, K, height, width], a normal distribution of `sigma` pixels about each point, cut off at 3 sigma, that sums to 1;
/// sigma 0: all at the pixel that holds the point. A point outside of the image gets an empty map, from which nothing
/// is learned. ShapeError unless coordinates come in pairs; ValueError for empty maps or a negative sigma.
template <Real T>
Tensor<T> heatmap_targets(const Tensor<T>& coordinates, Index height, Index width, double sigma) {
  check(coordinates.rank() == 2 && coordinates.dim(1) % 2 == 0, "[heatmap_targets] coordinates ", coordinates.shape(),
        " must be [N, 2 K]");
  check<ValueError>(height > 0 && width > 0 && sigma >= 0, "[heatmap_targets] size ", height, "x", width,
                    " must be positive, and sigma ", sigma, " not negative");
  const Index n = coordinates.dim(0), k = coordinates.dim(1) / 2;
  const auto maps = Tensor<T>::zeros({n, k, height, width});
  const auto pairs = contiguous(coordinates);
  const T* xy = pairs.data();
  T* to = maps.mutable_data();
  const auto reach = static_cast<Index>(std::min(std::ceil(3 * sigma), static_cast<double>(std::max(height, width))));
  parallel_for(n * k, 16, [&](Index begin, Index end) {
    for (Index m = begin; m < end; ++m) {
      const double x = static_cast<double>(xy[2 * m]) * static_cast<double>(width);
      const double y = static_cast<double>(xy[2 * m + 1]) * static_cast<double>(height);
      if (!(x >= 0 && x < static_cast<double>(width) && y >= 0 && y < static_cast<double>(height))) continue;
      const auto column = static_cast<Index>(x), row = static_cast<Index>(y);
      T* map = to + m * height * width;
      double total = 0;
      const auto for_window = [&](auto&& f) {
        for (Index i = std::max<Index>(0, row - reach); i <= std::min(height - 1, row + reach); ++i)
          for (Index j = std::max<Index>(0, column - reach); j <= std::min(width - 1, column + reach); ++j)
            f(map[i * width + j], static_cast<double>(j) + 0.5 - x, static_cast<double>(i) + 0.5 - y);
      };
      for_window([&](T& value, double dx, double dy) {
        const double density = reach > 0 ? std::exp(-(dx * dx + dy * dy) / (2 * sigma * sigma)) : 1;
        value = static_cast<T>(density);
        total += density;
      });
      if (total > 0)
        for_window([&](T& value, double, double) { value = static_cast<T>(static_cast<double>(value) / total); });
      else  // so narrow that it falls between the pixels' centres
        map[row * width + column] = 1;
    }
  });
  return maps;
}

/// Where each map has its peak, to a part of a pixel: the mean position under the softmax of the logits, over the
/// pixels at most `radius` from the largest one. logits [N, K, H, W] -> [N, 2 K], x and y as parts of width and height.
/// Not differentiable. ShapeError unless rank 4 with pixels; ValueError for a negative radius.
template <Real T>
Tensor<T> heatmap_peaks(const Tensor<T>& logits, Index radius) {
  check(logits.rank() == 4 && logits.dim(2) > 0 && logits.dim(3) > 0, "[heatmap_peaks] logits ", logits.shape(),
        " must be [N, K, H, W] with pixels");
  check<ValueError>(radius >= 0, "[heatmap_peaks] radius ", radius, " must not be negative");
  const Index n = logits.dim(0), k = logits.dim(1), h = logits.dim(2), w = logits.dim(3);
  radius = std::min(radius, std::max(h, w));
  const auto peaks = Tensor<T>::empty({n, 2 * k});
  const NoGrad no_grad;
  const auto maps = contiguous(logits);
  const T* from = maps.data();
  T* to = peaks.mutable_data();
  parallel_for(n * k, 16, [&](Index begin, Index end) {
    for (Index m = begin; m < end; ++m) {
      const T* map = from + m * h * w;
      const Index best = std::max_element(map, map + h * w) - map, row = best / w, column = best % w;
      double total = 0, x = 0, y = 0;
      for (Index i = std::max<Index>(0, row - radius); i <= std::min(h - 1, row + radius); ++i)
        for (Index j = std::max<Index>(0, column - radius); j <= std::min(w - 1, column + radius); ++j) {
          const double p = std::exp(static_cast<double>(map[i * w + j] - map[best]));
          total += p;
          x += p * (static_cast<double>(j) + 0.5);
          y += p * (static_cast<double>(i) + 0.5);
        }
      to[2 * m] = static_cast<T>(x / total / static_cast<double>(w));
      to[2 * m + 1] = static_cast<T>(y / total / static_cast<double>(h));
    }
  });
  return peaks;
}

}  // namespace nasion::models
