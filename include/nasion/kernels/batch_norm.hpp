#pragma once
// Batch normalisation: sums over each channel of a batch of images, and one affine map applied to every element of a
// channel. What takes time is memory, so every loop does all that it can with the elements it reads.

#include <algorithm>
#include <array>

#include "nasion/core/strided.hpp"
#include "nasion/kernels/activation.hpp"
#include "nasion/kernels/batch_norm_tiles.hpp"
#include "nasion/kernels/prefetch.hpp"
#include "nasion/kernels/scratch.hpp"
#include "nasion/kernels/stream.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// Adds `added` elements of each channel, with these means and sums of squared deviations from them, to the `count`
/// elements that `mean` and `squares` have seen (Chan et al. 1983).
template <class T, class Sum>
void merge_moments(Index channels, Index added, const T* means, const T* deviations, Index count, Sum* mean,
                   Sum* squares) {
  const Sum share = static_cast<Sum>(added) / static_cast<Sum>(count + added), weight = static_cast<Sum>(count) * share;
  for (Index c = 0; c < channels; ++c) {
    const Sum d = static_cast<Sum>(means[c]) - mean[c];
    mean[c] += d * share;
    squares[c] += static_cast<Sum>(deviations[c]) + d * d * weight;
  }
}

/// Channels whose sums over all tiles one thread combines: two cache lines of each tile's.
inline constexpr Index combined_channels = 32;

template <class T>
void add(Index n, const T* x, double* sum) {
  for (Index i = 0; i < n; ++i) sum[i] += double{x[i]};
}

template <class T>
void copy_as(Index n, const double* x, T* y) {
  std::transform(x, x + n, y, [](double v) { return static_cast<T>(v); });
}

/// Two sums for each column of a channels-last tile, from 0 on: those of its channels when a row has one element of
/// each, otherwise to be combined by add_columns() or to_moments().
template <class T>
class ColumnSums {
 public:
  ColumnSums(const BatchNormTiles& tiles, const BatchNormTile& tile, T* first, T* second)
      : width_(tiles.width()), channels_(tiles.channels()), size_(tile.size), sums_{first, second} {
    for (std::size_t i = 0; i < 2; ++i) {
      columns_[i] = width_ > channels_ ? columns_here_[i].data() : sums_[i];
      std::fill_n(columns_[i], width_, T{0});
    }
  }
  ColumnSums(const ColumnSums&) = delete;
  ColumnSums& operator=(const ColumnSums&) = delete;

  /// Where a loop adds its two sums, of each column.
  T* first() { return columns_[0]; }
  T* second() { return columns_[1]; }

  /// The sums of each channel, from those of its columns.
  void add_columns() {
    if (width_ == channels_) return;
    for (std::size_t i = 0; i < 2; ++i) {
      std::fill_n(sums_[i], channels_, T{0});
      for (Index pixel = 0; pixel < width_; pixel += channels_)
        for (Index c = 0; c < channels_; ++c) sums_[i][c] += columns_[i][pixel + c];
    }
  }

  /// From sums of d and d^2, where d is the distance of an element from the first one of its column, to the mean of
  /// each channel and the sum of squared deviations from it.
  void to_moments(const T* first_row) {
    const Index tail = size_ % width_;  // columns before it have one row more
    columns_to_moments(0, tail, first_row);
    columns_to_moments(tail, std::min(width_, size_), first_row);
    if (width_ == channels_) return;
    for (T* sums : sums_) std::fill_n(sums, channels_, T{0});
    Index count = 0;
    for (Index pixel = 0; pixel < std::min(width_, size_); pixel += channels_) {
      merge_moments(channels_, rows(pixel), columns_[0] + pixel, columns_[1] + pixel, count, sums_[0], sums_[1]);
      count += rows(pixel);
    }
  }

 private:
  /// Elements in a column.
  Index rows(Index column) const { return (size_ - column + width_ - 1) / width_; }
  void columns_to_moments(Index begin, Index end, const T* first_row) {
    const T count = static_cast<T>(rows(begin));
    T *sum = columns_[0], *squares = columns_[1];
    for (Index j = begin; j < end; ++j) {
      // Distances from an element of the column itself: the difference loses no more digits than the count has.
      const T d = sum[j] / count, deviations = squares[j] - sum[j] * d;
      sum[j] = first_row[j] + d;
      squares[j] = deviations < 0 ? T{0} : deviations;
    }
  }

