#pragma once
// The direct convolution's gradient of the weight. A tile of the weight, some numbers of a run by some vectors of
// channels of dy, stays in registers while the pixels of a block pass by.

#include "nasion/kernels/conv2d_direct.hpp"

namespace nasion::kernels::inline NASION_INSTRUCTION_SET {

namespace detail {

/// C numbers of the source x V vectors of dy: sums += source times dy over pixels, which lie so far apart.
template <class T, Index C, Index V, class S>
void direct_weight_tile(const S* x, Index x_step, Index pixels, const S* dy, Index dy_step, T* sums) {
  using Vec = simd::Vector<T>;
  constexpr Index lanes = simd::lanes<T>;
  Vec sum[C][V] = {};  // of this block alone: many small sums lose fewer digits than one long one
  for (Index p = 0; p < pixels; ++p, x += x_step, dy += dy_step) {
    simd::Vector<S> factor[V];
    for (Index v = 0; v < V; ++v) factor[v] = simd::load(dy + v * lanes);
#pragma GCC unroll 16
    for (Index c = 0; c < C; ++c) {
      const auto value = simd::broadcast(x[c]);
#pragma GCC unroll 4
      for (Index v = 0; v < V; ++v) simd::add_product(sum[c][v], value, factor[v]);
    }
  }
#pragma GCC unroll 16
  for (Index c = 0; c < C; ++c)
#pragma GCC unroll 4
    for (Index v = 0; v < V; ++v) {
      T* const to = sums + (c * V + v) * lanes;
      simd::store(to, simd::load(to) + sum[c][v]);
    }
}

/// The same for `numbers` of the source.
template <class T, Index C, Index V, class S>
void direct_weight_tiles(const S* x, Index x_step, Index pixels, const S* dy, Index dy_step, T* sums, Index numbers) {
  Index c = 0;
  const auto tile_of = [&]<Index some>() {
    direct_weight_tile<T, some, V>(x + c, x_step, pixels, dy, dy_step, sums + c * V * simd::lanes<T>);
    c += some;
  };
  // Full tiles, unless only fours do without single numbers at the end.
  const auto full = [](Index rest) { return rest % 4 != 0 || rest % C == 0 || rest % C == 4 || rest >= 4 * C; };
  while (numbers - c >= C && full(numbers - c)) tile_of.template operator()<C>();
  while (numbers - c >= 4) tile_of.template operator()<4>();
  if (numbers - c >= 3) tile_of.template operator()<3>();
  if (numbers - c >= 2) tile_of.template operator()<2>();
  if (numbers - c >= 1) tile_of.template operator()<1>();
}

/// How far apart pixels of so many numbers are kept: a vector more than they need, so that they fall on all lines of
/// the cache.
template <class T>
constexpr Index direct_step(Index numbers) {
  return (numbers + 2 * simd::lanes<T> - 1) / simd::lanes<T> * simd::lanes<T>;
}

/// Pixels two by two, as pairs: a number of a pixel and the same of the next one.
template <class S, class T>
void direct_pair_pixels(const T* from, Index step, Index pixels, Index numbers, std::vector<S>& pairs) {
  constexpr Index lanes = simd::lanes<T>;
  const Index pair_step = direct_step<T>(numbers);
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
  const auto grid = direct_forward_grid(s);
  constexpr Index lanes = simd::lanes<T>, block_pixels = direct_weight_block * simd::numbers_in<S>;
  const Index pixels = s.n * s.pixels(), blocks = (pixels + block_pixels - 1) / block_pixels;
  // Short runs are put together, into one piece of work of whole tiles; otherwise each run is one.
  const bool together = grid.runs.size() > 1 && grid.runs[0].count * s.group_c() < 24;
  const Index pieces = together ? 1 : static_cast<Index>(grid.runs.size());
  const Index tile = direct_pixels<S>(std::min(direct_vectors, (s.group_k() + lanes - 1) / lanes));
  const Index numbers = together ? (s.taps() + tile - 1) / tile * tile : grid.runs[0].count * s.group_c();
  const Index padded = (s.group_k() + lanes - 1) / lanes * lanes, size = padded * pieces * numbers;
  // What lies under a pixel is copied side by side, for so many channels of dy that it pays.
  constexpr Index shared = std::max(direct_channels<T>, Index{64});
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
    const DirectImages<const T> source{x, s.n, s.h, s.w, s.c, g * s.group_c(), s.group_c()};
    const DirectImages<T> nowhere{nullptr, s.n, s.oh, s.ow, 0, 0, 0};
    parallel_for(parts * channel_pieces, 1, [&](Index item, Index) {
      const Index part = item / channel_pieces, piece = item % pieces;
      const Index first = item % channel_pieces / pieces * shared, last = std::min(s.group_k(), first + shared);
      DirectGrid own{grid};
      if (!together) own.runs = {grid.runs[static_cast<std::size_t>(piece)]};
      thread_local DirectTable<T, T> table;
      thread_local std::vector<T> columns, block_of_dy;  // the numbers of all runs; dy in whole vectors
      const Index step = direct_step<T>(numbers);
      columns.assign(static_cast<std::size_t>(block_pixels * step), T{0});
      block_of_dy.resize(static_cast<std::size_t>(block_pixels * direct_channels<T>));
      for (Index block = part * grain; block < std::min(blocks, (part + 1) * grain); ++block) {
        const Index begin = block * block_pixels, count = std::min(pixels - begin, block_pixels);
        table.fill(own, begin, begin + count, source, nowhere, zeros.data());
        for (Index p = 0; p < count; ++p) {
          T* to = columns.data() + p * step;
          const T* const* from = table.from.data() + p;
          for (const DirectRun& run : own.runs) {
            const Index length = run.count * s.group_c();
            for (Index i = 0; i < length; i += lanes) simd::store(to + i, simd::load_some(*from + i, length - i));
            to += length;
            from += direct_block;
          }
        }
        thread_local std::vector<S> x_pairs, dy_pairs;
        if constexpr (simd::numbers_in<S> == 2) direct_pair_pixels(columns.data(), step, count, numbers, x_pairs);
        for (Index k = first; k < last; k += direct_channels<T>)
          with_vectors<T>(last - k, [&]<Index V>() {
            constexpr Index C = direct_pixels<S>(V), width = V * lanes;
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
              direct_pair_pixels(gradient, dy_step, count, width, dy_pairs);
              direct_weight_tiles<T, C, V>(x_pairs.data(), step, (count + 1) / 2, dy_pairs.data(),
                                           direct_step<T>(width), sums, numbers);
            } else {
              direct_weight_tiles<T, C, V>(columns.data(), step, count, gradient, dy_step, sums, numbers);
            }
          });
      }
    });
    const Index area = s.kh * s.kw;
    parallel_for(padded / lanes, 1, [&](Index vector, Index) {
      const Index k = vector * lanes, first = k / direct_channels<T> * direct_channels<T>;
      const Index width = direct_width<T>(first, s.group_k());
      const T* const sums = partial + first * pieces * numbers + (k - first);
      direct_scatter(dw + (g * s.group_k() + k) * s.taps(), std::min(lanes, s.group_k() - k), s.taps(), s.taps(),
                     [&](Index n) {
                       const Index at = (n % area * s.group_c() + n / area) * width;
                       simd::Vector<T> sum{};
                       for (Index part = 0; part < parts; ++part) sum += simd::load(sums + part * size + at);
                       return sum;
                     });
    });
  }
}

}  // namespace nasion::kernels::inline NASION_INSTRUCTION_SET
