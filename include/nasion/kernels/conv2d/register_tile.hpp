#pragma once
// The innermost loops of convolution, by direct summation and by Winograd's method. A tile of sums stays in registers
// from its first product to its last, so that each weight that is loaded serves several pixels, and each element of the
// source several vectors of channels.

#include <algorithm>

#include "nasion/core/bfloat16.hpp"
#include "nasion/kernels/activation.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// Vectors of channels in a tile, at most. They divide the registers with tile_pixels(): 7 x 4 sums and 4 weights are
/// all 32 registers of AVX-512; 6 x 2 sums, 2 weights and an element of the source are 15 of the 16 of AVX2.
inline constexpr Index tile_vectors = simd::register_count >= 32 ? 4 : 2;
/// Channels in a tile, and so in a block of packed weights.
template <class T>
inline constexpr Index block_channels = tile_vectors* simd::lanes<T>;

/// Pixels in a tile of `vectors`, so that the sums fit into the registers beside the weights. They divide table_pixels.
/// AVX-512 takes elements of the source from memory within the multiplication, but pairs need a register.
template <class S = float>
constexpr Index tile_pixels(Index vectors) {
  if (vectors == 4 && simd::elements_per_lane<S> == 2) return 6;
  return simd::register_count < 32 ? (vectors == 2 ? 6 : 12) : vectors == 4 ? 7 : vectors == 3 ? 8 : 14;
}

/// Pixels in a table of pointers: the smallest number that all tile_pixels() divide. Of 64 float channels these pixels
/// are 42 KiB, which L1 (32 to 48 KiB) nearly holds for all blocks of result channels.
inline constexpr Index table_pixels = 168;
/// Half as many for the gradient of the weight, which reads two images.
inline constexpr Index weight_table_pixels = table_pixels / 2;

/// `count` taps that read pixels side by side: the first reads `row` and `column` from where the result's pixel is and
/// uses weight `tap`, each next one the pixel to the right and the weight `step` further.
struct TapRun {
  Index row, column, count, tap, step;
};

/// relu (`high` is infinity) or relu6 of results that are in a register. NaN stays.
template <class Vec>
[[gnu::always_inline]] inline Vec limited(const Vec& v, const Vec& high) {
  const Vec positive = v < Vec{} ? Vec{} : v;
  return positive > high ? high : positive;
}

/// How a tile begins and ends: it adds to the results that are there, or to the bias (null: 0), and may limit
/// them, for relu and relu6.
template <class T>
struct Epilogue {
  const T* bias = nullptr;
  bool add = false;
  Activation limits = Activation::none;  ///< those of a curve are none
  bool streams = false;                  ///< past the caches: whole vectors, nothing added
};

