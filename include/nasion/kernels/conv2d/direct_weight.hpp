#pragma once
// The direct convolution's gradient of the weight. A tile of the weight, some elements of a run by some vectors of
// channels of dy, stays in registers while the pixels of a block stream through.
//
// The loops, from the outermost: pieces of work, blocks of pixels, blocks of dy's channels, register tiles, pixels. A
// block of pixels is copied to rows first, so that tiles read x at a constant stride, whatever stride, padding and
// dilation are; the rows stay in L1 or L2 while all tiles of the block read them.

#include "nasion/kernels/conv2d/direct.hpp"
#include "nasion/kernels/prefetch.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// Pixels two by two, as pairs: an element of a pixel and the same of the next one.
template <class S, class T>
void pair_pixels(const T* src, Index stride, Index pixels, Index elements, std::vector<S>& pairs) {
  constexpr Index lanes = simd::lanes<T>;
  const Index pair_stride = padded_stride<T>(elements);
  pairs.resize(static_cast<std::size_t>((pixels + 1) / 2 * pair_stride));
  for (Index p = 0; p < pixels; p += 2, src += 2 * stride)
    for (Index n = 0; n < elements; n += lanes)
      simd::store(pairs.data() + p / 2 * pair_stride + n,
                  simd::make_pairs(simd::load_n(src + n, elements - n),
                                   p + 1 < pixels ? simd::load_n(src + stride + n, elements - n) : simd::Vector<T>{}));
}

/// What a thread copies a block of pixels to.
template <class S, class T>
struct WeightWorkspace {
  PointerTable<T, T> table;
  std::vector<T> rows, packed_dy;  // the elements of all runs under each pixel; dy padded to vectors
  std::vector<S> x_pairs, dy_pairs;
};

/// rows[p] = what `runs` of `channels` per tap read for each of the pixels, src[run * table_pixels + p], one run after
/// the other.
template <class T>
[[gnu::always_inline]] inline void copy_rows(const std::vector<TapRun>& runs, Index channels, const T* const* src,
                                             Index pixels, Index row_stride, T* rows) {
  constexpr Index lanes = simd::lanes<T>;
  for (Index p = 0; p < pixels; ++p) {
    T* row = rows + p * row_stride;
    const T* const* from = src + p;
    for (const TapRun& run : runs) {
      const Index length = run.count * channels;
      for (Index i = 0; i < length; i += lanes) simd::store(row + i, simd::load_n(*from + i, length - i));
      row += length;
      from += table_pixels;
    }
  }
}

/// packed [pixels][width] = `channels` of dy, padded with zeros. Prefetches the pixels that come `ahead` of these: the
/// next block's, which lie too far apart for the hardware's own prefetches.
template <class T, Index width, Index ahead>
[[gnu::always_inline]] inline void pack_gradient(const T* dy, Index stride, Index pixels, Index channels, T* packed) {
  constexpr Index lanes = simd::lanes<T>;
  for (Index p = 0; p < pixels; ++p)
    for (Index v = 0; v < width; v += lanes) {
      __builtin_prefetch(dy + (p + ahead) * stride + v);
      simd::store(packed + p * width + v, simd::load_n(dy + p * stride + v, channels - v));
    }
}

/// How the gradient of the weight is cut up. A piece of work has a part of the blocks of pixels, a piece of the
/// elements under them, and `shared` channels of dy. Sums are
/// [parts][blocks of k][pieces][elements][channels of the block].
template <class S, class T>
struct DirectWeightGradient {
  static constexpr Index lanes = simd::lanes<T>;
  // Pairs hold two pixels, so that a block has twice as many pixels in as many bytes.
  static constexpr Index block_pixels = weight_table_pixels * simd::elements_per_lane<S>;

