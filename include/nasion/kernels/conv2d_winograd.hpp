#pragma once
// Winograd's minimal filtering for 3x3 convolutions at stride 1 (Lavin and Gray, "Fast algorithms for convolutional
// neural networks", 2015): results in tiles of 4x4, from 6x6 pixels each, with a quarter of the multiplications.
//
//   forward, gradient of input:  y = A^T [ (G w G^T) * (B^T x B) ] A      F(4x4, 3x3), tile by tile
//   gradient of weight:         dw = A^T [ sum of (G dy G^T) * (B^T x B) ] A  F(3x3, 4x4), over all tiles
//
// with the points 0, 1, -1, 2, -2 and infinity. `*` is by element, so that over channels it becomes 36 matrix products,
// for which the tiles of the direct kernel serve. Images are channels-last, weights [k, 3, 3, c / groups].

#include "nasion/kernels/conv2d_direct.hpp"

namespace nasion::kernels {

namespace detail {

inline constexpr Index winograd_places = 36;  // of a transformed tile

/// B^T d
template <class V>
void winograd_pixels(const V (&d)[6], V (&o)[6]) {
  const V a = d[4] - 4 * d[2], b = d[3] - 4 * d[1], c = d[4] - d[2], e = 2 * (d[3] - d[1]);
  o[0] = 4 * d[0] - 5 * d[2] + d[4];
  o[1] = a + b;
  o[2] = a - b;
  o[3] = c + e;
  o[4] = c - e;
  o[5] = 4 * d[1] - 5 * d[3] + d[5];
}

/// A^T m, for results in fours.
template <class V>
void winograd_results(const V (&m)[6], V (&o)[4]) {
  const V s = m[1] + m[2], t = m[1] - m[2], u = m[3] + m[4], w = m[3] - m[4];
  o[0] = m[0] + s + u;
  o[1] = t + 2 * w;
  o[2] = s + 4 * u;
  o[3] = t + 8 * w + m[5];
}

/// G g, for weights in threes.
template <class V>
void winograd_weights(const V (&g)[3], V (&o)[6]) {
  const V even = (g[0] + g[2]) / 6, far = (g[0] + 4 * g[2]) / 24;
  o[0] = g[0] / 4;
  o[1] = -even - g[1] / 6;
  o[2] = -even + g[1] / 6;
  o[3] = far + g[1] / 12;
  o[4] = far - g[1] / 12;
  o[5] = g[2];
}

/// G g, for gradients in fours.
template <class V>
void winograd_gradients(const V (&g)[4], V (&o)[6]) {
  const V even = (g[0] + g[2]) / 6, odd = (g[1] + g[3]) / 6;
  const V far = (g[0] + 4 * g[2]) / 24, far_odd = (g[1] + 4 * g[3]) / 12;
  o[0] = g[0] / 4;
  o[1] = -even - odd;
  o[2] = -even + odd;
  o[3] = far + far_odd;
  o[4] = far - far_odd;
  o[5] = g[3];
}

/// A^T m, for gradients of weights in threes.
template <class V>
void winograd_weight_results(const V (&m)[6], V (&o)[3]) {
  const V s = m[1] + m[2], u = m[3] + m[4];
  o[0] = m[0] + s + u;
  o[1] = m[1] - m[2] + 2 * (m[3] - m[4]);
  o[2] = s + 4 * u + m[5];
}

/// F in F^T, where f applies F to N numbers.
template <std::size_t N, std::size_t M, class V, class F>
void both_ways(const V (&in)[N][N], V (&out)[M][M], F&& f) {
  V rows[N][M];
  for (std::size_t i = 0; i < N; ++i) f(in[i], rows[i]);
  for (std::size_t j = 0; j < M; ++j) {
    V column[N], result[M];
    for (std::size_t i = 0; i < N; ++i) column[i] = rows[i][j];
    f(column, result);
    for (std::size_t i = 0; i < M; ++i) out[i][j] = result[i];
  }
}

/// A vector of `count` numbers and zeros after them.
template <class T>
simd::Vector<T> load_some(const T* from, Index count) {
  if (count >= simd::lanes<T>) return simd::load(from);
  T values[simd::lanes<T>] = {};
  std::copy_n(from, count, values);
  return simd::load(values);
}
template <class T>
void store_some(const simd::Vector<T>& v, T* to, Index count) {
  if (count >= simd::lanes<T>) {
    simd::store(to, v);
    return;
  }
  T values[simd::lanes<T>];
  simd::store(values, v);
  std::copy_n(values, count, to);
}

inline Index whole_vectors(Index channels, Index lanes) { return (channels + lanes - 1) / lanes * lanes; }

/// The tiles of the results of a convolution, counted through all images.
struct WinogradTiles {
  Index rows, columns;  // of tiles
  WinogradTiles(Index oh, Index ow) : rows((oh + 3) / 4), columns((ow + 3) / 4) {}
  Index image(Index tile) const { return tile / (rows * columns); }
  Index row(Index tile) const { return tile / columns % rows * 4; }
  Index column(Index tile) const { return tile % columns * 4; }
};

/// Reads N x N pixels from (row, column) on, zeros outside of the image, transforms them by f and writes each of the 36
/// places to to[place * step], channel by channel.
template <std::size_t N, class T, class F>
void winograd_read(const DirectImages<const T>& images, Index image, Index row, Index column, T* to, Index step,
                   F&& f) {
  using Vec = simd::Vector<T>;
  constexpr Index lanes = simd::lanes<T>, n = static_cast<Index>(N);
  const T* from[N][N];
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j)
      from[i][j] = images.inside(row + i, column + j) ? images.pixel(image, row + i, column + j) : nullptr;
  for (Index c = 0; c < images.used; c += lanes) {
    Vec in[N][N], out[6][6];
    for (std::size_t i = 0; i < N; ++i)
      for (std::size_t j = 0; j < N; ++j) in[i][j] = from[i][j] ? load_some(from[i][j] + c, images.used - c) : Vec{};
    both_ways(in, out, f);
    for (Index place = 0; place < winograd_places; ++place)
      simd::store(to + place * step + c, out[place / 6][place % 6]);
  }
}

/// Transformed weights, [36][blocks of result channels][source channels][channels of the block]; weight(result channel,
/// tap, source channel).
template <class T, class Weight>
Scratch<T> winograd_pack(Index results, Index sources, Weight&& weight) {
  using Vec = simd::Vector<T>;
  constexpr Index lanes = simd::lanes<T>;
  const Index padded = whole_vectors(results, lanes);
  Scratch<T> packed(winograd_places * padded * sources);
  parallel_for(padded / lanes, 1, [&](Index block, Index) {
    const Index k = block * lanes, some = std::min(lanes, results - k);
    const Index first = k / direct_channels<T> * direct_channels<T>, width = direct_width<T>(first, results);
    for (Index c = 0; c < sources; ++c) {
      Vec in[3][3], out[6][6];
      for (Index t = 0; t < 9; ++t) {
        T values[lanes] = {};
        for (Index i = 0; i < some; ++i) values[i] = weight(k + i, t, c);
        in[t / 3][t % 3] = simd::load(values);
      }
      both_ways(in, out, winograd_weights<Vec>);
      for (Index place = 0; place < winograd_places; ++place)
        simd::store(packed.data() + (place * padded + first) * sources + c * width + k - first,
                    out[place / 6][place % 6]);
    }
  });
  return packed;
}

/// One convolution in the transformed domain, a number of tiles at a time: read, multiply, write. Result pixel (0, 0)
/// sees the pixels of the source from (-pad_h, -pad_w) on.
template <class T>
struct WinogradConvolution {
  DirectImages<const T> source;
  DirectImages<T> result;
  Index pad_h, pad_w;
  const T* packed;
  const T* bias;  // or null
  Index at_once;  // tiles

