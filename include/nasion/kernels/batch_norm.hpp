#pragma once
// Batch normalisation: sums over each channel of a batch of images, and one line applied to every number of a channel.

#include <algorithm>
#include <vector>

#include "nasion/core/strided.hpp"

namespace nasion::kernels {

/// n images of c channels of `area` pixels.
struct BatchNormSizes {
  Index n, c, area;

  /// Numbers of each channel.
  Index count() const { return n * area; }
};

namespace detail {

inline constexpr Index batch_norm_grain = 16384;  // numbers: little enough to stay in the cache between two passes

/// Part of a batch, with the sums of its channels: row-major one plane, channels-last a block of pixels.
struct BatchNormTile {
  Index at, pixels;       // place of the first number; numbers of each channel
  Index first, channels;  // the channels in it
  Index sums;             // where the sums of its first channel are
};

/// How a batch is cut: `parts` of `pixels` numbers of every channel (the last may be smaller), and so many sums of
/// each channel.
struct BatchNormCut {
  Index parts, pixels;
};
inline BatchNormCut cut(const BatchNormSizes& s, MemoryOrder order) {
  if (order == MemoryOrder::row_major) return {s.n, s.area};
  const Index pixels = std::clamp<Index>(batch_norm_grain / std::max<Index>(1, s.c), 64, 256);
  return {(s.count() + pixels - 1) / pixels, pixels};
}

/// Calls f(tile) for every part of the batch, in parallel.
template <class F>
void for_tiles(const BatchNormSizes& s, MemoryOrder order, F&& f) {
  if (s.count() == 0) return;
  const auto [parts, pixels] = cut(s, order);
  const bool planes = order == MemoryOrder::row_major;
  const Index tile_size = std::max<Index>(1, planes ? pixels : pixels * s.c);
  parallel_for(planes ? parts * s.c : parts, std::max<Index>(1, batch_norm_grain / tile_size),
               [&, size = pixels](Index begin, Index end) {
                 for (Index tile = begin; tile < end; ++tile)
                   if (planes)
                     f(BatchNormTile{tile * size, size, tile % s.c, 1, tile});
                   else
                     f(BatchNormTile{tile * size * s.c, std::min(size, s.count() - tile * size), 0, s.c, tile * s.c});
               });
}

/// sums[j] = sum of term(j)(i) over the places i of the j-th channel of the tile.
template <class T, class Term>
void sum_tile(const BatchNormTile& tile, MemoryOrder order, Term term, T* sums) {
  if (order == MemoryOrder::row_major) {
    *sums = pairwise_sum_of<T>(tile.at, tile.pixels, term(0));
    return;
  }
  std::fill_n(sums, tile.channels, T{0});
  for (Index pixel = 0; pixel < tile.pixels; ++pixel)
    for (Index j = 0; j < tile.channels; ++j) sums[j] += term(j)(tile.at + pixel * tile.channels + j);
}

/// Calls at(channel)(i) for the place i of every number.
template <class At>
void for_numbers(const BatchNormSizes& s, MemoryOrder order, At at) {
  if (order == MemoryOrder::row_major)
    parallel_for(s.n * s.c, batch_norm_grain / std::max<Index>(1, s.area), [&](Index begin, Index end) {
      for (Index plane = begin; plane < end; ++plane) {
        const auto f = at(plane % s.c);
        for (Index i = plane * s.area; i < (plane + 1) * s.area; ++i) f(i);
      }
    });
  else
    parallel_for(s.count(), batch_norm_grain / std::max<Index>(1, s.c), [&](Index begin, Index end) {
      for (Index pixel = begin; pixel < end; ++pixel)
        for (Index c = 0; c < s.c; ++c) at(c)(pixel * s.c + c);
    });
}

}  // namespace detail

/// Mean and mean squared deviation from it, of each channel. Large means cost no digits: every tile has its own
/// mean, from which its numbers deviate little; then the tiles are put together (Chan et al. 1983).
template <class T>
void batch_norm_moments(const BatchNormSizes& s, MemoryOrder order, const T* x, T* mean, T* variance) {
  const auto [parts, pixels] = detail::cut(s, order);
  std::vector<T> means(static_cast<std::size_t>(parts * s.c)), squares(means.size());
  detail::for_tiles(s, order, [&](const detail::BatchNormTile& tile) {
    T *m = means.data() + tile.sums, *square = squares.data() + tile.sums;
    const T* first = x + tile.at;  // of each channel; relative to it sums are small, and lose little
    const auto relative = [x, first](Index j) { return [x, from = first[j]](Index i) { return x[i] - from; }; };
    detail::sum_tile(tile, order, relative, m);
    for (Index j = 0; j < tile.channels; ++j) m[j] = first[j] + m[j] / static_cast<T>(tile.pixels);
    const auto squared_deviation = [x, m](Index j) {
      return [x, mean_of_tile = m[j]](Index i) { return (x[i] - mean_of_tile) * (x[i] - mean_of_tile); };
    };
    detail::sum_tile(tile, order, squared_deviation, square);
  });
  const double count = static_cast<double>(std::max<Index>(1, s.count()));
  for (Index c = 0; c < s.c; ++c) {
    const auto sum_parts = [&, parts = parts, pixels = pixels](auto&& term) {
      double sum = 0;
      for (Index part = 0; part < parts; ++part)
        sum += term(static_cast<std::size_t>(part * s.c + c),
                    static_cast<double>(std::min(pixels, s.count() - part * pixels)));
      return sum / count;
    };
    const double whole = sum_parts([&](std::size_t k, double numbers) { return numbers * double{means[k]}; });
    const double squared = sum_parts([&](std::size_t k, double numbers) {
      const double deviation = double{means[k]} - whole;
      return double{squares[k]} + numbers * deviation * deviation;
    });
    mean[c] = static_cast<T>(whole);
    variance[c] = static_cast<T>(squared);
  }
}

/// y = (x - mean) scale + shift, of each channel.
template <class T>
void batch_norm_apply(const BatchNormSizes& s, MemoryOrder order, const T* x, const T* mean, const T* scale,
                      const T* shift, T* y) {
  detail::for_numbers(s, order, [=](Index c) {
    return [=, m = mean[c], k = scale[c], b = shift[c]](Index i) { y[i] = (x[i] - m) * k + b; };
  });
}

/// Sums of dy and of dy (x - mean) over each channel.
template <class T>
void batch_norm_gradient_sums(const BatchNormSizes& s, MemoryOrder order, const T* x, const T* dy, const T* mean,
                              T* sum_dy, T* sum_dy_x) {
  const Index parts = detail::cut(s, order).parts;
  std::vector<T> plain(static_cast<std::size_t>(parts * s.c)), weighted(plain.size());
  detail::for_tiles(s, order, [&](const detail::BatchNormTile& tile) {
    detail::sum_tile(
        tile, order, [dy](Index) { return [dy](Index i) { return dy[i]; }; }, plain.data() + tile.sums);
    const auto product = [x, dy, m = mean + tile.first](Index j) {
      return [x, dy, mean_of_channel = m[j]](Index i) { return dy[i] * (x[i] - mean_of_channel); };
    };
    detail::sum_tile(tile, order, product, weighted.data() + tile.sums);
  });
  for (Index c = 0; c < s.c; ++c) {
    double a = 0, b = 0;
    for (Index part = 0; part < parts; ++part) {
      a += double{plain[static_cast<std::size_t>(part * s.c + c)]};
      b += double{weighted[static_cast<std::size_t>(part * s.c + c)]};
    }
    sum_dy[c] = static_cast<T>(a);
    sum_dy_x[c] = static_cast<T>(b);
  }
}

/// dx = (dy - offset - (x - mean) slope) scale, of each channel: the gradient through the statistics of the batch.
template <class T>
void batch_norm_gradient(const BatchNormSizes& s, MemoryOrder order, const T* x, const T* dy, const T* mean,
                         const T* offset, const T* slope, const T* scale, T* dx) {
  detail::for_numbers(s, order, [=](Index c) {
    return [=, m = mean[c], a = offset[c], b = slope[c], k = scale[c]](Index i) {
      dx[i] = (dy[i] - a - (x[i] - m) * b) * k;
    };
  });
}

}  // namespace nasion::kernels
