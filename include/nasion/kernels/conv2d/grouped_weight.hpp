#pragma once
// The gradient of the weight for groups of few channels: sums over pixels of planes (grouped_planes.hpp) times dy,
// vector times vector. A row of pixels is summed in registers for some taps at a time. Bands of rows are summed apart,
// in parts that depend on the sizes alone, and the parts are combined in order: any number of threads has the same
// bits.

#include "nasion/kernels/conv2d/grouped.hpp"
#include "nasion/kernels/conv2d/kernel.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// A row of pixels of the gradient, and where the source has what the taps read for the first of them. Distances are in
/// elements; `count` channels are there, at most a vector.
template <class T>
struct GroupedWeightRow {
  Index pixels, count;
  Index src_step, dy_step;  // to the next pixel
  const T* dy;
  Index src_ahead, dy_ahead;  // what to prefetch for another row; 0: nothing
};

/// sums[a] += the source from taps[a] on, times dy.
template <class T, Index A, bool whole>
void grouped_weight_row(const GroupedWeightRow<T>& row, const T* const* taps, T* sums) {
  using Vec = simd::Vector<T>;
  constexpr Index lanes = simd::lanes<T>;
  const Index count = whole ? lanes : row.count, step = row.src_step, dy_step = row.dy_step;
  const Index src_ahead = row.src_ahead, dy_ahead = row.dy_ahead;
  const T *src[A], *dy = row.dy;
  std::copy_n(taps, A, src);
  Vec sum[A] = {};
  // Pixels are the loop, taps the registers: an element of dy is loaded once and meets A elements, which are neighbours
  // in L1.
  for (Index p = 0; p < row.pixels; ++p, dy += dy_step) {
    const Vec gradient = simd::load_n(dy, count);
    if (dy_ahead != 0) {
      __builtin_prefetch(dy + dy_ahead);
      __builtin_prefetch(src[A - 1] + p * step + src_ahead);
    }
#pragma GCC unroll 9
    for (Index a = 0; a < A; ++a) simd::add_product(sum[a], simd::load_n(src[a] + p * step, count), gradient);
  }
  for (Index a = 0; a < A; ++a) simd::store(sums + a * lanes, simd::load(sums + a * lanes) + sum[a]);
}

/// The same for any number of taps. 9 sums, all of a depthwise 3x3 kernel, keep two FMA units busy for the 4 cycles
/// that each takes.
template <class T>
void grouped_weight_rows(GroupedWeightRow<T> row, std::span<const T* const> taps, T* sums) {
  constexpr Index lanes = simd::lanes<T>;
  for (std::size_t t = 0; t < taps.size();) {
    const auto add = [&]<Index A>() {
      if (row.count >= lanes)
        grouped_weight_row<T, A, true>(row, taps.data() + t, sums + static_cast<Index>(t) * lanes);
      else
        grouped_weight_row<T, A, false>(row, taps.data() + t, sums + static_cast<Index>(t) * lanes);
      t += static_cast<std::size_t>(A);
      row.src_ahead = row.dy_ahead = 0;
    };
    if (taps.size() - t >= 9)
      add.template operator()<9>();
    else if (taps.size() - t >= 4)
      add.template operator()<4>();
    else
      add.template operator()<1>();
  }
}

template <class T>
struct GroupedWeightGradient {
  static constexpr Index lanes = simd::lanes<T>;

  const PixelGrid& grid;
  Images<const T> source, gradient;
  GroupSizes group;

  Index terms() const { return static_cast<Index>(grid.runs.size()) * group.sources; }

  /// Adds grid rows [begin, end) of an image to sums [vectors][terms][lanes], of channels from `first` on.
  void add_band(Index image, Index begin, Index end, Index first, Index vectors, T* sums) const {
    if (in_place()) return add_in_place(image, begin, end, first, vectors, sums);
    GroupedPlanes<T> planes{grid, source, group};
    // No tiles here, so nothing is read beyond the band.
    planes.place(begin, end, 0, 0);
    const Scratch<T> memory(vectors * planes.vector_stride());
    planes.fill(image, first, vectors, memory.data());
    std::vector<const T*> taps(planes.offsets.size());
    for (Index v = 0; v < vectors; ++v)
      for (Index y = begin; y < end; ++y) {
        const T* const src = memory.data() + v * planes.vector_stride() + planes.pixel(y - begin, 0);
        std::transform(planes.offsets.begin(), planes.offsets.end(), taps.begin(), [src](Index o) { return src + o; });
        const Index count = std::min(lanes, gradient.used - first - v * lanes);  // dy ends there
        grouped_weight_rows<T>({grid.columns, count, planes.pixel(0, 1), gradient.channels,
                                gradient.pixel(image, y, 0) + first + v * lanes, 0, 0},
                               taps, sums + v * terms() * lanes);
      }
  }

 private:
  /// Depthwise on large images, which wait for memory: they are read once, and not copied. In small ones, the columns
  /// at the edges take longer than the copy.
  bool in_place() const {
    return group.depthwise() && grid.runs.size() <= 9 && grid.columns >= 48 &&
           source.n * source.h * source.w * source.channels * static_cast<Index>(sizeof(T)) > (Index{4} << 20);
  }

