#pragma once
// Maxima over rectangles, and the windows that avg_pool.hpp has too. Regular and adaptive pooling differ only in the
// table of windows, made per axis.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "nasion/core/simd.hpp"
#include "nasion/core/strided.hpp"
#include "nasion/kernels/prefetch.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// Input positions begin, begin + step, .. below end that one output position looks at, inside the image, and how many
/// the average divides by.
/// `begin` and `end` are clipped, `count` is not by as much: padding is part of a mean, but never a maximum.
struct Window {
  Index begin, end, count;
  Index step = 1;  // other than 1 only for maxima of planes
};

/// Windows of `kernel` positions, `dilation` apart, every `stride`, over `size` positions with `padding` on both sides.
/// Padding counts for averages, as far as PyTorch counts it: not beyond size + padding.
inline std::vector<Window> regular_windows(Index size, Index kernel, Index stride, Index padding, Index outputs,
                                           Index dilation = 1) {
  std::vector<Window> windows;
  windows.reserve(static_cast<std::size_t>(outputs));
  for (Index o = 0; o < outputs; ++o) {
    const Index begin = o * stride - padding, end = std::min(begin + (kernel - 1) * dilation + 1, size + padding);
    const Index first = begin < 0 ? begin + (dilation - 1 - begin) / dilation * dilation : begin;
    windows.push_back({first, std::min(end, size), end - begin, dilation});
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
    windows.push_back({begin, end, end - begin, 1});
  }
  return windows;
}

/// n images [c, h, w], pooled to a window of `rows` and one of `columns` for each pixel of the result.
struct PoolSizes {
  Index n, c, h, w;
  std::vector<Window> rows, columns;

  Index in_area() const { return h * w; }
  Index out_area() const { return static_cast<Index>(rows.size() * columns.size()); }
};

namespace detail {

/// Independent pieces of a batch: row-major one plane, channels-last one image. `lanes` contiguous elements are pooled
/// side by side at each pixel.
struct PoolPieces {
  Index count, lanes;
};
inline PoolPieces pool_pieces(const PoolSizes& s, MemoryOrder order) {
  return order == MemoryOrder::row_major ? PoolPieces{s.n * s.c, 1} : PoolPieces{s.n, s.c};
}

/// Calls f(output pixel, row window, column window) for every output pixel.
/// Row by row, so that windows which overlap find their pixels in L1 or L2.
template <class F>
void for_windows(const PoolSizes& s, F&& f) {
  Index pixel = 0;
  for (const Window& row : s.rows)
    for (const Window& column : s.columns) f(pixel++, row, column);
}

}  // namespace detail

// -- Maxima of planes: one element after the other ------------------------------------------------------------------

namespace detail {

/// Largest element of one window of one plane, and its index there, kept in registers.
template <class T>
void max_of_window(const T* in, Index w, const Window& row, const Window& column, T* best, std::int32_t* best_index) {
  // Selections instead of branches, which would be guessed wrong for every new maximum.
  Index index = row.begin * w + column.begin;
  T largest = in[index];
  for (Index r = row.begin; r < row.end; r += row.step)
    for (Index q = column.begin; q < column.end; q += column.step) {
      const T v = in[r * w + q];
      const bool better = v > largest || v != v;  // NaN wins
      largest = better ? v : largest;
      index = better ? r * w + q : index;
    }
  *best = largest;
  *best_index = static_cast<std::int32_t>(index);
}

/// y = largest element of each window, `argmax` = its pixel, unless null.
template <class T>
void max_pool_planes(const PoolSizes& s, const T* x, T* y, std::int32_t* argmax) {
  // Pieces of at least 8192 elements, 32 KiB of float: fewer are not worth a thread.
  parallel_for(s.n * s.c, std::max<Index>(1, 8192 / std::max<Index>(1, s.in_area())), [&](Index begin, Index end) {
    for (Index plane = begin; plane < end; ++plane)
      for_windows(s, [&](Index pixel, const Window& row, const Window& column) {
        const Index i = plane * s.out_area() + pixel;
        std::int32_t unused;
        max_of_window(x + plane * s.in_area(), s.w, row, column, y + i, argmax ? argmax + i : &unused);
      });
  });
}

/// dx = dy summed at the pixels that won. A plane is a piece of work, because windows may overlap.
template <class T>
void max_pool_planes_backward(const PoolSizes& s, const T* dy, const std::int32_t* argmax, T* dx) {
  parallel_for(s.n * s.c, std::max<Index>(1, 8192 / std::max<Index>(1, s.out_area())), [&](Index begin, Index end) {
    for (Index plane = begin; plane < end; ++plane) {
      T* dst = std::fill_n(dx + plane * s.in_area(), s.in_area(), T{0}) - s.in_area();
      for (Index i = plane * s.out_area(); i < (plane + 1) * s.out_area(); ++i) dst[argmax[i]] += dy[i];
    }
  });
}

}  // namespace detail

