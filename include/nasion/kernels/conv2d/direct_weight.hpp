#pragma once
// The direct convolution's gradient of the weight: a product of matrices, elements of x under a pixel by channels of
// dy, summed over pixels. A tile of it, some elements by some vectors of channels, stays in registers while the pixels
// of a block stream through.
//
// The loops, from the outermost: pieces of work, blocks of pixels, blocks of columns, register tiles, pixels. What lies
// under a block of pixels is copied to rows first, so that tiles read it at a constant stride, whatever stride, padding
// and dilation are; rows and columns stay in L1 or L2 while all tiles of the block read them, and tiles prefetch what
// the next block reads.

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

/// rows[p] = `length` elements from src(p) on. Whole vectors are written.
template <class T, class Source>
[[gnu::always_inline]] inline void copy_rows(Index pixels, Index length, T* rows, Index stride, Source&& src) {
  constexpr Index lanes = simd::lanes<T>;
  for (Index p = 0; p < pixels; ++p) {
    const T* const from = src(p);
    T* const row = rows + p * stride;
    Index i = 0;
    for (; i + lanes <= length; i += lanes) simd::store(row + i, simd::load(from + i));
    if (i < length) simd::store(row + i, simd::load_n(from + i, length - i));
  }
}

/// `elements` of each pixel, which are `stride` elements apart.
template <class T>
struct PixelRows {
  const T* data;
  Index stride, elements;
};

/// packed [pixels][width] = the rows, padded with zeros.
template <Index width, class T>
[[gnu::always_inline]] inline void pack_columns(const PixelRows<T>& rows, Index pixels, T* packed) {
  constexpr Index lanes = simd::lanes<T>;
  for (Index p = 0; p < pixels; ++p)
    for (Index v = 0; v < width; v += lanes)
      simd::store(packed + p * width + v, simd::load_n(rows.data + p * rows.stride + v, rows.elements - v));
}

/// Pixels that tiles prefetch in turns while they compute, `times` as many as they multiply: a pair of cache lines for
/// each of these. Contiguous pixels come from front to back, others in columns of a pair of lines.
template <class T>
struct PrefetchTurns {
  static constexpr Index pair = 2 * cache_line<T>;

  Index stride, elements, times;  // of pixels
  Index columns = stride == elements ? 1 : (elements + pair - 1) / pair;
  Index turns = stride == elements ? (times * elements + pair - 1) / pair : times * columns;
  Index step = stride == elements ? (times * elements + turns - 1) / turns : stride;
  const T* data = nullptr;

  Lookahead turn(Index i, Index pixels) const {
    return {data + i / columns * pixels * step + i % columns * pair, step * static_cast<Index>(sizeof(T))};
  }
};

/// What the next block of pixels reads. Without it, threads would wait for memory at the beginning of each block.
template <class T>
struct BlockLookahead {
  PrefetchTurns<T> left, right;
  Index pixels;
  Index next = 0;

  /// The next block is here.
  void move(const T* of_left, const T* of_right) { left.data = of_left, right.data = of_right, next = 0; }

  Lookahead operator()() {
    const Index i = next++;
    if (i < right.turns) return right.turn(i, pixels);
    return i < right.turns + left.turns ? left.turn(i - right.turns, pixels) : Lookahead{right.data, 0};
  }
};

/// What a thread copies a block of pixels to.
template <class S, class T>
struct WeightWorkspace {
  PointerTable<T, T> table;
  std::vector<S> left_pairs, right_pairs;
};

/// How the gradient of the weight is cut up. It is sums [elements][columns]: elements are taps by `channels` of x, and
/// columns the channels of dy. With 1x1 kernels they may be swapped: channels of dy, and those of x as columns. A piece
/// of work has a part of the blocks of pixels, a piece of the channels with all taps, and a range of the columns. In
/// memory sums are [parts][blocks of columns][pieces][taps][channels of the piece][columns of the block].
template <class T>
struct WeightCuts {
  static constexpr Index lanes = simd::lanes<T>;

