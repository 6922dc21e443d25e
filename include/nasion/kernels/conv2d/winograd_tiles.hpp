#pragma once
// Tiles of Winograd's minimal filtering: where they lie in the images, and how their pixels are read and transformed.

#include "nasion/kernels/conv2d/images.hpp"
#include "nasion/kernels/conv2d/register_tile.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// F in F^T, where f applies F to N vectors: load(i, j) gives what is in place (i, j), store(i, j, v) takes the result.
/// Loops over columns and rows are not unrolled, which would make the code N + M times as long.
template <std::size_t N, std::size_t M, class V, class F, class Load, class Store>
[[gnu::always_inline]] inline void both_ways(F&& f, Load&& load, Store&& store) {
  V rows[M][N];
#pragma GCC unroll 1
  for (std::size_t j = 0; j < N; ++j) {
    V column[N], result[M];
#pragma GCC unroll 9
    for (std::size_t i = 0; i < N; ++i) column[i] = load(i, j);
    f(column, result);
#pragma GCC unroll 9
    for (std::size_t i = 0; i < M; ++i) rows[i][j] = result[i];
  }
#pragma GCC unroll 1
  for (std::size_t i = 0; i < M; ++i) {
    V result[M];
    f(rows[i], result);
#pragma GCC unroll 9
    for (std::size_t j = 0; j < M; ++j) store(i, j, result[j]);
  }
}

/// The tiles of the results of a convolution, size x size each, counted through all images: a panel of tiles may reach
/// from one image into the next, and only the last panel has a tail.
struct WinogradTiles {
  Index size, images, rows, columns;  // rows and columns of tiles
  WinogradTiles(Index tile, Index n, Index oh, Index ow)
      : size(tile), images(n), rows((oh + tile - 1) / tile), columns((ow + tile - 1) / tile) {}
  Index count() const { return images * rows * columns; }
  /// Where tile `tile` begins: its image, and there its first row and column of pixels.
  Index image(Index tile) const { return tile / (rows * columns); }
  Index row(Index tile) const { return tile / columns % rows * size; }
  Index column(Index tile) const { return tile % columns * size; }
};

/// Prefetches what tile `tile` reads and the tile before did not: of N x N pixels from (above, left) before its own on.
template <Index N, class T>
void winograd_prefetch(const Images<const T>& images, const WinogradTiles& tiles, Index tile, Index above, Index left) {
  if (tile >= tiles.count()) return;
  const Index image = tiles.image(tile), row = tiles.row(tile) - above, column = tiles.column(tile) - left;
  const Index first = std::max<Index>(column + N - tiles.size, 0), last = std::min(column + N, images.w);
  for (Index y = std::max<Index>(row, 0); y < std::min(row + N, images.h); ++y)
    for (Index c = first; c < last; ++c) {
      const T *src = images.pixel(image, y, c), *const end = src + images.used;
      for (; src < end; src += simd::lanes<T>) __builtin_prefetch(src);
    }
}

/// Reads N x N pixels from (row, column) on, zeros outside of the image, transforms them by f and writes place p of the
/// result to dst[p * stride], channel by channel; each next block_channels of them `block_stride` further.
template <std::size_t N, std::size_t M, class T, class F>
void winograd_read(const Images<const T>& images, const T* zeros, Index image, Index row, Index column, T* dst,
                   Index stride, Index block_stride, F&& f) {
  using Vec = simd::Vector<T>;
  constexpr Index lanes = simd::lanes<T>;
  // Addresses once for all channels, so that the padding is tested once a pixel and not once a vector.
  const T* src[N][N];
  for (std::size_t i = 0; i < N; ++i)
    for (std::size_t j = 0; j < N; ++j) {
      const Index y = row + static_cast<Index>(i), x = column + static_cast<Index>(j);
      src[i][j] = images.inside(y, x) ? images.pixel(image, y, x) : zeros;
    }
  // Rows first, for all vectors of a block of channels: memory is read in its order. `rows` is N x M x 4 vectors with
  // AVX-512, 9 KiB (3x3) or 18 KiB (5x5) of L1.
  Vec rows[tile_vectors][N][M];
  for (Index first = 0; first < images.used; first += block_channels<T>, dst += block_stride) {
    const Index last = std::min(images.used, first + block_channels<T>);
    for (std::size_t i = 0; i < N; ++i)
      for (Index c = first, v = 0; c < last; c += lanes, ++v) {
        Vec pixels[N];
        if (c + lanes <= images.used) {
#pragma GCC unroll 9
          for (std::size_t j = 0; j < N; ++j) pixels[j] = simd::load(src[i][j] + c);
        } else {
          for (std::size_t j = 0; j < N; ++j) pixels[j] = simd::load_n(src[i][j] + c, images.used - c);
        }
        f(pixels, rows[v][i]);
      }
    // Then columns. Each vector goes to a place of its own, with AVX-512 a whole cache line.
    for (Index c = first, v = 0; c < last; c += lanes, ++v)
#pragma GCC unroll 1
      for (std::size_t j = 0; j < M; ++j) {
        Vec upright[N], result[M];
#pragma GCC unroll 9
        for (std::size_t i = 0; i < N; ++i) upright[i] = rows[v][i][j];
        f(upright, result);
#pragma GCC unroll 9
        for (std::size_t i = 0; i < M; ++i)
          simd::store(dst + static_cast<Index>(i * M + j) * stride + v * lanes, result[i]);
      }
  }
}

}  // namespace detail

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