// -- Maxima of channels-last images: many channels at once ---------------------------------------------------------

namespace detail {

/// Calls f(i, width, count) for the pieces of `count` times `width` elements of 0 .. n-1: four registers while so many
/// are left, because one would wait for its last result, then the tail in ever fewer elements. `width` and `count` are
/// constants.
template <class T, Index width = simd::lanes<T>, int count = 4, class F>
void for_lanes(Index n, const F& f, Index i = 0) {
  for (; i + count * width <= n; i += count * width)
    f(i, std::integral_constant<Index, width>(), std::integral_constant<int, count>());
  if constexpr (count > 1)
    for_lanes<T, width, count / 2>(n, f, i);
  else if constexpr (width > 1)
    for_lanes<T, width / 2, 1>(n, f, i);
}

/// Calls f(image, row) for `rows` rows of so many elements in every image, in parallel, at least 8192 elements for a
/// thread.
template <class F>
void for_pool_rows(Index images, Index rows, Index elements, F&& f) {
  parallel_for(images * rows, std::max<Index>(1, 8192 / std::max<Index>(1, elements)), [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) f(i / rows, i % rows);
  });
}

/// An integer as wide as T, which vectors compare and choose with T.
template <class T>
using PoolWord = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

/// How the positions of maxima in their windows are kept: those of four neighbours in a row share a word, a byte each
/// (one, for windows of more than 256 pixels), of which every channel has its own. So neighbouring channels are
/// neighbouring words, as vectors need it, and the gradient reads a quarter of the memory.
template <class T>
class PoolPositions {
 public:
  explicit PoolPositions(const PoolSizes& s)
      : log_pixels_(longest(s.rows) * longest(s.columns) <= 256 ? 2 : 0),
        channels_(s.c),
        words_((((static_cast<Index>(s.columns.size()) - 1) >> log_pixels_) + 1) * s.c) {}

  /// Words of one row.
  Index words() const { return words_; }
  /// Word of channel 0 of a pixel, and the place of the position in it.
  Index word(Index column) const { return (column >> log_pixels_) * channels_; }
  int shift(Index column) const { return log_pixels_ ? 8 * static_cast<int>(column & 3) : 0; }
  PoolWord<T> mask() const { return log_pixels_ ? PoolWord<T>{255} : PoolWord<T>{-1}; }

 private:
  static Index longest(const std::vector<Window>& windows) {
    Index size = 0;
    for (const Window& window : windows) size = std::max(size, window.end - window.begin);
    return size;
  }

  int log_pixels_;  // log2 of the positions in a word: 2 or 0
  Index channels_, words_;
};

/// Largest elements of one window for `count` times `width` channels, and the first positions that have them. With four
/// vectors that is 4 registers of maxima, 4 of positions and one of the position that is looked at.
template <class T, Index width, int count>
struct Maxima {
  using Elements = simd::Lanes<T, width>;
  using Positions = simd::Lanes<PoolWord<T>, width>;
  Elements largest[count];
  Positions winner[count];

  /// `in`: first pixel of the window, with strides of its pixels and rows.
  Maxima(const T* in, Index rows, Index columns, Index pixel_stride, Index row_stride) {
    for (int k = 0; k < count; ++k) {
      largest[k] = simd::load<width>(in + k * width);
      winner[k] = Positions{};
    }
    Positions position{};
    for (Index rest = rows * columns, q = 0; rest > 0; --rest, position += 1) {  // one loop keeps all in registers
      for (int k = 0; k < count; ++k) {
        const Elements v = simd::load<width>(in + k * width);
        const auto better = (v > largest[k]) | (v != v);
        largest[k] = better ? v : largest[k];
        winner[k] = better ? position : winner[k];
      }
      in += pixel_stride;
      if (++q == columns) {
        q = 0;
        in += row_stride - columns * pixel_stride;
      }
    }
  }
};

/// y = largest element of each window, `argmax` = its position there, unless null.
template <class T>
void max_pool_images(const PoolSizes& s, const T* x, T* y, PoolWord<T>* argmax) {
  const PoolPositions<T> positions(s);
  const Index rows = static_cast<Index>(s.rows.size()), columns = static_cast<Index>(s.columns.size());
  for_pool_rows(s.n, rows, columns * s.c, [&](Index image, Index o) {
    const Window& row = s.rows[static_cast<std::size_t>(o)];
    const T* in = x + (image * s.h + row.begin) * s.w * s.c;
    T* dst = y + (image * rows + o) * columns * s.c;
    PoolWord<T>* const words = argmax ? argmax + (image * rows + o) * positions.words() : nullptr;
    for (Index q = 0; q < columns; ++q, dst += s.c) {
      const Window& column = s.columns[static_cast<std::size_t>(q)];
      const int shift = positions.shift(q);
      PoolWord<T>* const word = words ? words + positions.word(q) : nullptr;
      // Only up to where the next window begins, so that each line is prefetched once.
      const Index next = q + 1 < columns ? s.columns[static_cast<std::size_t>(q + 1)].begin : s.w;
      for (Index r = 0; r < row.end - row.begin; ++r)
        prefetch(in + (r * s.w + column.begin) * s.c, (next - column.begin) * s.c);
      for_lanes<T>(s.c, [&](Index c, auto width, auto count) {
        const Maxima<T, width, count> maxima(in + column.begin * s.c + c, row.end - row.begin,
                                             column.end - column.begin, s.c, s.w * s.c);
        for (int k = 0; k < count; ++k) {
          simd::store<width>(dst + c + k * width, maxima.largest[k]);
          if (!word) continue;
          auto packed = maxima.winner[k] << shift;
          // The first of four positions in a word overwrites it, the others are added.
          if (shift) packed |= simd::load<width>(word + c + k * width);
          simd::store<width>(word + c + k * width, packed);
        }
      });
    }
  });
}

