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

/// sums[a] += the source at offsets[a] times dy, over a row of pixels; dy has `count` channels from here on.
template <class T, Index A>
void grouped_weight_row(Index pixels, const T* src, Index stride, const Index* offsets, const T* dy, Index dy_stride,
                        Index count, T* sums) {
  using Vec = simd::Vector<T>;
  constexpr Index lanes = simd::lanes<T>;
  Vec sum[A] = {};
  // Pixels are the loop, taps the registers: an element of dy is loaded once and meets A planes, which are neighbours
  // in L1.
  for (Index p = 0; p < pixels; ++p, src += stride, dy += dy_stride) {
    const Vec gradient = simd::load_n(dy, count);
#pragma GCC unroll 9
    for (Index a = 0; a < A; ++a) simd::add_product(sum[a], simd::load(src + offsets[a]), gradient);
  }
  for (Index a = 0; a < A; ++a) simd::store(sums + a * lanes, simd::load(sums + a * lanes) + sum[a]);
}

template <class T>
struct GroupedWeightGradient {
  static constexpr Index lanes = simd::lanes<T>;

  const PixelGrid& grid;
  Images<const T> source, gradient;
  GroupSizes group;

  Index terms() const { return static_cast<Index>(grid.runs.size()) * group.sources; }

  /// Adds a row of pixels to sums [terms][lanes]. 9 sums, all of a depthwise 3x3 kernel, keep two FMA units busy for
  /// the 4 cycles that each takes.
  void add_row(const GroupedPlanes<T>& planes, const T* src, const T* dy, Index count, T* sums) const {
    for (Index t = 0; t < terms();) {
      const auto add = [&]<Index A>() {
        grouped_weight_row<T, A>(grid.columns, src, planes.pixel(0, 1), planes.offsets.data() + t, dy,
                                 gradient.channels, count, sums + t * lanes);
        t += A;
      };
      if (terms() - t >= 9)
        add.template operator()<9>();
      else if (terms() - t >= 4)
        add.template operator()<4>();
      else
        add.template operator()<1>();
    }
  }

  /// Adds grid rows [begin, end) of an image to sums [vectors][terms][lanes], of channels from `first` on.
  void add_band(Index image, Index begin, Index end, Index first, Index vectors, T* sums) const {
    GroupedPlanes<T> planes{grid, source, group};
    // No tiles here, so nothing is read beyond the band.
    planes.place(begin, end, 0, 0);
    const Scratch<T> memory(vectors * planes.vector_stride());
    planes.fill(image, first, vectors, memory.data());
    for (Index v = 0; v < vectors; ++v)
      for (Index y = begin; y < end; ++y)
        add_row(planes, memory.data() + v * planes.vector_stride() + planes.pixel(y - begin, 0),
                gradient.pixel(image, y, 0) + first + v * lanes, gradient.used - first - v * lanes,
                sums + v * terms() * lanes);
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
