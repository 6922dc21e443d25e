#pragma once
// The innermost loops of convolutions by direct summation and by Winograd's method: a tile of sums stays in registers,
// from the first product to the last.

#include <algorithm>

#include "nasion/core/bfloat16.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// Vectors of channels in a tile, at most: four can be loaded while two are multiplied.
inline constexpr Index tile_vectors = simd::register_count >= 32 ? 4 : 2;
template <class T>
inline constexpr Index block_channels = tile_vectors* simd::lanes<T>;

/// Pixels in a tile of `vectors`: about as many as the registers hold beside the weights. They divide table_pixels.
/// Numbers of the source are factors in memory, but pairs take a register.
template <class S = float>
constexpr Index tile_pixels(Index vectors) {
  if (vectors == 4 && simd::numbers_in<S> == 2) return 6;
  return simd::register_count < 32 ? (vectors == 2 ? 6 : 12) : vectors == 4 ? 7 : vectors == 3 ? 8 : 14;
}

inline constexpr Index table_pixels = 168;        // pixels in a table, whose data should stay in the first cache
inline constexpr Index weight_table_pixels = 84;  // the same for the gradient of weights, which reads two images

/// `count` taps that read pixels side by side: the first reads `row` and `column` from where the result's pixel is and
/// uses weight `tap`, each next one the pixel to the right and the weight `step` further.
struct TapRun {
  Index row, column, count, tap, step;
};

/// How a tile begins and ends: it adds to the results that are there, or to the bias (null: 0); negative results may
/// become 0.
template <class T>
struct Epilogue {
  const T* bias = nullptr;
  bool add = false, relu = false;
};

/// P pixels x V vectors of result = sum over runs of source times weight. Only the first `channels` of the vectors are
/// results.
template <class T, Index P, Index V, class S>
void multiply_tile(const S* const* from, const TapRun* runs, Index count, Index used, const S* weight,
                   const Epilogue<T>& ends, T* const* to, Index channels) {
  using Vec = simd::Vector<T>;
  constexpr Index lanes = simd::lanes<T>;
  Vec sum[P][V], start[V] = {};
  const Index last = channels - (V - 1) * lanes;  // numbers in the last vector
  if (ends.bias && !ends.add)
    for (Index v = 0; v < V; ++v) start[v] = simd::load_some(ends.bias + v * lanes, v + 1 < V ? lanes : last);
  for (Index p = 0; p < P; ++p)
    for (Index v = 0; v < V; ++v) sum[p][v] = start[v];
  for (Index t = 0; t < count; ++t, from += table_pixels) {
    const S* x[P];
    for (Index p = 0; p < P; ++p) x[p] = from[p];
    const Index numbers = runs[t].count * used;
    for (Index c = 0; c < numbers; ++c, weight += V * lanes) {
      simd::Vector<S> factor[V];
      for (Index v = 0; v < V; ++v) factor[v] = simd::load(weight + v * lanes);
#pragma GCC unroll 16
      for (Index p = 0; p < P; ++p) {
        const auto value = simd::broadcast(x[p][c]);
#pragma GCC unroll 4
        for (Index v = 0; v < V; ++v) simd::add_product(sum[p][v], value, factor[v]);
      }
    }
  }
  // Added last, so that parts are summed by themselves; and all before the first is stored: a pixel may come twice.
  if (ends.add)
#pragma GCC unroll 16
    for (Index p = 0; p < P; ++p)
#pragma GCC unroll 4
      for (Index v = 0; v < V; ++v) sum[p][v] += simd::load_some(to[p] + v * lanes, v + 1 < V ? lanes : last);
#pragma GCC unroll 16
  for (Index p = 0; p < P; ++p)
#pragma GCC unroll 4
    for (Index v = 0; v < V; ++v) {
      Vec value = sum[p][v];
      if (ends.relu) value = value < Vec{} ? Vec{} : value;
      simd::store_some(to[p] + v * lanes, value, v + 1 < V ? lanes : last);
    }
}

/// Calls f<V>() with the number of vectors that `channels` fill, at most tile_vectors.
template <class T, class F>
void with_vectors(Index channels, F&& f) {
  const Index vectors = std::min(tile_vectors, (channels + simd::lanes<T> - 1) / simd::lanes<T>);
  if constexpr (tile_vectors >= 4) {
    if (vectors == 4) return f.template operator()<4>();
    if (vectors == 3) return f.template operator()<3>();
  }
  if (vectors == 2) return f.template operator()<2>();
  f.template operator()<1>();
}

/// Channels of the block that starts at `first`, as whole vectors.
template <class T>
Index block_width(Index first, Index channels) {
  const Index rest = std::min(block_channels<T>, channels - first);
  return (rest + simd::lanes<T> - 1) / simd::lanes<T> * simd::lanes<T>;
}

/// C numbers of the source x V vectors of dy: sums += source times dy over pixels, which lie so far apart.
template <class T, Index C, Index V, class S>
void weight_tile(const S* x, Index x_step, Index pixels, const S* dy, Index dy_step, T* sums) {
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
void weight_tiles(const S* x, Index x_step, Index pixels, const S* dy, Index dy_step, T* sums, Index numbers) {
  Index c = 0;
  const auto tile_of = [&]<Index some>() {
    weight_tile<T, some, V>(x + c, x_step, pixels, dy, dy_step, sums + c * V * simd::lanes<T>);
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
constexpr Index padded_stride(Index numbers) {
  return (numbers + 2 * simd::lanes<T> - 1) / simd::lanes<T> * simd::lanes<T>;
}

}  // namespace detail

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
