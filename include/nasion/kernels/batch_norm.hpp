#pragma once
// Batch normalisation: sums over each channel of a batch of images, and one line applied to every number of a channel.
// What takes time is memory, so every loop does all that it can with the numbers it reads.

#include <algorithm>
#include <array>

#include "nasion/core/strided.hpp"
#include "nasion/kernels/prefetch.hpp"
#include "nasion/kernels/scratch.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// n images of c channels of `area` pixels.
struct BatchNormSizes {
  Index n, c, area;

  /// Numbers of each channel.
  Index count() const { return n * area; }
};

namespace detail {

/// Neighbours in memory, worked on together.
struct BatchNormTile {
  Index at, size;  // place of the first number; numbers
  Index channel;   // of the first number
  Index sums;      // where the sums of that channel are
};

/// How a batch is cut into tiles, and these into rows. Row-major a tile is a piece of a plane, and one row.
/// Channels-last a tile has all channels, and a row is a pixel, or several small ones: each column has numbers of one
/// channel.
class BatchNormTiles {
 public:
  static constexpr Index few = 64;  // numbers that are not enough for a row

  BatchNormTiles(const BatchNormSizes& s, MemoryOrder order)
      : planes_(order == MemoryOrder::row_major),
        all_channels_(s.c),
        channels_(planes_ ? 1 : s.c),
        run_(planes_ ? s.area : s.count() * s.c),
        runs_(s.count() * s.c == 0 ? 0
              : planes_            ? s.n * s.c
                                   : 1) {
    if (runs_ == 0) return;
    width_ = planes_ ? 4 * few : (few + channels_ - 1) / channels_ * channels_;
    tile_ = planes_ ? grain : width_ * std::clamp<Index>(grain / width_, 64, 256);
    parts_of_run_ = (run_ + tile_ - 1) / tile_;
  }

  bool planes() const { return planes_; }
  /// Channels of a tile.
  Index channels() const { return channels_; }
  /// Numbers of a row. When they are several of each channel, fewer than 2 `few`.
  Index width() const { return width_; }
  /// Tiles that have a certain channel, and how many of its numbers each has.
  Index parts() const { return parts_of_run_ * (planes_ ? runs_ / std::max<Index>(1, all_channels_) : 1); }
  Index numbers(Index part) const { return size(part % parts_of_run_) / channels_; }

  /// Calls f(tile) for all tiles, in parallel.
  template <class F>
  void for_all(F&& f) const {
    const Index together = std::max<Index>(1, grain / std::max<Index>(1, std::min(tile_, run_)));
    parallel_for(runs_ * parts_of_run_, together, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) f(tile(i));
    });
  }

  /// Calls f(place of the first number, numbers) for each row of a tile.
  template <class F>
  void for_rows(const BatchNormTile& tile, F&& f) const {
    for (Index row = 0; row < tile.size; row += width_) f(tile.at + row, std::min(width_, tile.size - row));
  }

 private:
  static constexpr Index grain = 16384;  // numbers

  Index size(Index part_of_run) const { return std::min(tile_, run_ - part_of_run * tile_); }
  BatchNormTile tile(Index i) const {
    const Index run = i / parts_of_run_, part_of_run = i % parts_of_run_;
    const Index channel = planes_ ? run % all_channels_ : 0;
    const Index part = planes_ ? run / all_channels_ * parts_of_run_ + part_of_run : part_of_run;
    return {run * run_ + part_of_run * tile_, size(part_of_run), channel, part * all_channels_ + channel};
  }

  bool planes_;
  Index all_channels_, channels_;
  Index run_, runs_;  // neighbours that have the same channels; how many of such
  Index width_ = 0, tile_ = 0, parts_of_run_ = 0;
};

/// The same value in every column.
template <class T>
struct Constant {
  T value;
  T operator[](Index) const { return value; }
};

/// Calls f(tile, columns) for all tiles, where columns[i][j] is values[i] of the channel of column j.
template <class T, std::size_t count, class F>
void for_tiles(const BatchNormTiles& tiles, const std::array<const T*, count>& values, F&& f) {
  if (tiles.planes()) {
    tiles.for_all([&](const BatchNormTile& tile) {
      std::array<Constant<T>, count> columns;
      for (std::size_t i = 0; i < count; ++i) columns[i] = {values[i][tile.channel]};
      f(tile, columns);
    });
    return;
  }
  std::array<const T*, count> columns = values;
  std::array<T, 2 * BatchNormTiles::few> repeated[count];
  if (tiles.width() > tiles.channels())
    for (std::size_t i = 0; i < count; ++i) {
      for (Index j = 0; j < tiles.width(); ++j)
        repeated[i][static_cast<std::size_t>(j)] = values[i][j % tiles.channels()];
      columns[i] = repeated[i].data();
    }
  tiles.for_all([&](const BatchNormTile& tile) { f(tile, columns); });
}

