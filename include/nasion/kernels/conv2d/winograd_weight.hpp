#pragma once
// The gradient of the weight by Winograd's minimal filtering.

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

  Images<const T> x, dy;
  Index pad_h, pad_w;
  T* dw;

  // So many channels of x meet as many of dy in a piece of work: each number that is read serves all of the others.
  static constexpr Index piece_channels = std::max(block_channels<T>, Index{64});

  WinogradTiles tiles{4, dy.n, dy.h, dy.w};
  Index c_pieces = (x.used + piece_channels - 1) / piece_channels;
  Index k_pieces = (dy.used + piece_channels - 1) / piece_channels;
  Index k_blocks = (dy.used + block_channels<T> - 1) / block_channels<T>;
  Index c_row = std::min(piece_channels, (x.used + lanes - 1) / lanes * lanes);  // of one tile, in one block
  Index k_row = std::min(block_channels<T>, (dy.used + lanes - 1) / lanes * lanes);

  /// sums [blocks of dy][channels][channels of the block] += pixels times gradients, over tiles at one place. Blocks of
  /// gradients are `step` apart, and there are `last` channels of them.
  void multiply(Index some, const T* pixels, Index channels, const T* gradients, Index step, Index last,
                T* sums) const {
    const Index blocks = std::max<Index>(1, (some + W::sum_tiles - 1) / W::sum_tiles);
    const Index block = (some + blocks - 1) / blocks;  // about equal
    for (Index begin = 0; begin < some; begin += block) {
      const Index count = std::min(block, some - begin);
      for (Index k = 0; k < last; k += block_channels<T>)
        with_vectors<T>(last - k, [&]<Index V>() {
          weight_tiles<T, tile_pixels(V), V>(pixels + begin * c_row, c_row, count,
                                             gradients + k / block_channels<T> * step + begin * k_row, k_row,
                                             sums + k * channels, channels);
        });
    }
  }

  /// dw of the piece of channels of x from `first` on and of channels k .. k + lanes-1 of dy, from the piece's sums,
  /// whose places are `step` apart.
  void write(Index first, Index k, const T* sums, Index step) const {
    const Index last = std::min(x.used, first + piece_channels), block = k / block_channels<T> * block_channels<T>;
    const Index width = block_width<T>(block, dy.used);
    sums += block % piece_channels * (last - first) + (k - block);
    for (; first < last; first += lanes, sums += lanes * width) {
      const Index channels = std::min(lanes, last - first), numbers = channels * taps;
      Vec tap[lanes * taps];  // [channel of x][tap]
      for (Index c = 0; c < channels; ++c)
        both_ways<W::products, W::taps, Vec>(
            [](auto& m, auto& o) { W::weight_results(m, o); },
            [&](std::size_t i, std::size_t j) {
              return simd::load(sums + static_cast<Index>(i * W::products + j) * step + c * width);
            },
            [&](std::size_t i, std::size_t j, const Vec& v) {
              tap[c * taps + static_cast<Index>(i * W::taps + j)] = v;
            });
      scatter_rows(dw + (k * x.used + first) * taps, std::min(lanes, dy.used - k), x.used * taps, numbers,
                   [&](Index n) { return tap[n]; });
    }
  }

  void run() const {
    const Scratch<T> zeros(std::max(x.used, dy.used) + lanes);
    std::fill_n(zeros.data(), std::max(x.used, dy.used) + lanes, T{0});
    const Index tile_numbers = places * (c_pieces * c_row + k_blocks * k_row), count = tiles.count();
    // With many channels and few tiles a piece of work is a block of weights from beginning to end; otherwise some
    // tiles at a time, so that they stay in the cache.
    const Index mebibyte = (Index{1} << 20) / static_cast<Index>(sizeof(T));
    const bool whole = c_pieces * k_pieces >= 16 && tile_numbers * count <= 32 * mebibyte;
    const Index blocks = std::max<Index>(1, 4 * mebibyte / tile_numbers / weight_table_pixels);
    const Index at_once = whole ? count : std::min(count, blocks * weight_table_pixels);
    const Index c_place = at_once * c_row + lanes, k_place = at_once * k_row + lanes;
    const Scratch<T> pixels(c_pieces * places * c_place), gradients(k_blocks * places * k_place);
    const auto read = [&](Index start, Index some) {
      parallel_for(some, 8, [&](Index begin, Index end) {
        for (Index t = begin; t < end; ++t) {
          const Index image = tiles.image(start + t), row = tiles.row(start + t), column = tiles.column(start + t);
          for (Index c = 0; c < x.used; c += piece_channels) {
            auto some_x = x;
            some_x.first += c;
            some_x.used = std::min(piece_channels, x.used - c);
            winograd_read<W::taps + 3, W::products>(some_x, zeros.data(), image, row - pad_h, column - pad_w,
                                                    pixels.data() + c / piece_channels * places * c_place + t * c_row,
                                                    c_place, block_channels<T>,
                                                    [](auto& d, auto& o) { W::pixels(d, o); });
          }
          winograd_read<4, W::products>(dy, zeros.data(), image, row, column, gradients.data() + t * k_row, k_place,
                                        places * k_place, [](auto& d, auto& o) { W::gradients(d, o); });
        }
      });
    };
    // Sums of a piece are [blocks of dy][channels of x][channels of the block].
    const auto multiply_at = [&](Index some, Index place, Index c, Index k, T* sums) {
      multiply(some, pixels.data() + (c / piece_channels * places + place) * c_place,
               std::min(piece_channels, x.used - c),
               gradients.data() + (k / block_channels<T> * places + place) * k_place, places * k_place,
               std::min(piece_channels, dy.used - k), sums);
    };
    if (whole) {
      read(0, count);
      parallel_for(k_pieces * c_pieces, 1, [&](Index item, Index) {
        const Index k = item / c_pieces * piece_channels, c = item % c_pieces * piece_channels;
        const Index step = c_row * std::min(piece_channels, k_blocks * k_row) + lanes;
        const Scratch<T> sums(places * step);
        std::fill_n(sums.data(), places * step, T{0});
        for (Index p = 0; p < places; ++p) multiply_at(count, p, c, k, sums.data() + p * step);
        for (Index i = k; i < std::min(dy.used, k + piece_channels); i += lanes) write(c, i, sums.data(), step);
      });
      return;
    }
    const Index row = k_blocks * k_row, size = x.used * row + lanes;
    const Scratch<T> sums(places * size);
    parallel_for(places * size, 65536, [&](Index a, Index b) { std::fill(sums.data() + a, sums.data() + b, T{0}); });
    const auto sums_of = [&](Index c, Index k) {
      return sums.data() + c * row + k * std::min(piece_channels, x.used - c);
    };
    for (Index start = 0; start < count; start += at_once) {
      const Index some = std::min(at_once, count - start);
      read(start, some);
      parallel_for(places * c_pieces * k_pieces, 1, [&](Index item, Index) {
        const Index p = item / (c_pieces * k_pieces), c = item / k_pieces % c_pieces * piece_channels;
        const Index k = item % k_pieces * piece_channels;
        multiply_at(some, p, c, k, sums_of(c, k) + p * size);
      });
    }
    const Index vectors = (dy.used + lanes - 1) / lanes;
    parallel_for(c_pieces * vectors, 1, [&](Index item, Index) {
      const Index c = item / vectors * piece_channels, k = item % vectors * lanes;
      write(c, k, sums_of(c, k / piece_channels * piece_channels), size);
    });
  }
};

}  // namespace detail

/// dw = gradient of the weight, [k, c / groups, kh, kw]; by the direct kernel when a number is not finite.
template <class T>
void conv2d_winograd_backward_weight(const Conv2dSizes& s, const T* x, const T* dy, T* dw) {
  for (Index g = 0; g < s.groups; ++g)
    detail::with_winograd<T>(s, [&]<class W>() {
      detail::WinogradWeightGradient<T, W>{{x, s.n, s.h, s.w, s.c, g * s.group_c(), s.group_c()},
                                           {dy, s.n, s.oh, s.ow, s.k, g * s.group_k(), s.group_k()},
                                           s.pad_h,
                                           s.pad_w,
                                           dw + g * s.group_k() * s.taps()}
          .run();
    });
  if (!std::all_of(dw, dw + s.k * s.taps(), [](T v) { return std::isfinite(v); }))
    conv2d_direct_backward_weight<T>(s, x, dy, dw);
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
