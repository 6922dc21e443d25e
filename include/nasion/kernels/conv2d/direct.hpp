#pragma once
// Direct convolution of channels-last images: no im2col. A tile of results, some pixels by some vectors of channels,
// stays in registers while the numbers that make it up pass by. Where a pixel finds them is looked up in a table of
// pointers, made once for a block of pixels and used for all channels (the idea of Dukhan, "The indirect convolution
// algorithm", 2019). An entry stands for a run: taps that read neighbouring pixels, which lie one after the other in
// memory. So any stride, padding, dilation and number of groups takes the same loops, one channel is as good as many,
// and tiles may reach across rows and images.
//
// Weights are [k, c / groups, kh, kw], and packed for use: [blocks of result channels][runs][numbers of the run]
// [channels of the block].

#include <vector>

#include "nasion/core/parallel.hpp"
#include "nasion/kernels/conv2d/indirection.hpp"
#include "nasion/kernels/conv2d/weights.hpp"
#include "nasion/kernels/scratch.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// What holds the channels of a group in one pixel.
template <class S>
constexpr Index packed_channels(Index channels) {
  return (channels + simd::numbers_in<S> - 1) / simd::numbers_in<S>;
}

/// Weights in the order in which the tiles of this grid read them.
template <class S, class T>
Scratch<S> pack_weights(const PixelGrid& grid, const WeightView<T>& weights) {
  constexpr Index lanes = simd::lanes<T>, held = simd::numbers_in<S>;
  const Index taps = grid.taps(), sources = packed_channels<S>(weights.sources);
  std::vector<Index> place(static_cast<std::size_t>(weights.taps), -1);  // of a tap in the runs
  Index next = 0;
  for (const auto& run : grid.runs)
    for (Index i = 0; i < run.count; ++i) place[static_cast<std::size_t>(run.tap + i * run.step)] = next++;
  Scratch<S> packed((weights.results + lanes - 1) / lanes * lanes * taps * sources);
  parallel_for((weights.results + lanes - 1) / lanes, 1, [&](Index vector, Index) {
    const Index k = vector * lanes, first = k / block_channels<T> * block_channels<T>;
    const Index width = block_width<T>(first, weights.results);
    S* const to = packed.data() + first * taps * sources + (k - first);
    const auto put = [&](Index at, Index c, const simd::Vector<T>& values) {
      simd::store_numbers(to + (at * sources + c / held) * width, values, c % held);
    };
    if (weights.taps == 1 && weights.source_step == 1) {  // channels lie as taps of one channel would
      WeightView<T> rows{weights};
      rows.taps = weights.sources;
      return rows.gather(k, 0, [&](Index c, const simd::Vector<T>& values) { put(0, c, values); });
    }
    for (Index c = 0; c < weights.sources; ++c)
      weights.gather(k, c, [&](Index t, const simd::Vector<T>& values) {
        const Index at = place[static_cast<std::size_t>(t)];
        if (at >= 0) put(at, c, values);
      });
  });
  return packed;
}

