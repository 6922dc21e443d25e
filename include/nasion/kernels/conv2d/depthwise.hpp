#pragma once
// Depthwise convolution of channels-last images by the kernels of mobile networks: forward and the gradient of the
// input. A vector holds neighbouring channels. A window of a few rows rolls along the image, from left to right: each
// column that is read goes into all results that it takes part in, which are sums in registers until their last column
// has come. So nothing is copied, and each element is loaded once for several results.
//
// Weights are packed for use: [vectors of channels][taps, row by row][lanes].

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "nasion/core/parallel.hpp"
#include "nasion/core/simd.hpp"
#include "nasion/kernels/activation.hpp"
#include "nasion/kernels/conv2d/images.hpp"
#include "nasion/kernels/conv2d/indirection.hpp"
#include "nasion/kernels/stream.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// What a window needs beside its rows: distances are in elements.
template <class T>
struct DepthwiseWindow {
  Index first, width;  // column of the first result's first tap; columns of the source
  Index pixel;         // from a column of the source to the next
  const T *weight, *bias;
  Activation activation;
  T* dst;
  Index columns, dst_row, dst_column;  // results in a row, and how far apart they are
  Index count;                         // channels, fewer than a vector has in its last one only
  bool streams;                        // whether results are too many to be found in a cache again
};

/// R rows of results of a kernel kh x kw at stride S. rows[i] is the start of the window's i-th row in the source;
/// where the mask of a row is 0, it lies outside of the image, and is a vector of zeros.
template <class T, Index kh, Index kw, Index S, Index R, bool whole>
void depthwise_window(const DepthwiseWindow<T>& a, const std::array<const T*, (R - 1) * S + kh>& rows,
                      const std::array<Index, (R - 1) * S + kh>& masks) {
  using Vec = simd::Vector<T>;
  constexpr Index lanes = simd::lanes<T>, window = (R - 1) * S + kh;
  constexpr Index open = (kw + S - 1) / S;  // results in a row that a column takes part in
  const Index count = whole ? lanes : a.count;
  const Vec start = a.bias ? simd::load_n(a.bias, count) : Vec{};
  const Vec high = simd::broadcast(upper_limit<T>(a.activation));
  const bool limits = is_limit(a.activation), streams = whole && a.streams;
  const Index first = a.first, width = a.width, pixel = a.pixel, steps = a.columns + open - 1;
  const Index dst_row = a.dst_row, dst_column = a.dst_column;
  const T* const weight = a.weight;
  T* dst = a.dst;
  Vec sum[open][R];  // sum[0] began last
#pragma GCC unroll 5
  for (Index m = 0; m < open; ++m)
#pragma GCC unroll 4
    for (Index r = 0; r < R; ++r) sum[m][r] = start;
  for (Index step = 0; step < steps; ++step) {
#pragma GCC unroll 2
    for (Index j = 0; j < S; ++j) {
      const Index column = first + step * S + j;
      if (column < 0 || column >= width) continue;
#pragma GCC unroll 16
      for (Index i = 0; i < window; ++i) {
        const auto row = static_cast<std::size_t>(i);
        const Vec x = simd::load_n(rows[row] + (column * pixel & masks[row]), count);
#pragma GCC unroll 4
        for (Index r = 0; r < R; ++r) {
          const Index ky = i - r * S;
          if (ky < 0 || ky >= kh) continue;
#pragma GCC unroll 5
          for (Index m = 0; m < open; ++m)
            if (m * S + j < kw) simd::add_product(sum[m][r], x, simd::load(weight + (ky * kw + m * S + j) * lanes));
        }
      }
    }
    if (step >= open - 1) {
      Vec(&done)[R] = sum[open - 1];
      if (limits)
#pragma GCC unroll 4
        for (Index r = 0; r < R; ++r) done[r] = limited(done[r], high);
      if (streams)
#pragma GCC unroll 4
        for (Index r = 0; r < R; ++r) simd::stream(dst + r * dst_row, done[r]);
      else
#pragma GCC unroll 4
        for (Index r = 0; r < R; ++r) simd::store_n(dst + r * dst_row, done[r], count);
      dst += dst_column;
    }
#pragma GCC unroll 4
    for (Index r = 0; r < R; ++r) {
#pragma GCC unroll 5
      for (Index m = open - 1; m > 0; --m) sum[m][r] = sum[m - 1][r];
      sum[0][r] = start;
    }
  }
}

/// One pass over a grid of result pixels. The grid's taps are sorted, row by row.
template <class T>
struct DepthwiseConvolution {
  static constexpr Index lanes = simd::lanes<T>;
  // Rows of results in a window. Of a 3x3 kernel, 4 rows have 12 sums, 9 weights and a column of 6 elements, in the 32
  // registers of AVX-512; twice as many rows would read each element 1.25 instead of 1.5 times.
  static constexpr Index rows = simd::register_count >= 32 ? 4 : 2;

  const PixelGrid& grid;
  Images<const T> source;
  Images<T> result;
  const T* packed;
  const T* bias;  // or null
  Activation activation = Activation::none;
  bool streams = streams_vectors(result.data, result.n* result.h* result.w* result.channels, result.channels);

  /// Grid rows [begin, end) of an image, at least a window, for `vectors` of channels from `first` on. The last window
  /// begins earlier where there are not enough rows left, and computes some results again.
  void band(Index image, Index begin, Index end, Index first, Index vectors) const {
    with_kernel([&]<Index kh, Index kw, Index S>() {
      for (Index row = begin; row < end; row += rows)
        for (Index v = 0; v < vectors; ++v) window<kh, kw, S>(image, std::min(row, end - rows), first + v * lanes);
    });
    if (is_curve(activation))  // of results that are in L2 still; forward, the grid is all pixels
      for (Index row = begin; row < end; ++row)
        for (Index column = 0; column < grid.columns; ++column)
          activate(activation, std::min(vectors * lanes, result.used - first),
                   result.pixel(image, row, column) + first);
  }

