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

#include <array>
#include <vector>

#include "nasion/core/bfloat16.hpp"
#include "nasion/core/strided.hpp"
#include "nasion/kernels/im2col.hpp"
#include "nasion/kernels/scratch.hpp"

namespace nasion::kernels::inline NASION_INSTRUCTION_SET {

namespace detail {

/// Vectors of channels in a tile, at most: four can be loaded while two are multiplied.
inline constexpr Index direct_vectors = simd::register_count >= 32 ? 4 : 2;
template <class T>
inline constexpr Index direct_channels = direct_vectors* simd::lanes<T>;

/// Pixels in a tile of `vectors`: about as many as the registers hold beside the weights. They divide direct_block.
/// Numbers of the source are factors in memory, but pairs take a register.
template <class S = float>
constexpr Index direct_pixels(Index vectors) {
  if (vectors == 4 && simd::numbers_in<S> == 2) return 6;
  return simd::register_count < 32 ? (vectors == 2 ? 6 : 12) : vectors == 4 ? 7 : vectors == 3 ? 8 : 14;
}

inline constexpr Index direct_block = 168;        // pixels in a table, whose data should stay in the first cache
inline constexpr Index direct_weight_block = 84;  // the same for the gradient of weights, which reads two images

/// `count` taps that read pixels side by side: the first reads `row` and `column` from where the result's pixel is and
/// uses weight `tap`, each next one the pixel to the right and the weight `step` further.
struct DirectRun {
  Index row, column, count, tap, step;
};

/// Result pixels on a regular grid, which all use the same taps. Grid pixel (r, c) is pixel
/// (to_row + r to_step_h, to_column + c to_step_w) of the result, and a run starts at pixel
/// (r from_step_h + run.row, c from_step_w + run.column) of the source.
struct DirectGrid {
  Index rows, columns;
  Index to_row = 0, to_column = 0, to_step_h = 1, to_step_w = 1, from_step_h = 1, from_step_w = 1;
  std::vector<DirectRun> runs;

  Index taps() const {
    Index sum = 0;
    for (const auto& run : runs) sum += run.count;
    return sum;
  }
};

/// Images [n, h, w, channels] of which a group uses `used` channels from `first` on.
template <class T>
struct DirectImages {
  T* data;
  Index n, h, w, channels, first, used;

  T* pixel(Index image, Index row, Index column) const {
    return data + ((image * h + row) * w + column) * channels + first;
  }
  bool inside(Index row, Index column) const { return row >= 0 && row < h && column >= 0 && column < w; }
};

/// The forward pass: one grid, of all result pixels.
inline DirectGrid direct_forward_grid(const Conv2dSizes& s) {
  DirectGrid grid{.rows = s.oh, .columns = s.ow, .from_step_h = s.stride_h, .from_step_w = s.stride_w, .runs = {}};
  const bool neighbours = s.groups == 1 && s.dilation_w == 1;
  for (Index i = 0; i < s.kh; ++i)
    for (Index j = 0; j < s.kw; j += neighbours ? s.kw : 1)
      grid.runs.push_back(
          {i * s.dilation_h - s.pad_h, j * s.dilation_w - s.pad_w, neighbours ? s.kw : 1, i * s.kw + j, 1});
  return grid;
}

/// The gradient of the input: pixels of the input that are `stride` apart use the same taps. Those that no tap reaches
/// have no grid.
inline std::vector<DirectGrid> direct_backward_grids(const Conv2dSizes& s) {
  std::vector<DirectGrid> grids;
  for (Index a = 0; a < std::min(s.stride_h, s.h); ++a)
    for (Index b = 0; b < std::min(s.stride_w, s.w); ++b) {
      DirectGrid grid{.rows = (s.h - a + s.stride_h - 1) / s.stride_h,
                      .columns = (s.w - b + s.stride_w - 1) / s.stride_w,
                      .to_row = a,
                      .to_column = b,
                      .to_step_h = s.stride_h,
                      .to_step_w = s.stride_w,
                      .runs = {}};
      for (Index i = 0; i < s.kh; ++i) {
        const Index row = a + s.pad_h - i * s.dilation_h;
        if (row % s.stride_h != 0) continue;
        bool extends = false;  // the last run, by one pixel
        for (Index j = s.kw; j-- > 0;) {
          const Index column = b + s.pad_w - j * s.dilation_w, tap = i * s.kw + j;
          if (column % s.stride_w != 0) continue;
          auto* last = extends ? &grid.runs.back() : nullptr;
          if (last && s.groups == 1 && column / s.stride_w == last->column + last->count &&
              (last->count == 1 || tap == last->tap + last->count * last->step)) {
            if (last->count == 1) last->step = tap - last->tap;
            ++last->count;
          } else {
            grid.runs.push_back({row / s.stride_h, column / s.stride_w, 1, tap, 0});
            extends = true;
          }
        }
      }
      if (!grid.runs.empty()) grids.push_back(std::move(grid));
    }
  return grids;
}

/// Where a block of a grid's pixels, counted through all images, reads and writes.
template <class S, class T>
struct DirectTable {
  std::vector<const S*> from;  // [runs][direct_block]
  std::array<T*, direct_block> to;
  Index pixels = 0;
  std::vector<S> edges;  // runs that reach beyond an image, with zeros there