  Index width_, channels_, size_;
  std::array<T*, 2> sums_, columns_;
  std::array<std::array<T, 2 * BatchNormTiles::min_width>, 2> columns_here_;
};

// Loops over one row, in which columns[column::mean][j] is the mean of the channel of column j. __restrict lets
// compilers vectorise: what is written is not what is read.

/// Mean and sum of squared deviations of a piece of one plane.
template <class T>
void plane_moments(Index n, const T* x, T* mean, T* squares) {
  const T first = x[0];  // relative to it, sums are small and lose little
  const T m = first + pairwise_sum_of<T>(0, n, [=](Index j) { return x[j] - first; }) / static_cast<T>(n);
  *mean = m;
  *squares = pairwise_sum_of<T>(0, n, [=](Index j) { return (x[j] - m) * (x[j] - m); });
}

/// sum += d, squares += d^2, where d is the distance from `first`, column by column.
template <class T>
void add_moments(Index n, const T* x, const T* first, T* __restrict sum, T* __restrict squares) {
  prefetch(x, n);
  // The sums of all columns stay in L1 while rows pass: 8 bytes of float a channel.
  for (Index j = 0; j < n; ++j) {
    const T d = x[j] - first[j];
    sum[j] += d;
    squares[j] += d * d;
  }
}

/// (x - mean) scale + shift, of element j.
template <class T, class Columns>
T normalised(Index j, const T* x, const Columns& columns) {
  return (x[j] - columns[column::mean][j]) * columns[column::scale][j] + columns[column::shift][j];
}

/// y = activation((x - mean) scale + shift (+ residual))
template <Activation activation, bool with_residual, class T, class Column>
void normalise(Index n, const T* x, const std::array<Column, 3>& columns, const T* residual, T* __restrict y) {
  prefetch(x, n);
  if constexpr (with_residual) prefetch(residual, n);
  for (Index j = 0; j < n; ++j) {
    T v = normalised(j, x, columns);
    if constexpr (with_residual) v += residual[j];
    y[j] = activated<activation>(v);
  }
}

/// The gradient before the activation, for the gradient dy after it.
template <Activation activation, class T, class Columns>
T before_activation(Index j, const T* x, const T* dy, const Columns& columns) {
  const T g = dy[j];  // read in any case: from a load that depends on the mask GCC 12 makes wrong code at -O3
  return activation_gradient<activation>(g, normalised(j, x, columns));
}

/// sum += g, weighted += g times (x - mean), column by column, where g is the gradient before the activation.
template <Activation activation, class T, class Column>
void add_gradients(Index n, const T* x, const T* dy, const std::array<Column, 3>& columns, T* __restrict sum,
                   T* __restrict weighted) {
  prefetch(x, n);
  prefetch(dy, n);
  for (Index j = 0; j < n; ++j) {
    const T g = before_activation<activation>(j, x, dy, columns);
    sum[j] += g;
    weighted[j] += g * (x[j] - columns[column::mean][j]);
  }
}

/// The same for a piece of one plane.
template <Activation activation, class T>
void add_gradients(Index n, const T* x, const T* dy, const std::array<Constant<T>, 3>& columns, T* sum, T* weighted) {
  *sum = pairwise_sum_of<T>(0, n, [=](Index j) { return before_activation<activation>(j, x, dy, columns); });
  *weighted = pairwise_sum_of<T>(0, n, [=](Index j) {
    return before_activation<activation>(j, x, dy, columns) * (x[j] - columns[column::mean][j]);
  });
}

