#pragma once
// Convolution at stride 1 by Winograd's minimal filtering: results in tiles of 4x4, with a quarter (3x3) or a fifth
// (5x5) of the multiplications. Tiles of 2x2 save less (3x3: 4 of 9), but their transformed weights are half as many,
// which counts where there are few tiles to share them.
//
//   forward, gradient of input:  y = A^T [ (G w G^T) * (B^T x B) ] A          tile by tile
//   gradient of weight:         dw = A^T [ sum of (G dy G^T) * (B^T x B) ] A  over all tiles
//
// `*` is by element, so that over channels it becomes a matrix product for each of the 6x6 or 9x9 places of a
// transformed tile, for which the register tiles of the direct kernel serve. Images are channels-last.
//
// What is transformed mixes the pixels of a tile, so that a NaN reaches all of its results, infinity becomes NaN, and
// numbers overflow that the results would not. An image with a result that is not finite is computed again by the
// direct kernel, which does what the definition says.

#include <atomic>
#include <vector>

#include "nasion/kernels/conv2d/direct.hpp"
#include "nasion/kernels/conv2d/winograd_tiles.hpp"
#include "nasion/kernels/conv2d/winograd_transforms.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// A convolution in the transformed domain. Result pixel (0, 0) sees the pixels of the source from (-pad_h, -pad_w) on.
/// Transformed tiles come in panels, so that their places lie close together: [panel][place][tile of it][channels].
template <class T, class W>
struct WinogradConvolution {
  using Vec = simd::Vector<T>;
  static constexpr Index lanes = simd::lanes<T>, places = W::products * W::products;
  static constexpr Index extent = W::taps + W::outputs - 1;  // rows and columns of pixels under a tile
  static constexpr Index panel_tiles = 2 * tile_pixels(tile_vectors);

  Images<const T> source;
  Images<T> result;
  Index pad_h, pad_w;
  WeightView<T> weights;
  bool turned;    // the last tap is the first
  const T* bias;  // or null
  bool relu;
  const T* prepared = nullptr;  // all blocks of weights, transformed before

  WinogradTiles tiles{W::outputs, result.n, result.h, result.w};
  Index panels = (tiles.count() + panel_tiles - 1) / panel_tiles;
  Index in_step = (source.used + lanes - 1) / lanes * lanes;
  // A cache line more, so that places do not fall on the same lines of the cache.
  Index pixel_step = panel_tiles * in_step + lanes, pixel_panel = places * pixel_step;
  static constexpr Index sum_step = panel_tiles * block_channels<T> + lanes, sum_panel = places * sum_step;

  Index in_panel(Index panel) const { return std::min(panel_tiles, tiles.count() - panel * panel_tiles); }

  /// Asks for what tile `tile` reads and the tile before did not.
  void prefetch(Index tile) const {
    if (tile >= tiles.count()) return;
    const Index image = tiles.image(tile), row = tiles.row(tile) - pad_h, column = tiles.column(tile) - pad_w;
    for (Index y = std::max<Index>(row, 0); y < std::min(row + extent, source.h); ++y) {
      const Index first = std::max<Index>(column + extent - W::outputs, 0), last = std::min(column + extent, source.w);
      if (first >= last) continue;
      const T *from = source.pixel(image, y, first), *end = source.pixel(image, y, last - 1) + source.used;
      for (; from < end; from += lanes) __builtin_prefetch(from);
    }
  }

  /// Panel `panel`, transformed, to `pixels`.
  void read(Index panel, const T* zeros, T* pixels) const {
    for (Index i = 0; i < in_panel(panel); ++i) {
      const Index tile = panel * panel_tiles + i;
      prefetch(tile + 2);
      winograd_read<extent, W::products>(source, zeros, tiles.image(tile), tiles.row(tile) - pad_h,
                                         tiles.column(tile) - pad_w, pixels + i * in_step, pixel_step,
                                         block_channels<T>, [](auto& d, auto& o) { W::pixels(d, o); });
    }
  }

