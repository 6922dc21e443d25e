#pragma once
// What the kernels for groups of few channels read. A group does not fill a vector, so a vector of result channels
// spans several groups, and each lane needs the channels of its own. They are spread out while a band of the image is
// copied, padding included, into planes that stay in L2: in plane j, each lane holds channel j of its group. From then
// on a result is a sum over planes and taps of vector times vector, without a shuffle. In depthwise convolution, there
// is one plane, and spreading is a copy.
//
// Groups a, b, c, d of two channels each, in vectors of eight lanes:
//
//     channels of a pixel   a0 a1 b0 b1 c0 c1 d0 d1
//     plane 0               a0 a0 b0 b0 c0 c0 d0 d0
//     plane 1               a1 a1 b1 b1 c1 c1 d1 d1
//
// Both results of group a, in the first two lanes, are sums over a0 and a1 with weights of their own.

#include <array>
#include <vector>

#include "nasion/core/simd.hpp"
#include "nasion/kernels/conv2d/images.hpp"
#include "nasion/kernels/conv2d/indirection.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// Bytes of the planes of a piece of work: an L2 of 512 KiB. Of 1 MiB, as new processors have, half.
inline constexpr Index grouped_plane_bytes = Index{1} << 19;

/// Vectors of channels in a piece of work, which reads as many cache lines of AVX-512 in a row from each pixel: the
/// whole pixel of most depthwise convolutions on large images, so that memory is read from front to back. With several
/// planes a vector takes more of L2, and reads more by itself.
constexpr Index grouped_vectors(Index sources) { return std::max<Index>(4, 12 / sources); }

/// Channels of one group, on the side that a vector spans and on the side that planes hold.
struct GroupSizes {
  Index results, sources;

  bool depthwise() const { return results == 1 && sources == 1; }
};

/// A band of rows of an image for some vectors of result channels, with zeros around it:
/// [vectors][planes][rows][columns][lanes].
template <class T>
struct GroupedPlanes {
  static constexpr Index lanes = simd::lanes<T>;

  const PixelGrid& grid;
  Images<const T> source;
  GroupSizes group;
  Index row = 0, column = 0, rows = 0, columns = 0;  // of the source: of the first pixel, and how many
  std::vector<Index> offsets{};                      // [taps][planes], in elements

  /// For grid rows [begin, end). Tiles may read `more_rows` and `more_columns` of the grid beyond its end.
  void place(Index begin, Index end, Index more_rows, Index more_columns) {
    Index low_y = grid.runs[0].row, high_y = low_y, low_x = grid.runs[0].column, high_x = low_x;
    for (const TapRun& tap : grid.runs) {
      low_y = std::min(low_y, tap.row), high_y = std::max(high_y, tap.row);
      low_x = std::min(low_x, tap.column), high_x = std::max(high_x, tap.column);
    }
    row = begin * grid.src_stride_h + low_y;
    column = low_x;
    rows = (end - begin - 1 + more_rows) * grid.src_stride_h + high_y - low_y + 1;
    columns = (grid.columns - 1 + more_columns) * grid.src_stride_w + high_x - low_x + 1;
    offsets.clear();
    for (const TapRun& tap : grid.runs)
      for (Index j = 0; j < group.sources; ++j)
        offsets.push_back(((j * rows + tap.row - low_y) * columns + tap.column - low_x) * lanes);
  }

  /// Rows of the grid in a band of which all planes have grouped_plane_bytes.
  ///
  /// Few rows would read more of their neighbours' than of their own (kh - stride rows are in two bands), many would
  /// leave L2 before the last tap has read them.
  static Index band_rows(const PixelGrid& grid, const GroupSizes& group, Index more_columns) {
    GroupedPlanes one{grid, {}, group};
    one.place(0, 1, 0, more_columns);
    const Index row_bytes =
        one.columns * grid.src_stride_h * group.sources * grouped_vectors(group.sources) * simd::register_bytes;
    return std::max<Index>(1, grouped_plane_bytes / row_bytes);
  }

  Index plane() const { return rows * columns * lanes; }
  Index vector_stride() const { return group.sources * plane(); }
  /// Where the first tap of a grid pixel reads, counted from the band's first one.
  Index pixel(Index grid_row, Index grid_column) const {
    return (grid_row * grid.src_stride_h * columns + grid_column * grid.src_stride_w) * lanes;
  }

  /// Copies what `vectors` of result channels from `first` on need.
  void fill(Index image, Index first, Index vectors, T* dst) const {
    const Index begin = std::clamp<Index>(-column, 0, columns), end = std::clamp(source.w - column, begin, columns);
    for (Index y = 0; y < rows; ++y) {
      T* const line = dst + y * columns * lanes;
      const bool inside = row + y >= 0 && row + y < source.h;
      for (Index p = 0; p < vectors * group.sources; ++p) {
        T* const padded = line + p * plane();
        std::fill(padded, padded + (inside ? begin : columns) * lanes, T{0});
        if (inside) std::fill(padded + end * lanes, padded + columns * lanes, T{0});
      }
      if (!inside) continue;
      const T* src = source.pixel(image, row + y, column + begin);
      if (group.depthwise())
        copy_row(src + first, source.used - first, end - begin, vectors, line + begin * lanes);
      else
        for (Index v = 0; v < vectors; ++v)
          spread_row(src, first + v * lanes, end - begin, line + begin * lanes + v * vector_stride());
    }
  }

 private:
  /// Depthwise: all vectors of a pixel at once, because they are contiguous in the image.
  void copy_row(const T* src, Index channels, Index pixels, Index vectors, T* dst) const {
    for (Index x = 0; x < pixels; ++x, src += source.channels, dst += lanes)
      for (Index v = 0; v < vectors; ++v) {
        __builtin_prefetch(src + 16 * source.channels + v * lanes);
        simd::store(dst + v * vector_stride(), simd::load_n(src + v * lanes, channels - v * lanes));
      }
  }
  /// One vector after the other: which channels its lanes need is found once for a row of pixels.
  void spread_row(const T* src, Index channel, Index pixels, T* dst) const {
    // The first channel of each lane's group, counted from that of the first lane. Lanes beyond the last channel read
    // the last group, and their results are never stored.
    const Index groups = source.used / group.sources, base = channel / group.results * group.sources;
    std::array<std::int32_t, static_cast<std::size_t>(lanes)> place;
    for (Index lane = 0; lane < lanes; ++lane)
      place[static_cast<std::size_t>(lane)] =
          static_cast<std::int32_t>(std::min((channel + lane) / group.results, groups - 1) * group.sources - base);
    src += base;
    const Index span = place.back() + group.sources;  // channels that the lanes need
    for (Index x = 0; x < pixels; ++x, src += source.channels, dst += lanes) {
      // One load holds all that the lanes need, unless a group is so large, or so oddly placed, that two would be
      // needed.
      if (span <= lanes) {
        const auto channels = simd::load_n(src, span);
        for (Index j = 0; j < group.sources; ++j)
          simd::store(dst + j * plane(), simd::permute<T>(channels, place.data(), static_cast<std::int32_t>(j)));
      } else {
        for (Index j = 0; j < group.sources; ++j)
          for (Index lane = 0; lane < lanes; ++lane)
            dst[j * plane() + lane] = src[place[static_cast<std::size_t>(lane)] + j];
      }
    }
  }
};

}  // namespace detail

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
