#pragma once
// Where the direct kernel finds the elements under each pixel of the result: in a table of pointers, made once for a
// block of pixels and used for all channels (the idea of Dukhan, "The indirect convolution algorithm", 2019). An entry
// stands for a run: taps that read neighbouring pixels, which lie one after the other in memory.

#include <array>
#include <vector>

#include "nasion/kernels/conv2d/images.hpp"
#include "nasion/kernels/conv2d/register_tile.hpp"
#include "nasion/kernels/conv2d/sizes.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// Result pixels on a regular grid, which all use the same taps. Grid pixel (r, c) is pixel
/// (to_row + r to_step_h, to_column + c to_step_w) of the result, and a run starts at pixel
/// (r from_step_h + run.row, c from_step_w + run.column) of the source.
struct PixelGrid {
  Index rows, columns;
  Index to_row = 0, to_column = 0, to_step_h = 1, to_step_w = 1, from_step_h = 1, from_step_w = 1;
  std::vector<TapRun> runs;

  Index taps() const {
    Index sum = 0;
    for (const auto& run : runs) sum += run.count;
    return sum;
  }
};

/// The forward pass: one grid, of all result pixels.
inline PixelGrid forward_grid(const Conv2dSizes& s) {
  PixelGrid grid{.rows = s.oh, .columns = s.ow, .from_step_h = s.stride_h, .from_step_w = s.stride_w, .runs = {}};
  const bool neighbours = s.groups == 1 && s.dilation_w == 1;
  for (Index i = 0; i < s.kh; ++i)
    for (Index j = 0; j < s.kw; j += neighbours ? s.kw : 1)
      grid.runs.push_back(
          {i * s.dilation_h - s.pad_h, j * s.dilation_w - s.pad_w, neighbours ? s.kw : 1, i * s.kw + j, 1});
  return grid;
}

/// The gradient of the input: pixels of the input that are `stride` apart use the same taps. Those that no tap reaches
/// have no grid.
inline std::vector<PixelGrid> backward_grids(const Conv2dSizes& s) {
  std::vector<PixelGrid> grids;
  for (Index a = 0; a < std::min(s.stride_h, s.h); ++a)
    for (Index b = 0; b < std::min(s.stride_w, s.w); ++b) {
      PixelGrid grid{.rows = (s.h - a + s.stride_h - 1) / s.stride_h,
                     .columns = (s.w - b + s.stride_w - 1) / s.stride_w,
                     .to_row = a,
                     .to_column = b,
                     .to_step_h = s.stride_h,
                     .to_step_w = s.stride_w,
                     .runs = {}};
      for (Index i = 0; i < s.kh; ++i) {
        const Index row = a + s.pad_h - i * s.dilation_h;
        if (row % s.stride_h != 0) continue;
        bool extends = false;  // the last run, by one pixel
        for (Index j = s.kw; j-- > 0;) {
          const Index column = b + s.pad_w - j * s.dilation_w, tap = i * s.kw + j;
          if (column % s.stride_w != 0) continue;
          auto* last = extends ? &grid.runs.back() : nullptr;
          if (last && s.groups == 1 && column / s.stride_w == last->column + last->count &&
              (last->count == 1 || tap == last->tap + last->count * last->step)) {
            if (last->count == 1) last->step = tap - last->tap;
            ++last->count;
          } else {
            grid.runs.push_back({row / s.stride_h, column / s.stride_w, 1, tap, 0});
            extends = true;
          }
        }
      }
      if (!grid.runs.empty()) grids.push_back(std::move(grid));
    }
  return grids;
}

/// Where a block of a grid's pixels, counted through all images, reads and writes.
template <class S, class T>
struct PointerTable {
  std::vector<const S*> from;  // [runs][table_pixels]
  std::array<T*, table_pixels> to;
  Index pixels = 0;
  std::vector<S> edges;  // runs that reach beyond an image, with zeros there

  void fill(const PixelGrid& grid, Index begin, Index end, const Images<const S>& source, const Images<T>& result,
            const S* zeros) {
    pixels = end - begin;
    from.resize(grid.runs.size() * static_cast<std::size_t>(table_pixels));
    edges.resize(static_cast<std::size_t>(grid.taps() * source.used * pixels));
    S* edge = edges.data();
    for (Index p = 0; p < pixels;) {  // one row of the grid, or what the block has of it, at a time
      const Index image = (begin + p) / (grid.rows * grid.columns), row = (begin + p) / grid.columns % grid.rows;
      const Index column = (begin + p) % grid.columns, some = std::min(pixels - p, grid.columns - column);
      T* const result_row = result.pixel(image, grid.to_row + row * grid.to_step_h, grid.to_column);
      for (Index i = 0; i < some; ++i)
        to[static_cast<std::size_t>(p + i)] = result_row + (column + i) * grid.to_step_w * result.channels;
      const S** at = from.data() + p;
      for (const TapRun& run : grid.runs) {
        edge = fill_row(run, grid.from_step_w, row * grid.from_step_h + run.row, column, some, image, source, zeros, at,
                        edge);
        at += table_pixels;
      }
      p += some;
    }
  }

  /// Lets tiles of `tile` pixels end with the block: the last pixel comes again, with the same result.
  void pad(Index tile) {
    const auto last = static_cast<std::size_t>(pixels - 1);
    const Index more = (tile - pixels % tile) % tile;
    std::fill_n(to.begin() + pixels, more, to[last]);
    for (auto at = from.begin(); at < from.end(); at += table_pixels) std::fill_n(at + pixels, more, at[pixels - 1]);
  }
  /// Goes to another channel of the result.
  void move(Index channels) {
    for (Index p = 0; p < pixels; ++p) to[static_cast<std::size_t>(p)] += channels;
  }

 private:
  /// Where a run reads for `some` pixels of a row. Returns the end of the edges.
  static S* fill_row(const TapRun& run, Index step, Index y, Index column, Index some, Index image,
                     const Images<const S>& source, const S* zeros, const S** at, S* edge) {
    if (y < 0 || y >= source.h) {
      std::fill_n(at, some, zeros);
      return edge;
    }
    const S* const source_row = source.pixel(image, y, 0);
    const Index first_x = column * step + run.column, most = source.w - run.count;
    const auto at_edge = [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        const Index x = first_x + i * step;
        at[i] = zeros;
        if (x + run.count <= 0 || x >= source.w) continue;
        const Index first = std::max<Index>(0, -x), last = std::min(run.count, source.w - x);
        std::fill_n(edge, first * source.used, S{});
        std::copy_n(source_row + (x + first) * source.channels, (last - first) * source.used,
                    edge + first * source.used);
        std::fill_n(edge + last * source.used, (run.count - last) * source.used, S{});
        at[i] = edge;
        edge += run.count * source.used;
      }
    };
    // Most pixels are apart, in a loop for vectors.
    const Index begin = std::clamp<Index>((step - 1 - first_x) / step, 0, some);
    const Index end = std::clamp<Index>(most < first_x ? 0 : (most - first_x) / step + 1, begin, some);
    at_edge(0, begin);
    for (Index i = begin; i < end; ++i) at[i] = source_row + (first_x + i * step) * source.channels;
    at_edge(end, some);
    return edge;
  }
};

}  // namespace detail

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
