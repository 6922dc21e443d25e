#pragma once
// The gradient of the weight by Winograd's minimal filtering: the taps are the results, and a tile of dy takes the
// place of the filter. Tiles of all images are summed before the transform back, which happens once per weight and
// part.
//
// At each of the 6x6 (3x3) or 9x9 (5x5) places that is a matrix product, channels of x by channels of dy, summed over
// tiles: the register tile of direct_weight.hpp with tiles in the place of pixels.
//
// The loops, from the outermost: pieces of work (in parallel), blocks of tiles, places, units of channels, register
// tiles, tiles. A piece transforms its tiles by itself, one block after the other: what a thread writes and reads again
// stays in its own caches, where threads that share transformed tiles would fetch them from each other, which takes as
// long as from memory when they have no common L3.

#include <array>
#include <bit>

#include "nasion/kernels/conv2d/direct_weight.hpp"
#include "nasion/kernels/conv2d/winograd.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// How the gradient of the weight is cut into pieces of work: a part of the tiles by some units of channels of x by
/// some of dy. By sizes alone, so that sums are the same for any number of threads.
struct WinogradWeightCut {
  Index tiles, c_units, k_units;  // of the layer
  // Units of a piece. Tiles are transformed again for each piece of the other side's channels; four units of sums are
  // 2.3 MiB (3x3 kernels of floats), which one thread's share of L3 holds.
  Index k_side = std::min(k_units, Index{c_units == 1 ? 4 : 2}), c_side = std::min(c_units, 4 / k_side);
  Index parts = 1, part_tiles = tiles;

  WinogradWeightCut(Index count, Index units_of_c, Index units_of_k)
      : tiles(count), c_units(units_of_c), k_units(units_of_k) {
    parts = wanted_parts();
    while (parts * pieces() < 4 && c_side * k_side > 1) {  // fewer units, so that some threads have work
      (k_side > 1 ? k_side : c_side) = 1;
      parts = wanted_parts();
    }
    part_tiles = divide(tiles, parts);
    parts = divide(tiles, part_tiles);
  }

  static Index divide(Index n, Index by) { return (n + by - 1) / by; }
  Index c_pieces() const { return divide(c_units, c_side); }
  Index pieces() const { return c_pieces() * divide(k_units, k_side); }

 private:
  /// A part costs the transform back of its sums, which some hundred tiles pay for. Smaller ones only as far as it
  /// takes to keep some threads busy; powers of two, which as many threads share evenly.
  Index wanted_parts() const {
    struct Cut {
      Index work, tiles;  // pieces of work at most, tiles of a part at least
    };
    Index most = 1;
    for (const Cut& cut : std::array<Cut, 3>{{{32, 320}, {8, 160}, {2, 32}}})
      most = std::max(most, std::min(cut.work / pieces(), tiles / cut.tiles));
    return static_cast<Index>(std::bit_floor(static_cast<std::size_t>(most)));
  }
};

/// The gradient of the weight in the transformed domain, where tiles are summed. A block of transformed tiles lies as
/// [unit of channels][place][tile][channels of the unit], the sums of a piece of work as
/// [place][unit of x][unit of dy][block of dy][channel of x][channels of the block].
template <class T, class W>
struct WinogradWeightGradient {
  using Vec = simd::Vector<T>;
  static constexpr Index lanes = simd::lanes<T>, places = W::products * W::products, taps = W::taps * W::taps;

  Images<const T> x, dy;  // of one group
  Index pad_h, pad_w;     // x begins so far before dy
  T* dw;

  // 64 channels of x meet 64 of dy: each element that is read from L2 serves 64 products.
  static constexpr Index unit = std::max(block_channels<T>, Index{64});
  static Index divide(Index n, Index by) { return WinogradWeightCut::divide(n, by); }

  WinogradTiles tiles{4, dy.n, dy.h, dy.w};
  WinogradWeightCut cut{tiles.count(), divide(x.used, unit), divide(dy.used, unit)};
  // Blocks of about equally many tiles, at most sum_tiles, which bounds the error. 42 tiles of 64 float channels at one
  // place are 10.5 KiB of either side, which stay in L1 while the register tiles pass over them.
  Index block_tiles = divide(cut.part_tiles, divide(cut.part_tiles, W::sum_tiles));
  // Elements of a tile at one place, in whole vectors, so that they are loaded without a tail.
  Index c_row = std::min(unit, divide(x.used, lanes) * lanes), k_row = std::min(unit, divide(dy.used, lanes) * lanes);
  // Between places: a vector more than they need, so that they do not share a few sets of L1.
  Index c_stride = block_tiles * c_row + lanes, k_stride = block_tiles * k_row + lanes;
  Index unit_sums = c_row * k_row + lanes, sum_stride = cut.c_side * cut.k_side * unit_sums;