  Conv2dSizes s;
  PixelGrid grid = forward_grid(s);
  Index pixels = s.n * s.pixels(), blocks = (pixels + block_pixels - 1) / block_pixels;
  // Short runs are joined, into one piece of whole tiles; otherwise each run is one.
  bool joined = grid.runs.size() > 1 && grid.runs[0].count* s.group_c() < 24;
  Index pieces = joined ? 1 : static_cast<Index>(grid.runs.size());
  Index tile = tile_pixels<S>(std::min(tile_vectors, (s.group_k() + lanes - 1) / lanes));
  Index elements = joined ? (s.taps() + tile - 1) / tile * tile : grid.runs[0].count * s.group_c();
  Index row_stride = padded_stride<T>(elements);
  // What lies under a pixel is copied into a row, for at least 64 channels of dy at a time: then each copied element
  // serves 64 products, and the copy costs little. For more where few elements have small sums (16 KiB of float, a part
  // of L1): dy, which most of the time goes to then, is read from front to back.
  Index shared = std::max({block_channels<T>, Index{64}, 4096 / elements / block_channels<T>* block_channels<T>});
  // Sums of a part: elements of all pieces, for channels of dy padded to whole vectors.
  Index padded_k = (s.group_k() + lanes - 1) / lanes * lanes, size = padded_k * pieces * elements;
  Index channel_pieces = (s.group_k() + shared - 1) / shared * pieces;
  Index grain = part_blocks(), parts = (blocks + grain - 1) / grain;

  /// Blocks of a part: as few as make 64 pieces of work, enough for many threads, but at most 32 MiB of sums.
  Index part_blocks() const {
    const Index wanted = (Index{64} + channel_pieces - 1) / channel_pieces;
    const Index most = std::max<Index>(1, (Index{1} << 25) / std::max<Index>(1, size * static_cast<Index>(sizeof(T))));
    return std::max<Index>(1, (blocks + std::min(wanted, most) - 1) / std::min(wanted, most));
  }

  /// The sums of a piece of work, from the group's x and the group's first channel of dy.
  void sum_part(Index item, const Images<const T>& x, const T* dy, const T* zeros, T* sums) const {
    const Index part = item / channel_pieces, piece = item % pieces;
    const Index first = item % channel_pieces / pieces * shared, last = std::min(s.group_k(), first + shared);
    PixelGrid piece_grid{grid};
    if (!joined) piece_grid.runs = {grid.runs[static_cast<std::size_t>(piece)]};
    const Images<T> nowhere{.data = nullptr, .n = s.n, .h = s.oh, .w = s.ow, .channels = 0, .first = 0, .used = 0};
    thread_local WeightWorkspace<S, T> kept;
    WeightWorkspace<S, T>& workspace = kept;  // looked up once, not in the loops
    workspace.rows.assign(static_cast<std::size_t>(block_pixels * row_stride), T{0});
    workspace.packed_dy.resize(static_cast<std::size_t>(block_pixels * block_channels<T>));
    const Index first_block = part * grain, last_block = std::min(blocks, first_block + grain);
    for (Index block = first_block; block < last_block; ++block) {
      const Index begin = block * block_pixels, count = std::min(pixels - begin, block_pixels);
      workspace.table.fill(piece_grid, begin, begin + count, x, nowhere, zeros);
      copy_rows(piece_grid.runs, s.group_c(), workspace.table.src.data(), count, row_stride, workspace.rows.data());
      if constexpr (simd::elements_per_lane<S> == 2)
        pair_pixels(workspace.rows.data(), row_stride, count, elements, workspace.x_pairs);
      const T* ahead = dy + (begin + block_pixels) * s.k + first;  // of the next block
      for (Index k = first; k < last; k += block_channels<T>)
        with_vectors<T>(last - k, [&]<Index V>() {
          T* const block_sums = sums + part * size + (k * pieces + piece * V * lanes) * elements;
          if (block == first_block) std::fill_n(block_sums, V * lanes * elements, T{0});
          ahead = multiply<V>(workspace, count, dy + begin * s.k + k, std::min(V * lanes, last - k), block_sums, ahead);
        });
    }
  }