/// Adds `more` numbers of each channel, with these means and sums of squared deviations from them, to the `count`
/// numbers that `mean` and `squares` have seen (Chan et al. 1983).
template <class T, class Sum>
void merge_moments(Index channels, Index more, const T* means, const T* deviations, Index count, Sum* mean,
                   Sum* squares) {
  const Sum share = static_cast<Sum>(more) / static_cast<Sum>(count + more), weight = static_cast<Sum>(count) * share;
  for (Index c = 0; c < channels; ++c) {
    const Sum d = static_cast<Sum>(means[c]) - mean[c];
    mean[c] += d * share;
    squares[c] += static_cast<Sum>(deviations[c]) + d * d * weight;
  }
}

/// Two sums for each column of a channels-last tile, from 0 on: those of its channels when a row has one number of
/// each, otherwise still to be put together.
template <class T>
class ColumnSums {
 public:
  ColumnSums(const BatchNormTiles& tiles, const BatchNormTile& tile, T* first, T* second)
      : width_(tiles.width()), channels_(tiles.channels()), size_(tile.size), to_{first, second} {
    for (std::size_t i = 0; i < 2; ++i) {
      columns_[i] = width_ > channels_ ? own_[i].data() : to_[i];
      std::fill_n(columns_[i], width_, T{0});
    }
  }
  ColumnSums(const ColumnSums&) = delete;
  ColumnSums& operator=(const ColumnSums&) = delete;

  T* first() { return columns_[0]; }
  T* second() { return columns_[1]; }

  void add_columns() {
    if (width_ == channels_) return;
    for (std::size_t i = 0; i < 2; ++i) {
      std::fill_n(to_[i], channels_, T{0});
      for (Index pixel = 0; pixel < width_; pixel += channels_)
        for (Index c = 0; c < channels_; ++c) to_[i][c] += columns_[i][pixel + c];
    }
  }

  /// From sums of d and d^2, where d is the distance of a number from the first one of its column, to the mean of each
  /// channel and the sum of squared deviations from it.
  void to_moments(const T* first_row) {
    const Index last_row = size_ % width_;
    columns_to_moments(0, last_row, first_row);
    columns_to_moments(last_row, std::min(width_, size_), first_row);
    if (width_ == channels_) return;
    for (T* to : to_) std::fill_n(to, channels_, T{0});
    Index count = 0;
    for (Index pixel = 0; pixel < std::min(width_, size_); pixel += channels_) {
      merge_moments(channels_, rows(pixel), columns_[0] + pixel, columns_[1] + pixel, count, to_[0], to_[1]);
      count += rows(pixel);
    }
  }

 private:
  /// Numbers in a column.
  Index rows(Index column) const { return (size_ - column + width_ - 1) / width_; }
  void columns_to_moments(Index begin, Index end, const T* first_row) {
    const T count = static_cast<T>(rows(begin));
    T *sum = columns_[0], *squares = columns_[1];
    for (Index j = begin; j < end; ++j) {
      // The first number is one of them: the difference loses no more digits than the count has.
      const T d = sum[j] / count, rest = squares[j] - sum[j] * d;
      sum[j] = first_row[j] + d;
      squares[j] = rest < 0 ? T{0} : rest;
    }
  }

  Index width_, channels_, size_;
  std::array<T*, 2> to_, columns_;
  std::array<std::array<T, 2 * BatchNormTiles::few>, 2> own_;
};

// Loops over one row. __restrict: what they write is not what they read.

template <class T>
void plane_moments(Index n, const T* x, T* mean, T* squares) {
  const T first = x[0];  // relative to it, sums are small and lose little
  const T m = first + pairwise_sum_of<T>(0, n, [=](Index j) { return x[j] - first; }) / static_cast<T>(n);
  *mean = m;
  *squares = pairwise_sum_of<T>(0, n, [=](Index j) { return (x[j] - m) * (x[j] - m); });
}

template <class T>
void add_moments(Index n, const T* x, const T* first, T* __restrict sum, T* __restrict squares) {
  prefetch(x, n);
  for (Index j = 0; j < n; ++j) {
    const T d = x[j] - first[j];
    sum[j] += d;
    squares[j] += d * d;
  }
}