  static constexpr Index lanes = simd::lanes<T>;
  WinogradTiles tiles{result.h, result.w};
  Index in_step = whole_vectors(source.used, lanes), out_step = whole_vectors(result.used, lanes);
  Index channel_blocks = (result.used + direct_channels<T> - 1) / direct_channels<T>;

  Index count() const { return result.n * tiles.rows * tiles.columns; }
  Index numbers() const { return winograd_places * (in_step + out_step) * at_once; }

  /// Tile `first` + begin .. end-1, transformed, to `pixels`.
  void read(Index first, Index begin, Index end, T* pixels) const {
    for (Index t = begin; t < end; ++t)
      winograd_read<6>(source, tiles.image(first + t), tiles.row(first + t) - pad_h, tiles.column(first + t) - pad_w,
                       pixels + t * in_step, at_once * in_step, winograd_pixels<simd::Vector<T>>);
  }

  /// sums = pixels times weights, at one place for one block of channels.
  void multiply(Index some, Index place, Index block, const T* pixels, T* sums) const {
    const Index first = block * direct_channels<T>;
    const T* weight = packed + (place * out_step + first) * source.used;
    with_vectors<T>(result.used - first, [&]<Index V>() {
      constexpr Index P = direct_pixels(V), width = V * lanes;
      for (Index begin = 0; begin < some; begin += direct_block) {
        const Index in_block = std::min(direct_block, some - begin);
        std::array<const T*, direct_block> from;
        std::array<T*, direct_block> to;
        for (Index t = 0; t < in_block; ++t) {
          from[static_cast<std::size_t>(t)] = pixels + (place * at_once + begin + t) * in_step;
          to[static_cast<std::size_t>(t)] = sums + (place * at_once + begin + t) * out_step + first;
        }
        Index t = 0;
        for (; t + P <= in_block; t += P)
          direct_tile<T, P, V>(from.data() + t, 1, source.used, weight, 0, nullptr, false, to.data() + t, width);
        for (; t < in_block; ++t)
          direct_tile<T, 1, V>(from.data() + t, 1, source.used, weight, 0, nullptr, false, to.data() + t, width);
      }
    });
  }