  const Conv2dSizes& s;
  Index blocks;  // of pixels
  bool pointwise = s.is_pointwise(), swapped = pointwise && swap_pays();
  Index channels = swapped ? s.group_k() : s.group_c(), columns = swapped ? s.group_c() : s.group_k();
  Index area = s.kh * s.kw;
  // Columns are padded to whole vectors, and cut into blocks of nearly equal width.
  Index vectors = (columns + lanes - 1) / lanes, padded_columns = vectors * lanes;
  Index column_blocks = (vectors + tile_vectors - 1) / tile_vectors;
  Index width = (vectors + column_blocks - 1) / column_blocks * lanes;
  // About 512 elements, and as many columns as make sums of 320 KiB: these, and a block of pixels with so many
  // elements (170 KiB), are what an L2 of 512 KiB holds.
  Index piece_channels = channels_of((channels * area + 511) / 512);
  Index range =
      std::clamp(327680 / static_cast<Index>(sizeof(T)) / elements() / width * width, width, column_blocks* width);
  Index parts = 1;

  WeightCuts(const Conv2dSizes& sizes, Index pixel_blocks) : s(sizes), blocks(pixel_blocks) {
    // About 32 pieces of work, enough for many threads, but none below 2^21 products, 15 microseconds. A part costs a
    // pass over its sums: it has at least 5 blocks of pixels, and all of them 4 MiB of sums, which an L3 holds.
    const Index size = channels * area * columns;
    const Index wanted = std::clamp<Index>(s.n * s.pixels() * size >> 21, 1, 32);
    const Index most = std::min(blocks / 5, (Index{1} << 22) / (size * static_cast<Index>(sizeof(T))));
    const Index most_parts = std::max<Index>(1, most);
    while (pieces() * ranges() * most_parts < wanted / 2) {
      const Index half = channels_of(2 * pieces());
      if (half < piece_channels && half * area >= 64 && (elements() >= 2 * range || range <= width))
        piece_channels = half;
      else if (range > width)
        range = (range / width + 1) / 2 * width;
      else
        break;
    }
    parts = std::clamp<Index>((wanted + pieces() * ranges() - 1) / (pieces() * ranges()), 1, most_parts);
    parts = std::max(parts, (blocks + 255) / 256);  // rounding errors grow with the blocks of a part
  }

  Index elements() const { return piece_channels * area; }
  Index pieces() const { return (channels + piece_channels - 1) / piece_channels; }
  Index ranges() const { return (columns + range - 1) / range; }
  Index part_size() const { return padded_columns * pieces() * elements(); }
  /// Where the sums of a piece and of the block of columns from k on are.
  Index place(Index part, Index piece, Index k) const {
    return part * part_size() + (k * pieces() + piece * std::min(width, padded_columns - k)) * elements();
  }

 private:
  /// Channels of one of `count` pieces: whole vectors, so that they are copied without a tail.
  Index channels_of(Index count) const {
    const Index each = (channels + count - 1) / count;
    return std::min(channels, (each + lanes - 1) / lanes * lanes);
  }
  /// Whether channels of x are better columns: where they leave fewer lanes empty, or as many, but fill more vectors.
  bool swap_pays() const {
    const auto padded = [](Index n) { return (n + lanes - 1) / lanes * lanes; };
    const Index now = padded(s.group_k()) * s.group_c(), then = padded(s.group_c()) * s.group_k();
    return then < now || (then == now && s.group_c() > s.group_k());
  }
};

/// The gradient of the weight of one group, from the side that elements are of and that of the columns.
template <class S, class T>
struct DirectWeightGradient {
  static constexpr Index lanes = simd::lanes<T>;
  static constexpr bool paired = simd::elements_per_lane<S> == 2;
  // Pairs hold two pixels, so that a block has twice as many pixels in as many bytes.
  static constexpr Index block_pixels = weight_table_pixels * simd::elements_per_lane<S>;

  const Conv2dSizes& s;
  const WeightCuts<T>& cuts;
  Images<const T> left, right;
  const T* zeros;
  T *sums, *dw;
  Index pixels = s.n * s.pixels();
  PixelGrid grid = forward_grid(s, cuts.pieces() == 1);

  static Index blocks(const Conv2dSizes& s) { return (s.n * s.pixels() + block_pixels - 1) / block_pixels; }

