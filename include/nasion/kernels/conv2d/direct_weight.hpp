#pragma once
// The direct convolution's gradient of the weight. A tile of the weight, some elements of a run by some vectors of
// channels of dy, stays in registers while the pixels of a block stream through.

#include "nasion/kernels/conv2d/direct.hpp"

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

}  // namespace detail

/// dw = gradient of the weight, [k, c / groups, kh, kw]. The pixels are summed in parts, which are combined in order.
/// When S is a pair, pixels are multiplied two by two.
template <class S, class T>
void conv2d_direct_backward_weight(const Conv2dSizes& s, const T* x, const T* dy, T* dw) {
  using namespace detail;
  const auto grid = forward_grid(s);
  constexpr Index lanes = simd::lanes<T>, block_pixels = weight_table_pixels * simd::elements_per_lane<S>;
  const Index pixels = s.n * s.pixels(), blocks = (pixels + block_pixels - 1) / block_pixels;
  // Short runs are joined, into one piece of work of whole tiles; otherwise each run is one.
  const bool joined = grid.runs.size() > 1 && grid.runs[0].count * s.group_c() < 24;
  const Index pieces = joined ? 1 : static_cast<Index>(grid.runs.size());
  const Index tile = tile_pixels<S>(std::min(tile_vectors, (s.group_k() + lanes - 1) / lanes));
  const Index elements = joined ? (s.taps() + tile - 1) / tile * tile : grid.runs[0].count * s.group_c();
  const Index padded_k = (s.group_k() + lanes - 1) / lanes * lanes, size = padded_k * pieces * elements;
  // What lies under a pixel is copied into a row, for at least 64 channels of dy at a time: then each copied element
  // serves 64 products, and the copy costs little.
  constexpr Index shared = std::max(block_channels<T>, Index{64});
  const Index channel_pieces = (s.group_k() + shared - 1) / shared * pieces;
  // 64 pieces of work, enough for many threads, but at most 32 MiB of partial sums.
  const Index wanted = (Index{64} + channel_pieces - 1) / channel_pieces;
  const Index most = std::max<Index>(1, (Index{1} << 25) / std::max<Index>(1, size * static_cast<Index>(sizeof(T))));
  const Index grain = std::max<Index>(1, (blocks + std::min(wanted, most) - 1) / std::min(wanted, most));
  const Index parts = (blocks + grain - 1) / grain;
  const Scratch<T> workspace(parts * size);  // [parts][blocks of k][pieces][elements][channels of the block]
  T* const partial = workspace.data();
  const std::vector<T> zeros(static_cast<std::size_t>(s.kw * s.group_c()));
  for (Index g = 0; g < s.groups; ++g) {
    const Images<const T> source = input_images(s, g, x);
    const Images<T> nowhere{.data = nullptr, .n = s.n, .h = s.oh, .w = s.ow, .channels = 0, .first = 0, .used = 0};
    parallel_for(parts * channel_pieces, 1, [&](Index item, Index) {
      const Index part = item / channel_pieces, piece = item % pieces;
      const Index first = item % channel_pieces / pieces * shared, last = std::min(s.group_k(), first + shared);
      PixelGrid piece_grid{grid};
      if (!joined) piece_grid.runs = {grid.runs[static_cast<std::size_t>(piece)]};
      thread_local PointerTable<T, T> table;
      thread_local std::vector<T> rows, packed_dy;  // of a block: the elements of all runs; dy padded to vectors
      const Index row_stride = padded_stride<T>(elements);
      rows.assign(static_cast<std::size_t>(block_pixels * row_stride), T{0});
      packed_dy.resize(static_cast<std::size_t>(block_pixels * block_channels<T>));
      for (Index block = part * grain; block < std::min(blocks, (part + 1) * grain); ++block) {
        const Index begin = block * block_pixels, count = std::min(pixels - begin, block_pixels);
        table.fill(piece_grid, begin, begin + count, source, nowhere, zeros.data());
        for (Index p = 0; p < count; ++p) {
          T* row = rows.data() + p * row_stride;
          const T* const* src = table.src.data() + p;
          for (const TapRun& run : piece_grid.runs) {
            const Index length = run.count * s.group_c();
            for (Index i = 0; i < length; i += lanes) simd::store(row + i, simd::load_n(*src + i, length - i));
            row += length;
            src += table_pixels;
          }
        }
        thread_local std::vector<S> x_pairs, dy_pairs;
        if constexpr (simd::elements_per_lane<S> == 2) pair_pixels(rows.data(), row_stride, count, elements, x_pairs);
        for (Index k = first; k < last; k += block_channels<T>)
          with_vectors<T>(last - k, [&]<Index V>() {
            constexpr Index C = tile_pixels<S>(V), width = V * lanes;
            const Index channels = std::min(width, last - k);
            T* const sums = partial + part * size + (k * pieces + piece * width) * elements;
            if (block == part * grain) std::fill_n(sums, width * elements, T{0});
            const T* gradient = dy + begin * s.k + g * s.group_k() + k;
            Index dy_stride = s.k;
            // dy is packed where vectors need padding, and where at least four tiles read it again.
            if (channels < width || (simd::elements_per_lane<S> == 1 && dy_stride != width && elements >= 4 * C)) {
              for (Index p = 0; p < count; ++p)
                for (Index v = 0; v < width; v += lanes) {
                  __builtin_prefetch(gradient + (p + block_pixels) * dy_stride + v);
                  simd::store(packed_dy.data() + p * width + v,
                              simd::load_n(gradient + p * dy_stride + v, channels - v));
                }
              gradient = packed_dy.data();
              dy_stride = width;
            }
            if constexpr (simd::elements_per_lane<S> == 2) {
              pair_pixels(gradient, dy_stride, count, width, dy_pairs);
              weight_tiles<T, C, V>(x_pairs.data(), row_stride, (count + 1) / 2, dy_pairs.data(),
                                    padded_stride<T>(width), sums, elements);
            } else {
              weight_tiles<T, C, V>(rows.data(), row_stride, count, gradient, dy_stride, sums, elements);
            }
          });
      }
    });
    const Index area = s.kh * s.kw;
    parallel_for(padded_k / lanes, 1, [&](Index vector, Index) {
      const Index k = vector * lanes, first = k / block_channels<T> * block_channels<T>;
      const Index width = block_width<T>(first, s.group_k());
      const T* const sums = partial + first * pieces * elements + (k - first);
      scatter_rows(dw + (g * s.group_k() + k) * s.taps(), std::min(lanes, s.group_k() - k), s.taps(), s.taps(),
                   [&](Index n) {
                     const Index offset = (n % area * s.group_c() + n / area) * width;  // taps before channels
                     simd::Vector<T> sum{};
                     for (Index part = 0; part < parts; ++part) sum += simd::load(sums + part * size + offset);
                     return sum;
                   });
    });
  }
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