  /// Transforms `size` tiles from `first` on, channels of `images` alone, unit by unit.
  template <Index N, class F>
  [[gnu::always_inline]] void read(Images<const T> images, Index first, Index size, Index above, Index left,
                                   const T* zeros, T* dst, Index stride, Index row, F&& f) const {
    const Index end = images.first + images.used;
    for (; images.first < end; images.first += unit, dst += places * stride) {
      images.used = std::min(unit, end - images.first);
      for (Index tile = first; tile < first + size; ++tile) {
        winograd_prefetch<N>(images, tiles, tile + 2, above, left);
        winograd_read<N, W::products>(images, zeros, tiles.image(tile), tiles.row(tile) - above,
                                      tiles.column(tile) - left, dst + (tile - first) * row, stride, block_channels<T>,
                                      f);
      }
    }
  }

  /// sums [blocks of dy][channels][channels of the block] += pixels times gradients, over `count` tiles at one place.
  void multiply(Index count, const T* pixels, Index channels, const T* gradients, Index k_channels, T* sums) const {
    const auto nothing = [&] { return Lookahead{gradients, 0}; };  // to prefetch: L2 holds all
    for (Index k = 0; k < k_channels; k += block_channels<T>)
      with_vectors<T>(k_channels - k, [&]<Index V>() {
        weight_tiles<T, V>(pixels, c_row, count, gradients + k, k_row, sums + k * channels, channels, true, nothing);
      });
  }

  /// The channels of a piece of work, from unit `first` on.
  static Images<const T> channels_of(Images<const T> images, Index first, Index units) {
    images.first += first * unit;
    images.used = std::min(units * unit, images.used - first * unit);
    return images;
  }

  /// The sums of a part of the tiles, of these channels.
  [[gnu::always_inline]] void sum_part(Index part, const Images<const T>& some_x, const Images<const T>& some_dy,
                                       const T* zeros, T* sums) const {
    const Scratch<T> transformed(places * (cut.c_side * c_stride + cut.k_side * k_stride));
    T *const pixels = transformed.data(), *const gradients = pixels + cut.c_side * places * c_stride;
    const Index first = part * cut.part_tiles, last = std::min(cut.tiles, first + cut.part_tiles);
    for (Index begin = first; begin < last; begin += block_tiles) {
      const Index size = std::min(block_tiles, last - begin);
      read<W::taps + 3>(some_x, begin, size, pad_h, pad_w, zeros, pixels, c_stride, c_row,
                        [](auto& d, auto& o) { W::pixels(d, o); });
      read<4>(some_dy, begin, size, 0, 0, zeros, gradients, k_stride, k_row,
              [](auto& d, auto& o) { W::gradients(d, o); });
      for (Index p = 0; p < places; ++p) {
        T* const place_sums = sums + p * sum_stride;
        if (begin == first) std::fill_n(place_sums, sum_stride, T{0});
        for (Index c = 0; c * unit < some_x.used; ++c)
          for (Index k = 0; k * unit < some_dy.used; ++k)
            multiply(size, pixels + (c * places + p) * c_stride, std::min(unit, some_x.used - c * unit),
                     gradients + (k * places + p) * k_stride, std::min(unit, some_dy.used - k * unit),
                     place_sums + (c * cut.k_side + k) * unit_sums);
      }
    }
  }

  /// Taps from sums, both sum_stride apart; `dst` may be `sums`.
  [[gnu::always_inline]] void transform_back(const T* sums, T* dst) const {
    constexpr Index ahead = 4 * lanes;  // L3 holds the sums, and hardware does not foresee as many streams
    for (Index e = 0; e < sum_stride; e += lanes, sums += lanes, dst += lanes) {
      for (Index p = 0; p < places; ++p) __builtin_prefetch(sums + p * sum_stride + ahead);
      both_ways<W::products, W::taps, Vec>(
          [](auto& m, auto& o) { W::weight_results(m, o); },
          [&](std::size_t i, std::size_t j) {
            return simd::load(sums + static_cast<Index>(i * W::products + j) * sum_stride);
          },
          [&](std::size_t i, std::size_t j, const Vec& v) {
            simd::store(dst + static_cast<Index>(i * W::taps + j) * sum_stride, v);
          });
    }
  }

