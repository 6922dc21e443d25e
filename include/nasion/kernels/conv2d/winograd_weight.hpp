#pragma once
// The gradient of the weight by Winograd's minimal filtering: the taps are the results, and a tile of dy takes the
// place of the filter. Tiles of all images are summed before the transform back, which happens once per weight.
//
// At each of the 6x6 (3x3) or 9x9 (5x5) places that is a matrix product, channels of x by channels of dy, summed over
// tiles: the register tile of direct_weight.hpp with tiles in the place of pixels.

#include <cmath>

#include "nasion/kernels/conv2d/direct_weight.hpp"
#include "nasion/kernels/conv2d/winograd.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// The gradient of the weight in the transformed domain, where tiles are summed. Transformed tiles lie as
/// [block of channels][place][tile][channels of the block], sums as [place][block of dy][channel of x][channels].
template <class T, class W>
struct WinogradWeightGradient {
  using Vec = simd::Vector<T>;
  static constexpr Index lanes = simd::lanes<T>, places = W::products * W::products, taps = W::taps * W::taps;

  Images<const T> x, dy;  // of one group
  Index pad_h, pad_w;     // x begins so far before dy
  T* dw;

  // 64 channels of x meet 64 of dy in a piece of work: each element that is read from L2 serves 64 products.
  static constexpr Index piece_channels = std::max(block_channels<T>, Index{64});

  WinogradTiles tiles{4, dy.n, dy.h, dy.w};
  Index c_pieces = (x.used + piece_channels - 1) / piece_channels;
  Index k_pieces = (dy.used + piece_channels - 1) / piece_channels;
  Index k_blocks = (dy.used + block_channels<T> - 1) / block_channels<T>;
  // Elements of a tile at one place: a piece of the channels of x, a block of those of dy, in whole vectors, so that
  // they are loaded without a tail.
  Index c_row = std::min(piece_channels, (x.used + lanes - 1) / lanes * lanes);
  Index k_row = std::min(block_channels<T>, (dy.used + lanes - 1) / lanes * lanes);

  /// sums [blocks of dy][channels][channels of the block] += pixels times gradients, over `count` tiles at one place.
  /// Blocks of gradients are `stride` apart, and have `k_channels` in all.
  void multiply(Index count, const T* pixels, Index channels, const T* gradients, Index stride, Index k_channels,
                T* sums) const {
    // In sums of about equally many tiles, at most sum_tiles, which bounds the error. Blocks of tiles are outermost: 42
    // tiles of 64 float channels are 10.5 KiB of either side, which stay in L1 while the register tiles pass over them.
    const Index blocks = std::max<Index>(1, (count + W::sum_tiles - 1) / W::sum_tiles);
    const Index block = (count + blocks - 1) / blocks;
    const auto nothing = [&] { return Lookahead{gradients, 0}; };  // to prefetch: L2 holds all
    for (Index begin = 0; begin < count; begin += block) {
      const Index block_tiles = std::min(block, count - begin);
      for (Index k = 0; k < k_channels; k += block_channels<T>)
        with_vectors<T>(k_channels - k, [&]<Index V>() {
          const T* const factors = gradients + k / block_channels<T> * stride + begin * k_row;
          weight_tiles<T, V>(pixels + begin * c_row, c_row, block_tiles, factors, k_row, sums + k * channels, channels,
                             true, nothing);
        });
    }
  }

  /// dw of the piece of channels of x from `first` on and of channels k .. k + lanes-1 of dy, from the piece's sums,
  /// whose places are `stride` apart.
  void write(Index first, Index k, const T* sums, Index stride) const {
    const Index last = std::min(x.used, first + piece_channels), block = k / block_channels<T> * block_channels<T>;
    const Index width = block_width<T>(block, dy.used);
    sums += block % piece_channels * (last - first) + (k - block);
    for (; first < last; first += lanes, sums += lanes * width) {
      const Index channels = std::min(lanes, last - first), elements = channels * taps;
      // [channel of x][tap], as dw lies: rows of whole vectors can be stored.
      Vec tap[lanes * taps];
      for (Index c = 0; c < channels; ++c)
        both_ways<W::products, W::taps, Vec>(
            [](auto& m, auto& o) { W::weight_results(m, o); },
            [&](std::size_t i, std::size_t j) {
              return simd::load(sums + static_cast<Index>(i * W::products + j) * stride + c * width);
            },
            [&](std::size_t i, std::size_t j, const Vec& v) {
              tap[c * taps + static_cast<Index>(i * W::taps + j)] = v;
            });
      scatter_rows(dw + (k * x.used + first) * taps, std::min(lanes, dy.used - k), x.used * taps, elements,
                   [&](Index n) { return tap[n]; });
    }
  }

