#pragma once
// The direct convolution's gradient of the weight. A tile of the weight, some numbers of a run by some vectors of
// channels of dy, stays in registers while the pixels of a block pass by.

#include "nasion/kernels/conv2d/direct.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// Pixels two by two, as pairs: a number of a pixel and the same of the next one.
template <class S, class T>
void pair_pixels(const T* from, Index step, Index pixels, Index numbers, std::vector<S>& pairs) {
  constexpr Index lanes = simd::lanes<T>;
  const Index pair_step = padded_stride<T>(numbers);
  pairs.resize(static_cast<std::size_t>((pixels + 1) / 2 * pair_step));
  for (Index p = 0; p < pixels; p += 2, from += 2 * step)
    for (Index n = 0; n < numbers; n += lanes)
      simd::store(pairs.data() + p / 2 * pair_step + n,
                  simd::make_pairs(simd::load_some(from + n, numbers - n),
                                   p + 1 < pixels ? simd::load_some(from + step + n, numbers - n) : simd::Vector<T>{}));
}

}  // namespace detail

/// dw = gradient of the weight, [k, c / groups, kh, kw]. The pixels are summed in parts, which are combined in order.
/// When S is a pair, pixels are multiplied two by two.
template <class S, class T>
void conv2d_direct_backward_weight(const Conv2dSizes& s, const T* x, const T* dy, T* dw) {
  using namespace detail;
  const auto grid = forward_grid(s);
  constexpr Index lanes = simd::lanes<T>, block_pixels = weight_table_pixels * simd::numbers_in<S>;
  const Index pixels = s.n * s.pixels(), blocks = (pixels + block_pixels - 1) / block_pixels;
  // Short runs are put together, into one piece of work of whole tiles; otherwise each run is one.
  const bool together = grid.runs.size() > 1 && grid.runs[0].count * s.group_c() < 24;
  const Index pieces = together ? 1 : static_cast<Index>(grid.runs.size());
  const Index tile = tile_pixels<S>(std::min(tile_vectors, (s.group_k() + lanes - 1) / lanes));
  const Index numbers = together ? (s.taps() + tile - 1) / tile * tile : grid.runs[0].count * s.group_c();
  const Index padded = (s.group_k() + lanes - 1) / lanes * lanes, size = padded * pieces * numbers;
  // What lies under a pixel is copied side by side, for so many channels of dy that it pays.
  constexpr Index shared = std::max(block_channels<T>, Index{64});
  const Index channel_pieces = (s.group_k() + shared - 1) / shared * pieces;
  // Enough pieces of work for many threads, and at most 32 MiB of parts.
  const Index wanted = (Index{64} + channel_pieces - 1) / channel_pieces;
  const Index most = std::max<Index>(1, (Index{1} << 25) / std::max<Index>(1, size * static_cast<Index>(sizeof(T))));
  const Index grain = std::max<Index>(1, (blocks + std::min(wanted, most) - 1) / std::min(wanted, most));
  const Index parts = (blocks + grain - 1) / grain;
  const Scratch<T> memory(parts * size);  // [parts][blocks of k][pieces][numbers][channels of the block]
  T* const partial = memory.data();
  const std::vector<T> zeros(static_cast<std::size_t>(s.kw * s.group_c()));
  for (Index g = 0; g < s.groups; ++g) {
    const Images<const T> source{x, s.n, s.h, s.w, s.c, g * s.group_c(), s.group_c()};
    const Images<T> nowhere{nullptr, s.n, s.oh, s.ow, 0, 0, 0};
    parallel_for(parts * channel_pieces, 1, [&](Index item, Index) {
      const Index part = item / channel_pieces, piece = item % pieces;
      const Index first = item % channel_pieces / pieces * shared, last = std::min(s.group_k(), first + shared);
      PixelGrid own{grid};
      if (!together) own.runs = {grid.runs[static_cast<std::size_t>(piece)]};
      thread_local PointerTable<T, T> table;
      thread_local std::vector<T> columns, block_of_dy;  // the numbers of all runs; dy in whole vectors
      const Index step = padded_stride<T>(numbers);
      columns.assign(static_cast<std::size_t>(block_pixels * step), T{0});
      block_of_dy.resize(static_cast<std::size_t>(block_pixels * block_channels<T>));
      for (Index block = part * grain; block < std::min(blocks, (part + 1) * grain); ++block) {
        const Index begin = block * block_pixels, count = std::min(pixels - begin, block_pixels);
        table.fill(own, begin, begin + count, source, nowhere, zeros.data());
        for (Index p = 0; p < count; ++p) {
          T* to = columns.data() + p * step;
          const T* const* from = table.from.data() + p;
          for (const TapRun& run : own.runs) {
            const Index length = run.count * s.group_c();
            for (Index i = 0; i < length; i += lanes) simd::store(to + i, simd::load_some(*from + i, length - i));
            to += length;
            from += table_pixels;
          }
        }
        thread_local std::vector<S> x_pairs, dy_pairs;
        if constexpr (simd::numbers_in<S> == 2) pair_pixels(columns.data(), step, count, numbers, x_pairs);
        for (Index k = first; k < last; k += block_channels<T>)
          with_vectors<T>(last - k, [&]<Index V>() {
            constexpr Index C = tile_pixels<S>(V), width = V * lanes;
            const Index some = std::min(width, last - k);
            T* const sums = partial + part * size + (k * pieces + piece * width) * numbers;
            if (block == part * grain) std::fill_n(sums, width * numbers, T{0});
            const T* gradient = dy + begin * s.k + g * s.group_k() + k;
            Index dy_step = s.k;
            if (some < width || (simd::numbers_in<S> == 1 && dy_step != width && numbers >= 4 * C)) {
              for (Index p = 0; p < count; ++p)
                for (Index v = 0; v < width; v += lanes) {
                  __builtin_prefetch(gradient + (p + block_pixels) * dy_step + v);
                  simd::store(block_of_dy.data() + p * width + v,
                              simd::load_some(gradient + p * dy_step + v, some - v));
                }
              gradient = block_of_dy.data();
              dy_step = width;
            }
            if constexpr (simd::numbers_in<S> == 2) {
              pair_pixels(gradient, dy_step, count, width, dy_pairs);
              weight_tiles<T, C, V>(x_pairs.data(), step, (count + 1) / 2, dy_pairs.data(), padded_stride<T>(width),
                                    sums, numbers);
            } else {
              weight_tiles<T, C, V>(columns.data(), step, count, gradient, dy_step, sums, numbers);
            }
          });
      }
    });
    const Index area = s.kh * s.kw;
    parallel_for(padded / lanes, 1, [&](Index vector, Index) {
      const Index k = vector * lanes, first = k / block_channels<T> * block_channels<T>;
      const Index width = block_width<T>(first, s.group_k());
      const T* const sums = partial + first * pieces * numbers + (k - first);
      scatter_rows(dw + (g * s.group_k() + k) * s.taps(), std::min(lanes, s.group_k() - k), s.taps(), s.taps(),
                   [&](Index n) {
                     const Index at = (n % area * s.group_c() + n / area) * width;
                     simd::Vector<T> sum{};
                     for (Index part = 0; part < parts; ++part) sum += simd::load(sums + part * size + at);
                     return sum;
                   });
    });
  }
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
