#pragma once
// Where the direct kernel finds the elements under each pixel of the result: in a table of pointers, made once for a
// block of pixels and used for all channels (the idea of Dukhan, "The indirect convolution algorithm", 2019). An entry
// stands for a run: taps that read neighbouring pixels, which are contiguous in memory. Stride, padding, dilation and
// the ends of rows and images are all in the table, and none of them in the loops that compute.

#include <array>
#include <vector>

#include "nasion/kernels/conv2d/images.hpp"
#include "nasion/kernels/conv2d/register_tile.hpp"
#include "nasion/kernels/conv2d/sizes.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// Result pixels on a regular grid, which all use the same taps. Grid pixel (r, c) is pixel
/// (dst_row + r dst_stride_h, dst_column + c dst_stride_w) of the result, and a run starts at pixel
/// (r src_stride_h + run.row, c src_stride_w + run.column) of the source.
struct PixelGrid {
  Index rows, columns;
  Index dst_row = 0, dst_column = 0, dst_stride_h = 1, dst_stride_w = 1, src_stride_h = 1, src_stride_w = 1;
  std::vector<TapRun> runs;

  Index taps() const {
    Index sum = 0;
    for (const auto& run : runs) sum += run.count;
    return sum;
  }
};

/// The forward pass: one grid, of all result pixels. A row of taps is one run where its pixels are contiguous: without
/// groups and dilation, and if all of their channels are read (`whole`).
inline PixelGrid forward_grid(const Conv2dSizes& s, bool whole = true) {
  PixelGrid grid{.rows = s.oh, .columns = s.ow, .src_stride_h = s.stride_h, .src_stride_w = s.stride_w, .runs = {}};
  const bool contiguous = whole && s.groups == 1 && s.dilation_w == 1;
  for (Index i = 0; i < s.kh; ++i)
    for (Index j = 0; j < s.kw; j += contiguous ? s.kw : 1)
      grid.runs.push_back({.row = i * s.dilation_h - s.pad_h,
                           .column = j * s.dilation_w - s.pad_w,
                           .count = contiguous ? s.kw : 1,
                           .tap = i * s.kw + j,
                           .step = 1});
  return grid;
}

/// The gradient of the input: pixels of the input that are `stride` apart use the same taps, so each such set is a
/// grid, and nothing is multiplied by the zeros between. Pixels that no tap reaches have no grid.
inline std::vector<PixelGrid> backward_grids(const Conv2dSizes& s) {
  std::vector<PixelGrid> grids;
  for (Index a = 0; a < std::min(s.stride_h, s.h); ++a)
    for (Index b = 0; b < std::min(s.stride_w, s.w); ++b) {
      PixelGrid grid{.rows = (s.h - a + s.stride_h - 1) / s.stride_h,
                     .columns = (s.w - b + s.stride_w - 1) / s.stride_w,
                     .dst_row = a,
                     .dst_column = b,
                     .dst_stride_h = s.stride_h,
                     .dst_stride_w = s.stride_w,
                     .runs = {}};
      // Tap (i, j) links pixel (y, x) of dy with pixel (y stride - pad + i dilation, ...) of dx: taps whose distance is
      // no multiple of the stride do not reach this grid.
      for (Index i = 0; i < s.kh; ++i) {
        const Index row = a + s.pad_h - i * s.dilation_h;
        if (row % s.stride_h != 0) continue;
        bool extends = false;  // whether the last run may grow by a pixel: it is of this row
        for (Index j = s.kw; j-- > 0;) {
          const Index column = b + s.pad_w - j * s.dilation_w, tap = i * s.kw + j;
          if (column % s.stride_w != 0) continue;
          auto* last = extends ? &grid.runs.back() : nullptr;
          if (last && s.groups == 1 && column / s.stride_w == last->column + last->count &&
              (last->count == 1 || tap == last->tap + last->count * last->step)) {
            if (last->count == 1) last->step = tap - last->tap;
            ++last->count;
          } else {
            grid.runs.push_back(
                {.row = row / s.stride_h, .column = column / s.stride_w, .count = 1, .tap = tap, .step = 0});
            extends = true;
          }
        }
      }
      if (!grid.runs.empty()) grids.push_back(std::move(grid));
    }
  return grids;
}

