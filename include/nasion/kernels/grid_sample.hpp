#pragma once
// Images read at given places, and the gradients of that (Jaderberg et al., NIPS 2015).

#include <cmath>
#include <utility>

#include "nasion/core/parallel.hpp"
#include "nasion/core/strided.hpp"

namespace nasion {

/// How a place between pixels is read: from the four around it, or from the nearest.
enum class GridMode { bilinear, nearest };
/// What is read outside of an image: zeros, its edge, or the image mirrored at its edges.
enum class GridPadding { zeros, border, reflection };

namespace kernels {
inline namespace NASION_INSTRUCTION_SET {

/// x n images [c, h, w], grid [n, oh, ow, 2], y n images [c, oh, ow]; strides of x and y.
struct GridSampleSizes {
  Index n, c, h, w, oh, ow;
  Strides x, y;
  GridMode mode;
  GridPadding padding;
  bool align_corners;
};

namespace detail {

/// Where one axis is read: pixel `low` with weight 1 - part, the next one with `part`. `slope`: derivative of the
/// coordinate by the grid's.
template <class T>
struct GridPlace {
  Index low;
  T part, slope;
};

/// v mirrored at low / 2 and high / 2, with the sign of the direction in which it moves.
template <class T>
std::pair<T, T> reflected(T v, Index twice_low, Index twice_high) {
  if (twice_low == twice_high) return {T{0}, T{0}};
  const T low = static_cast<T>(twice_low) / 2, span = static_cast<T>(twice_high - twice_low) / 2;
  const T distance = std::abs(v - low), rest = std::fmod(distance, span);
  const T sign = v < low ? T{-1} : T{1};
  return std::fmod(std::floor(distance / span), T{2}) == 0 ? std::pair{rest + low, sign}
                                                           : std::pair{span - rest + low, -sign};
}

/// Grid coordinate v, from -1 to 1 across `size` pixels: their centres when corners are aligned, otherwise their edges.
template <class T>
GridPlace<T> grid_place(T v, Index size, const GridSampleSizes& s) {
  const T pixels = static_cast<T>(size);
  T slope = (s.align_corners ? pixels - 1 : pixels) / 2;
  T at = s.align_corners ? (v + 1) * slope : ((v + 1) * pixels - 1) / 2;
  if (s.padding == GridPadding::reflection) {
    const auto [mirrored, sign] = s.align_corners ? reflected(at, 0, 2 * (size - 1)) : reflected(at, -1, 2 * size - 1);
    at = mirrored;
    slope *= sign;
  }
  if (s.padding != GridPadding::zeros) {
    if (!(at > 0)) slope = 0;
    if (!(at < pixels - 1)) slope = 0;
    at = at < 0 ? T{0} : at > pixels - 1 ? pixels - 1 : at;
  }
  // Far outside, or no number: no pixel is near.
  if (!(std::abs(at) < T(1 << 30))) return {-2, T{0}, T{0}};
  if (s.mode == GridMode::nearest) return {static_cast<Index>(std::nearbyint(at)), T{0}, T{0}};
  const T low = std::floor(at);
  return {static_cast<Index>(low), at - low, slope};
}

/// The four pixels around a place: their offsets in an image and weights; none for those outside.
template <class T>
struct GridTaps {
  GridPlace<T> row, column;
  Index offset[2][2];
  bool inside[2][2];

  GridTaps(const T* xy, const GridSampleSizes& s) : row(grid_place(xy[1], s.h, s)), column(grid_place(xy[0], s.w, s)) {
    for (Index i = 0; i < 2; ++i)
      for (Index j = 0; j < 2; ++j) {
        const Index r = row.low + i, q = column.low + j;
        inside[i][j] = r >= 0 && r < s.h && q >= 0 && q < s.w && (s.mode == GridMode::bilinear || i + j == 0);
        offset[i][j] = inside[i][j] ? r * s.x[2] + q * s.x[3] : 0;
      }
  }
  T weight(Index i, Index j) const { return (i ? row.part : 1 - row.part) * (j ? column.part : 1 - column.part); }
  /// Calls f(i, j) for the pixels inside.
  template <class F>
  void for_each(F&& f) const {
    for (Index i = 0; i < 2; ++i)
      for (Index j = 0; j < 2; ++j)
        if (inside[i][j]) f(i, j);
  }
};

}  // namespace detail

/// y = x at the places of the grid.
template <class T>
void grid_sample_forward(const GridSampleSizes& s, const T* x, const T* grid, T* y) {
  const Index grain = std::max<Index>(1, 4096 / std::max<Index>(1, s.ow * s.c));
  parallel_for(s.n * s.oh, grain, [&](Index begin, Index end) {
    for (Index line = begin; line < end; ++line)
      for (Index q = 0; q < s.ow; ++q) {
        const detail::GridTaps<T> taps(grid + (line * s.ow + q) * 2, s);
        const T* from = x + line / s.oh * s.x[0];
        T* to = y + line / s.oh * s.y[0] + line % s.oh * s.y[2] + q * s.y[3];
        for (Index c = 0; c < s.c; ++c) to[c * s.y[1]] = T{0};
        taps.for_each([&](Index i, Index j) {
          const T weight = taps.weight(i, j);
          for (Index c = 0; c < s.c; ++c) to[c * s.y[1]] += weight * from[taps.offset[i][j] + c * s.x[1]];
        });
      }
  });
}

/// Gradients for dy, which lies as y: dx, which lies as x and is zero at first, and dgrid; each unless null.
template <class T>
void grid_sample_backward(const GridSampleSizes& s, const T* x, const T* grid, const T* dy, T* dx, T* dgrid) {
  parallel_for(s.n, 1, [&](Index first, Index last) {  // places may share pixels, so only images are independent
    for (Index at = first * s.oh * s.ow; at < last * s.oh * s.ow; ++at) {
      const detail::GridTaps<T> taps(grid + at * 2, s);
      const Index image = at / (s.oh * s.ow), pixel = at % (s.oh * s.ow);
      const T* g = dy + image * s.y[0] + pixel / s.ow * s.y[2] + pixel % s.ow * s.y[3];
      T along_row = 0, along_column = 0;
      taps.for_each([&](Index i, Index j) {
        const Index offset = image * s.x[0] + taps.offset[i][j];
        if (dx) {
          const T weight = taps.weight(i, j);
          for (Index c = 0; c < s.c; ++c) dx[offset + c * s.x[1]] += weight * g[c * s.y[1]];
        }
        if (dgrid && s.mode == GridMode::bilinear) {
          T sum = 0;
          for (Index c = 0; c < s.c; ++c) sum += g[c * s.y[1]] * x[offset + c * s.x[1]];
          along_row += (i ? sum : -sum) * (j ? taps.column.part : 1 - taps.column.part);
          along_column += (j ? sum : -sum) * (i ? taps.row.part : 1 - taps.row.part);
        }
      });
      if (dgrid) {
        dgrid[at * 2] = along_column * taps.column.slope;
        dgrid[at * 2 + 1] = along_row * taps.row.slope;
      }
    }
  });
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace kernels
}  // namespace nasion