  void fill(const DirectGrid& grid, Index begin, Index end, const DirectImages<const S>& source,
            const DirectImages<T>& result, const S* zeros) {
    pixels = end - begin;
    from.resize(grid.runs.size() * static_cast<std::size_t>(direct_block));
    edges.resize(static_cast<std::size_t>(grid.taps() * source.used * pixels));
    S* edge = edges.data();
    for (Index p = 0; p < pixels;) {  // one row of the grid, or what the block has of it, at a time
      const Index image = (begin + p) / (grid.rows * grid.columns), row = (begin + p) / grid.columns % grid.rows;
      const Index column = (begin + p) % grid.columns, some = std::min(pixels - p, grid.columns - column);
      T* const result_row = result.pixel(image, grid.to_row + row * grid.to_step_h, grid.to_column);
      for (Index i = 0; i < some; ++i)
        to[static_cast<std::size_t>(p + i)] = result_row + (column + i) * grid.to_step_w * result.channels;
      const S** at = from.data() + p;
      for (const DirectRun& run : grid.runs) {
        edge = fill_row(run, grid.from_step_w, row * grid.from_step_h + run.row, column, some, image, source, zeros, at,
                        edge);
        at += direct_block;
      }
      p += some;
    }
  }

  /// Lets tiles of `tile` pixels end with the block: the last pixel comes again, with the same result.
  void pad(Index tile) {
    const auto last = static_cast<std::size_t>(pixels - 1);
    const Index more = (tile - pixels % tile) % tile;
    std::fill_n(to.begin() + pixels, more, to[last]);
    for (auto at = from.begin(); at < from.end(); at += direct_block) std::fill_n(at + pixels, more, at[pixels - 1]);
  }
  /// Goes to another channel of the result.
  void move(Index channels) {
    for (Index p = 0; p < pixels; ++p) to[static_cast<std::size_t>(p)] += channels;
  }