/// g = the gradient before the activation when a residual was added before it: limits see in the result what they let
/// pass, curves need the sum again. `kept` is the result or the residual.
template <Activation activation, class T, class Column>
void before_residual(Index n, const T* x, const T* dy, const T* kept, const std::array<Column, 3>& columns,
                     T* __restrict g) {
  prefetch(dy, n);
  prefetch(kept, n);
  for (Index j = 0; j < n; ++j) {
    T v = kept[j];
    if constexpr (is_curve(activation)) v += normalised(j, x, columns);
    g[j] = activation_gradient<activation>(dy[j], v);
  }
}

/// dx = (g - offset - (x - mean) slope) scale, where g is the gradient before the activation: two streams in, one out.
template <Activation activation, class T, class Column>
void input_gradient(Index n, const T* x, const T* dy, const std::array<Column, 5>& columns, T* __restrict dx) {
  const Column mean = columns[column::mean], scale = columns[column::scale];
  const Column offset = columns[column::offset], slope = columns[column::slope];
  prefetch(x, n);
  prefetch(dy, n);
  for (Index j = 0; j < n; ++j)
    dx[j] = (before_activation<activation>(j, x, dy, columns) - offset[j] - (x[j] - mean[j]) * slope[j]) * scale[j];
}

}  // namespace detail

/// Mean and mean squared deviation from it, of each channel, in one pass. Large means cost no digits: every tile has
/// a mean, from which its elements deviate little; then the tiles are combined.
template <class T>
void batch_norm_moments(const BatchNormSizes& s, MemoryOrder order, const T* x, T* mean, T* variance) {
  const detail::BatchNormTiles tiles(s, order);
  const Scratch<T> means(tiles.parts() * s.c), squares(tiles.parts() * s.c);
  tiles.for_all([&](const detail::BatchNormTile& tile) {
    const T* first_row = x + tile.begin;
    T *m = means.data() + tile.sums, *square = squares.data() + tile.sums;
    if (tiles.planes()) return detail::plane_moments(tile.size, first_row, m, square);
    detail::ColumnSums<T> sums(tiles, tile, m, square);
    tiles.for_rows(
        tile, [&](Index begin, Index n) { detail::add_moments(n, x + begin, first_row, sums.first(), sums.second()); });
    sums.to_moments(first_row);
  });
  // Merging means and squared deviations of two sets needs their counts alone, so that tiles may have any sizes.
  // Tiles are combined one after the other, in double, so that results do not depend on the threads.
  parallel_for(s.c, detail::combined_channels, [&](Index first, Index end) {
    std::array<double, detail::combined_channels> whole{}, squared{};
    Index count = 0;
    for (Index part = 0; part < tiles.parts(); ++part) {
      const Index elements = tiles.elements(part), begin = part * s.c + first;
      detail::merge_moments(end - first, elements, means.data() + begin, squares.data() + begin, count, whole.data(),
                            squared.data());
      count += elements;
    }
    for (double& v : squared) v /= static_cast<double>(std::max<Index>(1, count));
    detail::copy_as(end - first, whole.data(), mean + first);
    detail::copy_as(end - first, squared.data(), variance + first);
  });
}

/// The affine map of each channel: (x - mean) scale + shift.
template <class T>
struct BatchNormLine {
  const T *mean, *scale, *shift;
};

/// y = activation((x - mean) scale + shift [+ residual]), of each channel; residual may be null.
template <class T>
void batch_norm_forward(const BatchNormSizes& s, MemoryOrder order, const T* x, const BatchNormLine<T>& line,
                        const T* residual, Activation activation, T* y) {
  const detail::BatchNormTiles tiles(s, order);
  const RowWriter<T> rows(s.count() * s.c, tiles.width());
  // A loop for each combination instead of one with tests for each element.
  // x, residual and y pass through once: three streams, which is all the memory traffic that the result needs.
  const auto normalise_tile = [&](const detail::BatchNormTile& tile, const auto& columns) {
    tiles.for_rows(tile, [&](Index begin, Index n) {
      rows.write(n, y + begin, [&](T* to) {
        with_activation(activation, [&]<Activation known>() {
          if (residual)
            detail::normalise<known, true>(n, x + begin, columns, residual + begin, to);
          else
            detail::normalise<known, false>(n, x + begin, columns, residual, to);
        });
      });
    });
    rows.finish();
  };
  detail::for_tiles<T, 3>(tiles, {line.mean, line.scale, line.shift}, normalise_tile);
}

