#pragma once
// The gradient of the weight by Winograd's minimal filtering.

#include "nasion/kernels/conv2d_direct_weight.hpp"
#include "nasion/kernels/conv2d_winograd.hpp"

namespace nasion::kernels::inline NASION_INSTRUCTION_SET {

namespace detail {

/// The gradient of the weight in the transformed domain, where tiles are summed. Transformed tiles lie as
/// [block of channels][place][tile][channels of the block], sums as [place][block of dy][channel of x][channels].
template <class T, class W>
struct WinogradWeightGradient {
  using Vec = simd::Vector<T>;
  static constexpr Index lanes = simd::lanes<T>, places = W::points * W::points, taps = W::taps * W::taps;

  DirectImages<const T> x, dy;
  Index pad_h, pad_w;
  T* dw;

  // A register tile of dy passes many channels of x, while it is in the first cache.
  static constexpr Index c_channels = std::max(direct_channels<T>, Index{64});

  WinogradTiles tiles{dy.n, dy.h, dy.w};
  Index c_blocks = (x.used + c_channels - 1) / c_channels;
  Index k_blocks = (dy.used + direct_channels<T> - 1) / direct_channels<T>;
  Index c_row = std::min(c_channels, (x.used + lanes - 1) / lanes * lanes);  // of one tile, in one block
  Index k_row = std::min(direct_channels<T>, (dy.used + lanes - 1) / lanes * lanes);

  /// sums [channels][width of the block] += pixels times gradients, over tiles at one place.
  void multiply(Index some, Index width, const T* pixels, Index channels, const T* gradients, T* sums) const {
    with_vectors<T>(width, [&]<Index V>() {
      for (Index begin = 0; begin < some; begin += direct_weight_block) {
        const Index count = std::min(direct_weight_block, some - begin);
        direct_weight_tiles<T, direct_pixels(V), V>(pixels + begin * c_row, c_row, count, gradients + begin * k_row,
                                                    k_row, sums, channels);
      }
    });
  }

  /// Channels k .. k + lanes-1 of dy and first .. last-1 of x of dw, from sums whose places are `step` apart and whose
  /// channels of x `width`.
  void write(Index k, Index first, Index last, const T* sums, Index step, Index width) const {
    for (; first < last; first += lanes, sums += lanes * width) {
      const Index channels = std::min(lanes, last - first), numbers = channels * taps;
      Vec tap[lanes * taps];  // [channel of x][tap]
      for (Index c = 0; c < channels; ++c)
        both_ways<W::points, W::taps, Vec>(
            [](auto& m, auto& o) { W::weight_results(m, o); },
            [&](std::size_t i, std::size_t j) {
              return simd::load(sums + static_cast<Index>(i * W::points + j) * step + c * width);
            },
            [&](std::size_t i, std::size_t j, const Vec& v) {
              tap[c * taps + static_cast<Index>(i * W::taps + j)] = v;
            });
      direct_scatter(dw + (k * x.used + first) * taps, std::min(lanes, dy.used - k), x.used * taps, numbers,
                     [&](Index n) { return tap[n]; });
    }
  }

  void run() const {
    const Scratch<T> zeros(std::max(x.used, dy.used) + lanes);
    std::fill_n(zeros.data(), std::max(x.used, dy.used) + lanes, T{0});
    const Index tile_numbers = places * (c_blocks * c_row + k_blocks * k_row), count = tiles.count();
    // With many channels and few tiles a piece of work is a block of weights from beginning to end; otherwise some
    // tiles at a time, so that they stay in the cache.
    const Index mebibyte = (Index{1} << 20) / static_cast<Index>(sizeof(T));
    const bool whole = c_blocks * k_blocks >= 16 && tile_numbers * count <= 32 * mebibyte;
    const Index at_once = whole ? count : std::clamp<Index>(8 * mebibyte / tile_numbers, 1, std::max<Index>(1, count));
    const Index c_place = at_once * c_row + lanes, k_place = at_once * k_row + lanes;
    const Scratch<T> pixels(c_blocks * places * c_place), gradients(k_blocks * places * k_place);
    const auto read = [&](Index start, Index some) {
      parallel_for(some, 8, [&](Index begin, Index end) {
        for (Index t = begin; t < end; ++t) {
          const Index image = tiles.image(start + t), row = tiles.row(start + t), column = tiles.column(start + t);
          for (Index c = 0; c < x.used; c += c_channels) {
            auto some_x = x;
            some_x.first += c;
            some_x.used = std::min(c_channels, x.used - c);
            winograd_read<W::points, W::points>(some_x, zeros.data(), image, row - pad_h, column - pad_w,
                                                pixels.data() + c / c_channels * places * c_place + t * c_row, c_place,
                                                direct_channels<T>, [](auto& d, auto& o) { W::pixels(d, o); });
          }
          winograd_read<4, W::points>(dy, zeros.data(), image, row, column, gradients.data() + t * k_row, k_place,
                                      places * k_place, [](auto& d, auto& o) { W::gradients(d, o); });
        }
      });
    };
    const auto multiply_at = [&](Index some, Index place, Index c_block, Index k_block, T* sums) {
      multiply(some, direct_width<T>(k_block * direct_channels<T>, dy.used),
               pixels.data() + (c_block * places + place) * c_place,
               std::min(c_channels, x.used - c_block * c_channels),
               gradients.data() + (k_block * places + place) * k_place, sums);
    };
    if (whole) {
      read(0, count);
      parallel_for(k_blocks * c_blocks, 1, [&](Index item, Index) {
        const Index k = item / c_blocks * direct_channels<T>, c = item % c_blocks * c_channels;
        const Index width = direct_width<T>(k, dy.used), channels = std::min(c_channels, x.used - c);
        const Index step = channels * width + lanes;
        const Scratch<T> sums(places * step);
        std::fill_n(sums.data(), places * step, T{0});
        for (Index p = 0; p < places; ++p)
          multiply_at(count, p, item % c_blocks, item / c_blocks, sums.data() + p * step);
        for (Index i = 0; i < width; i += lanes) write(k + i, c, c + channels, sums.data() + i, step, width);
      });
      return;
    }
    const Index size = x.used * k_blocks * k_row + lanes;
    const Scratch<T> sums(places * size);
    parallel_for(places * size, 65536, [&](Index a, Index b) { std::fill(sums.data() + a, sums.data() + b, T{0}); });
    const auto sums_of = [&](Index c, Index k) { return sums.data() + k * x.used + c * direct_width<T>(k, dy.used); };
    for (Index start = 0; start < count; start += at_once) {
      const Index some = std::min(at_once, count - start);
      read(start, some);
      parallel_for(places * c_blocks * k_blocks, 1, [&](Index item, Index) {
        const Index p = item / (c_blocks * k_blocks), c = item / k_blocks % c_blocks, k = item % k_blocks;
        multiply_at(some, p, c, k, sums_of(c * c_channels, k * direct_channels<T>) + p * size);
      });
    }
    parallel_for(k_blocks * k_row / lanes * c_blocks, 1, [&](Index item, Index) {
      const Index k = item / c_blocks * lanes, c = item % c_blocks * c_channels;
      if (k >= dy.used) return;
      const Index first = k / direct_channels<T> * direct_channels<T>;
      write(k, c, std::min(x.used, c + c_channels), sums_of(c, first) + (k - first), size,
            direct_width<T>(first, dy.used));
    });
  }
};

}  // namespace detail

/// dw = gradient of the weight, [k, c / groups, kh, kw].
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
}

}  // namespace nasion::kernels::inline NASION_INSTRUCTION_SET
