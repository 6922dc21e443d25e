#pragma once
// The direct convolution's gradient of the weight. A tile of the weight, some numbers of a run by some vectors of
// channels of dy, stays in registers while the pixels of a block pass by.

#include "nasion/kernels/conv2d_direct.hpp"

namespace nasion::kernels::inline NASION_INSTRUCTION_SET {

namespace detail {

/// C numbers of the source x V vectors of dy: sum += source times dy over pixels.
template <class T, Index C, Index V, class S>
void direct_weight_tile(const S* const* from, Index pixels, const S* dy, Index dy_step, T* sums) {
  using Vec = simd::Vector<T>;
  constexpr Index lanes = simd::lanes<T>;
  Vec sum[C][V] = {};  // of this block alone: many small sums lose fewer digits than one long one
  for (Index p = 0; p < pixels; ++p, dy += dy_step) {
    const S* x = from[p];
    simd::Vector<S> factor[V];
    for (Index v = 0; v < V; ++v) factor[v] = simd::load(dy + v * lanes);
#pragma GCC unroll 16
    for (Index c = 0; c < C; ++c) {
      const auto value = simd::broadcast(x[c]);
#pragma GCC unroll 4
      for (Index v = 0; v < V; ++v) simd::add_product(sum[c][v], value, factor[v]);
    }
  }
  for (Index c = 0; c < C; ++c)
    for (Index v = 0; v < V; ++v) {
      T* const to = sums + (c * V + v) * lanes;
      simd::store(to, simd::load(to) + sum[c][v]);
    }
}

/// The same for `numbers` of the source. Moves the pointers on.
template <class T, Index C, Index V, class S>
void direct_weight_tiles(std::array<const S*, direct_block>& from, Index pixels, const S* dy, Index dy_step, T* sums,
                         Index numbers) {
  Index c = 0;
  const auto tile_of = [&]<Index some>() {
    direct_weight_tile<T, some, V>(from.data(), pixels, dy, dy_step, sums + c * V * simd::lanes<T>);
    for (Index p = 0; p < pixels; ++p) from[static_cast<std::size_t>(p)] += some;
    c += some;
  };
  // A full tile unless fours do without single numbers at the end.
  while (numbers - c >= C && ((numbers - c) % 4 != 0 || numbers - c >= 4 * C)) tile_of.template operator()<C>();
  while (numbers - c >= 4) tile_of.template operator()<4>();
  while (numbers - c >= 1) tile_of.template operator()<1>();
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
  const bool together = grid.runs.size() > 1 && grid.runs[0].count * s.group_c() < 4;
  const Index pieces = together ? 1 : static_cast<Index>(grid.runs.size());
  const Index tile = direct_pixels<S>(std::min(direct_vectors, (s.group_k() + lanes - 1) / lanes));
  const Index numbers = together ? (s.taps() + tile - 1) / tile * tile : grid.runs[0].count * s.group_c();
  const Index padded = (s.group_k() + lanes - 1) / lanes * lanes, size = padded * pieces * numbers;
  const Index channel_blocks = (s.group_k() + direct_channels<T> - 1) / direct_channels<T>;
  // Enough pieces of work for many threads, and at most 32 MiB of parts.
  const Index wanted = (Index{64} + channel_blocks * pieces - 1) / (channel_blocks * pieces);
  const Index most = std::max<Index>(1, (Index{1} << 25) / std::max<Index>(1, size * static_cast<Index>(sizeof(T))));
  const Index grain = std::max<Index>(1, (blocks + std::min(wanted, most) - 1) / std::min(wanted, most));
  const Index parts = (blocks + grain - 1) / grain;
  const Scratch<T> memory(parts * size);  // [parts][blocks of k][pieces][numbers][channels of the block]
  T* const partial = memory.data();
  const std::vector<T> zeros(static_cast<std::size_t>(s.kw * s.group_c()));
  for (Index g = 0; g < s.groups; ++g) {
    const DirectImages<const T> source{x, s.n, s.h, s.w, s.c, g * s.group_c(), s.group_c()};
    const DirectImages<T> nowhere{nullptr, s.n, s.oh, s.ow, 0, 0, 0};
    parallel_for(parts * channel_blocks * pieces, 1, [&](Index item, Index) {
      const Index part = item / (channel_blocks * pieces), first = item / pieces % channel_blocks * direct_channels<T>;
      DirectGrid own{grid};
      if (!together) own.runs = {grid.runs[static_cast<std::size_t>(item % pieces)]};
      const Index some = std::min(direct_channels<T>, s.group_k() - first);
      with_vectors<T>(some, [&]<Index V>() {
        constexpr Index C = direct_pixels<S>(V), width = V * lanes;
        T* const sums = partial + part * size + (first * pieces + item % pieces * width) * numbers;
        std::fill_n(sums, width * numbers, T{0});
        thread_local DirectTable<T, T> table;
        thread_local std::vector<T> columns, block_of_dy;  // numbers of all runs; dy in whole vectors, side by side
        columns.assign(static_cast<std::size_t>(together ? block_pixels * numbers : 0), T{0});
        block_of_dy.resize(static_cast<std::size_t>(block_pixels * width));
        for (Index block = part * grain; block < std::min(blocks, (part + 1) * grain); ++block) {
          const Index begin = block * block_pixels, count = std::min(pixels - begin, block_pixels);
          table.fill(own, begin, begin + count, source, nowhere, zeros.data());
          std::array<const T*, direct_block> from;
          std::copy_n(table.from.data(), count, from.data());
          for (Index p = 0; together && p < count; ++p) {
            T* to = columns.data() + p * numbers;
            from[static_cast<std::size_t>(p)] = to;
            const T* const* run_from = table.from.data() + p;
            for (const DirectRun& run : own.runs) {
              for (Index i = 0; i < run.count * s.group_c(); ++i) *to++ = (*run_from)[i];
              run_from += direct_block;
            }
          }
          const T* gradient = dy + begin * s.k + g * s.group_k() + first;
          Index step = s.k;
          if (some < width || (simd::numbers_in<S> == 1 && step != width && numbers >= 4 * C)) {
            for (Index p = 0; p < count; ++p)
              for (Index k = 0; k < width; k += lanes) {
                __builtin_prefetch(gradient + (p + block_pixels) * step + k);
                simd::store(block_of_dy.data() + p * width + k, simd::load_some(gradient + p * step + k, some - k));
              }
            gradient = block_of_dy.data();
            step = width;
          }
          if constexpr (simd::numbers_in<S> == 2) {
            std::array<const T*, direct_block> gradients;
            for (Index p = 0; p < count; ++p) gradients[static_cast<std::size_t>(p)] = gradient + p * step;
            thread_local DirectPixelPairs<S> x_pairs, dy_pairs;
            x_pairs.fill(from.data(), count, numbers);
            dy_pairs.fill(gradients.data(), count, width);
            auto from_pairs = x_pairs.from;
            direct_weight_tiles<T, C, V>(from_pairs, (count + 1) / 2, dy_pairs.from[0], dy_pairs.step, sums, numbers);
          } else {
            direct_weight_tiles<T, C, V>(from, count, gradient, step, sums, numbers);
          }
        }
      });
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