/// result = [relu] (bias + the sum over the grid's taps), for all pixels of the grid.
template <class S, class T>
void direct_convolve(const PixelGrid& grid, const Images<const S>& source, const Images<T>& result,
                     const WeightView<T>& weights, const T* bias, bool relu, const S* prepared = nullptr) {
  const Scratch<S> own = prepared ? Scratch<S>(0) : pack_weights<S>(grid, weights);
  const S* const packed = prepared ? prepared : own.data();
  const Index pixels = source.n * grid.rows * grid.columns, runs = static_cast<Index>(grid.runs.size());
  const Index blocks = (pixels + table_pixels - 1) / table_pixels, taps = grid.taps();
  const Index channel_blocks = (result.used + block_channels<T> - 1) / block_channels<T>;
  // Blocks of channels share a table as far as their weights stay in the second cache together, and enough pieces of
  // work are left for many threads.
  const Index block_bytes = block_channels<T> * taps * source.used * static_cast<Index>(sizeof(S));
  const Index shared =
      std::max<Index>(1, std::min((Index{1} << 17) / std::max<Index>(1, block_bytes), blocks * channel_blocks / 64));
  const std::vector<S> zeros(static_cast<std::size_t>(taps * source.used));
  parallel_for(blocks * ((channel_blocks + shared - 1) / shared), 1, [&](Index item, Index) {
    const Index begin = item % blocks * table_pixels;
    thread_local PointerTable<S, T> table;
    table.fill(grid, begin, std::min(pixels, begin + table_pixels), source, result, zeros.data());
    Index first = item / blocks * shared * block_channels<T>;
    const Index last = std::min(result.used, first + shared * block_channels<T>);
    table.move(first);
    for (; first < last; first += block_channels<T>, table.move(block_channels<T>)) {
      const Index channels = std::min(block_channels<T>, last - first);
      with_vectors<T>(channels, [&]<Index V>() {
        constexpr Index P = tile_pixels<S>(V), width = V * simd::lanes<T>;
        table.pad(P);
        const S* weight = packed + first * taps * source.used;
        // Some runs at a time, so that their weights stay in the second cache while the pixels pass.
        const Index run_bytes = std::max<Index>(1, width * source.used * taps / runs * static_cast<Index>(sizeof(S)));
        const Index at_once = std::max<Index>(1, (Index{1} << 18) / run_bytes);
        for (Index t = 0; t < runs; t += at_once) {
          const Index some = std::min(at_once, runs - t);
          const TapRun* const run = grid.runs.data() + t;
          const S* const* from = table.from.data() + t * table_pixels;
          const Epilogue<T> ends{bias ? bias + first : nullptr, t > 0, relu && t + some == runs};
          T* const* to = table.to.data();
          for (Index p = 0; p < table.pixels; p += P) {
            // Tiles that are soon to be written, and read once: no processor foresees them well.
            for (Index i = p + 2 * P; i < std::min(p + 3 * P, table.pixels); ++i) {
              if (t == 0)
                for (Index v = 0; v < V; ++v) __builtin_prefetch(to[i] + v * simd::lanes<T>, 1);
              if (runs == 1)
                for (Index c = 0; c < source.used; c += simd::lanes<T>) __builtin_prefetch(from[i] + c);
            }
            multiply_tile<T, P, V>(from + p, run, some, source.used, weight, ends, to + p, channels);
          }
          for (Index i = 0; i < some; ++i) weight += run[i].count * source.used * width;
        }
      });
    }
  });
}

}  // namespace detail

/// The weight as the forward pass uses it, for many calls; for one group.
template <class T>
Scratch<T> conv2d_direct_prepare(const Conv2dSizes& s, const T* weight) {
  return detail::pack_weights<T>(detail::forward_grid(s), detail::forward_weights(s, 0, weight));
}

/// y = [relu] (conv2d(x, weight) + bias (null: none)).   Images [n, h, w, c], weight [k, c / groups, kh, kw]. When S is
/// a pair, x has pairs of channels, with a 0 after an odd number of them in each group.
template <class T, class S>
void conv2d_direct_forward(const Conv2dSizes& s, const S* x, const T* weight, const T* bias, bool relu, T* y,
                           const S* prepared = nullptr) {
  const auto grid = detail::forward_grid(s);
  const Index used = detail::packed_channels<S>(s.group_c());
  for (Index g = 0; g < s.groups; ++g)
    detail::direct_convolve<S, T>(grid, {x, s.n, s.h, s.w, s.groups * used, g * used, used},
                                  {y, s.n, s.oh, s.ow, s.k, g * s.group_k(), s.group_k()},
                                  detail::forward_weights(s, g, weight), bias ? bias + g * s.group_k() : nullptr, relu,
                                  prepared);
}

/// dx = gradient of the input; dy may have pairs of channels.
template <class T, class S>
void conv2d_direct_backward_input(const Conv2dSizes& s, const S* dy, const T* weight, T* dx) {
  const Index used = detail::packed_channels<S>(s.group_k());
  const auto grids = detail::backward_grids(s);
  if (static_cast<Index>(grids.size()) < s.stride_h * s.stride_w) std::fill_n(dx, s.n * s.h * s.w * s.c, T{0});
  for (const auto& grid : grids)
    for (Index g = 0; g < s.groups; ++g)
      detail::direct_convolve<S, T>(grid, {dy, s.n, s.oh, s.ow, s.groups * used, g * used, used},
                                    {dx, s.n, s.h, s.w, s.c, g * s.group_c(), s.group_c()},
                                    {weight + g * s.group_k() * s.taps(), weight + s.k * s.taps(), s.kh * s.kw,
                                     s.group_c(), s.group_k(), s.kh * s.kw, s.taps()},
                                    nullptr, false);
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