/// The gradient dy of the result, and the way back through its activation: by x alone, or, when a residual was added
/// before it, by what was `kept`, the result of a limit or the residual of a curve. That gradient is then written to g.
template <class T>
struct BatchNormGradient {
  const T* dy;
  Activation activation = Activation::none;
  const T* kept = nullptr;
  T* g = nullptr;

  /// What the loops after that read, and what is left to them.
  const T* source() const { return kept ? g : dy; }
  Activation left() const { return kept ? Activation::none : activation; }
};

/// Sums of the gradient and of the gradient times (x - mean), over each channel.
template <class T>
void batch_norm_gradient_sums(const BatchNormSizes& s, MemoryOrder order, const T* x,
                              const BatchNormGradient<T>& gradient, const BatchNormLine<T>& line, T* sum, T* weighted) {
  const detail::BatchNormTiles tiles(s, order);
  const Scratch<T> sums(tiles.parts() * s.c), weighted_sums(tiles.parts() * s.c);
  const T* dy = gradient.source();
  const auto sum_tile = [&](const detail::BatchNormTile& tile, const auto& columns) {
    const auto write_g = [&](Index begin, Index n) {
      if (!gradient.kept) return;
      with_activation(gradient.activation, [&]<Activation known>() {
        detail::before_residual<known>(n, x + begin, gradient.dy + begin, gradient.kept + begin, columns,
                                       gradient.g + begin);
      });
    };
    const auto add = [&](Index begin, Index n, T* a, T* b) {
      with_activation(gradient.left(), [&]<Activation known>() {
        detail::add_gradients<known>(n, x + begin, dy + begin, columns, a, b);
      });
    };
    T *a = sums.data() + tile.sums, *b = weighted_sums.data() + tile.sums;
    if (tiles.planes()) {
      tiles.for_rows(tile, write_g);
      return add(tile.begin, tile.size, a, b);
    }
    detail::ColumnSums<T> of_tile(tiles, tile, a, b);
    tiles.for_rows(tile, [&](Index begin, Index n) {
      write_g(begin, n);  // row by row, so that add() finds g in L1
      add(begin, n, of_tile.first(), of_tile.second());
    });
    of_tile.add_columns();
  };
  detail::for_tiles<T, 3>(tiles, {line.mean, line.scale, line.shift}, sum_tile);

  parallel_for(s.c, detail::combined_channels, [&](Index first, Index end) {
    std::array<double, detail::combined_channels> total{}, total_weighted{};
    for (Index part = 0; part < tiles.parts(); ++part) {
      detail::add(end - first, sums.data() + part * s.c + first, total.data());
      detail::add(end - first, weighted_sums.data() + part * s.c + first, total_weighted.data());
    }
    detail::copy_as(end - first, total.data(), sum + first);
    detail::copy_as(end - first, total_weighted.data(), weighted + first);
  });
}

/// dx = (gradient - offset - (x - mean) slope) scale, of each channel: through the statistics of the batch. A second
/// pass over x and dy, which cannot be saved: offset and slope come from sums over all of the batch.
template <class T>
void batch_norm_backward(const BatchNormSizes& s, MemoryOrder order, const T* x, const BatchNormGradient<T>& gradient,
                         const BatchNormLine<T>& line, const T* offset, const T* slope, T* dx) {
  const detail::BatchNormTiles tiles(s, order);
  const RowWriter<T> rows(s.count() * s.c, tiles.width());
  const T* dy = gradient.source();
  const auto tile_gradient = [&](const detail::BatchNormTile& tile, const auto& columns) {
    tiles.for_rows(tile, [&](Index begin, Index n) {
      rows.write(n, dx + begin, [&](T* to) {
        with_activation(gradient.left(), [&]<Activation known>() {
          detail::input_gradient<known>(n, x + begin, dy + begin, columns, to);
        });
      });
    });
    rows.finish();
  };
  detail::for_tiles<T, 5>(tiles, {line.mean, line.scale, line.shift, offset, slope}, tile_gradient);
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