  /// Whether there are loops for this grid.
  bool fits() const {
    return grid.rows >= rows && with_kernel([]<Index, Index, Index>() {});
  }

 private:
  /// Calls f.template operator()<kh, kw, stride>() for kernels of 3x3 and 5x5 at strides 1 and 2, and what is left of
  /// them on the grids of a gradient at stride 2; false for others.
  template <class F>
  bool with_kernel(F&& f) const {
    const auto& taps = grid.runs;
    const auto next_row = std::find_if(taps.begin(), taps.end(), [&](const TapRun& t) { return t.row != taps[0].row; });
    const Index kw = next_row - taps.begin(), kh = static_cast<Index>(taps.size()) / kw;
    for (std::size_t i = 0; i < taps.size(); ++i)
      if (taps[i].row != taps[0].row + static_cast<Index>(i) / kw ||
          taps[i].column != taps[0].column + static_cast<Index>(i) % kw)
        return false;  // dilated, or no rectangle
    if (grid.src_stride_h != grid.src_stride_w) return false;
    const auto is = [&](Index h, Index w, Index stride) { return kh == h && kw == w && grid.src_stride_h == stride; };
    const auto try_one = [&]<Index h, Index w, Index stride>() {
      return is(h, w, stride) && (f.template operator()<h, w, stride>(), true);
    };
    return try_one.template operator()<3, 3, 1>() || try_one.template operator()<3, 3, 2>() ||
           try_one.template operator()<5, 5, 1>() || try_one.template operator()<5, 5, 2>() ||
           try_one.template operator()<1, 1, 1>() || try_one.template operator()<1, 2, 1>() ||
           try_one.template operator()<2, 1, 1>() || try_one.template operator()<2, 2, 1>() ||
           try_one.template operator()<2, 3, 1>() || try_one.template operator()<3, 2, 1>();
  }

  template <Index kh, Index kw, Index S>
  void window(Index image, Index row, Index channel) const {
    constexpr Index size = (rows - 1) * S + kh;
    static constexpr T zeros[lanes] = {};
    std::array<const T*, size> lines;
    std::array<Index, size> masks;
    for (std::size_t i = 0; i < size; ++i) {
      const Index y = row * S + grid.runs[0].row + static_cast<Index>(i);
      const bool inside = y >= 0 && y < source.h;
      masks[i] = inside ? -1 : 0;
      lines[i] = inside ? source.pixel(image, y, 0) + channel : zeros;
    }
    const DepthwiseWindow<T> at{
        .first = grid.runs[0].column,
        .width = source.w,
        .pixel = source.channels,
        .weight = packed + channel * kh * kw,
        .bias = bias ? bias + channel : nullptr,
        .activation = activation,
        .dst = result.pixel(image, grid.dst_row + row * grid.dst_stride_h, grid.dst_column) + channel,
        .columns = grid.columns,
        .dst_row = grid.dst_stride_h * result.w * result.channels,
        .dst_column = grid.dst_stride_w * result.channels,
        .count = std::min(lanes, result.used - channel),
        .streams = streams};
    if (at.count == lanes)
      depthwise_window<T, kh, kw, S, rows, true>(at, lines, masks);
    else
      depthwise_window<T, kh, kw, S, rows, false>(at, lines, masks);
  }
};

inline bool is_depthwise(const Conv2dSizes& s) { return s.group_c() == 1 && s.group_k() == 1; }

/// All passes, over grids that share source and result; false, and nothing is done, where there are no loops for one of
/// them. A band of one grid is followed by those of the others, which read the same rows of the source, and write
/// between its pixels.
template <class T>
bool run_depthwise(std::span<const DepthwiseConvolution<T>> passes) {
  using Pass = DepthwiseConvolution<T>;
  Index grid_rows = passes.front().grid.rows;  // at least: at stride 2 a grid may have one more than another
  for (const auto& pass : passes) {
    if (!pass.fits()) return false;
    grid_rows = std::min(grid_rows, pass.grid.rows);
  }
  const auto& any = passes.front();
  // Vectors of channels in a piece of work: at most 12, which is the whole pixel of most networks where images are
  // large, so that memory is read from front to back.
  const Index vectors = (any.result.used + Pass::lanes - 1) / Pass::lanes, blocks = (vectors + 11) / 12;
  const Index block = (vectors + blocks - 1) / blocks;
  // Rows of a band: 64 to 256 KiB of float, of large batches more, since bands read some rows of their neighbours.
  const Index row_elements = std::max<Index>(1, any.grid.columns * block * Pass::lanes);
  const Index wanted = std::clamp<Index>(any.source.n * grid_rows * row_elements * blocks / 64, 16384, 65536);
  const Index most = std::max<Index>(1, wanted / row_elements / Pass::rows) * Pass::rows;
  const Index bands = std::max<Index>(1, grid_rows / most);  // the last one takes what is left
  parallel_for(any.source.n * bands * blocks, 1, [&](Index item, Index) {
    const Index image = item / blocks / bands, band = item / blocks % bands, first = item % blocks * block;
    for (const auto& pass : passes) {
      const Index end = band + 1 == bands ? pass.grid.rows : (band + 1) * most;
      pass.band(image, band * most, end, first * Pass::lanes, std::min(block, vectors - first));
    }
    simd::stream_fence();
  });
  return true;
}

}  // namespace detail

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