  /// Channels of a piece.
  Images<const T> piece_of(Index piece) const {
    auto images = left;
    images.first += piece * cuts.piece_channels;
    images.used = std::min(cuts.piece_channels, cuts.channels - piece * cuts.piece_channels);
    return images;
  }

  /// The elements under `count` pixels from `begin` on: where they are, or copied to rows.
  PixelRows<T> rows_of(const Images<const T>& piece, Index begin, Index count, PointerTable<T, T>& table,
                       T* rows) const {
    const Index stride = padded_stride<T>(cuts.elements());
    if (cuts.pointwise) {
      const PixelRows<T> there{piece.pixel(0, 0, 0) + begin * piece.channels, piece.channels, piece.used};
      // Few channels need no copy: their pixels do not share sets of L1.
      if (paired || piece.channels <= 96) return there;
      copy_rows(count, piece.used, rows, stride, [&](Index p) { return there.data + p * there.stride; });
      return {rows, stride, piece.used};
    }
    const Images<T> nowhere{.data = nullptr, .n = s.n, .h = s.oh, .w = s.ow, .channels = 0, .first = 0, .used = 0};
    table.fill(grid, begin, begin + count, piece, nowhere, zeros);
    const T* const* src = table.src.data();
    T* row = rows;
    for (const TapRun& run : grid.runs) {
      copy_rows(count, run.count * piece.used, row, stride, [&](Index p) { return src[p]; });
      row += run.count * piece.used;
      src += table_pixels;
    }
    return {rows, stride, cuts.area * piece.used};
  }

  /// Moves on to the block from pixel `begin` on: on the left, to pixels that the last row of taps reaches first.
  void look(const Images<const T>& piece, Index begin, Index first, BlockLookahead<T>& ahead) const {
    const Index row = begin % s.pixels() / s.ow * s.stride_h + (s.kh - 1) * s.dilation_h - s.pad_h;
    ahead.move(piece.pixel(begin / s.pixels(), row, begin % s.ow * s.stride_w),
               right.pixel(0, 0, 0) + begin * right.channels + first);
  }

  /// The sums of a piece of work: columns [first, last).
  void sum(Index part, Index piece, Index first, Index last) const {
    thread_local WeightWorkspace<S, T> kept;
    WeightWorkspace<S, T>& workspace = kept;  // looked up once, not in the loops
    const Scratch<T> rows(block_pixels * padded_stride<T>(cuts.elements())), packed(block_pixels * block_channels<T>);
    const auto source = piece_of(piece);
    BlockLookahead<T> ahead{.left = {source.channels, source.used, s.stride_h * s.stride_w},
                            .right = {right.channels, last - first, 1},
                            .pixels = block_pixels};
    const Index first_block = part * cuts.blocks / cuts.parts, last_block = (part + 1) * cuts.blocks / cuts.parts;
    for (Index block = first_block; block < last_block; ++block) {
      const Index begin = block * block_pixels, count = std::min(pixels - begin, block_pixels);
      const auto elements = rows_of(source, begin, count, workspace.table, rows.data());
      if constexpr (paired) pair_pixels(elements.data, elements.stride, count, elements.elements, workspace.left_pairs);
      look(source, begin + block_pixels, first, ahead);
      for (Index k = first; k < last; k += cuts.width)
        with_vectors<T>(std::min(cuts.width, last - k), [&]<Index V>() {
          const PixelRows<T> columns{right.pixel(0, 0, 0) + begin * right.channels + k, right.channels,
                                     std::min(V * lanes, last - k)};
          multiply<V>(workspace, elements, columns, count, packed.data(), sums + cuts.place(part, piece, k),
                      block > first_block, ahead);
        });
    }
  }

