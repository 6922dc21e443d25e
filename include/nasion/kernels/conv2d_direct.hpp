#pragma once
// Direct convolution of channels-last images: no im2col. A tile of results, some pixels by some vectors of channels,
// stays in registers while the numbers that make it up pass by. Where a tap of the kernel falls on an image is looked
// up in a table of pointers, made once for a block of pixels and used for all channels (the idea of Dukhan, "The
// indirect convolution algorithm", 2019); outside of the image it points to zeros. So any stride, padding, dilation
// and number of groups takes the same loops, and tiles may reach across rows and images.
//
// Weights are packed: [blocks of output channels][taps][input channels][channels of the block].

#include <array>
#include <vector>

#include "nasion/core/simd.hpp"
#include "nasion/core/strided.hpp"
#include "nasion/kernels/im2col.hpp"
#include "nasion/kernels/scratch.hpp"

namespace nasion::kernels {

namespace detail {

/// Vectors of channels in a tile, at most: four can be loaded while two are multiplied.
inline constexpr Index direct_vectors = simd::register_count >= 32 ? 4 : 2;
template <class T>
inline constexpr Index direct_channels = direct_vectors* simd::lanes<T>;

/// Pixels in a tile of `vectors`: about as many as the registers hold beside the weights. They divide direct_block.
constexpr Index direct_pixels(Index vectors) {
  return simd::register_count < 32 ? (vectors == 2 ? 6 : 12) : vectors == 4 ? 7 : vectors == 3 ? 8 : 14;
}

inline constexpr Index direct_block = 168;  // pixels in a table, whose data should stay in the first cache

/// One tap of the kernel: from which pixel it reads, relative to the pixel that it adds to, and the weights it uses.
struct DirectTap {
  Index row, column, weight;
};

/// Result pixels on a regular grid, which all use the same taps. Grid pixel (r, c) is pixel
/// (to_row + r to_step_h, to_column + c to_step_w) of the result, and tap t reads pixel
/// (r from_step_h + t.row, c from_step_w + t.column) of the source.
struct DirectGrid {
  Index rows, columns;
  Index to_row = 0, to_column = 0, to_step_h = 1, to_step_w = 1, from_step_h = 1, from_step_w = 1;
  std::vector<DirectTap> taps;
};

/// Images [n, h, w, channels] of which a group uses `used` channels from `first` on.
template <class T>
struct DirectImages {
  T* data;
  Index n, h, w, channels, first, used;

  T* pixel(Index image, Index row, Index column) const {
    return data + ((image * h + row) * w + column) * channels + first;
  }
  bool inside(Index row, Index column) const { return row >= 0 && row < h && column >= 0 && column < w; }
};

/// The forward pass: one grid, of all result pixels.
inline DirectGrid direct_forward_grid(const Conv2dSizes& s) {
  DirectGrid grid{.rows = s.oh, .columns = s.ow, .from_step_h = s.stride_h, .from_step_w = s.stride_w, .taps = {}};
  for (Index i = 0; i < s.kh; ++i)
    for (Index j = 0; j < s.kw; ++j)
      grid.taps.push_back({i * s.dilation_h - s.pad_h, j * s.dilation_w - s.pad_w, i * s.kw + j});
  return grid;
}

/// The gradient of the input: pixels of the input that are `stride` apart use the same taps. Those that no tap reaches
/// have no grid.
inline std::vector<DirectGrid> direct_backward_grids(const Conv2dSizes& s) {
  std::vector<DirectGrid> grids;
  for (Index a = 0; a < std::min(s.stride_h, s.h); ++a)
    for (Index b = 0; b < std::min(s.stride_w, s.w); ++b) {
      DirectGrid grid{.rows = (s.h - a + s.stride_h - 1) / s.stride_h,
                      .columns = (s.w - b + s.stride_w - 1) / s.stride_w,
                      .to_row = a,
                      .to_column = b,
                      .to_step_h = s.stride_h,
                      .to_step_w = s.stride_w,
                      .taps = {}};
      for (Index i = 0; i < s.kh; ++i)
        for (Index j = 0; j < s.kw; ++j) {
          const Index row = a + s.pad_h - i * s.dilation_h, column = b + s.pad_w - j * s.dilation_w;
          if (row % s.stride_h == 0 && column % s.stride_w == 0)
            grid.taps.push_back({row / s.stride_h, column / s.stride_w, i * s.kw + j});
        }
      if (!grid.taps.empty()) grids.push_back(std::move(grid));
    }
  return grids;
}

/// Where a block of a grid's pixels, counted through all images, reads and writes.
template <class T>
struct DirectTable {
  std::vector<const T*> from;  // [taps][direct_block]
  std::array<T*, direct_block> to;
  Index pixels = 0;

