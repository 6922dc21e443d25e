#pragma once
// Batch normalisation: sums over each channel of a batch of images, and one affine map applied to every element of a
// channel. What takes time is memory, so every loop does all that it can with the elements it reads.

#include <algorithm>
#include <array>

#include "nasion/core/strided.hpp"
#include "nasion/kernels/activation.hpp"
#include "nasion/kernels/prefetch.hpp"
#include "nasion/kernels/scratch.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// n images of c channels of `area` pixels.
struct BatchNormSizes {
  Index n, c, area;

  /// Elements of each channel.
  Index count() const { return n * area; }
};

namespace detail {

/// Contiguous elements that one thread works on.
/// Cut by the sizes of the batch alone, so that sums are the same for any number of threads.
struct BatchNormTile {
  Index begin, size;  // elements
  Index channel;      // of the first element
  Index sums;         // where the sums of that channel are
};

/// How a batch is cut into tiles, and these into rows. Row-major a tile is a piece of a plane, and one row.
/// Channels-last a tile has all channels, and a row is a pixel, or several small ones: each column has elements of one
/// channel.
class BatchNormTiles {
 public:
  // A row has at least so many elements: four vectors of AVX-512, enough for a loop over it to pay.
  static constexpr Index min_width = 64;

  BatchNormTiles(const BatchNormSizes& s, MemoryOrder order)
      : planes_(order == MemoryOrder::row_major),
        all_channels_(s.c),
        channels_(planes_ ? 1 : s.c),
        run_(planes_ ? s.area : s.count() * s.c),
        runs_(s.count() * s.c == 0 ? 0
              : planes_            ? s.n * s.c
                                   : 1) {
    if (runs_ == 0) return;
    // A plane's row is only what is prefetched at once, 1 KiB of float. A channels-last tile has 64 to 256 rows, so
    // that combining its sums costs little beside summing them.
    width_ = planes_ ? 4 * min_width : (min_width + channels_ - 1) / channels_ * channels_;
    tile_ = planes_ ? grain : width_ * std::clamp<Index>(grain / width_, 64, 256);
    parts_of_run_ = (run_ + tile_ - 1) / tile_;
  }

  /// Whether a tile is a piece of one plane.
  bool planes() const { return planes_; }
  /// Channels of a tile.
  Index channels() const { return channels_; }
  /// Elements of a row. When they are several of each channel, fewer than 2 `min_width`.
  Index width() const { return width_; }
  /// Tiles that have a certain channel, and how many of its elements each has.
  Index parts() const { return parts_of_run_ * (planes_ ? runs_ / std::max<Index>(1, all_channels_) : 1); }
  Index elements(Index part) const { return size(part % parts_of_run_) / channels_; }

  /// Calls f(tile) for all tiles, in parallel.
  template <class F>
  void for_all(F&& f) const {
    const Index chunk = std::max<Index>(1, grain / std::max<Index>(1, std::min(tile_, run_)));
    parallel_for(runs_ * parts_of_run_, chunk, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) f(tile(i));
    });
  }

  /// Calls f(begin, elements) for each row of a tile.
  template <class F>
  void for_rows(const BatchNormTile& tile, F&& f) const {
    for (Index row = 0; row < tile.size; row += width_) f(tile.begin + row, std::min(width_, tile.size - row));
  }

 private:
  // Elements of a tile: 64 KiB of float, so that loops which read a tile twice find it in L2.
  static constexpr Index grain = 16384;

  Index size(Index part_of_run) const { return std::min(tile_, run_ - part_of_run * tile_); }
  BatchNormTile tile(Index i) const {
    const Index run = i / parts_of_run_, part_of_run = i % parts_of_run_;
    const Index channel = planes_ ? run % all_channels_ : 0;
    const Index part = planes_ ? run / all_channels_ * parts_of_run_ + part_of_run : part_of_run;
    return {run * run_ + part_of_run * tile_, size(part_of_run), channel, part * all_channels_ + channel};
  }

  bool planes_;
  Index all_channels_, channels_;
  Index run_, runs_;  // contiguous elements that have the same channels; how many of such
  Index width_ = 0, tile_ = 0, parts_of_run_ = 0;
};

