#pragma once
// Direct convolution of channels-last images: no im2col. A tile of results, some pixels by some vectors of channels,
// stays in registers while the elements that make it up stream through; a table of pointers says where they are. Any
// stride, padding, dilation and number of groups takes the same loops, and one channel is as good as many.
//
// The loops, from the outermost: tables of pixels (in parallel), blocks of result channels, runs of taps as far as
// their weights fit into L2, register tiles, elements of a run. So weights are read from L2 by each tile of a table,
// pixels from L1 by each block of channels, and sums never leave their registers within a run.
//
// Weights are [k, c / groups, kh, kw], and packed for use: [blocks of result channels][runs][elements of the run]
// [channels of the block].

#include <vector>

#include "nasion/core/parallel.hpp"
#include "nasion/kernels/conv2d/indirection.hpp"
#include "nasion/kernels/conv2d/kernel.hpp"
#include "nasion/kernels/conv2d/weights.hpp"
#include "nasion/kernels/stream.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// Weights in the order in which the tiles of this grid read them.
template <class S, class T>
Scratch<S> pack_weights(const PixelGrid& grid, const WeightView<T>& weights) {
  constexpr Index lanes = simd::lanes<T>, held = simd::elements_per_lane<S>;
  const Index taps = grid.taps(), sources = packed_channels<S>(weights.sources);
  std::vector<Index> place(static_cast<std::size_t>(weights.taps), -1);  // of a tap in the runs
  Index next = 0;
  for (const auto& run : grid.runs)
    for (Index i = 0; i < run.count; ++i) place[static_cast<std::size_t>(run.tap + i * run.step)] = next++;
  Scratch<S> packed((weights.results + lanes - 1) / lanes * lanes * taps * sources);
  parallel_for((weights.results + lanes - 1) / lanes, 1, [&](Index vector, Index) {
    const Index k = vector * lanes, first = k / block_channels<T> * block_channels<T>;
    const Index width = block_width<T>(first, weights.results);
    S* const block = packed.data() + first * taps * sources + (k - first);
    const auto put = [&](Index tap, Index c, const simd::Vector<T>& values) {
      simd::store_element(block + (tap * sources + c / held) * width, values, c % held);
    };
    if (weights.taps == 1 && weights.source_stride == 1) {  // 1x1: channels are contiguous, as taps of one would be
      WeightView<T> rows{weights};
      rows.taps = weights.sources;
      return rows.gather(k, 0, [&](Index c, const simd::Vector<T>& values) { put(0, c, values); });
    }
    for (Index c = 0; c < weights.sources; ++c)
      weights.gather(k, c, [&](Index t, const simd::Vector<T>& values) {
        const Index tap = place[static_cast<std::size_t>(t)];
        if (tap >= 0) put(tap, c, values);
      });
  });
  return packed;
}

/// The pixels of a table by V vectors of result channels, of which `channels` are stored, past the caches where the
/// result is `large`. Weight and bias (null: 0) are
/// those of these channels, and a tap reads `used` channels of the source.
template <Index V, class S, class T>
[[gnu::always_inline]] inline void convolve_table(const PixelGrid& grid, const PointerTable<S, T>& table, Index used,
                                                  const S* weight, const T* bias, Activation activation, Index channels,
                                                  bool large) {
  constexpr Index P = tile_pixels<S>(V), width = V * simd::lanes<T>;
  const Index runs = static_cast<Index>(grid.runs.size());
  // As many runs at a time as have weights of 256 KiB, a small L2, which then stay there while the pixels pass.
  const Index run_bytes = std::max<Index>(1, width * used * grid.taps() / runs * static_cast<Index>(sizeof(S)));
  const Index step = std::max<Index>(1, (Index{1} << 18) / run_bytes);
  const bool streams = large && step >= runs && channels == width && !is_curve(activation);  // each result comes once
  for (Index t = 0; t < runs; t += step) {
    const Index count = std::min(step, runs - t);
    const TapRun* const run = grid.runs.data() + t;
    const S* const* src = table.src.data() + t * table_pixels;
    const Epilogue<T> epilogue{bias, t > 0, t + count == runs && is_limit(activation) ? activation : Activation::none,
                               streams};
    T* const* dst = table.dst.data();
    for (Index p = 0; p < table.pixels; p += P) {
      // Prefetches the tile after the next: results are written, and 1x1 kernels read, once and through pointers, which
      // hardware does not foresee.
      for (Index i = p + 2 * P; i < std::min(p + 3 * P, table.pixels); ++i) {
        if (t == 0 && !streams)
          for (Index v = 0; v < V; ++v) __builtin_prefetch(dst[i] + v * simd::lanes<T>, 1);
        if (runs == 1)
          for (Index c = 0; c < used; c += simd::lanes<T>) __builtin_prefetch(src[i] + c);
      }
      multiply_tile<T, P, V>(src + p, run, count, used, weight, epilogue, dst + p, channels);
    }
    for (Index i = 0; i < count; ++i) weight += run[i].count * used * width;
  }
  if (is_curve(activation))  // of what is in L2 still
    for (Index p = 0; p < table.pixels; ++p) activate(activation, channels, table.dst[static_cast<std::size_t>(p)]);
}

