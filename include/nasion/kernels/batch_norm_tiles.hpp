#pragma once
// How batch normalisation cuts a batch of images into tiles for threads, and gives each the values of its channels.

#include <algorithm>
#include <array>

#include "nasion/core/instruction_set.hpp"
#include "nasion/core/strided.hpp"

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
    // Small tiles together, and in large batches up to 1 MiB of float, which a thread then reads as one stream: from
    // memory that is a tenth faster than a tile here and a tile there.
    const Index tiles = runs_ * parts_of_run_, small = grain / std::max<Index>(1, std::min(tile_, run_));
    parallel_for(tiles, std::max(small, std::min<Index>(16, tiles / 32)), [&](Index begin, Index end) {
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

}  // namespace detail
}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