/// Where a block of a grid's pixels, counted through all images, reads and writes: blocks reach across rows and images,
/// so that tiles are always full.
template <class S, class T>
struct PointerTable {
  std::vector<const S*> src;  // [runs][table_pixels]
  std::array<T*, table_pixels> dst;
  Index pixels = 0;
  std::vector<S> edges;  // copies of runs that reach beyond an image, padded with zeros

  /// Makes the table of pixels [begin, end) of the grid. `zeros` are as many as a run has elements: what a run reads
  /// that lies outside of the image as a whole.
  void fill(const PixelGrid& grid, Index begin, Index end, const Images<const S>& source, const Images<T>& result,
            const S* zeros) {
    pixels = end - begin;
    src.resize(grid.runs.size() * static_cast<std::size_t>(table_pixels));
    edges.resize(static_cast<std::size_t>(grid.taps() * source.used * pixels));
    S* edge = edges.data();
    for (Index p = 0; p < pixels;) {  // one row of the grid, or what the block has of it, at a time
      const Index image = (begin + p) / (grid.rows * grid.columns), row = (begin + p) / grid.columns % grid.rows;
      const Index column = (begin + p) % grid.columns, count = std::min(pixels - p, grid.columns - column);
      T* const result_row = result.pixel(image, grid.dst_row + row * grid.dst_stride_h, grid.dst_column);
      for (Index i = 0; i < count; ++i)
        dst[static_cast<std::size_t>(p + i)] = result_row + (column + i) * grid.dst_stride_w * result.channels;
      const S** entry = src.data() + p;
      for (const TapRun& run : grid.runs) {
        edge = fill_row(run, grid.src_stride_w, row * grid.src_stride_h + run.row, column, count, image, source, zeros,
                        entry, edge);
        entry += table_pixels;
      }
      p += count;
    }
  }

  /// Pads the block to whole tiles: its last pixel comes again, and is stored again with the same result.
  void pad(Index tile) {
    const auto last = static_cast<std::size_t>(pixels - 1);
    const Index padding = (tile - pixels % tile) % tile;
    std::fill_n(dst.begin() + pixels, padding, dst[last]);
    for (auto run = src.begin(); run < src.end(); run += table_pixels)
      std::fill_n(run + static_cast<std::ptrdiff_t>(pixels), padding, run[static_cast<std::ptrdiff_t>(last)]);
  }
  /// Moves on by so many channels of the result.
  void move(Index channels) {
    for (Index p = 0; p < pixels; ++p) dst[static_cast<std::size_t>(p)] += channels;
  }

 private:
  /// The entries of a run for `count` pixels of a row from `column` on, which are `stride` apart in row y of the
  /// source. Returns the end of the edges.
  static S* fill_row(const TapRun& run, Index stride, Index y, Index column, Index count, Index image,
                     const Images<const S>& source, const S* zeros, const S** entries, S* edge) {
    if (y < 0 || y >= source.h) {
      std::fill_n(entries, count, zeros);
      return edge;
    }
    const S* const source_row = source.pixel(image, y, 0);
    const Index first_x = column * stride + run.column, last_x = source.w - run.count;
    const auto fill_edge = [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        const Index x = first_x + i * stride;
        entries[i] = zeros;
        if (x + run.count <= 0 || x >= source.w) continue;
        // The run reaches beyond the row: it reads from a padded copy.
        const Index first = std::max<Index>(0, -x), last = std::min(run.count, source.w - x);
        std::fill_n(edge, first * source.used, S{});
        std::copy_n(source_row + (x + first) * source.channels, (last - first) * source.used,
                    edge + first * source.used);
        std::fill_n(edge + last * source.used, (run.count - last) * source.used, S{});
        entries[i] = edge;
        edge += run.count * source.used;
      }
    };
    // Pixels whose run is inside the image, which are most, in a loop of their own that vectorises.
    const Index begin = std::clamp<Index>((stride - 1 - first_x) / stride, 0, count);
    const Index end = std::clamp<Index>(last_x < first_x ? 0 : (last_x - first_x) / stride + 1, begin, count);
    fill_edge(0, begin);
    for (Index i = begin; i < end; ++i) entries[i] = source_row + (first_x + i * stride) * source.channels;
    fill_edge(end, count);
    return edge;
  }
};

}  // namespace detail

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