/// y = (x - mean) scale + shift (+ residual), or 0 where that is negative, for relu
template <bool relu, bool with_residual, class T, class Column>
void normalise(Index n, const T* x, const std::array<Column, 3>& line, const T* residual, T* __restrict y) {
  const Column mean = line[0], scale = line[1], shift = line[2];
  prefetch(x, n);
  if constexpr (with_residual) prefetch(residual, n);
  for (Index j = 0; j < n; ++j) {
    T v = (x[j] - mean[j]) * scale[j] + shift[j];
    if constexpr (with_residual) v += residual[j];
    y[j] = relu && v < 0 ? T{0} : v;
  }
}

/// dy, or 0 where `relu` let nothing through.
template <bool relu, class T, class Line>
T masked(Index j, const T* x, const T* dy, const Line& line) {
  const T g = dy[j];  // read in any case: from a load that depends on the mask GCC 12 makes wrong code at -O3
  return relu && (x[j] - line[0][j]) * line[1][j] + line[2][j] <= 0 ? T{0} : g;
}

template <bool relu, class T, class Column>
void add_gradients(Index n, const T* x, const T* dy, const std::array<Column, 3>& line, T* __restrict sum,
                   T* __restrict weighted) {
  prefetch(x, n);
  prefetch(dy, n);
  for (Index j = 0; j < n; ++j) {
    const T g = masked<relu>(j, x, dy, line);
    sum[j] += g;
    weighted[j] += g * (x[j] - line[0][j]);
  }
}

/// The same for a piece of one plane.
template <bool relu, class T>
void add_gradients(Index n, const T* x, const T* dy, const std::array<Constant<T>, 3>& line, T* sum, T* weighted) {
  *sum = pairwise_sum_of<T>(0, n, [=](Index j) { return masked<relu>(j, x, dy, line); });
  *weighted = pairwise_sum_of<T>(0, n, [=](Index j) { return masked<relu>(j, x, dy, line) * (x[j] - line[0][j]); });
}

template <class T>
void mask(Index n, const T* dy, const T* y, T* __restrict g) {
  prefetch(dy, n);
  prefetch(y, n);
  for (Index j = 0; j < n; ++j) g[j] = y[j] <= 0 ? T{0} : dy[j];
}

/// dx = (dy - offset - (x - mean) slope) scale
template <bool relu, class T, class Column>
void input_gradient(Index n, const T* x, const T* dy, const std::array<Column, 5>& line, T* __restrict dx) {
  const Column mean = line[0], scale = line[1], offset = line[3], slope = line[4];
  prefetch(x, n);
  prefetch(dy, n);
  for (Index j = 0; j < n; ++j)
    dx[j] = (masked<relu>(j, x, dy, line) - offset[j] - (x[j] - mean[j]) * slope[j]) * scale[j];
}

}  // namespace detail

/// Mean and mean squared deviation from it, of each channel, in one pass. Large means cost no digits: every tile has
/// its own mean, from which its numbers deviate little; then the tiles are put together.
template <class T>
void batch_norm_moments(const BatchNormSizes& s, MemoryOrder order, const T* x, T* mean, T* variance) {
  const detail::BatchNormTiles tiles(s, order);
  const Scratch<T> means(tiles.parts() * s.c), squares(tiles.parts() * s.c);
  tiles.for_all([&](const detail::BatchNormTile& tile) {
    const T* from = x + tile.at;
    T *m = means.data() + tile.sums, *square = squares.data() + tile.sums;
    if (tiles.planes()) return detail::plane_moments(tile.size, from, m, square);
    detail::ColumnSums<T> sums(tiles, tile, m, square);
    tiles.for_rows(tile, [&](Index at, Index n) { detail::add_moments(n, x + at, from, sums.first(), sums.second()); });
    sums.to_moments(from);
  });
  std::vector<double> whole(static_cast<std::size_t>(s.c)), squared(whole.size());
  Index count = 0;
  for (Index part = 0; part < tiles.parts(); ++part) {
    const Index numbers = tiles.numbers(part), at = part * s.c;
    detail::merge_moments(s.c, numbers, means.data() + at, squares.data() + at, count, whole.data(), squared.data());
    count += numbers;
  }
  for (std::size_t c = 0; c < whole.size(); ++c) {
    mean[c] = static_cast<T>(whole[c]);
    variance[c] = static_cast<T>(squared[c] / static_cast<double>(std::max<Index>(1, count)));
  }
}

/// Of each channel: its numbers are normalised to (x - mean) scale + shift.
template <class T>
struct BatchNormLine {
  const T *mean, *scale, *shift;
};