/// P pixels x V vectors of result = sum over `count` runs of source times weight. src[run * table_pixels + p] is where
/// a run reads `used` channels per tap for pixel p; weight is packed, V vectors for each element of a run. Only the
/// first `channels` of dst's vectors are results, and stored.
template <class T, Index P, Index V, class S>
void multiply_tile(const S* const* src, const TapRun* runs, Index count, Index used, const S* weight,
                   const Epilogue<T>& epilogue, T* const* dst, Index channels) {
  using Vec = simd::Vector<T>;
  constexpr Index lanes = simd::lanes<T>;
  Vec sum[P][V], start[V] = {};
  const Index tail = channels - (V - 1) * lanes;  // elements in the last vector
  if (epilogue.bias && !epilogue.add)
    for (Index v = 0; v < V; ++v) start[v] = simd::load_n(epilogue.bias + v * lanes, v + 1 < V ? lanes : tail);
  for (Index p = 0; p < P; ++p)
    for (Index v = 0; v < V; ++v) sum[p][v] = start[v];
  for (Index t = 0; t < count; ++t, src += table_pixels) {
    const S* x[P];
    for (Index p = 0; p < P; ++p) x[p] = src[p];
    const Index elements = runs[t].count * used;
    for (Index c = 0; c < elements; ++c, weight += V * lanes) {
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
  const Vec high = simd::broadcast(upper_limit<T>(epilogue.limits));
  // Added last, so that partial sums round by themselves; and all before the first store: a pixel may come twice.
  if (epilogue.add)
#pragma GCC unroll 16
    for (Index p = 0; p < P; ++p)
#pragma GCC unroll 4
      for (Index v = 0; v < V; ++v) sum[p][v] += simd::load_n(dst[p] + v * lanes, v + 1 < V ? lanes : tail);
  if (epilogue.limits != Activation::none)
#pragma GCC unroll 16
    for (Index p = 0; p < P; ++p)
#pragma GCC unroll 4
      for (Index v = 0; v < V; ++v) sum[p][v] = limited(sum[p][v], high);
  if (epilogue.streams)
#pragma GCC unroll 16
    for (Index p = 0; p < P; ++p)
#pragma GCC unroll 4
      for (Index v = 0; v < V; ++v) simd::stream(dst[p] + v * lanes, sum[p][v]);
  else
#pragma GCC unroll 16
    for (Index p = 0; p < P; ++p)
#pragma GCC unroll 4
      for (Index v = 0; v < V; ++v) simd::store_n(dst[p] + v * lanes, sum[p][v], v + 1 < V ? lanes : tail);
}

/// Calls f<V>() with the number of vectors that `channels` fill, at most tile_vectors: tiles need it as a constant.
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

/// Channels of the block that starts at `first`, padded to whole vectors.
template <class T>
Index block_width(Index first, Index channels) {
  const Index count = std::min(block_channels<T>, channels - first);
  return (count + simd::lanes<T> - 1) / simd::lanes<T> * simd::lanes<T>;
}

/// Calls f<n>() for n = size, which is 1 .. most.
template <Index most, class F>
void with_size(Index size, F&& f) {
  if constexpr (most > 1)
    if (size < most) return with_size<most - 1>(size, f);
  f.template operator()<most>();
}

/// What a tile prefetches while it computes: with each pixel the pair of cache lines at `at`, which is not null and
/// moves by `step` bytes.
struct Lookahead {
  const void* at;
  Index step;
};

/// The tile of the gradient of the weight: C elements of the source x V vectors of dy, sums (+)= source times dy over
/// pixels, which are x_stride and dy_stride elements apart.
template <class T, Index C, Index V, class S>
void weight_tile(const S* x, Index x_stride, Index pixels, const S* dy, Index dy_stride, T* sums, bool add,
                 Lookahead next) {
  using Vec = simd::Vector<T>;
  constexpr Index lanes = simd::lanes<T>;
  auto* ahead = static_cast<const char*>(next.at);
  Vec sum[C][V] = {};  // of these pixels alone: many short sums lose fewer digits than one long one
  for (Index p = 0; p < pixels; ++p, x += x_stride, dy += dy_stride, ahead += next.step) {
    __builtin_prefetch(ahead);
    __builtin_prefetch(ahead + 64);
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
      T* const dst = sums + (c * V + v) * lanes;
      simd::store(dst, add ? simd::load(dst) + sum[c][v] : sum[c][v]);
    }
}

/// The same for `elements` of the source, in as few tiles as that takes, of nearly equal sizes: a tile of one or two
/// elements would wait for its own sums. next() is what each tile prefetches.
template <class T, Index V, class S, class Next>
void weight_tiles(const S* x, Index x_stride, Index pixels, const S* dy, Index dy_stride, T* sums, Index elements,
                  bool add, Next&& next) {
  constexpr Index C = tile_pixels<S>(V);
  const Index tiles = (elements + C - 1) / C;
  for (Index t = 0; t < tiles; ++t) {
    const Index c = t * elements / tiles;
    with_size<C>((t + 1) * elements / tiles - c, [&]<Index size>() {
      weight_tile<T, size, V>(x + c, x_stride, pixels, dy, dy_stride, sums + c * V * simd::lanes<T>, add, next());
    });
  }
}

/// Stride of pixels of so many elements: padded to whole vectors and one more. With a stride of a power of two, pixels
/// would share a few sets of L1 and evict each other.
template <class T>
constexpr Index padded_stride(Index elements) {
  return (elements + 2 * simd::lanes<T> - 1) / simd::lanes<T> * simd::lanes<T>;
}

}  // namespace detail

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
