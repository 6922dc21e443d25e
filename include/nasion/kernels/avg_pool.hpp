#pragma once
// Means over rectangles. Sums are taken in double, or in double of short ones, so that the error does not grow with the
// window.

#include "nasion/kernels/pool.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// Sum of one window of one plane, pairwise within a row: no sum is long, and vectors compute it.
template <class T>
double sum_of_window(const T* in, Index w, const Window& row, const Window& column) {
  const Index width = column.end - column.begin, height = row.end - row.begin;
  const bool whole_rows = width == w;  // then the window is contiguous
  const Index runs = whole_rows ? 1 : height, elements = whole_rows ? height * width : width;
  // Rows are added in double, one after the other: there are never so many that this would lose digits of a float.
  double sum = 0;
  for (Index r = 0; r < runs; ++r) {
    const T* const src = in + (row.begin + r) * w + column.begin;
    if (elements < 16)  // the lanes of a pairwise sum, which would mostly stay empty
      for (Index i = 0; i < elements; ++i) sum += static_cast<double>(src[i]);
    else
      sum += pairwise_sum_of<double>(0, elements, [src](Index i) { return static_cast<double>(src[i]); });
  }
  return sum;
}

/// Row-major images: each plane by itself, window after window.
template <class T>
void avg_pool_planes(const PoolSizes& s, const T* x, T* y) {
  // Pieces of at least 8192 elements: fewer are not worth a thread.
  parallel_for(s.n * s.c, std::max<Index>(1, 8192 / std::max<Index>(1, s.in_area())), [&](Index begin, Index end) {
    for (Index plane = begin; plane < end; ++plane)
      for_windows(s, [&](Index pixel, const Window& row, const Window& column) {
        const double sum = sum_of_window(x + plane * s.in_area(), s.w, row, column);
        y[plane * s.out_area() + pixel] = static_cast<T>(sum / static_cast<double>(row.count * column.count));
      });
  });
}

/// The same elements as another type.
template <class To, class V>
To convert_lanes(const V& v) {
  if constexpr (std::is_arithmetic_v<V>)
    return static_cast<To>(v);
  else
    return __builtin_convertvector(v, To);
}

/// Channels-last images: vectors of channels side by side.
template <class T>
void avg_pool_images(const PoolSizes& s, const T* x, T* y) {
  // Pixels of a row that are summed in T, at twice the lanes of double: 64 lose at most 6 bits of it.
  constexpr Index run = 64;
  // Vectors of double, half as many lanes as T has: eight channels at a time with AVX-512, four vectors of them.
  const Index rows = static_cast<Index>(s.rows.size()), columns = static_cast<Index>(s.columns.size());
  for_pool_rows(s.n, rows, columns * s.c, [&](Index image, Index o) {
    const Window& row = s.rows[static_cast<std::size_t>(o)];
    T* dst = y + (image * rows + o) * columns * s.c;
    for (const Window& column : s.columns) {
      const T* const in = x + ((image * s.h + row.begin) * s.w + column.begin) * s.c;
      const double share = 1 / static_cast<double>(row.count * column.count);
      for_lanes<double>(s.c, [&](Index c, auto width, auto count) {
        using Elements = simd::Lanes<T, width>;
        using Sums = simd::Lanes<double, width>;
        Sums sum[count] = {};  // `count` vectors of double in registers, while the window passes
        for (Index r = 0; r < row.end - row.begin; ++r)
          for (Index first = 0; first < column.end - column.begin; first += run) {
            Elements part[count] = {};
            for (Index q = first; q < std::min(first + run, column.end - column.begin); ++q)
              for (int k = 0; k < count; ++k) part[k] += simd::load<width>(in + (r * s.w + q) * s.c + c + k * width);
            for (int k = 0; k < count; ++k) sum[k] += convert_lanes<Sums>(part[k]);
          }
        for (int k = 0; k < count; ++k)
          simd::store<width>(dst + c + k * width, convert_lanes<Elements>(sum[k] * share));
      });
      dst += s.c;
    }
  });
}

/// In how many windows a position is, on average.
inline Index overlap(const std::vector<Window>& windows, Index positions) {
  Index total = 0;
  for (const Window& window : windows) total += window.end - window.begin;
  return total / std::max<Index>(1, positions);
}

/// dx += dy / count over each window of one piece.
template <class T, class Sum>
void add_window_shares(const PoolSizes& s, Index lanes, const T* dy, Sum* dx) {
  // Windows are the outer loop, so that dy is read once, from front to back; what a window adds to dx is in L1, because
  // the window beside it, and the row of windows before, have just been there.
  for_windows(s, [&](Index pixel, const Window& row, const Window& column) {
    const T* const g = dy + pixel * lanes;
    const Sum share = Sum{1} / static_cast<Sum>(row.count * column.count);
    for (Index r = row.begin; r < row.end; ++r)
      for (Index q = column.begin; q < column.end; ++q)
        for (Index i = 0; i < lanes; ++i) dx[(r * s.w + q) * lanes + i] += static_cast<Sum>(g[i]) * share;
  });
}

}  // namespace detail

/// y = mean of each window.
template <class T>
void avg_pool_forward(const PoolSizes& s, MemoryOrder order, const T* x, T* y) {
  if (order == MemoryOrder::row_major)
    detail::avg_pool_planes(s, x, y);
  else
    detail::avg_pool_images(s, x, y);
}

/// dx = dy / count summed over the windows that a pixel is in.
template <class T>
void avg_pool_backward(const PoolSizes& s, MemoryOrder order, const T* dy, T* dx) {
  // Windows overlap, so a piece of work is all that one output can reach: a plane or an image.
  const auto [pieces, lanes] = detail::pool_pieces(s, order);
  // Where many windows overlap, their shares are summed in double.
  const bool in_double = detail::overlap(s.rows, s.h) * detail::overlap(s.columns, s.w) > 16;
  parallel_for(pieces, std::max<Index>(1, 8192 / std::max<Index>(1, s.in_area() * lanes)),
               [&, l = lanes](Index begin, Index end) {
                 for (Index piece = begin; piece < end; ++piece) {
                   T* const dst = dx + piece * s.in_area() * l;
                   const T* const g = dy + piece * s.out_area() * l;
                   if (!in_double) {
                     std::fill_n(dst, s.in_area() * l, T{0});
                     detail::add_window_shares(s, l, g, dst);
                     continue;
                   }
                   std::vector<double> sums(static_cast<std::size_t>(s.in_area() * l));
                   detail::add_window_shares(s, l, g, sums.data());
                   std::transform(sums.begin(), sums.end(), dst, [](double v) { return static_cast<T>(v); });
                 }
               });
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