  /// The results of tile `first` + begin .. end-1.
  void write(Index first, Index begin, Index end, const T* sums) const {
    using Vec = simd::Vector<T>;
    for (Index t = begin; t < end; ++t) {
      const Index image = tiles.image(first + t), row = tiles.row(first + t), column = tiles.column(first + t);
      for (Index k = 0; k < result.used; k += lanes) {
        Vec in[6][6], out[4][4];
        for (Index place = 0; place < winograd_places; ++place)
          in[place / 6][place % 6] = simd::load(sums + (place * at_once + t) * out_step + k);
        both_ways(in, out, winograd_results<Vec>);
        const Vec add = bias ? load_some(bias + k, result.used - k) : Vec{};
        for (Index i = 0; i < std::min<Index>(4, result.h - row); ++i)
          for (Index j = 0; j < std::min<Index>(4, result.w - column); ++j)
            store_some<T>(out[i][j] + add, result.pixel(image, row + i, column + j) + k, result.used - k);
      }
    }
  }
};

/// result = bias + convolution of the source. Few tiles and many weights: each step for all tiles, so that the weights
/// pass once. Otherwise few tiles at a time, so that what is transformed stays in the second cache.
template <class T>
void winograd_convolve(const DirectImages<const T>& source, const DirectImages<T>& result, Index pad_h, Index pad_w,
                       const Scratch<T>& packed, const T* bias) {
  WinogradConvolution<T> c{source, result, pad_h, pad_w, packed.data(), bias, 1};
  const Index tile_bytes = std::max<Index>(1, c.numbers() * static_cast<Index>(sizeof(T))), count = c.count();
  const bool together = count < 8 * c.out_step;
  c.at_once = together ? std::clamp<Index>((Index{1} << 26) / tile_bytes, 1, std::max<Index>(1, count))
                       : std::clamp<Index>((Index{1} << 20) / tile_bytes / 14 * 14, 14, 56);
  const auto with_memory = [&](auto&& use) {
    const Scratch<T> memory(c.numbers());
    T* const pixels = memory.data();
    use(pixels, pixels + winograd_places * c.at_once * c.in_step);
  };
  if (together) {
    with_memory([&](T* pixels, T* sums) {
      for (Index first = 0; first < count; first += c.at_once) {
        const Index some = std::min(c.at_once, count - first);
        parallel_for(some, 8, [&](Index begin, Index end) { c.read(first, begin, end, pixels); });
        parallel_for(winograd_places * c.channel_blocks, 1, [&](Index item, Index) {
          c.multiply(some, item / c.channel_blocks, item % c.channel_blocks, pixels, sums);
        });
        parallel_for(some, 8, [&](Index begin, Index end) { c.write(first, begin, end, sums); });
      }
    });
  } else {
    parallel_for(count, c.at_once, [&](Index first, Index last) {
      with_memory([&](T* pixels, T* sums) {
        c.read(first, 0, last - first, pixels);
        for (Index place = 0; place < winograd_places; ++place)
          for (Index block = 0; block < c.channel_blocks; ++block) c.multiply(last - first, place, block, pixels, sums);
        c.write(first, 0, last - first, sums);
      });
    });
  }
}

}  // namespace detail