/// The same value in every column.
template <class T>
struct Constant {
  T value;
  T operator[](Index) const { return value; }
};

/// Which of the values in `columns` is what.
namespace column {
inline constexpr std::size_t mean = 0, scale = 1, shift = 2, offset = 3, slope = 4;
}

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
  // Channels-last: where a row has several elements of each channel, values are repeated to its width once, so that the
  // loop over a row reads them as it reads the row.
  std::array<const T*, count> columns = values;
  std::array<T, 2 * BatchNormTiles::min_width> repeated[count];
  if (tiles.width() > tiles.channels())
    for (std::size_t i = 0; i < count; ++i) {
      for (Index j = 0; j < tiles.width(); ++j)
        repeated[i][static_cast<std::size_t>(j)] = values[i][j % tiles.channels()];
      columns[i] = repeated[i].data();
    }
  tiles.for_all([&](const BatchNormTile& tile) { f(tile, columns); });
}

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
  std::vector<double> whole(static_cast<std::size_t>(s.c)), squared(whole.size());
  Index count = 0;
  for (Index part = 0; part < tiles.parts(); ++part) {
    const Index elements = tiles.elements(part), begin = part * s.c;
    detail::merge_moments(s.c, elements, means.data() + begin, squares.data() + begin, count, whole.data(),
                          squared.data());
    count += elements;
  }
  for (std::size_t c = 0; c < whole.size(); ++c) {
    mean[c] = static_cast<T>(whole[c]);
    variance[c] = static_cast<T>(squared[c] / static_cast<double>(std::max<Index>(1, count)));
  }
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
  // A loop for each combination instead of one with tests for each element.
  // x, residual and y pass through once: three streams, which is all the memory traffic that the result needs.
  const auto normalise_tile = [&](const detail::BatchNormTile& tile, const auto& columns) {
    tiles.for_rows(tile, [&](Index begin, Index n) {
      with_activation(activation, [&]<Activation known>() {
        if (residual)
          detail::normalise<known, true>(n, x + begin, columns, residual + begin, y + begin);
        else
          detail::normalise<known, false>(n, x + begin, columns, residual, y + begin);
      });
    });
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

  std::vector<double> total(static_cast<std::size_t>(s.c)), total_weighted(total.size());
  for (Index part = 0; part < tiles.parts(); ++part)
    for (Index c = 0; c < s.c; ++c) {
      total[static_cast<std::size_t>(c)] += double{sums.data()[part * s.c + c]};
      total_weighted[static_cast<std::size_t>(c)] += double{weighted_sums.data()[part * s.c + c]};
    }
  std::transform(total.begin(), total.end(), sum, [](double v) { return static_cast<T>(v); });
  std::transform(total_weighted.begin(), total_weighted.end(), weighted, [](double v) { return static_cast<T>(v); });
}

/// dx = (gradient - offset - (x - mean) slope) scale, of each channel: through the statistics of the batch. A second
/// pass over x and dy, which cannot be saved: offset and slope come from sums over all of the batch.
template <class T>
void batch_norm_backward(const BatchNormSizes& s, MemoryOrder order, const T* x, const BatchNormGradient<T>& gradient,
                         const BatchNormLine<T>& line, const T* offset, const T* slope, T* dx) {
  const detail::BatchNormTiles tiles(s, order);
  const T* dy = gradient.source();
  const auto tile_gradient = [&](const detail::BatchNormTile& tile, const auto& columns) {
    tiles.for_rows(tile, [&](Index begin, Index n) {
      with_activation(gradient.left(), [&]<Activation known>() {
        detail::input_gradient<known>(n, x + begin, dy + begin, columns, dx + begin);
      });
    });
  };
  detail::for_tiles<T, 5>(tiles, {line.mean, line.scale, line.shift, offset, slope}, tile_gradient);
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