  Index weight_step(Index width) const { return source.used * width + lanes; }  // from place to place

  /// Transformed weights of the block of result channels from `first` on: [place][source channel][channels of block].
  void pack(Index first, T* packed) const {
    constexpr Index taps = W::taps * W::taps;
    const Index width = block_width<T>(first, result.used), step = weight_step(width);
    for (Index k = first; k < first + width; k += lanes)
      for (Index c = 0; c < source.used; ++c) {
        Vec tap[taps];
        weights.gather(k, c, [&](Index t, const Vec& v) { tap[turned ? taps - 1 - t : t] = v; });
        T* to = packed + c * width + k - first;
        both_ways<W::taps, W::products, Vec>([](auto& g, auto& o) { W::weights(g, o); },
                                             [&](std::size_t i, std::size_t j) { return tap[i * W::taps + j]; },
                                             [&](std::size_t i, std::size_t j, const Vec& v) {
                                               simd::store(to + static_cast<Index>(i * W::products + j) * step, v);
                                             });
      }
  }

  /// One panel's sums = its pixels times weights, at one place for one block of channels.
  void multiply(Index panel, Index place, Index width, const T* packed, const T* pixels, T* sums) const {
    const T* w = packed + place * weight_step(width);
    const TapRun run{.row = 0, .column = 0, .count = 1, .tap = 0, .step = 0};
    // Several sums of some channels each lose fewer digits than one long one.
    const Index at_once = std::max(W::sum_channels, source.used / 4);
    with_vectors<T>(width, [&]<Index V>() {
      constexpr Index most = V > 2 ? tile_pixels(tile_vectors) : tile_pixels(V), few = (most + 1) / 2;
      Index begin = 0;
      const auto tile_of = [&]<Index P>() {
        const T* from[P];
        T* to[P];
        for (Index i = 0; i < P; ++i) {
          from[i] = pixels + place * pixel_step + (begin + i) * in_step;
          to[i] = sums + place * sum_step + (begin + i) * width;
        }
        for (Index c = 0; c < source.used; c += at_once) {
          multiply_tile<T, P, V>(from, &run, 1, std::min(at_once, source.used - c), w + c * width, {.add = c > 0}, to,
                                 V * lanes);
          for (Index i = 0; i < P; ++i) from[i] += at_once;
        }
        begin += P;
      };
      while (in_panel(panel) - begin > few) tile_of.template operator()<most>();
      if (begin < in_panel(panel)) tile_of.template operator()<few>();
    });
  }

  /// The results of a panel, channels from `first` on. Tells which images have some that are not finite.
  void write(Index panel, Index first, Index width, const T* sums, std::atomic<bool>* spoiled) const {
    for (Index i = 0; i < in_panel(panel); ++i) {
      const Index tile = panel * panel_tiles + i, image = tiles.image(tile);
      const Index row = tiles.row(tile), column = tiles.column(tile);
      const Index rows = std::min(W::outputs, result.h - row), columns = std::min(W::outputs, result.w - column);
      Vec halves[tile_vectors][W::outputs][W::products];  // A^T m, of each vector of channels
      for (Index v = 0; v < width / lanes; ++v)
#pragma GCC unroll 1
        for (Index q = 0; q < W::products; ++q) {
          Vec in[W::products], out[W::outputs];
          const T* from = sums + q * sum_step + i * width + v * lanes;
#pragma GCC unroll 9
          for (Index p = 0; p < W::products; ++p) in[p] = simd::load(from + p * W::products * sum_step);
          W::results(in, out);
          for (Index r = 0; r < W::outputs; ++r) halves[v][r][q] = out[r];
        }
      Vec zero{};  // or NaN, where a result is not finite
      for (Index r = 0; r < rows; ++r)
        for (Index k = 0; k < width; k += lanes) {
          const Index some = std::min(lanes, result.used - first - k);
          const Vec add = bias ? simd::load_some(bias + first + k, some) : Vec{};
          Vec out[W::outputs];
          W::results(halves[k / lanes][r], out);
          T* to = result.pixel(image, row + r, column) + first + k;
          for (Index c = 0; c < columns; ++c, to += result.channels) {
            Vec value = out[c] + add;
            zero += value * T{0};
            if (relu) value = value < Vec{} ? Vec{} : value;
            simd::store_some(to, value, some);
          }
        }
      if (simd::sum<T>(zero) != 0) spoiled[image].store(true, std::memory_order_relaxed);
    }
  }