/// Whether these kernels can compute the convolution.
inline bool winograd_fits(const Conv2dSizes& s) {
  return s.kh == 3 && s.kw == 3 && s.stride_h == 1 && s.stride_w == 1 && s.dilation_h == 1 && s.dilation_w == 1;
}

/// y = conv2d(x, weight) + bias (null: none).
template <class T>
void conv2d_winograd_forward(const Conv2dSizes& s, const T* x, const T* weight, const T* bias, T* y) {
  for (Index g = 0; g < s.groups; ++g) {
    const T* w = weight + g * s.group_k() * s.taps();
    const auto packed = detail::winograd_pack<T>(
        s.group_k(), s.group_c(), [&](Index k, Index tap, Index c) { return w[k * s.taps() + tap * s.group_c() + c]; });
    detail::winograd_convolve<T>({x, s.n, s.h, s.w, s.c, g * s.group_c(), s.group_c()},
                                 {y, s.n, s.oh, s.ow, s.k, g * s.group_k(), s.group_k()}, s.pad_h, s.pad_w, packed,
                                 bias ? bias + g * s.group_k() : nullptr);
  }
}

/// dx = gradient of the input: the convolution of dy with the weights turned around.
template <class T>
void conv2d_winograd_backward_input(const Conv2dSizes& s, const T* dy, const T* weight, T* dx) {
  for (Index g = 0; g < s.groups; ++g) {
    const T* w = weight + g * s.group_k() * s.taps();
    const auto packed = detail::winograd_pack<T>(s.group_c(), s.group_k(), [&](Index c, Index tap, Index k) {
      return w[k * s.taps() + (8 - tap) * s.group_c() + c];
    });
    detail::winograd_convolve<T>({dy, s.n, s.oh, s.ow, s.k, g * s.group_k(), s.group_k()},
                                 {dx, s.n, s.h, s.w, s.c, g * s.group_c(), s.group_c()}, 2 - s.pad_h, 2 - s.pad_w,
                                 packed, nullptr);
  }
}