/// dx = dy summed at the positions that won.
template <class T>
void max_pool_images_backward(const PoolSizes& s, const T* dy, const PoolWord<T>* argmax, T* dx) {
  const PoolPositions<T> positions(s);
  const Index rows = static_cast<Index>(s.rows.size()), columns = static_cast<Index>(s.columns.size());
  parallel_for(s.n, 1, [&](Index image, Index) {  // windows overlap, so only images are independent
    T* const out = dx + image * s.in_area() * s.c;
    const T* gradient = dy + image * s.out_area() * s.c;
    Index cleared = 0;  // rows; each only when a window comes to it, so that it is still in L1 or L2
    const auto clear_to = [&](Index row) {
      if (row > cleared) std::fill(out + cleared * s.w * s.c, out + row * s.w * s.c, T{0});
      cleared = std::max(cleared, row);
    };
    // Each pixel of a window is written, with zero where it did not win: without a branch for each channel, vectors
    // pass over all channels, and a window's pixels are in L1.
    for (Index o = 0; o < rows; ++o) {
      const Window& row = s.rows[static_cast<std::size_t>(o)];
      const PoolWord<T>* words = argmax + (image * rows + o) * positions.words();
      clear_to(row.end);
      for (Index q = 0; q < columns; ++q, gradient += s.c) {
        const Window& column = s.columns[static_cast<std::size_t>(q)];
        const PoolWord<T>* word = words + positions.word(q);
        const int shift = positions.shift(q);
        prefetch(gradient, s.c);
        for_lanes<T>(s.c, [&](Index c, auto width, auto count) {
          using Elements = simd::Lanes<T, width>;
          using Positions = simd::Lanes<PoolWord<T>, width>;
          Elements g[count];
          Positions winner[count], position{};
          for (int k = 0; k < count; ++k) {
            g[k] = simd::load<width>(gradient + c + k * width);
            winner[k] = (simd::load<width>(word + c + k * width) >> shift) & positions.mask();
          }
          for (Index i = row.begin; i < row.end; ++i)
            for (Index j = column.begin; j < column.end; ++j, position += 1)
              for (int k = 0; k < count; ++k) {
                T* dst = out + (i * s.w + j) * s.c + c + k * width;
                simd::store<width>(dst, simd::load<width>(dst) + (winner[k] == position ? g[k] : Elements{}));
              }
        });
      }
    }
    clear_to(s.h);
  });
}

}  // namespace detail

// -- Any order -----------------------------------------------------------------------------------------------------

/// Bytes that max_pool_forward() needs for where it found the maxima.
template <class T>
std::size_t max_pool_bytes(const PoolSizes& s, MemoryOrder order) {
  const Index rows = s.n * static_cast<Index>(s.rows.size());
  return order == MemoryOrder::row_major
             ? static_cast<std::size_t>(s.n * s.c * s.out_area()) * sizeof(std::int32_t)
             : static_cast<std::size_t>(rows * detail::PoolPositions<T>(s).words()) * sizeof(detail::PoolWord<T>);
}

/// y = largest element of each window, NaN counts as largest; `argmax` = where it was, unless null. Windows must not be
/// empty.
template <class T>
void max_pool_forward(const PoolSizes& s, MemoryOrder order, const T* x, T* y, void* argmax) {
  if (order == MemoryOrder::row_major)
    detail::max_pool_planes(s, x, y, static_cast<std::int32_t*>(argmax));
  else
    detail::max_pool_images(s, x, y, static_cast<detail::PoolWord<T>*>(argmax));
}

/// dx = dy at the places that won, from all windows.
template <class T>
void max_pool_backward(const PoolSizes& s, MemoryOrder order, const T* dy, const void* argmax, T* dx) {
  if (order == MemoryOrder::row_major)
    detail::max_pool_planes_backward(s, dy, static_cast<const std::int32_t*>(argmax), dx);
  else
    detail::max_pool_images_backward(s, dy, static_cast<const detail::PoolWord<T>*>(argmax), dx);
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