  /// Transformed tiles, as many as are kept at a time. All of them at one place are c_stride or k_stride elements: a
  /// vector more than they need, so that places do not share a few sets of L1.
  struct Transformed {
    T *pixels, *gradients;
    Index c_stride, k_stride;
    const T* zeros;  // what lies outside of the images
  };

  /// Transforms `size` tiles from `start` on.
  [[gnu::always_inline]] void read(const Transformed& to, Index start, Index size) const {
    parallel_for(size, 8, [&, to](Index begin, Index end) {
      for (Index t = begin; t < end; ++t) {
        const Index image = tiles.image(start + t), row = tiles.row(start + t), column = tiles.column(start + t);
        for (Index c = 0; c < x.used; c += piece_channels) {
          auto piece = x;
          piece.first += c;
          piece.used = std::min(piece_channels, x.used - c);
          winograd_read<W::taps + 3, W::products>(piece, to.zeros, image, row - pad_h, column - pad_w,
                                                  to.pixels + c / piece_channels * places * to.c_stride + t * c_row,
                                                  to.c_stride, block_channels<T>,
                                                  [](auto& d, auto& o) { W::pixels(d, o); });
        }
        winograd_read<4, W::products>(dy, to.zeros, image, row, column, to.gradients + t * k_row, to.k_stride,
                                      places * to.k_stride, [](auto& d, auto& o) { W::gradients(d, o); });
      }
    });
  }

  /// Adds to the sums of the piece of channels from c and k on at one place, over the first `size` transformed tiles.
  [[gnu::always_inline]] void multiply_at(const Transformed& from, Index size, Index place, Index c, Index k,
                                          T* sums) const {
    multiply(size, from.pixels + (c / piece_channels * places + place) * from.c_stride,
             std::min(piece_channels, x.used - c),
             from.gradients + (k / block_channels<T> * places + place) * from.k_stride, places * from.k_stride,
             std::min(piece_channels, dy.used - k), sums);
  }

  /// All tiles at once; then a piece of work is a piece of dw from beginning to end: its sums, places x 64 x 64 floats
  /// or 576 KiB (3x3), stay in L2 from the first product to the transform back.
  [[gnu::always_inline]] void sum_whole(const Transformed& kept) const {
    read(kept, 0, tiles.count());
    parallel_for(k_pieces * c_pieces, 1, [&](Index item, Index) {
      const Index k = item / c_pieces * piece_channels, c = item % c_pieces * piece_channels;
      const Index stride = c_row * std::min(piece_channels, k_blocks * k_row) + lanes;
      const Scratch<T> sums(places * stride);
      std::fill_n(sums.data(), places * stride, T{0});
      for (Index p = 0; p < places; ++p) multiply_at(kept, tiles.count(), p, c, k, sums.data() + p * stride);
      for (Index i = k; i < std::min(dy.used, k + piece_channels); i += lanes) write(c, i, sums.data(), stride);
    });
  }

  /// `together` tiles at a time, which all channels meet before the next ones are read: transformed tiles are 2 (3x3)
  /// to 5 times the images, and would go through memory if all were kept.
  [[gnu::always_inline]] void sum_in_turns(const Transformed& kept, Index together) const {
    const Index row = k_blocks * k_row, stride = x.used * row + lanes;
    const Scratch<T> sums(places * stride);
    parallel_for(places * stride, 65536, [&](Index a, Index b) { std::fill(sums.data() + a, sums.data() + b, T{0}); });
    const auto sums_of = [&](Index c, Index k) {
      return sums.data() + c * row + k * std::min(piece_channels, x.used - c);
    };
    for (Index start = 0; start < tiles.count(); start += together) {
      const Index size = std::min(together, tiles.count() - start);
      read(kept, start, size);
      parallel_for(places * c_pieces * k_pieces, 1, [&](Index item, Index) {
        const Index p = item / (c_pieces * k_pieces), c = item / k_pieces % c_pieces * piece_channels;
        const Index k = item % k_pieces * piece_channels;
        multiply_at(kept, size, p, c, k, sums_of(c, k) + p * stride);
      });
    }
    const Index vectors = (dy.used + lanes - 1) / lanes;
    parallel_for(c_pieces * vectors, 1, [&](Index item, Index) {
      const Index c = item / vectors * piece_channels, k = item % vectors * lanes;
      write(c, k, sums_of(c, k / piece_channels * piece_channels), stride);
    });
  }