  void fill(const DirectGrid& grid, Index begin, Index end, const DirectImages<const T>& source,
            const DirectImages<T>& result, const T* zeros) {
    pixels = end - begin;
    from.resize(grid.taps.size() * static_cast<std::size_t>(direct_block));
    for (Index p = 0; p < pixels; ++p) {
      const Index image = (begin + p) / (grid.rows * grid.columns), rest = (begin + p) % (grid.rows * grid.columns);
      const Index row = rest / grid.columns, column = rest % grid.columns;
      to[static_cast<std::size_t>(p)] =
          result.pixel(image, grid.to_row + row * grid.to_step_h, grid.to_column + column * grid.to_step_w);
      const T** at = from.data() + p;
      for (const DirectTap& tap : grid.taps) {
        const Index y = row * grid.from_step_h + tap.row, x = column * grid.from_step_w + tap.column;
        *at = source.inside(y, x) ? source.pixel(image, y, x) : zeros;
        at += direct_block;
      }
    }
  }
};

/// P pixels x V vectors: result += sum over taps and channels of source times weight, or bias (null: 0) + the sum.
/// Only the first `channels` of the vectors are results.
template <class T, Index P, Index V>
void direct_tile(const T* const* from, Index taps, Index used, const T* weight, Index weight_step, const T* bias,
                 bool add, T* const* to, Index channels) {
  using Vec = simd::Vector<T>;
  constexpr Index lanes = simd::lanes<T>;
  Vec sum[P][V];
  T ends[V * lanes] = {};
  const auto load = [&](const T* values, Vec* vectors) {
    if (channels < V * lanes) {
      std::copy_n(values, channels, ends);
      values = ends;
    }
    for (Index v = 0; v < V; ++v) vectors[v] = simd::load(values + v * lanes);
  };
  for (Index p = 0; p < P; ++p)
    if (add)
      load(to[p], sum[p]);
    else if (bias)
      load(bias, sum[p]);
    else
      for (Index v = 0; v < V; ++v) sum[p][v] = Vec{};
  for (Index t = 0; t < taps; ++t, from += direct_block, weight += weight_step) {
    const T* x[P];
    for (Index p = 0; p < P; ++p) x[p] = from[p];
    const T* w = weight;
    for (Index c = 0; c < used; ++c, w += V * lanes) {
      Vec factor[V];
      for (Index v = 0; v < V; ++v) factor[v] = simd::load(w + v * lanes);
#pragma GCC unroll 16
      for (Index p = 0; p < P; ++p) {
        const Vec value = x[p][c] - Vec{};
#pragma GCC unroll 4
        for (Index v = 0; v < V; ++v) sum[p][v] += value * factor[v];
      }
    }
  }
  for (Index p = 0; p < P; ++p)
    if (channels == V * lanes) {
      for (Index v = 0; v < V; ++v) simd::store(to[p] + v * lanes, sum[p][v]);
    } else {
      for (Index v = 0; v < V; ++v) simd::store(ends + v * lanes, sum[p][v]);
      std::copy_n(ends, channels, to[p]);
    }
}

/// Calls f<V>() with the number of vectors that `channels` fill, at most direct_vectors.
template <class T, class F>
void with_vectors(Index channels, F&& f) {
  const Index vectors = std::min(direct_vectors, (channels + simd::lanes<T> - 1) / simd::lanes<T>);
  if constexpr (direct_vectors >= 4) {
    if (vectors == 4) return f.template operator()<4>();
    if (vectors == 3) return f.template operator()<3>();
  }
  if (vectors == 2) return f.template operator()<2>();
  f.template operator()<1>();
}

/// Channels of the block that starts at `first`, as whole vectors.
template <class T>
Index direct_width(Index first, Index channels) {
  const Index rest = std::min(direct_channels<T>, channels - first);
  return (rest + simd::lanes<T> - 1) / simd::lanes<T> * simd::lanes<T>;
}

/// Weights in the order in which the tiles of this grid read them; weight(result channel, tap, source channel).
template <class T, class Weight>
Scratch<T> direct_pack(const DirectGrid& grid, Index results, Index sources, Weight&& weight) {
  const auto taps = static_cast<Index>(grid.taps.size());
  Scratch<T> packed((results + simd::lanes<T> - 1) / simd::lanes<T> * simd::lanes<T> * taps * sources);
  parallel_for(results, direct_channels<T>, [&](Index first, Index last) {
    const Index width = direct_width<T>(first, results);
    T* to = packed.data() + first * taps * sources;
    for (const DirectTap& tap : grid.taps)
      for (Index c = 0; c < sources; ++c, to += width) {
        for (Index k = first; k < last; ++k) to[k - first] = weight(k, tap.weight, c);
        std::fill(to + (last - first), to + width, T{0});
      }
  });
  return packed;
}

/// result = bias + the sum over the grid's taps, for all pixels of the grid.
template <class T>
void direct_convolve(const DirectGrid& grid, const DirectImages<const T>& source, const DirectImages<T>& result,
                     const Scratch<T>& packed, const T* bias) {
  const Index pixels = source.n * grid.rows * grid.columns, taps = static_cast<Index>(grid.taps.size());
  const Index blocks = (pixels + direct_block - 1) / direct_block;
  const Index channel_blocks = (result.used + direct_channels<T> - 1) / direct_channels<T>;
  const std::vector<T> zeros(static_cast<std::size_t>(source.used));
  parallel_for(blocks * channel_blocks, 1, [&](Index item, Index) {
    const Index first = item / blocks * direct_channels<T>, begin = item % blocks * direct_block;
    thread_local DirectTable<T> table;
    table.fill(grid, begin, std::min(pixels, begin + direct_block), source, result, zeros.data());
    const Index channels = std::min(direct_channels<T>, result.used - first);
    for (Index p = 0; p < table.pixels; ++p) table.to[static_cast<std::size_t>(p)] += first;
    with_vectors<T>(channels, [&]<Index V>() {
      constexpr Index P = direct_pixels(V), width = V * simd::lanes<T>;
      const T* weight = packed.data() + first * taps * source.used;
      const T* own_bias = bias ? bias + first : nullptr;
      // Some taps at a time, so that their weights stay in the second cache while the pixels pass.
      const Index at_once = std::max<Index>(
          1, (Index{1} << 18) / std::max<Index>(1, width * source.used * static_cast<Index>(sizeof(T))));
      for (Index t = 0; t == 0 || t < taps; t += at_once) {
        const Index some = std::min(at_once, taps - t);
        const T* const* from = table.from.data() + t * direct_block;
        const T* w = weight + t * width * source.used;
        T* const* to = table.to.data();
        Index p = 0;
        for (; p + P <= table.pixels; p += P)
          direct_tile<T, P, V>(from + p, some, source.used, w, width * source.used, own_bias, t > 0, to + p, channels);
        for (; p < table.pixels; ++p)
          direct_tile<T, 1, V>(from + p, some, source.used, w, width * source.used, own_bias, t > 0, to + p, channels);
      }
    });
  });
}

/// C channels of the source x V vectors of dy: sum += source times dy over pixels.
template <class T, Index C, Index V>
void direct_weight_tile(const T* const* from, Index pixels, const T* dy, Index dy_step, T* sums) {
  using Vec = simd::Vector<T>;
  constexpr Index lanes = simd::lanes<T>;
  Vec sum[C][V];
  for (Index c = 0; c < C; ++c)
    for (Index v = 0; v < V; ++v) sum[c][v] = simd::load(sums + (c * V + v) * lanes);
  for (Index p = 0; p < pixels; ++p, dy += dy_step) {
    const T* x = from[p];
    Vec factor[V];
    for (Index v = 0; v < V; ++v) factor[v] = simd::load(dy + v * lanes);
#pragma GCC unroll 16
    for (Index c = 0; c < C; ++c) {
      const Vec value = x[c] - Vec{};
#pragma GCC unroll 4
      for (Index v = 0; v < V; ++v) sum[c][v] += value * factor[v];
    }
  }
  for (Index c = 0; c < C; ++c)
    for (Index v = 0; v < V; ++v) simd::store(sums + (c * V + v) * lanes, sum[c][v]);
}

/// The same for all channels of the source. Moves the pointers on.
template <class T, Index C, Index V>
void direct_weight_tiles(std::array<const T*, direct_block>& from, Index pixels, const T* dy, Index dy_step, T* sums,
                         Index channels) {
  Index c = 0;
  const auto tiles_of = [&]<Index some>() {
    for (; c + some <= channels; c += some) {
      direct_weight_tile<T, some, V>(from.data(), pixels, dy, dy_step, sums + c * V * simd::lanes<T>);
      for (Index p = 0; p < pixels; ++p) from[static_cast<std::size_t>(p)] += some;
    }
  };
  tiles_of.template operator()<C>();
  tiles_of.template operator()<4>();
  tiles_of.template operator()<1>();
}

}  // namespace detail

/// y = conv2d(x, weight) + bias (null: none). Images [n, h, w, c], weight [k, kh, kw, c / groups].
template <class T>
void conv2d_direct_forward(const Conv2dSizes& s, const T* x, const T* weight, const T* bias, T* y) {
  const auto grid = detail::direct_forward_grid(s);
  for (Index g = 0; g < s.groups; ++g) {
    const T* w = weight + g * s.group_k() * s.taps();
    const auto packed = detail::direct_pack<T>(grid, s.group_k(), s.group_c(), [&](Index k, Index tap, Index c) {
      return w[k * s.taps() + tap * s.group_c() + c];
    });
    detail::direct_convolve<T>(grid, {x, s.n, s.h, s.w, s.c, g * s.group_c(), s.group_c()},
                               {y, s.n, s.oh, s.ow, s.k, g * s.group_k(), s.group_k()}, packed,
                               bias ? bias + g * s.group_k() : nullptr);
  }
}

/// dx = gradient of the input.
template <class T>
void conv2d_direct_backward_input(const Conv2dSizes& s, const T* dy, const T* weight, T* dx) {
  const auto grids = detail::direct_backward_grids(s);
  if (static_cast<Index>(grids.size()) < s.stride_h * s.stride_w) std::fill_n(dx, s.n * s.h * s.w * s.c, T{0});
  for (const auto& grid : grids)
    for (Index g = 0; g < s.groups; ++g) {
      const T* w = weight + g * s.group_k() * s.taps();
      const auto packed = detail::direct_pack<T>(grid, s.group_c(), s.group_k(), [&](Index c, Index tap, Index k) {
        return w[k * s.taps() + tap * s.group_c() + c];
      });
      detail::direct_convolve<T>(grid, {dy, s.n, s.oh, s.ow, s.k, g * s.group_k(), s.group_k()},
                                 {dx, s.n, s.h, s.w, s.c, g * s.group_c(), s.group_c()}, packed, nullptr);
    }
}

/// dw = gradient of the weight. The pixels are summed in parts, which are combined in order.
template <class T>
void conv2d_direct_backward_weight(const Conv2dSizes& s, const T* x, const T* dy, T* dw) {
  using namespace detail;
  const auto grid = direct_forward_grid(s);
  const Index pixels = s.n * s.pixels(), blocks = (pixels + direct_block - 1) / direct_block;
  const Index taps = s.kh * s.kw, lanes = simd::lanes<T>;
  const Index padded = (s.group_k() + lanes - 1) / lanes * lanes, size = padded * s.taps();
  // At most 32 MiB of parts.
  const Index most = std::max<Index>(1, (Index{1} << 25) / std::max<Index>(1, size * static_cast<Index>(sizeof(T))));
  const Index grain = std::max<Index>(1, (blocks + std::min<Index>(16, most) - 1) / std::min<Index>(16, most));
  const Index parts = (blocks + grain - 1) / grain;
  const Index channel_blocks = (s.group_k() + direct_channels<T> - 1) / direct_channels<T>;
  const Scratch<T> memory(parts * size);
  T* const partial = memory.data();
  const std::vector<T> zeros(static_cast<std::size_t>(s.group_c()));
  for (Index g = 0; g < s.groups; ++g) {
    const DirectImages<const T> source{x, s.n, s.h, s.w, s.c, g * s.group_c(), s.group_c()};
    parallel_for(parts * channel_blocks * taps, 1, [&](Index item, Index) {
      const Index part = item / (channel_blocks * taps), first = item / taps % channel_blocks * direct_channels<T>;
      const DirectTap tap = grid.taps[static_cast<std::size_t>(item % taps)];
      const Index channels = std::min(direct_channels<T>, s.group_k() - first);
      with_vectors<T>(channels, [&]<Index V>() {
        constexpr Index C = direct_pixels(V), width = V * simd::lanes<T>;
        T* sums = partial + part * size + (first * taps + item % taps * width) * s.group_c();
        std::fill_n(sums, width * s.group_c(), T{0});
        std::array<const T*, direct_block> from;
        thread_local std::vector<T> ends;  // dy of the block, with whole vectors for every pixel
        for (Index block = part * grain; block < std::min(blocks, (part + 1) * grain); ++block) {
          const Index begin = block * direct_block, count = std::min(pixels - begin, direct_block);
          for (Index p = 0; p < count; ++p) {
            const Index image = (begin + p) / s.pixels(), rest = (begin + p) % s.pixels();
            const Index row = rest / s.ow * s.stride_h + tap.row, column = rest % s.ow * s.stride_w + tap.column;
            from[static_cast<std::size_t>(p)] =
                source.inside(row, column) ? source.pixel(image, row, column) : zeros.data();
          }
          const T* gradient = dy + begin * s.k + g * s.group_k() + first;
          Index step = s.k;
          if (channels < width) {
            ends.assign(static_cast<std::size_t>(direct_block * width), T{0});
            for (Index p = 0; p < count; ++p) std::copy_n(gradient + p * step, channels, ends.data() + p * width);
            gradient = ends.data();
            step = width;
          }
          direct_weight_tiles<T, C, V>(from, count, gradient, step, sums, s.group_c());
        }
      });
    });
    parallel_for(s.group_k(), 1, [&](Index k, Index) {
      const Index first = k / direct_channels<T> * direct_channels<T>, width = direct_width<T>(first, s.group_k());
      T* to = dw + (g * s.group_k() + k) * s.taps();
      for (Index i = 0; i < s.taps(); ++i) {
        to[i] = 0;
        for (Index part = 0; part < parts; ++part)
          to[i] += partial[part * size + first * s.taps() + i * width + k - first];
      }
    });
  }
}

}  // namespace nasion::kernels