  /// to (+)= elements times V vectors of columns, over a block of pixels.
  template <Index V>
  void multiply(WeightWorkspace<S, T>& workspace, const PixelRows<T>& elements, PixelRows<T> columns, Index count,
                T* packed, T* to, bool add, BlockLookahead<T>& ahead) const {
    constexpr Index width = V * lanes;
    if constexpr (paired) {
      pair_pixels(columns.data, columns.stride, count, columns.elements, workspace.right_pairs);
      weight_tiles<T, V>(workspace.left_pairs.data(), padded_stride<T>(elements.elements), (count + 1) / 2,
                         workspace.right_pairs.data(), padded_stride<T>(columns.elements), to, elements.elements, add,
                         ahead);
    } else {
      // Columns are packed where vectors need padding, and where at least four tiles read them again.
      if (columns.elements < width || (columns.stride != width && elements.elements >= 4 * tile_pixels<S>(V))) {
        pack_columns<width>(columns, count, packed);
        columns = {packed, width, width};
      }
      weight_tiles<T, V>(elements.data, elements.stride, count, columns.data, columns.stride, to, elements.elements,
                         add, ahead);
    }
  }

  /// dw [k, c, kh, kw] = the sums of all parts in order, of a piece and of the block of columns from `first` on.
  void write(Index piece, Index first) const {
    const Index begin = piece * cuts.piece_channels, used = piece_of(piece).used;
    const Index last = std::min(cuts.columns, first + cuts.width);
    const Index width = (last - first + lanes - 1) / lanes * lanes;
    const auto sum_of = [&, size = cuts.part_size()](Index element, Index k) {
      const T* from = sums + cuts.place(0, piece, first) + element * width + (k - first);
      simd::Vector<T> sum = simd::load(from);
      for (Index part = 1; part < cuts.parts; ++part) sum += simd::load(from += size);
      return sum;
    };
    if (cuts.swapped) {
      for (Index i = 0; i < used; ++i)
        for (Index k = first; k < last; k += lanes)
          simd::store_n(dw + (begin + i) * cuts.columns + k, sum_of(i, k), last - k);
      return;
    }
    std::vector<Index> order;  // of the elements, where taps are before channels, in dw
    for (Index i = 0; i < used; ++i)
      for (Index tap = 0; tap < cuts.area; ++tap) order.push_back(tap * used + i);
    for (Index k = first; k < last; k += lanes)
      scatter_rows(dw + k * s.taps() + begin * cuts.area, std::min(lanes, last - k), s.taps(), used * cuts.area,
                   [&](Index n) { return sum_of(order[static_cast<std::size_t>(n)], k); });
  }

  void run() const {
    // Pieces of work that read the same pixels are side by side.
    parallel_for(cuts.parts * cuts.ranges() * cuts.pieces(), 1, [&](Index item, Index) {
      const Index piece = item % cuts.pieces(), first = item / cuts.pieces() % cuts.ranges() * cuts.range;
      const Index last = std::min(cuts.columns, first + cuts.range);
      sum(item / (cuts.pieces() * cuts.ranges()), piece, first, last);
      if (cuts.parts == 1)
        for (Index k = first; k < last; k += cuts.width) write(piece, k);  // from L2
    });
    if (cuts.parts > 1)
      parallel_for(cuts.column_blocks * cuts.pieces(), 1,
                   [&](Index item, Index) { write(item % cuts.pieces(), item / cuts.pieces() * cuts.width); });
  }
};

}  // namespace detail

/// dw = gradient of the weight, [k, c / groups, kh, kw]. The pixels are summed in parts, which are combined in order.
/// When S is a pair, pixels are multiplied two by two.
template <class S, class T>
void conv2d_direct_backward_weight(const Conv2dSizes& s, const T* x, const T* dy, T* dw) {
  if (s.n * s.pixels() * s.k * s.taps() == 0) {
    std::fill_n(dw, s.k * s.taps(), T{0});
    return;
  }
  const detail::WeightCuts<T> cuts(s, detail::DirectWeightGradient<S, T>::blocks(s));
  const Scratch<T> sums(cuts.parts * cuts.part_size());
  const std::vector<T> zeros(static_cast<std::size_t>(s.kw * s.group_c()));
  for (Index g = 0; g < s.groups; ++g) {
    auto left = detail::input_images(s, g, x), right = detail::output_images(s, g, dy);
    if (cuts.swapped) std::swap(left, right);
    detail::DirectWeightGradient<S, T>{.s = s,
                                       .cuts = cuts,
                                       .left = left,
                                       .right = right,
                                       .zeros = zeros.data(),
                                       .sums = sums.data(),
                                       .dw = dw + g * s.group_k() * s.taps()}
        .run();
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