  Index blocks() const { return (result.used + block_channels<T> - 1) / block_channels<T>; }
  Index block_size() const { return places * weight_step(block_channels<T>); }

  /// All blocks of weights.
  Scratch<T> pack_all() const {
    Scratch<T> packed(blocks() * block_size());
    parallel_for(blocks(), 1,
                 [&](Index block, Index) { pack(block * block_channels<T>, packed.data() + block * block_size()); });
    return packed;
  }

  /// result = [relu] (bias + convolution of the source). `grid` says the same to the direct kernel.
  void run(const PixelGrid& grid) const {
    std::vector<std::atomic<bool>> spoiled(static_cast<std::size_t>(result.n));
    run(spoiled.data());
    for (Index image = 0; image < result.n; ++image)
      if (spoiled[static_cast<std::size_t>(image)]) {
        auto from = source;
        auto to = result;
        from.n = to.n = 1;
        from.data = source.pixel(image, 0, 0) - source.first;
        to.data = result.pixel(image, 0, 0) - result.first;
        direct_convolve<T, T>(grid, from, to, weights, bias, relu);
      }
  }

 private:
  void run(std::atomic<bool>* spoiled) const {
    const Scratch<T> zeros(in_step);
    std::fill_n(zeros.data(), in_step, T{0});
    const auto multiply_and_write = [&](Index first, Index begin, Index end, const T* packed, const T* pixels,
                                        T* sums) {
      const Index width = block_width<T>(first, result.used);
      for (Index place = 0; place < places; ++place)
        for (Index panel = 0; panel < end - begin; ++panel)
          multiply(begin + panel, place, width, packed, pixels + panel * pixel_panel, sums + panel * sum_panel);
      for (Index panel = begin; panel < end; ++panel)
        write(panel, first, width, sums + (panel - begin) * sum_panel, spoiled);
    };
    if (2 * tiles.count() < result.used) {
      // More weights than tiles: all tiles wait, and each block of weights is transformed when its turn comes.
      const Scratch<T> pixels(panels * pixel_panel);
      parallel_for(panels, 1,
                   [&](Index panel, Index) { read(panel, zeros.data(), pixels.data() + panel * pixel_panel); });
      parallel_for(blocks(), 1, [&](Index block, Index) {
        const Scratch<T> own(prepared ? 0 : block_size()), sums(panels * sum_panel);
        if (!prepared) pack(block * block_channels<T>, own.data());
        multiply_and_write(block * block_channels<T>, 0, panels,
                           prepared ? prepared + block * block_size() : own.data(), pixels.data(), sums.data());
      });
      return;
    }
    const Scratch<T> own = prepared ? Scratch<T>(0) : pack_all();
    const T* const packed = prepared ? prepared : own.data();
    constexpr Index at_once = 2;  // panels
    parallel_for(panels, at_once, [&](Index begin, Index end) {
      const Scratch<T> pixels(at_once * pixel_panel), sums(at_once * sum_panel);
      for (Index panel = begin; panel < end; ++panel)
        read(panel, zeros.data(), pixels.data() + (panel - begin) * pixel_panel);
      for (Index block = 0; block < blocks(); ++block)
        multiply_and_write(block * block_channels<T>, begin, end, packed + block * block_size(), pixels.data(),
                           sums.data());
    });
  }
};