/// dw = gradient of the weight.
template <class T>
void conv2d_winograd_backward_weight(const Conv2dSizes& s, const T* x, const T* dy, T* dw) {
  using namespace detail;
  using Vec = simd::Vector<T>;
  constexpr Index lanes = simd::lanes<T>;
  const WinogradTiles tiles(s.oh, s.ow);
  const Index count = s.n * tiles.rows * tiles.columns;
  const Index c_step = whole_vectors(s.group_c(), lanes), k_step = whole_vectors(s.group_k(), lanes);
  // Tiles at once: about 64 MiB of transformed pixels and gradients.
  const Index tile_bytes = winograd_places * (c_step + k_step) * static_cast<Index>(sizeof(T));
  const Index at_once =
      std::clamp<Index>((Index{1} << 26) / std::max<Index>(1, tile_bytes), 1, std::max<Index>(1, count));
  const Index channel_blocks = (s.group_k() + direct_channels<T> - 1) / direct_channels<T>;
  const Scratch<T> memory(winograd_places * (c_step + k_step) * at_once);
  const Scratch<T> sum_memory(winograd_places * s.group_c() * k_step);
  T* const pixels = memory.data();
  T* const gradients = pixels + winograd_places * at_once * c_step;
  T* const sums = sum_memory.data();  // [36][blocks of k][c][channels of the block]
  for (Index g = 0; g < s.groups; ++g) {
    const DirectImages<const T> images{x, s.n, s.h, s.w, s.c, g * s.group_c(), s.group_c()};
    const DirectImages<const T> results{dy, s.n, s.oh, s.ow, s.k, g * s.group_k(), s.group_k()};
    std::fill_n(sums, winograd_places * s.group_c() * k_step, T{0});
    for (Index start = 0; start < count; start += at_once) {
      const Index some = std::min(at_once, count - start);
      parallel_for(some, 8, [&](Index begin, Index end) {
        for (Index t = begin; t < end; ++t) {
          const Index image = tiles.image(start + t), row = tiles.row(start + t), column = tiles.column(start + t);
          winograd_read<6>(images, image, row - s.pad_h, column - s.pad_w, pixels + t * c_step, at_once * c_step,
                           winograd_pixels<Vec>);
          winograd_read<4>(results, image, row, column, gradients + t * k_step, at_once * k_step,
                           winograd_gradients<Vec>);
        }
      });
      parallel_for(winograd_places * channel_blocks, 1, [&](Index item, Index) {
        const Index place = item / channel_blocks, first = item % channel_blocks * direct_channels<T>;
        with_vectors<T>(s.group_k() - first, [&]<Index V>() {
          constexpr Index C = direct_pixels(V);
          T* to = sums + (place * k_step + first) * s.group_c();
          for (Index begin = 0; begin < some; begin += direct_block) {
            const Index block = std::min(direct_block, some - begin);
            std::array<const T*, direct_block> from;
            for (Index t = 0; t < block; ++t)
              from[static_cast<std::size_t>(t)] = pixels + (place * at_once + begin + t) * c_step;
            direct_weight_tiles<T, C, V>(from, block, gradients + (place * at_once + begin) * k_step + first, k_step,
                                         to, s.group_c());
          }
        });
      });
    }
    parallel_for(k_step / lanes, 1, [&](Index block, Index) {
      const Index k = block * lanes, some = std::min(lanes, s.group_k() - k);
      const Index first = k / direct_channels<T> * direct_channels<T>, width = direct_width<T>(first, s.group_k());
      for (Index c = 0; c < s.group_c(); ++c) {
        Vec in[6][6], out[3][3];
        for (Index place = 0; place < winograd_places; ++place)
          in[place / 6][place % 6] = simd::load(sums + (place * k_step + first) * s.group_c() + c * width + k - first);
        both_ways(in, out, winograd_weight_results<Vec>);
        T* to = dw + (g * s.group_k() + k) * s.taps() + c;
        for (Index t = 0; t < 9; ++t) {
          T values[lanes];
          simd::store(values, out[t / 3][t % 3]);
          for (Index i = 0; i < some; ++i) to[i * s.taps() + t * s.group_c()] = values[i];
        }
      }
    });
  }
}

}  // namespace nasion::kernels