  /// Taps that lie outside of the image read zeros, in columns that are taken one by one, or are left out with the rest
  /// of their row.
  void add_in_place(Index image, Index begin, Index end, Index first, Index vectors, T* sums) const {
    static constexpr T zeros[lanes] = {};
    const Index pixel = source.channels, line = source.w * pixel, step = grid.src_stride_w;
    const auto& runs = grid.runs;  // sorted by rows
    const auto [low, high] =
        std::minmax_element(runs.begin(), runs.end(), [](auto& a, auto& b) { return a.column < b.column; });
    const Index left = std::clamp<Index>((step - 1 - low->column) / step, 0, grid.columns);
    const Index last = source.w - 1 - high->column;
    const Index right = std::clamp<Index>(last < 0 ? 0 : last / step + 1, left, grid.columns);
    std::vector<const T*> taps(runs.size());
    for (Index y = begin; y < end; ++y) {
      const Index row = y * grid.src_stride_h;
      std::size_t top = 0, bottom = runs.size();
      while (top < bottom && row + runs[top].row < 0) ++top;
      while (top < bottom && row + runs[bottom - 1].row >= source.h) --bottom;
      for (Index v = 0; v < vectors; ++v) {
        const Index channel = first + v * lanes;
        const T* const src = source.data + (image * source.h + row) * line + channel;
        const auto add = [&](Index column, Index columns) {
          for (std::size_t t = top; t < bottom; ++t) {
            const Index x = column * step + runs[t].column;
            taps[t] = x >= 0 && x < source.w ? src + runs[t].row * line + x * pixel : zeros;
          }
          grouped_weight_rows<T>(
              {columns, std::min(lanes, gradient.used - channel), step * pixel, gradient.channels,
               gradient.pixel(image, y, column) + channel, grid.src_stride_h * line, gradient.w * gradient.channels},
              std::span<const T* const>(taps).subspan(top, bottom - top),
              sums + (v * terms() + static_cast<Index>(top)) * lanes);
        };
        for (Index column = 0; column < left; ++column) add(column, 1);
        if (right > left) add(left, right - left);
        for (Index column = right; column < grid.columns; ++column) add(column, 1);
      }
    }
  }
};

}  // namespace detail

/// dw = gradient of the weight.
template <class T>
void conv2d_grouped_backward_weight(const Conv2dSizes& s, const T* x, const T* dy, T* dw) {
  using namespace detail;
  constexpr Index lanes = simd::lanes<T>;
  const auto grid = forward_grid(s);
  const GroupedWeightGradient<T> pass{grid, all_input(s, x), all_output(s, dy), {s.group_k(), s.group_c()}};
  const Index terms = pass.terms(), vectors = (s.k + lanes - 1) / lanes;
  const Index most = GroupedPlanes<T>::band_rows(grid, pass.group, 0), bands = (s.oh + most - 1) / most;
  const Index block = grouped_vectors(pass.group.sources), blocks = (vectors + block - 1) / block;
  // About 64 pieces of work, enough for many threads.
  const Index all = s.n * bands, parts = std::min(all, (63 + blocks) / blocks);
  const Scratch<T> partial(parts * vectors * terms * lanes);
  parallel_for(parts * blocks, 1, [&](Index item, Index) {
    const Index part = item / blocks, first = item % blocks * block;
    const Index count = std::min(block, vectors - first);
    T* const sums = partial.data() + (part * vectors + first) * terms * lanes;
    std::fill_n(sums, count * terms * lanes, T{0});
    for (Index i = part * all / parts; i < (part + 1) * all / parts; ++i)
      pass.add_band(i / bands, i % bands * most, std::min(s.oh, (i % bands + 1) * most), first * lanes, count, sums);
  });
  // From lanes back to the order of the weight. Few elements: parts of them are added one after the other, so that the
  // error grows with the number of parts alone.
  const Index area = s.kh * s.kw;
  for (Index k = 0; k < s.k; ++k)
    for (Index j = 0; j < s.group_c(); ++j)
      for (Index tap = 0; tap < area; ++tap) {
        const T* const sums = partial.data() + (k / lanes * terms + tap * s.group_c() + j) * lanes + k % lanes;
        T sum = 0;
        for (Index part = 0; part < parts; ++part) sum += sums[part * vectors * terms * lanes];
        dw[(k * s.group_c() + j) * area + tap] = sum;
      }
}

/// These three kernels.
struct GroupedConv2d : Conv2dKernel {
  static constexpr auto algorithm = Conv2dAlgorithm::grouped;
  static constexpr const char* name = "grouped";
  static constexpr bool channels_last = true, applies_activation = true;
  static bool fits(const Conv2dSizes& s) { return s.groups > 1; }
  static constexpr const char* for_sizes = "two groups or more";
  /// Where the result channels of a group leave the direct kernel's vectors half empty. Many source channels would be
  /// as many planes.
  static bool pays(Conv2dPass pass, const Conv2dSizes& s) {
    const bool swapped = pass == Conv2dPass::backward_input;
    return (swapped ? s.group_c() : s.group_k()) < std::max<Index>(8, simd::lanes<float>) &&
           (swapped ? s.group_k() : s.group_c()) <= 16;
  }
  static bool prepares(const Conv2dSizes&) { return true; }

  template <class T>
  static Scratch<T> prepare(const Conv2dSizes& s, const T* weight) {
    return conv2d_grouped_prepare(s, weight);
  }
  template <class T>
  static void forward(const Conv2dSizes& s, MemoryOrder, const T* x, const T* weight, const T* bias,
                      Activation activation, T* y, const T* prepared) {
    conv2d_grouped_forward(s, x, weight, bias, activation, y, prepared);
  }
  template <class T>
  static void backward_input(const Conv2dSizes& s, MemoryOrder, const T* dy, const T* weight, T* dx) {
    conv2d_grouped_backward_input(s, dy, weight, dx);
  }
  template <class T>
  static void backward_weight(const Conv2dSizes& s, MemoryOrder, const T* x, const T* dy, T* dw) {
    conv2d_grouped_backward_weight(s, x, dy, dw);
  }
};

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
