#pragma once
// Pooling over rectangles. Regular and adaptive pooling differ only in the table of windows, made per axis.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "nasion/core/strided.hpp"

namespace nasion::kernels {

/// Input positions [begin, end) that one output position looks at, inside the image, and how many the average divides
/// by.
struct Window {
  Index begin, end, count;
};

/// Windows of `kernel` positions every `stride`, over `size` positions with `padding` on both sides. Padding counts for
/// averages, as far as PyTorch counts it: not beyond size + padding.
inline std::vector<Window> regular_windows(Index size, Index kernel, Index stride, Index padding, Index outputs) {
  std::vector<Window> windows;
  windows.reserve(static_cast<std::size_t>(outputs));
  for (Index o = 0; o < outputs; ++o) {
    const Index begin = o * stride - padding, end = std::min(begin + kernel, size + padding);
    windows.push_back({std::max<Index>(begin, 0), std::min(end, size), end - begin});
  }
  return windows;
}

/// `outputs` windows that cover `size` positions: [floor(o size / outputs), ceil((o + 1) size / outputs)). They
/// overlap, and there may be more of them than positions.
inline std::vector<Window> adaptive_windows(Index size, Index outputs) {
  std::vector<Window> windows;
  windows.reserve(static_cast<std::size_t>(outputs));
  for (Index o = 0; o < outputs; ++o) {
    const Index begin = o * size / outputs, end = ((o + 1) * size + outputs - 1) / outputs;
    windows.push_back({begin, end, end - begin});
  }
  return windows;
}

/// Images of h x w, pooled to rows x columns.
struct PoolSizes {
  Index n, c, h, w;
  std::vector<Window> rows, columns;