  /// dw of the unit of x from channel c on and of channels k .. k + lanes-1 of dy, from their taps in all parts of a
  /// piece of work, part_taps() apart. False when not all of it is finite.
  bool write(Index c, Index k, const T* src) const {
    const Index channels = std::min(unit, x.used - c), block = k / block_channels<T> * block_channels<T>;
    const Index width = block_width<T>(block, dy.used);
    src += (c / unit % cut.c_side * cut.k_side + k / unit % cut.k_side) * unit_sums;
    src += block % unit * channels + (k - block);
    Vec zero{};  // NaN as soon as an element is not finite: both NaN and infinity times 0 are
    scatter_rows(dw + (k * x.used + c) * taps, std::min(lanes, dy.used - k), x.used * taps, channels * taps,
                 [&](Index n) {
                   const T* const first = src + n % taps * sum_stride + n / taps * width;
                   Vec sum = simd::load(first);
                   for (Index part = 1; part < cut.parts; ++part) sum += simd::load(first + part * part_taps());
                   zero += sum * T{0};
                   return sum;
                 });
    return simd::sum<T>(zero) == 0;
  }
  Index part_taps() const { return taps * sum_stride; }

  /// False when not all elements of dw are finite.
  bool run() const {
    const Scratch<T> zeros(std::max(x.used, dy.used) + lanes);
    std::fill_n(zeros.data(), std::max(x.used, dy.used) + lanes, T{0});
    std::atomic<bool> finite{true};
    const auto write_from = [&](Index c, Index k, const T* src) {
      if (!write(c, k, src)) finite.store(false, std::memory_order_relaxed);
    };
    const Scratch<T> all_taps(cut.parts > 1 ? cut.pieces() * cut.parts * part_taps() : 0);  // [piece][part]
    parallel_for(cut.parts * cut.pieces(), 1, [&](Index item, Index) {
      const Index part = item / cut.pieces(), piece = item % cut.pieces();
      const auto some_x = channels_of(x, piece % cut.c_pieces() * cut.c_side, cut.c_side);
      const auto some_dy = channels_of(dy, piece / cut.c_pieces() * cut.k_side, cut.k_side);
      const Scratch<T> sums(places * sum_stride);
      sum_part(part, some_x, some_dy, zeros.data(), sums.data());
      if (cut.parts > 1) return transform_back(sums.data(), all_taps.data() + (piece * cut.parts + part) * part_taps());
      transform_back(sums.data(), sums.data());
      for (Index c = 0; c < some_x.used; c += unit)
        for (Index k = 0; k < some_dy.used; k += lanes)
          write_from(some_x.first - x.first + c, some_dy.first - dy.first + k, sums.data());
    });
    if (cut.parts > 1)
      parallel_for(cut.c_units * divide(dy.used, lanes), 1, [&](Index item, Index) {
        const Index c = item % cut.c_units, k = item / cut.c_units * lanes;
        const Index piece = k / unit / cut.k_side * cut.c_pieces() + c / cut.c_side;
        write_from(c * unit, k, all_taps.data() + piece * cut.parts * part_taps());
      });
    return finite;
  }
};

}  // namespace detail

/// dw = gradient of the weight, [k, c / groups, kh, kw]; by the direct kernel when an element of it is not finite.
template <class T>
void conv2d_winograd_backward_weight(const Conv2dSizes& s, const T* x, const T* dy, T* dw) {
  if (s.n * s.c * s.k == 0) {
    std::fill_n(dw, s.k * s.taps(), T{0});
    return;
  }
  std::atomic<bool> finite{true};
  // Many groups are small: each is a piece of work, and its own loops run on one thread. A few share all threads.
  parallel_for(s.groups, s.groups < 8 ? s.groups : 1, [&](Index begin, Index end) {
    for (Index g = begin; g < end; ++g)
      detail::with_winograd<T>(s, [&]<class W>() {
        const detail::WinogradWeightGradient<T, W> group{.x = detail::input_images(s, g, x),
                                                         .dy = detail::output_images(s, g, dy),
                                                         .pad_h = s.pad_h,
                                                         .pad_w = s.pad_w,
                                                         .dw = dw + g * s.group_k() * s.taps()};
        if (!group.run()) finite.store(false, std::memory_order_relaxed);
      });
  });
  if (!finite) conv2d_direct_backward_weight<T>(s, x, dy, dw);
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