  /// sums += the rows times V vectors of dy, of which `channels` are there, over a block of pixels. Where few tiles
  /// pass over dy, they wait for memory unless they prefetch, from `ahead` on; returns how far they have.
  template <Index V>
  const T* multiply(WeightWorkspace<S, T>& workspace, Index count, const T* dy, Index channels, T* sums,
                    const T* ahead) const {
    constexpr Index C = tile_pixels<S>(V), width = V * lanes;
    constexpr bool paired = simd::elements_per_lane<S> == 2;
    Index dy_stride = s.k;
    // dy is packed where vectors need padding, and where at least four tiles read it again.
    if (channels < width || (!paired && dy_stride != width && elements >= 4 * C)) {
      pack_gradient<T, width, block_pixels>(dy, dy_stride, count, channels, workspace.packed_dy.data());
      dy = workspace.packed_dy.data();
      dy_stride = width;
    }
    if constexpr (paired) {
      pair_pixels(dy, dy_stride, count, width, workspace.dy_pairs);
      weight_tiles<T, C, V>(workspace.x_pairs.data(), row_stride, (count + 1) / 2, workspace.dy_pairs.data(),
                            padded_stride<T>(width), sums, elements, workspace.dy_pairs.data(), 0);
      return ahead;
    } else {
      const bool waits = elements < 4 * C && dy_stride != width;
      return weight_tiles<T, C, V>(workspace.rows.data(), row_stride, count, dy, dy_stride, sums, elements, ahead,
                                   waits ? cache_line<T> : 0);
    }
  }

  /// dw [k, c, kh, kw] = the sums of all parts in order, of a vector of channels from k on.
  void write(Index k, const T* sums, T* dw) const {
    const Index first = k / block_channels<T> * block_channels<T>, area = s.kh * s.kw;
    const Index width = block_width<T>(first, s.group_k());
    const T* const src = sums + first * pieces * elements + (k - first);
    scatter_rows(dw + k * s.taps(), std::min(lanes, s.group_k() - k), s.taps(), s.taps(), [&](Index n) {
      const Index offset = (n % area * s.group_c() + n / area) * width;  // taps before channels
      simd::Vector<T> sum{};
      for (Index part = 0; part < parts; ++part) sum += simd::load(src + part * size + offset);
      return sum;
    });
  }
};

}  // namespace detail

/// dw = gradient of the weight, [k, c / groups, kh, kw]. The pixels are summed in parts, which are combined in order.
/// When S is a pair, pixels are multiplied two by two.
template <class S, class T>
void conv2d_direct_backward_weight(const Conv2dSizes& s, const T* x, const T* dy, T* dw) {
  const detail::DirectWeightGradient<S, T> work{.s = s};
  const Scratch<T> sums(work.parts * work.size);
  const std::vector<T> zeros(static_cast<std::size_t>(s.kw * s.group_c()));
  for (Index g = 0; g < s.groups; ++g) {
    const auto source = detail::input_images(s, g, x);
    parallel_for(work.parts * work.channel_pieces, 1, [&](Index item, Index) {
      work.sum_part(item, source, dy + g * s.group_k(), zeros.data(), sums.data());
    });
    parallel_for(work.padded_k / work.lanes, 1, [&](Index vector, Index) {
      work.write(vector * work.lanes, sums.data(), dw + g * s.group_k() * s.taps());
    });
  }
}

/// The direct kernels.
struct DirectConv2d : Conv2dKernel {
  static constexpr auto algorithm = Conv2dAlgorithm::direct;
  static constexpr const char* name = "direct";
  static constexpr bool channels_last = true, applies_activation = true;
  /// Vectors hold channels of the result: too few leave them half empty.
  static bool pays(Conv2dPass pass, const Conv2dSizes& s) {
    return (pass == Conv2dPass::backward_input ? s.group_c() : s.group_k()) >= 8;
  }
  static bool prepares(const Conv2dSizes& s) { return s.groups == 1; }

  template <class T>
  static Scratch<T> prepare(const Conv2dSizes& s, const T* weight) {
    return conv2d_direct_prepare(s, weight);
  }
  template <class T>
  static void forward(const Conv2dSizes& s, MemoryOrder, const T* x, const T* weight, const T* bias,
                      Activation activation, T* y, const T* prepared) {
    conv2d_direct_forward(s, x, weight, bias, activation, y, prepared);
  }
  template <class T>
  static void backward_input(const Conv2dSizes& s, MemoryOrder, const T* dy, const T* weight, T* dx) {
    conv2d_direct_backward_input(s, dy, weight, dx);
  }
  template <class T>
  static void backward_weight(const Conv2dSizes& s, MemoryOrder, const T* x, const T* dy, T* dw) {
    conv2d_direct_backward_weight<T>(s, x, dy, dw);
  }
};

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