  Index in_area() const { return h * w; }
  Index out_area() const { return static_cast<Index>(rows.size() * columns.size()); }
};

namespace detail {

/// Independent pieces of a batch: row-major one plane, channels-last one image. `lanes` neighbouring numbers are pooled
/// side by side at each pixel.
struct PoolPieces {
  Index count, lanes;
};
inline PoolPieces pool_pieces(const PoolSizes& s, MemoryOrder order) {
  return order == MemoryOrder::row_major ? PoolPieces{s.n * s.c, 1} : PoolPieces{s.n, s.c};
}

/// Calls f(output pixel, row window, column window) for every output pixel.
template <class F>
void for_windows(const PoolSizes& s, F&& f) {
  Index pixel = 0;
  for (const Window& row : s.rows)
    for (const Window& column : s.columns) f(pixel++, row, column);
}

}  // namespace detail

namespace detail {

/// Largest number of one window of one plane, kept in registers.
template <class T>
void max_of_window(const T* in, Index w, const Window& row, const Window& column, T* best, std::int32_t* best_at) {
  Index at = row.begin * w + column.begin;
  T largest = in[at];
  for (Index r = row.begin; r < row.end; ++r)
    for (Index q = column.begin; q < column.end; ++q) {
      const T v = in[r * w + q];
      const bool better = v > largest || v != v;
      largest = better ? v : largest;
      at = better ? r * w + q : at;
    }
  *best = largest;
  *best_at = static_cast<std::int32_t>(at);
}

/// The same for `lanes` neighbouring channels at each pixel, which the compiler can vectorise.
template <class T>
void max_of_window(const T* in, Index lanes, Index w, const Window& row, const Window& column, T* best,
                   std::int32_t* best_at) {
  const Index first = row.begin * w + column.begin;
  std::copy_n(in + first * lanes, lanes, best);
  std::fill_n(best_at, lanes, static_cast<std::int32_t>(first));
  for (Index r = row.begin; r < row.end; ++r)
    for (Index q = column.begin; q < column.end; ++q) {
      const Index from = r * w + q;
      for (Index i = 0; i < lanes; ++i) {
        const T v = in[from * lanes + i];
        const bool better = v > best[i] || v != v;
        best[i] = better ? v : best[i];
        best_at[i] = better ? static_cast<std::int32_t>(from) : best_at[i];
      }
    }
}

}  // namespace detail

/// y = largest number of each window, `at` = its pixel; NaN counts as largest. Windows must not be empty.
template <class T>
void max_pool_forward(const PoolSizes& s, MemoryOrder order, const T* x, T* y, std::int32_t* at) {
  const auto [pieces, lanes] = detail::pool_pieces(s, order);
  parallel_for(pieces, std::max<Index>(1, 8192 / std::max<Index>(1, s.in_area() * lanes)),
               [&, l = lanes](Index begin, Index end) {
                 for (Index piece = begin; piece < end; ++piece) {
                   const T* in = x + piece * s.in_area() * l;
                   detail::for_windows(s, [&](Index pixel, const Window& row, const Window& column) {
                     const Index to = (piece * s.out_area() + pixel) * l;
                     if (l == 1)
                       detail::max_of_window(in, s.w, row, column, y + to, at + to);
                     else
                       detail::max_of_window(in, l, s.w, row, column, y + to, at + to);
                   });
                 }
               });
}

/// dx += dy at the pixels that won.
template <class T>
void max_pool_backward(const PoolSizes& s, MemoryOrder order, const T* dy, const std::int32_t* at, T* dx) {
  const auto [pieces, lanes] = detail::pool_pieces(s, order);
  parallel_for(pieces, std::max<Index>(1, 8192 / std::max<Index>(1, s.out_area() * lanes)),
               [&, l = lanes](Index begin, Index end) {
                 for (Index piece = begin; piece < end; ++piece) {
                   T* to = dx + piece * s.in_area() * l;
                   const Index start = piece * s.out_area() * l;
                   for (Index pixel = 0; pixel < s.out_area(); ++pixel)
                     for (Index i = 0; i < l; ++i) to[at[start + pixel * l + i] * l + i] += dy[start + pixel * l + i];
                 }
               });
}

/// y = mean of each window.
template <class T>
void avg_pool_forward(const PoolSizes& s, MemoryOrder order, const T* x, T* y) {
  const auto [pieces, lanes] = detail::pool_pieces(s, order);
  parallel_for(pieces, std::max<Index>(1, 8192 / std::max<Index>(1, s.in_area() * lanes)),
               [&, l = lanes](Index begin, Index end) {
                 for (Index piece = begin; piece < end; ++piece) {
                   const T* in = x + piece * s.in_area() * l;
                   detail::for_windows(s, [&](Index pixel, const Window& row, const Window& column) {
                     T* mean = y + (piece * s.out_area() + pixel) * l;
                     std::fill_n(mean, l, T{0});
                     for (Index r = row.begin; r < row.end; ++r)
                       for (Index q = column.begin; q < column.end; ++q)
                         for (Index i = 0; i < l; ++i) mean[i] += in[(r * s.w + q) * l + i];
                     const T count = static_cast<T>(row.count * column.count);
                     for (Index i = 0; i < l; ++i) mean[i] /= count;
                   });
                 }
               });
}

/// dx += dy / count over each window.
template <class T>
void avg_pool_backward(const PoolSizes& s, MemoryOrder order, const T* dy, T* dx) {
  const auto [pieces, lanes] = detail::pool_pieces(s, order);
  parallel_for(pieces, std::max<Index>(1, 8192 / std::max<Index>(1, s.in_area() * lanes)),
               [&, l = lanes](Index begin, Index end) {
                 for (Index piece = begin; piece < end; ++piece) {
                   T* to = dx + piece * s.in_area() * l;
                   detail::for_windows(s, [&](Index pixel, const Window& row, const Window& column) {
                     const T* g = dy + (piece * s.out_area() + pixel) * l;
                     const T share = T{1} / static_cast<T>(row.count * column.count);
                     for (Index r = row.begin; r < row.end; ++r)
                       for (Index q = column.begin; q < column.end; ++q)
                         for (Index i = 0; i < l; ++i) to[(r * s.w + q) * l + i] += g[i] * share;
                   });
                 }
               });
}

}  // namespace nasion::kernels
