#pragma once
// Soft focus: the Gaussian blur of a plane of values.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "nasion/core/error.hpp"

namespace nasion::vision {

/// Blurs width x height values, row by row, in place: a Gaussian of standard deviation `sigma` pixels, cut off at three
/// of them; edge values are repeated outwards. sigma 0 changes nothing. ValueError unless 0 <= sigma <= 1000 and the
/// size fits the values.
inline void gaussian_blur(std::span<float> values, int width, int height, double sigma) {
  check<ValueError>(
      width > 0 && height > 0 && values.size() == static_cast<std::size_t>(width) * static_cast<std::size_t>(height),
      "[gaussian_blur] ", values.size(), " values are no plane of ", width, " x ", height);
  check<ValueError>(sigma >= 0 && sigma <= 1000, "[gaussian_blur] sigma ", sigma, " is not in 0 to 1000");
  if (sigma == 0) return;

  const auto radius = static_cast<std::size_t>(std::ceil(3 * sigma));
  std::vector<float> weights(radius + 1);  // from the centre outwards: the other side is the same
  double sum = 0;
  const auto bell = [&](std::size_t k) { return std::exp(-0.5 * std::pow(static_cast<double>(k) / sigma, 2)); };
  for (std::size_t k = 0; k <= radius; ++k) sum += (k == 0 ? 1 : 2) * bell(k);
  for (std::size_t k = 0; k <= radius; ++k) weights[k] = static_cast<float>(bell(k) / sum);

  // The Gaussian is a product of one along the rows and one along the columns. The inner loops run along rows, where
  // values lie side by side.
  const auto w = static_cast<std::size_t>(width), h = static_cast<std::size_t>(height);
  std::vector<float> padded(w + 2 * radius), rows(values.size());
  for (std::size_t y = 0; y < h; ++y) {
    const auto row = values.subspan(y * w, w);
    std::fill_n(padded.begin(), radius, row.front());
    std::copy(row.begin(), row.end(), padded.begin() + static_cast<std::ptrdiff_t>(radius));
    std::fill_n(padded.rbegin(), radius, row.back());
    const float* centre = padded.data() + radius;
    float* to = rows.data() + y * w;
    for (std::size_t x = 0; x < w; ++x) to[x] = weights[0] * centre[x];
    for (std::size_t k = 1; k <= radius; ++k) {
      const float *left = centre - k, *right = centre + k;
      for (std::size_t x = 0; x < w; ++x) to[x] += weights[k] * (left[x] + right[x]);
    }
  }
  for (std::size_t y = 0; y < h; ++y) {
    const float* centre = rows.data() + y * w;
    float* to = values.data() + y * w;
    for (std::size_t x = 0; x < w; ++x) to[x] = weights[0] * centre[x];
    for (std::size_t k = 1; k <= radius; ++k) {
      const float* above = rows.data() + (y > k ? y - k : 0) * w;
      const float* below = rows.data() + std::min(y + k, h - 1) * w;
      for (std::size_t x = 0; x < w; ++x) to[x] += weights[k] * (above[x] + below[x]);
    }
  }
}

}  // namespace nasion::vision
