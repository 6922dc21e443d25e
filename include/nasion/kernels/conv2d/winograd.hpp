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
// sums overflow that the results would not. An image with a result that is not finite is computed again by the
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
/// Transformed tiles come in panels, [panel][place][tile of it][channels]: few enough that pixels and sums stay in L2
/// from the transform to the result, and whole register tiles, so that each place is a matrix product without a tail.
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
  bool flipped;   // the last tap is the first
  const T* bias;  // or null
  Activation activation;
  const T* prepared = nullptr;  // of pack_all(), or null

  WinogradTiles tiles{W::outputs, result.n, result.h, result.w};
  Index panels = (tiles.count() + panel_tiles - 1) / panel_tiles;
  Index tile_stride = (source.used + lanes - 1) / lanes * lanes;  // between pixels of neighbouring tiles
  // Between places, with a vector of padding: powers of two would put all places of a tile into one set of L1. A panel
  // of 64 float channels takes 14 x 36 x 64 x 4 bytes = 126 KiB with AVX-512 and 3x3 kernels, and its sums as much.
  Index pixel_stride = panel_tiles * tile_stride + lanes, pixel_panel = places * pixel_stride;
  static constexpr Index sum_stride = panel_tiles * block_channels<T> + lanes, sum_panel = places * sum_stride;

  /// Tiles of a panel; the last one may be short.
  Index tiles_in(Index panel) const { return std::min(panel_tiles, tiles.count() - panel * panel_tiles); }

  /// Reads the pixels of a panel and transforms them.
  void read(Index panel, const T* zeros, T* pixels) const {
    for (Index i = 0; i < tiles_in(panel); ++i) {
      const Index tile = panel * panel_tiles + i;
      winograd_prefetch<extent>(source, tiles, tile + 2, pad_h, pad_w);
      winograd_read<extent, W::products>(source, zeros, tiles.image(tile), tiles.row(tile) - pad_h,
                                         tiles.column(tile) - pad_w, pixels + i * tile_stride, pixel_stride,
                                         block_channels<T>, [](auto& d, auto& o) { W::pixels(d, o); });
    }
  }

  Index weight_stride(Index width) const { return source.used * width + lanes; }  // between places

  /// Transformed weights of the block of result channels from `first` on: [place][source channel][channels of block].
  void pack(Index first, T* packed) const {
    constexpr Index taps = W::taps * W::taps;
    const Index width = block_width<T>(first, result.used), stride = weight_stride(width);
    for (Index k = first; k < first + width; k += lanes)
      for (Index c = 0; c < source.used; ++c) {
        Vec tap[taps];
        weights.gather(k, c, [&](Index t, const Vec& v) { tap[flipped ? taps - 1 - t : t] = v; });
        T* dst = packed + c * width + k - first;
        both_ways<W::taps, W::products, Vec>([](auto& g, auto& o) { W::weights(g, o); },
                                             [&](std::size_t i, std::size_t j) { return tap[i * W::taps + j]; },
                                             [&](std::size_t i, std::size_t j, const Vec& v) {
                                               simd::store(dst + static_cast<Index>(i * W::products + j) * stride, v);
                                             });
      }
  }

  /// One panel's sums = its pixels times weights, at one place for one block of channels: a matrix product.
  void multiply(Index panel, Index place, Index width, const T* packed, const T* pixels, T* sums) const {
    const T* w = packed + place * weight_stride(width);
    const TapRun run{.row = 0, .column = 0, .count = 1, .tap = 0, .step = 0};
    // Several sums of a part of the channels each lose fewer digits than one long one.
    const Index depth = std::max(W::sum_channels, source.used / 4);
    with_vectors<T>(width, [&]<Index V>() {
      // The tail takes a full or a half register tile; what that computes beyond the tiles is padding of the panel.
      constexpr Index full = V > 2 ? tile_pixels(tile_vectors) : tile_pixels(V), half = (full + 1) / 2;
      Index begin = 0;
      const auto tile_of = [&]<Index P>() {
        const T* src[P];
        T* dst[P];
        for (Index i = 0; i < P; ++i) {
          src[i] = pixels + place * pixel_stride + (begin + i) * tile_stride;
          dst[i] = sums + place * sum_stride + (begin + i) * width;
        }
        for (Index c = 0; c < source.used; c += depth) {
          multiply_tile<T, P, V>(src, &run, 1, std::min(depth, source.used - c), w + c * width, {.add = c > 0}, dst,
                                 V * lanes);
          for (Index i = 0; i < P; ++i) src[i] += depth;
        }
        begin += P;
      };
      while (tiles_in(panel) - begin > half) tile_of.template operator()<full>();
      if (begin < tiles_in(panel)) tile_of.template operator()<half>();
    });
  }

  /// Transforms a panel's sums to results, channels from `first` on. Tells which images have some that are not finite.
  void write(Index panel, Index first, Index width, const T* sums, std::atomic<bool>* not_finite) const {
    for (Index i = 0; i < tiles_in(panel); ++i) {
      const Index tile = panel * panel_tiles + i, image = tiles.image(tile);
      const Index row = tiles.row(tile), column = tiles.column(tile);
      const Index rows = std::min(W::outputs, result.h - row), columns = std::min(W::outputs, result.w - column);
      Vec halves[tile_vectors][W::outputs][W::products];  // A^T m, of each vector of channels
      for (Index v = 0; v < width / lanes; ++v)
#pragma GCC unroll 1
        for (Index q = 0; q < W::products; ++q) {
          Vec column_sums[W::products], out[W::outputs];
          const T* src = sums + q * sum_stride + i * width + v * lanes;
#pragma GCC unroll 9
          for (Index p = 0; p < W::products; ++p) column_sums[p] = simd::load(src + p * W::products * sum_stride);
          W::results(column_sums, out);
          for (Index r = 0; r < W::outputs; ++r) halves[v][r][q] = out[r];
        }
      const Vec high = simd::broadcast(upper_limit<T>(activation));
      Vec zero{};  // NaN as soon as a result is not finite: both NaN and infinity times 0 are
      for (Index r = 0; r < rows; ++r)
        for (Index k = 0; k < width; k += lanes) {
          const Index count = std::min(lanes, result.used - first - k);
          const Vec add = bias ? simd::load_n(bias + first + k, count) : Vec{};
          Vec out[W::outputs];
          W::results(halves[k / lanes][r], out);
          T* dst = result.pixel(image, row + r, column) + first + k;
          for (Index c = 0; c < columns; ++c, dst += result.channels) {
            Vec value = out[c] + add;
            zero += value * T{0};
            if (is_limit(activation)) value = limited(value, high);
            simd::store_n(dst, value, count);
          }
        }
      if (is_curve(activation))
        for (Index r = 0; r < rows; ++r)
          for (Index c = 0; c < columns; ++c)
            activate(activation, std::min(width, result.used - first),
                     result.pixel(image, row + r, column + c) + first);
      if (simd::sum<T>(zero) != 0) not_finite[image].store(true, std::memory_order_relaxed);
    }
  }

  Index blocks() const { return (result.used + block_channels<T> - 1) / block_channels<T>; }
  Index block_size() const { return places * weight_stride(block_channels<T>); }

  /// All blocks of weights, for many calls or for this one.
  Scratch<T> pack_all() const {
    Scratch<T> packed(blocks() * block_size());
    parallel_for(blocks(), 1,
                 [&](Index block, Index) { pack(block * block_channels<T>, packed.data() + block * block_size()); });
    return packed;
  }

  /// result = activation(bias + convolution of the source). `grid` says the same to the direct kernel, which computes
  /// images with results that are not finite.
  void run(const PixelGrid& grid) const {
    std::vector<std::atomic<bool>> not_finite(static_cast<std::size_t>(result.n));
    run(not_finite.data());
    for (Index image = 0; image < result.n; ++image)
      if (not_finite[static_cast<std::size_t>(image)]) {
        auto one_source = source;
        auto one_result = result;
        one_source.n = one_result.n = 1;
        one_source.data = source.pixel(image, 0, 0) - source.first;
        one_result.data = result.pixel(image, 0, 0) - result.first;
        direct_convolve<T, T>(grid, one_source, one_result, weights, bias, activation);
      }
  }

 private:
  void run(std::atomic<bool>* not_finite) const {
    const Scratch<T> zeros(tile_stride);  // a pixel of the padding
    std::fill_n(zeros.data(), tile_stride, T{0});
    const auto multiply_and_write = [&](Index first, Index begin, Index end, const T* packed, const T* pixels,
                                        T* sums) {
      const Index width = block_width<T>(first, result.used);
      for (Index place = 0; place < places; ++place)
        for (Index panel = 0; panel < end - begin; ++panel)
          multiply(begin + panel, place, width, packed, pixels + panel * pixel_panel, sums + panel * sum_panel);
      for (Index panel = begin; panel < end; ++panel)
        write(panel, first, width, sums + (panel - begin) * sum_panel, not_finite);
    };
    if (2 * tiles.count() < result.used) {
      // More weights than tiles: all tiles are transformed first, and each block of weights when its turn comes, so
      // that it is used while it is in L2.
      const Scratch<T> pixels(panels * pixel_panel);
      parallel_for(panels, 1,
                   [&](Index panel, Index) { read(panel, zeros.data(), pixels.data() + panel * pixel_panel); });
      parallel_for(blocks(), 1, [&](Index block, Index) {
        const Scratch<T> packed(prepared ? 0 : block_size()), sums(panels * sum_panel);
        if (!prepared) pack(block * block_channels<T>, packed.data());
        multiply_and_write(block * block_channels<T>, 0, panels,
                           prepared ? prepared + block * block_size() : packed.data(), pixels.data(), sums.data());
      });
      return;
    }
    const Scratch<T> packed_here = prepared ? Scratch<T>(0) : pack_all();
    const T* const packed = prepared ? prepared : packed_here.data();
    // Panels that share the weights of a place while these are in L1: of 64 float channels two panels and their sums
    // are 0.5 MiB, half of an L2 of 1 MiB.
    constexpr Index together = 2;
    parallel_for(panels, together, [&](Index begin, Index end) {
      const Scratch<T> pixels(together * pixel_panel), sums(together * sum_panel);
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

/// Group g of the forward pass.
template <class T, class W>
WinogradConvolution<T, W> winograd_forward(const Conv2dSizes& s, Index g, const T* x, const T* weight, const T* bias,
                                           Activation activation, T* y, const T* prepared = nullptr) {
  return {.source = input_images(s, g, x),
          .result = output_images(s, g, y),
          .pad_h = s.pad_h,
          .pad_w = s.pad_w,
          .weights = forward_weights(s, g, weight),
          .flipped = false,
          .bias = bias ? bias + g * s.group_k() : nullptr,
          .activation = activation,
          .prepared = prepared};
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
    return detail::winograd_forward<T, W>(s, 0, nullptr, weight, nullptr, Activation::none, nullptr).pack_all();
  });
}

/// y = activation(conv2d(x, weight) + bias (null: none)).   Images [n, h, w, c], weight [k, c / groups, kh, kw].
template <class T>
void conv2d_winograd_forward(const Conv2dSizes& s, Index tile, const T* x, const T* weight, const T* bias,
                             Activation activation, T* y, const T* prepared = nullptr) {
  const auto grid = detail::forward_grid(s);
  for (Index g = 0; g < s.groups; ++g)
    detail::with_winograd<T>(s, tile, [&]<class W>() {
      detail::winograd_forward<T, W>(s, g, x, weight, bias, activation, y, prepared).run(grid);
    });
}

/// dx = gradient of the input: the convolution of dy with the weights flipped, where padding becomes kernel - 1 -
/// padding.
template <class T>
void conv2d_winograd_backward_input(const Conv2dSizes& s, Index tile, const T* dy, const T* weight, T* dx) {
  const auto grids = detail::backward_grids(s);
  if (grids.empty()) return;  // images without pixels
  for (Index g = 0; g < s.groups; ++g)
    detail::with_winograd<T>(s, tile, [&]<class W>() {
      detail::WinogradConvolution<T, W>{.source = detail::output_images(s, g, dy),
                                        .result = detail::input_images(s, g, dx),
                                        .pad_h = s.kh - 1 - s.pad_h,
                                        .pad_w = s.kw - 1 - s.pad_w,
                                        .weights = detail::backward_weights(s, g, weight),
                                        .flipped = true,
                                        .bias = nullptr,
                                        .activation = Activation::none}
          .run(grids[0]);
    });
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