/// result = activation(bias + the sum over the grid's taps), for all pixels of the grid. `prepared` (null: not done) is
/// of pack_weights().
template <class S, class T>
void direct_convolve(const PixelGrid& grid, const Images<const S>& source, const Images<T>& result,
                     const WeightView<T>& weights, const T* bias, Activation activation, const S* prepared = nullptr) {
  const Scratch<S> packed_here = prepared ? Scratch<S>(0) : pack_weights<S>(grid, weights);
  const S* const packed = prepared ? prepared : packed_here.data();
  const Index pixels = source.n * grid.rows * grid.columns;
  const Index blocks = (pixels + table_pixels - 1) / table_pixels, taps = grid.taps();
  const Index channel_blocks = (result.used + block_channels<T> - 1) / block_channels<T>;
  // Blocks of channels share a table as far as their weights fit into 128 KiB, half of a small L2, and enough pieces of
  // work (64) are left for many threads.
  const Index block_bytes = block_channels<T> * taps * source.used * static_cast<Index>(sizeof(S));
  const Index shared =
      std::max<Index>(1, std::min((Index{1} << 17) / std::max<Index>(1, block_bytes), blocks * channel_blocks / 64));
  const std::vector<S> zeros(static_cast<std::size_t>(taps * source.used));
  const bool large =
      streams_vectors(result.data + result.first, result.n * result.h * result.w * result.channels, result.channels);
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
        table.pad(tile_pixels<S>(V));
        convolve_table<V>(grid, table, source.used, packed + first * taps * source.used, bias ? bias + first : nullptr,
                          activation, channels, large);
      });
    }
    if (large) simd::stream_fence();
  });
}

/// Whether the kernel covers the image as a whole, so that each of its pixels is reached by one tap.
inline bool covers_image(const Conv2dSizes& s) {
  return s.groups == 1 && s.kh == s.h && s.kw == s.w && s.oh == 1 && s.ow == 1 && s.pad_h == 0 && s.pad_w == 0 &&
         s.dilation_h == 1 && s.dilation_w == 1;
}

/// The weight [k, c, taps] as [k, taps, c].
template <class T>
Scratch<T> taps_first(const Conv2dSizes& s, const T* weight) {
  constexpr Index lanes = simd::lanes<T>;
  const auto view = backward_weights(s, 0, weight);
  Scratch<T> result(s.k * s.taps());
  parallel_for(s.k, 1, [&](Index k, Index) {
    T* const to = result.data() + k * s.taps();
    for (Index c = 0; c < s.c; c += lanes)
      view.gather(c, k, [&](Index t, const simd::Vector<T>& v) { simd::store_n(to + t * s.c + c, v, s.c - c); });
  });
  return result;
}

}  // namespace detail

/// The weight as the forward pass uses it, for many calls; for one group.
template <class T>
Scratch<T> conv2d_direct_prepare(const Conv2dSizes& s, const T* weight) {
  return detail::pack_weights<T>(detail::forward_grid(s), detail::forward_weights(s, 0, weight));
}

/// y = activation(conv2d(x, weight) + bias (null: none)).   Images [n, h, w, c], weight [k, c / groups, kh, kw]. When S
/// is a pair, x has pairs of channels, each group padded with a 0 to an even number of them.
template <class T, class S>
void conv2d_direct_forward(const Conv2dSizes& s, const S* x, const T* weight, const T* bias, Activation activation,
                           T* y, const S* prepared = nullptr) {
  const auto grid = detail::forward_grid(s);
  for (Index g = 0; g < s.groups; ++g)
    detail::direct_convolve<S, T>(grid, detail::input_images(s, g, x), detail::output_images(s, g, y),
                                  detail::forward_weights(s, g, weight), bias ? bias + g * s.group_k() : nullptr,
                                  activation, prepared);
}

/// dx = gradient of the input; dy may have pairs of channels.
template <class T, class S>
void conv2d_direct_backward_input(const Conv2dSizes& s, const S* dy, const T* weight, T* dx) {
  if (detail::covers_image(s) && s.kh * s.kw > 1) {  // one pixel of dy: dx is a matrix product, a 1x1 convolution
    const auto reordered = detail::taps_first(s, weight);
    const Conv2dSizes one{.n = s.n, .c = s.h * s.w * s.c, .h = 1, .w = 1, .k = s.k, .kh = 1, .kw = 1, .oh = 1, .ow = 1};
    return conv2d_direct_backward_input(one, dy, reordered.data(), dx);
  }
  const auto grids = detail::backward_grids(s);
  if (static_cast<Index>(grids.size()) < s.stride_h * s.stride_w) std::fill_n(dx, s.n * s.h * s.w * s.c, T{0});
  for (const auto& grid : grids)
    for (Index g = 0; g < s.groups; ++g)
      detail::direct_convolve<S, T>(grid, detail::output_images(s, g, dy), detail::input_images(s, g, dx),
                                    detail::backward_weights(s, g, weight), nullptr, Activation::none);
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