/// y = [relu] ((x - mean) scale + shift [+ residual]), of each channel; residual may be null.
template <class T>
void batch_norm_forward(const BatchNormSizes& s, MemoryOrder order, const T* x, const BatchNormLine<T>& line,
                        const T* residual, bool relu, T* y) {
  const detail::BatchNormTiles tiles(s, order);
  const auto normalise_tile = [&](const detail::BatchNormTile& tile, const auto& columns) {
    tiles.for_rows(tile, [&](Index at, Index n) {
      if (relu && residual)
        detail::normalise<true, true>(n, x + at, columns, residual + at, y + at);
      else if (relu)
        detail::normalise<true, false>(n, x + at, columns, residual, y + at);
      else if (residual)
        detail::normalise<false, true>(n, x + at, columns, residual + at, y + at);
      else
        detail::normalise<false, false>(n, x + at, columns, residual, y + at);
    });
  };
  detail::for_tiles<T, 3>(tiles, {line.mean, line.scale, line.shift}, normalise_tile);
}

/// The gradient of the normalised numbers: dy as it is, dy where the line is above 0 (or NaN) for `relu`, or dy where y
/// is for a given y, which is then written to g.
template <class T>
struct BatchNormGradient {
  const T* dy;
  bool relu = false;
  const T* y = nullptr;
  T* g = nullptr;
};

/// Sums of the gradient and of the gradient times (x - mean), over each channel.
template <class T>
void batch_norm_gradient_sums(const BatchNormSizes& s, MemoryOrder order, const T* x, const BatchNormGradient<T>& from,
                              const BatchNormLine<T>& line, T* sum, T* weighted) {
  const detail::BatchNormTiles tiles(s, order);
  const Scratch<T> sums(tiles.parts() * s.c), weighted_sums(tiles.parts() * s.c);
  const auto mask = [&](Index at, Index n) {
    if (from.y) detail::mask(n, from.dy + at, from.y + at, from.g + at);
  };
  const T* dy = from.y ? from.g : from.dy;
  const auto sum_tile = [&](const detail::BatchNormTile& tile, const auto& columns) {
    const auto add = [&](Index at, Index n, T* a, T* b) {
      if (from.relu)
        detail::add_gradients<true>(n, x + at, dy + at, columns, a, b);
      else
        detail::add_gradients<false>(n, x + at, dy + at, columns, a, b);
    };
    T *a = sums.data() + tile.sums, *b = weighted_sums.data() + tile.sums;
    if (tiles.planes()) {
      tiles.for_rows(tile, mask);
      return add(tile.at, tile.size, a, b);
    }
    detail::ColumnSums<T> of_tile(tiles, tile, a, b);
    tiles.for_rows(tile, [&](Index at, Index n) {
      mask(at, n);
      add(at, n, of_tile.first(), of_tile.second());
    });
    of_tile.add_columns();
  };
  detail::for_tiles<T, 3>(tiles, {line.mean, line.scale, line.shift}, sum_tile);

  std::vector<double> total(static_cast<std::size_t>(s.c)), total_weighted(total.size());
  for (Index part = 0; part < tiles.parts(); ++part)
    for (Index c = 0; c < s.c; ++c) {
      total[static_cast<std::size_t>(c)] += double{sums.data()[part * s.c + c]};
      total_weighted[static_cast<std::size_t>(c)] += double{weighted_sums.data()[part * s.c + c]};
    }
  std::transform(total.begin(), total.end(), sum, [](double v) { return static_cast<T>(v); });
  std::transform(total_weighted.begin(), total_weighted.end(), weighted, [](double v) { return static_cast<T>(v); });
}

/// dx = (gradient - offset - (x - mean) slope) scale, of each channel: through the statistics of the batch.
template <class T>
void batch_norm_backward(const BatchNormSizes& s, MemoryOrder order, const T* x, const BatchNormGradient<T>& from,
                         const BatchNormLine<T>& line, const T* offset, const T* slope, T* dx) {
  const detail::BatchNormTiles tiles(s, order);
  const T* dy = from.y ? from.g : from.dy;
  const auto tile_gradient = [&](const detail::BatchNormTile& tile, const auto& columns) {
    tiles.for_rows(tile, [&](Index at, Index n) {
      if (from.relu)
        detail::input_gradient<true>(n, x + at, dy + at, columns, dx + at);
      else
        detail::input_gradient<false>(n, x + at, dy + at, columns, dx + at);
    });
  };
  detail::for_tiles<T, 5>(tiles, {line.mean, line.scale, line.shift, offset, slope}, tile_gradient);
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