  void run() const {
    const Scratch<T> zeros(std::max(x.used, dy.used) + lanes);
    std::fill_n(zeros.data(), std::max(x.used, dy.used) + lanes, T{0});
    const Index tile_elements = places * (c_pieces * c_row + k_blocks * k_row), count = tiles.count();
    // With many channels (16 pieces of work) and few tiles (all of them in 32 MiB, about an L3) a piece of work is a
    // block of weights from beginning to end. Otherwise 4 MiB of tiles at a time, which L3 holds while all channels
    // meet.
    const Index mebibyte = (Index{1} << 20) / static_cast<Index>(sizeof(T));
    const bool whole = c_pieces * k_pieces >= 16 && tile_elements * count <= 32 * mebibyte;
    const Index blocks = std::max<Index>(1, 4 * mebibyte / tile_elements / weight_table_pixels);
    const Index together = whole ? count : std::min(count, blocks * weight_table_pixels);
    const Index c_stride = together * c_row + lanes, k_stride = together * k_row + lanes;
    const Scratch<T> pixels(c_pieces * places * c_stride), gradients(k_blocks * places * k_stride);
    const Transformed kept{pixels.data(), gradients.data(), c_stride, k_stride, zeros.data()};
    whole ? sum_whole(kept) : sum_in_turns(kept, together);
  }
};

}  // namespace detail

/// dw = gradient of the weight, [k, c / groups, kh, kw]; by the direct kernel when an element of it is not finite.
template <class T>
void conv2d_winograd_backward_weight(const Conv2dSizes& s, const T* x, const T* dy, T* dw) {
  for (Index g = 0; g < s.groups; ++g)
    detail::with_winograd<T>(s, [&]<class W>() {
      detail::WinogradWeightGradient<T, W>{.x = detail::input_images(s, g, x),
                                           .dy = detail::output_images(s, g, dy),
                                           .pad_h = s.pad_h,
                                           .pad_w = s.pad_w,
                                           .dw = dw + g * s.group_k() * s.taps()}
          .run();
    });
  if (!std::all_of(dw, dw + s.k * s.taps(), [](T v) { return std::isfinite(v); }))
    conv2d_direct_backward_weight<T>(s, x, dy, dw);
}

/// Winograd's method with tiles of tile x tile results: 4, or 2 for 3x3 kernels.
template <Index tile>
struct WinogradConv2d : Conv2dKernel {
  static constexpr bool small = tile == 2;
  static constexpr auto algorithm = small ? Conv2dAlgorithm::winograd_small : Conv2dAlgorithm::winograd;
  static constexpr const char* name = small ? "winograd_small" : "winograd";
  static constexpr bool channels_last = true, applies_activation = true;
  static bool fits(const Conv2dSizes& s) { return winograd_fits(s, tile); }
  static constexpr const char* for_sizes =
      small ? "3x3 kernels at stride 1 and dilation 1" : "3x3 and 5x5 kernels at stride 1 and dilation 1";
  /// A few tiles do not pay for weights that grow to four times their size (3x3 to 6x6), which reading them costs. For
  /// small tiles they grow less than twice (3x3 to 4x4).
  static bool pays(Conv2dPass pass, const Conv2dSizes& s) {
    if (s.group_c() < 8 || s.group_k() < 8) return false;
    const bool weight = pass == Conv2dPass::backward_weight;
    if (small) return s.n * s.pixels() >= 16 && !weight;
    return s.n * ((s.oh + 3) / 4) * ((s.ow + 3) / 4) >= (s.kh == 5 || weight ? 12 : 8);
  }
  static bool prepares(const Conv2dSizes& s) { return s.groups == 1; }

  template <class T>
  static Scratch<T> prepare(const Conv2dSizes& s, const T* weight) {
    return conv2d_winograd_prepare(s, tile, weight);
  }
  template <class T>
  static void forward(const Conv2dSizes& s, MemoryOrder, const T* x, const T* weight, const T* bias,
                      Activation activation, T* y, const T* prepared) {
    conv2d_winograd_forward(s, tile, x, weight, bias, activation, y, prepared);
  }
  template <class T>
  static void backward_input(const Conv2dSizes& s, MemoryOrder, const T* dy, const T* weight, T* dx) {
    conv2d_winograd_backward_input(s, tile, dy, weight, dx);
  }
  template <class T>
  static void backward_weight(const Conv2dSizes& s, MemoryOrder, const T* x, const T* dy, T* dw) {
    conv2d_winograd_backward_weight(s, x, dy, dw);
  }
};

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