 private:
  /// Where a run reads for `some` pixels of a row. Returns the end of the edges.
  static S* fill_row(const DirectRun& run, Index step, Index y, Index column, Index some, Index image,
                     const DirectImages<const S>& source, const S* zeros, const S** at, S* edge) {
    if (y < 0 || y >= source.h) {
      std::fill_n(at, some, zeros);
      return edge;
    }
    const S* const source_row = source.pixel(image, y, 0);
    const Index first_x = column * step + run.column, most = source.w - run.count;
    const auto at_edge = [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        const Index x = first_x + i * step;
        at[i] = zeros;
        if (x + run.count <= 0 || x >= source.w) continue;
        const Index first = std::max<Index>(0, -x), last = std::min(run.count, source.w - x);
        std::fill_n(edge, first * source.used, S{});
        std::copy_n(source_row + (x + first) * source.channels, (last - first) * source.used,
                    edge + first * source.used);
        std::fill_n(edge + last * source.used, (run.count - last) * source.used, S{});
        at[i] = edge;
        edge += run.count * source.used;
      }
    };
    // Most pixels are apart, in a loop for vectors.
    const Index begin = std::clamp<Index>((step - 1 - first_x) / step, 0, some);
    const Index end = std::clamp<Index>(most < first_x ? 0 : (most - first_x) / step + 1, begin, some);
    at_edge(0, begin);
    for (Index i = begin; i < end; ++i) at[i] = source_row + (first_x + i * step) * source.channels;
    at_edge(end, some);
    return edge;
  }
};

/// How a tile begins and ends: it adds to the results that are there, or to the bias (null: 0); negative results may
/// become 0.
template <class T>
struct DirectEnds {
  const T* bias = nullptr;
  bool add = false, relu = false;
};

/// P pixels x V vectors of result = sum over runs of source times weight. Only the first `channels` of the vectors are
/// results.
template <class T, Index P, Index V, class S>
void direct_tile(const S* const* from, const DirectRun* runs, Index count, Index used, const S* weight,
                 const DirectEnds<T>& ends, T* const* to, Index channels) {
  using Vec = simd::Vector<T>;
  constexpr Index lanes = simd::lanes<T>;
  Vec sum[P][V], start[V] = {};
  const Index last = channels - (V - 1) * lanes;  // numbers in the last vector
  if (ends.bias && !ends.add)
    for (Index v = 0; v < V; ++v) start[v] = simd::load_some(ends.bias + v * lanes, v + 1 < V ? lanes : last);
  for (Index p = 0; p < P; ++p)
    for (Index v = 0; v < V; ++v) sum[p][v] = start[v];
  for (Index t = 0; t < count; ++t, from += direct_block) {
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

/// Calls f<V>() with the number of vectors that `channels` fill, at most direct_vectors.
template <class T, class F>
void with_vectors(Index channels, F&& f) {
  const Index vectors = std::min(direct_vectors, (channels + simd::lanes<T> - 1) / simd::lanes<T>);
  if constexpr (direct_vectors >= 4) {
    if (vectors == 4) return f.template operator()<4>();
    if (vectors == 3) return f.template operator()<3>();
  }
  if (vectors == 2) return f.template operator()<2>();
  f.template operator()<1>();
}

/// Channels of the block that starts at `first`, as whole vectors.
template <class T>
Index direct_width(Index first, Index channels) {
  const Index rest = std::min(direct_channels<T>, channels - first);
  return (rest + simd::lanes<T> - 1) / simd::lanes<T> * simd::lanes<T>;
}

/// Weights [k, c, taps] as a convolution uses them: its result and source channels are k and c, or c and k.
template <class T>
struct DirectWeights {
  const T *data, *end;
  Index taps, results, sources, result_step, source_step;

  /// out[t] = tap t, from one source channel to `lanes` result channels from k on (zeros beyond the last).
  template <class Out>
  void gather(Index k, Index c, Out&& out) const {
    constexpr Index lanes = simd::lanes<T>;
    const T* from = data + k * result_step + c * source_step;
    const Index some = std::min(lanes, results - k);
    if (taps == 1 && result_step == 1) return out(0, simd::load_some(from, some));
    Index t = 0;
    for (; taps - t >= 4; t += lanes) {  // rows of one result channel each become vectors of one tap each
      simd::Vector<T> rows[lanes] = {};
      for (Index i = 0; i < some; ++i) {
        const T* row = from + i * result_step + t;
        rows[i] = simd::load_some(row, end - row);
        __builtin_prefetch(row + 8 * source_step);  // channels may be far apart
      }
      simd::transpose<T>(rows);
      for (Index i = 0; i < std::min(lanes, taps - t); ++i) out(t + i, rows[i]);
    }
    for (; t < taps; ++t) {  // too few for that
      T values[lanes] = {};
      for (Index i = 0; i < some; ++i) values[i] = from[i * result_step + t];
      out(t, simd::load(values));
    }
  }
};

/// The other way: number n of row i of `to` = number i of vector value(n), for n = 0 .. numbers-1; rows are `step`
/// apart.
template <class T, class Value>
void direct_scatter(T* to, Index rows, Index step, Index numbers, Value&& value) {
  constexpr Index lanes = simd::lanes<T>;
  for (Index n = 0; n < numbers; n += lanes) {
    simd::Vector<T> block[lanes];
    for (Index i = 0; i < lanes; ++i) block[i] = value(std::min(n + i, numbers - 1));
    simd::transpose<T>(block);
    for (Index i = 0; i < rows; ++i) simd::store_some(to + i * step + n, block[i], numbers - n);
  }
}

/// What holds the channels of a group in one pixel.
template <class S>
constexpr Index direct_used(Index channels) {
  return (channels + simd::numbers_in<S> - 1) / simd::numbers_in<S>;
}

/// Weights in the order in which the tiles of this grid read them.
template <class S, class T>
Scratch<S> direct_pack(const DirectGrid& grid, const DirectWeights<T>& weights) {
  constexpr Index lanes = simd::lanes<T>, held = simd::numbers_in<S>;
  const Index taps = grid.taps(), sources = direct_used<S>(weights.sources);
  std::vector<Index> place(static_cast<std::size_t>(weights.taps), -1);  // of a tap in the runs
  Index next = 0;
  for (const auto& run : grid.runs)
    for (Index i = 0; i < run.count; ++i) place[static_cast<std::size_t>(run.tap + i * run.step)] = next++;
  Scratch<S> packed((weights.results + lanes - 1) / lanes * lanes * taps * sources);
  parallel_for((weights.results + lanes - 1) / lanes, 1, [&](Index vector, Index) {
    const Index k = vector * lanes, first = k / direct_channels<T> * direct_channels<T>;
    const Index width = direct_width<T>(first, weights.results);
    S* const to = packed.data() + first * taps * sources + (k - first);
    const auto put = [&](Index at, Index c, const simd::Vector<T>& values) {
      simd::store_numbers(to + (at * sources + c / held) * width, values, c % held);
    };
    if (weights.taps == 1 && weights.source_step == 1) {  // channels lie as taps of one channel would
      DirectWeights<T> rows{weights};
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
void direct_convolve(const DirectGrid& grid, const DirectImages<const S>& source, const DirectImages<T>& result,
                     const DirectWeights<T>& weights, const T* bias, bool relu, const S* prepared = nullptr) {
  const Scratch<S> own = prepared ? Scratch<S>(0) : direct_pack<S>(grid, weights);
  const S* const packed = prepared ? prepared : own.data();
  const Index pixels = source.n * grid.rows * grid.columns, runs = static_cast<Index>(grid.runs.size());
  const Index blocks = (pixels + direct_block - 1) / direct_block, taps = grid.taps();
  const Index channel_blocks = (result.used + direct_channels<T> - 1) / direct_channels<T>;
  // Blocks of channels share a table as far as their weights stay in the second cache together, and enough pieces of
  // work are left for many threads.
  const Index block_bytes = direct_channels<T> * taps * source.used * static_cast<Index>(sizeof(S));
  const Index shared =
      std::max<Index>(1, std::min((Index{1} << 17) / std::max<Index>(1, block_bytes), blocks * channel_blocks / 64));
  const std::vector<S> zeros(static_cast<std::size_t>(taps * source.used));
  parallel_for(blocks * ((channel_blocks + shared - 1) / shared), 1, [&](Index item, Index) {
    const Index begin = item % blocks * direct_block;
    thread_local DirectTable<S, T> table;
    table.fill(grid, begin, std::min(pixels, begin + direct_block), source, result, zeros.data());
    Index first = item / blocks * shared * direct_channels<T>;
    const Index last = std::min(result.used, first + shared * direct_channels<T>);
    table.move(first);
    for (; first < last; first += direct_channels<T>, table.move(direct_channels<T>)) {
      const Index channels = std::min(direct_channels<T>, last - first);
      with_vectors<T>(channels, [&]<Index V>() {
        constexpr Index P = direct_pixels<S>(V), width = V * simd::lanes<T>;
        table.pad(P);
        const S* weight = packed + first * taps * source.used;
        // Some runs at a time, so that their weights stay in the second cache while the pixels pass.
        const Index run_bytes = std::max<Index>(1, width * source.used * taps / runs * static_cast<Index>(sizeof(S)));
        const Index at_once = std::max<Index>(1, (Index{1} << 18) / run_bytes);
        for (Index t = 0; t < runs; t += at_once) {
          const Index some = std::min(at_once, runs - t);
          const DirectRun* const run = grid.runs.data() + t;
          const S* const* from = table.from.data() + t * direct_block;
          const DirectEnds<T> ends{bias ? bias + first : nullptr, t > 0, relu && t + some == runs};
          T* const* to = table.to.data();
          for (Index p = 0; p < table.pixels; p += P) {
            // Tiles that are soon to be written, and read once: no processor foresees them well.
            for (Index i = p + 2 * P; i < std::min(p + 3 * P, table.pixels); ++i) {
              if (t == 0)
                for (Index v = 0; v < V; ++v) __builtin_prefetch(to[i] + v * simd::lanes<T>, 1);
              if (runs == 1)
                for (Index c = 0; c < source.used; c += simd::lanes<T>) __builtin_prefetch(from[i] + c);
            }
            direct_tile<T, P, V>(from + p, run, some, source.used, weight, ends, to + p, channels);
          }
          for (Index i = 0; i < some; ++i) weight += run[i].count * source.used * width;
        }
      });
    }
  });
}

template <class T>
DirectWeights<T> direct_forward_weights(const Conv2dSizes& s, Index g, const T* weight) {
  return {weight + g * s.group_k() * s.taps(),
          weight + s.k * s.taps(),
          s.kh * s.kw,
          s.group_k(),
          s.group_c(),
          s.taps(),
          s.kh * s.kw};
}
}  // namespace detail

/// The weight as the forward pass uses it, for many calls; for one group.
template <class T>
Scratch<T> conv2d_direct_prepare(const Conv2dSizes& s, const T* weight) {
  return detail::direct_pack<T>(detail::direct_forward_grid(s), detail::direct_forward_weights(s, 0, weight));
}

/// y = [relu] (conv2d(x, weight) + bias (null: none)).   Images [n, h, w, c], weight [k, c / groups, kh, kw]. When S is
/// a pair, x has pairs of channels, with a 0 after an odd number of them in each group.
template <class T, class S>
void conv2d_direct_forward(const Conv2dSizes& s, const S* x, const T* weight, const T* bias, bool relu, T* y,
                           const S* prepared = nullptr) {
  const auto grid = detail::direct_forward_grid(s);
  const Index used = detail::direct_used<S>(s.group_c());
  for (Index g = 0; g < s.groups; ++g)
    detail::direct_convolve<S, T>(grid, {x, s.n, s.h, s.w, s.groups * used, g * used, used},
                                  {y, s.n, s.oh, s.ow, s.k, g * s.group_k(), s.group_k()},
                                  detail::direct_forward_weights(s, g, weight), bias ? bias + g * s.group_k() : nullptr,
                                  relu, prepared);
}

/// dx = gradient of the input; dy may have pairs of channels.
template <class T, class S>
void conv2d_direct_backward_input(const Conv2dSizes& s, const S* dy, const T* weight, T* dx) {
  const Index used = detail::direct_used<S>(s.group_k());
  const auto grids = detail::direct_backward_grids(s);
  if (static_cast<Index>(grids.size()) < s.stride_h * s.stride_w) std::fill_n(dx, s.n * s.h * s.w * s.c, T{0});
  for (const auto& grid : grids)
    for (Index g = 0; g < s.groups; ++g)
      detail::direct_convolve<S, T>(grid, {dy, s.n, s.oh, s.ow, s.groups * used, g * used, used},
                                    {dx, s.n, s.h, s.w, s.c, g * s.group_c(), s.group_c()},
                                    {weight + g * s.group_k() * s.taps(), weight + s.k * s.taps(), s.kh * s.kw,
                                     s.group_c(), s.group_k(), s.kh * s.kw, s.taps()},
                                    nullptr, false);
}

}  // namespace nasion::kernels::inline NASION_INSTRUCTION_SET