/// Calls f.template operator()<W>() with the transforms for kernels of this size and tiles of 4x4 results.
template <class T, class F>
auto with_winograd(const Conv2dSizes& s, F&& f) {
  if (s.kh == 3) return f.template operator()<Winograd3<T>>();
  return f.template operator()<Winograd5<T>>();
}
/// The same for tiles of `tile` x `tile` results.
template <class T, class F>
auto with_winograd(const Conv2dSizes& s, Index tile, F&& f) {
  if (tile == 2) return f.template operator()<Winograd3Small<T>>();
  return with_winograd<T>(s, f);
}

template <class T, class W>
WinogradConvolution<T, W> winograd_forward(const Conv2dSizes& s, Index g, const T* x, const T* weight, const T* bias,
                                           bool relu, T* y, const T* prepared = nullptr) {
  return {{x, s.n, s.h, s.w, s.c, g * s.group_c(), s.group_c()},
          {y, s.n, s.oh, s.ow, s.k, g * s.group_k(), s.group_k()},
          s.pad_h,
          s.pad_w,
          forward_weights(s, g, weight),
          false,
          bias ? bias + g * s.group_k() : nullptr,
          relu,
          prepared};
}

}  // namespace detail

// `tile` below is 4, or 2 for 3x3 kernels: the rows and columns of results that are computed together.

/// Whether these kernels can compute the convolution.
inline bool winograd_fits(const Conv2dSizes& s, Index tile = 4) {
  return (s.kh == 3 || (s.kh == 5 && tile == 4)) && s.kw == s.kh && s.stride_h == 1 && s.stride_w == 1 &&
         s.dilation_h == 1 && s.dilation_w == 1;
}

/// The weight as the forward pass uses it, for many calls; for one group.
template <class T>
Scratch<T> conv2d_winograd_prepare(const Conv2dSizes& s, Index tile, const T* weight) {
  return detail::with_winograd<T>(s, tile, [&]<class W>() {
    return detail::winograd_forward<T, W>(s, 0, nullptr, weight, nullptr, false, nullptr).pack_all();
  });
}

/// y = [relu] (conv2d(x, weight) + bias (null: none)).   Images [n, h, w, c], weight [k, c / groups, kh, kw].
template <class T>
void conv2d_winograd_forward(const Conv2dSizes& s, Index tile, const T* x, const T* weight, const T* bias, bool relu,
                             T* y, const T* prepared = nullptr) {
  const auto grid = detail::forward_grid(s);
  for (Index g = 0; g < s.groups; ++g)
    detail::with_winograd<T>(s, tile, [&]<class W>() {
      detail::winograd_forward<T, W>(s, g, x, weight, bias, relu, y, prepared).run(grid);
    });
}

/// dx = gradient of the input: the convolution of dy with the weights turned around.
template <class T>
void conv2d_winograd_backward_input(const Conv2dSizes& s, Index tile, const T* dy, const T* weight, T* dx) {
  const T* const end = weight + s.k * s.taps();
  const auto grids = detail::backward_grids(s);
  if (grids.empty()) return;  // images without pixels
  for (Index g = 0; g < s.groups; ++g)
    detail::with_winograd<T>(s, tile, [&]<class W>() {
      detail::WinogradConvolution<T, W>{
          {dy, s.n, s.oh, s.ow, s.k, g * s.group_k(), s.group_k()},
          {dx, s.n, s.h, s.w, s.c, g * s.group_c(), s.group_c()},
          s.kh - 1 - s.pad_h,
          s.kw - 1 - s.pad_w,
          {weight + g * s.group_k() * s.taps(), end, s.kh * s.kw, s.group_c(), s.group_k(), s.kh * s.kw, s.taps()},
          true,
          nullptr,
          false}
          .run(grids[0]);
    });
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
