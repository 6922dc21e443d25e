#pragma once
// Convolution of channels-last images in groups of few channels: forward and the gradient of the input. A tile of
// results of one vector of channels stays in registers while it sums planes and taps, vector times vector
// (grouped_planes.hpp). Depthwise convolutions have loops of their own for common kernels (depthwise.hpp).
//
// Weights are [k, c / groups, kh, kw], and packed for use: [vectors of channels][taps][planes][lanes].

#include <limits>
#include <span>
#include <vector>

#include "nasion/core/parallel.hpp"
#include "nasion/kernels/conv2d/depthwise.hpp"
#include "nasion/kernels/conv2d/grouped_planes.hpp"
#include "nasion/kernels/scratch.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {

/// Pixels of a tile. 4 x 7 sums and a weight are 29 of AVX-512's 32 registers, 2 x 6 and a weight 13 of AVX2's 16,
/// which the products' other factors come from memory beside. Images of 7, 14, 28, 56 and 112 columns leave no tail
/// of 7.
inline constexpr Index grouped_rows = simd::register_count >= 32 ? 4 : 2,
                       grouped_columns = simd::register_count >= 32 ? 7 : 6;

/// One pass over a grid of result pixels.
template <class T>
struct GroupedConvolution {
  using Vec = simd::Vector<T>;
  static constexpr Index lanes = simd::lanes<T>, rows = grouped_rows, columns = grouped_columns;

  const PixelGrid& grid;
  Images<const T> source;
  Images<T> result;
  GroupSizes group;
  const T* packed;
  const T* bias;  // or null
  Activation activation = Activation::none;

  /// The tile at (row, column) of the grid, for the vector of channels from `channel` on; its first tap reads at `src`.
  void tile(const GroupedPlanes<T>& planes, const T* src, Index image, Index row, Index column, Index channel,
            Index row_end) const {
    const Index count = std::min(lanes, result.used - channel);
    const Index x_stride = planes.pixel(0, 1), y_stride = planes.pixel(1, 0);
    const Vec start = bias ? simd::load_n(bias + channel, count) : Vec{};
    Vec sum[rows][columns];
    for (auto& line : sum)
      for (auto& value : line) value = start;
    // A weight that is loaded serves all pixels of the tile, and the other factor of each product comes from L1 or
    // L2: where two loads a cycle feed two multiply-adds a cycle, that is no bound.
    const T* weight = packed + channel * static_cast<Index>(planes.offsets.size());
    for (const Index offset : planes.offsets) {
      const Vec w = simd::load(weight);
      weight += lanes;
#pragma GCC unroll 4
      for (Index r = 0; r < rows; ++r)
#pragma GCC unroll 7
        for (Index p = 0; p < columns; ++p)
          simd::add_product(sum[r][p], simd::load(src + offset + r * y_stride + p * x_stride), w);
    }
    // What the tile computed beyond the end of the band or of a row is left: the planes have room for it to be read.
    const bool limits = is_limit(activation);
    const Vec high = simd::broadcast(upper_limit<T>(activation));
    for (Index r = 0; r < std::min(rows, row_end - row); ++r) {
      T* dst = result.pixel(image, grid.dst_row + (row + r) * grid.dst_stride_h,
                            grid.dst_column + column * grid.dst_stride_w) +
               channel;
      for (Index p = 0; p < std::min(columns, grid.columns - column); ++p, dst += grid.dst_stride_w * result.channels)
        simd::store_n(dst, limits ? limited(sum[r][p], high) : sum[r][p], count);
    }
  }

  /// Grid rows [begin, end) of an image, for some vectors of channels from `first` on.
  void band(Index image, Index begin, Index end, Index first) const {
    const Index vectors = std::min(width() / lanes, (result.used - first + lanes - 1) / lanes);
    GroupedPlanes<T> planes{grid, source, group};
    planes.place(begin, end, (rows - (end - begin) % rows) % rows, columns - 1);  // for whole tiles
    const Scratch<T> memory(vectors * planes.vector_stride());
    planes.fill(image, first, vectors, memory.data());
    // One vector's planes after the other's: tiles side by side share kw - 1 of the columns that they read, which are
    // in L1 then.
    for (Index v = 0; v < vectors; ++v)
      for (Index row = begin; row < end; row += rows)
        for (Index column = 0; column < grid.columns; column += columns)
          tile(planes, memory.data() + v * planes.vector_stride() + planes.pixel(row - begin, column), image, row,
               column, first + v * lanes, end);
    if (is_curve(activation)) apply_curve(image, begin, end, first, vectors * lanes);
  }

  /// The activation of a band's results, which are in L2 still. For grids of all pixels.
  void apply_curve(Index image, Index begin, Index end, Index first, Index width) const {
    const Index count = std::min(width, result.used - first);
    for (Index row = begin; row < end; ++row)
      for (Index column = 0; column < grid.columns; ++column)
        activate(activation, count, result.pixel(image, row, column) + first);
  }

  /// Channels of a piece of work.
  Index width() const { return grouped_vectors(group.sources) * lanes; }
};

/// All passes, over grids that share source and result. A band of one grid is followed by those of the others, which
/// read the same rows of the source, and write between its pixels.
template <class T>
void run_grouped(std::span<const GroupedConvolution<T>> passes) {
  constexpr Index rows = GroupedConvolution<T>::rows, columns = GroupedConvolution<T>::columns;
  Index most = std::numeric_limits<Index>::max(), grid_rows = 0;
  for (const auto& pass : passes) {  // whole tiles of rows
    most =
        std::min(most, std::max(rows, GroupedPlanes<T>::band_rows(pass.grid, pass.group, columns - 1) / rows * rows));
    grid_rows = std::max(grid_rows, pass.grid.rows);
  }
  const auto& any = passes.front();
  const Index bands = (grid_rows + most - 1) / most, blocks = (any.result.used + any.width() - 1) / any.width();
  // Blocks of channels are innermost in the order of work, so that threads beside each other read the same rows of the
  // image.
  parallel_for(any.source.n * bands * blocks, 1, [&](Index item, Index) {
    const Index image = item / blocks / bands, begin = item / blocks % bands * most;
    for (const auto& pass : passes)
      if (begin < pass.grid.rows)
        pass.band(image, begin, std::min(pass.grid.rows, begin + most), item % blocks * any.width());
  });
}

/// Weights in the order in which tiles read them. Result channel r of a group and channel j of its source are weight
/// [r, j], or [j, r] for the gradient of the input.
template <class T>
Scratch<T> pack_grouped(const PixelGrid& grid, const Conv2dSizes& s, const T* weight, bool transposed) {
  constexpr Index lanes = simd::lanes<T>;
  const GroupSizes group = transposed ? GroupSizes{s.group_c(), s.group_k()} : GroupSizes{s.group_k(), s.group_c()};
  const Index channels = s.groups * group.results, area = s.kh * s.kw, vectors = (channels + lanes - 1) / lanes;
  const Index r_stride = (transposed ? 1 : s.group_c()) * area, j_stride = (transposed ? s.group_c() : 1) * area;
  Scratch<T> packed(vectors * lanes * static_cast<Index>(grid.runs.size()) * group.sources);
  // A few thousand elements, each written once: not worth threads or vectors.
  T* dst = packed.data();
  for (Index first = 0; first < channels; first += lanes)
    for (const TapRun& run : grid.runs)
      for (Index j = 0; j < group.sources; ++j)
        for (Index channel = first; channel < first + lanes; ++channel) {
          const T* const of_group = weight + channel / group.results * group.results * group.sources * area;
          *dst++ = channel < channels ? of_group[channel % group.results * r_stride + j * j_stride + run.tap] : T{0};
        }
  return packed;
}

}  // namespace detail

/// The weight as the forward pass uses it, for many calls.
template <class T>
Scratch<T> conv2d_grouped_prepare(const Conv2dSizes& s, const T* weight) {
  return detail::pack_grouped(detail::forward_grid(s), s, weight, false);
}

/// y = activation(conv2d(x, weight) + bias (null: none)).   Images [n, h, w, c], weight [k, c / groups, kh, kw].
template <class T>
void conv2d_grouped_forward(const Conv2dSizes& s, const T* x, const T* weight, const T* bias, Activation activation,
                            T* y, const T* prepared = nullptr) {
  const auto grid = detail::forward_grid(s);
  const Scratch<T> packed = prepared ? Scratch<T>(0) : detail::pack_grouped(grid, s, weight, false);
  const T* const weights = prepared ? prepared : packed.data();
  const auto source = detail::all_input(s, x);
  const auto result = detail::all_output(s, y);
  if (detail::is_depthwise(s)) {
    const detail::DepthwiseConvolution<T> pass{grid, source, result, weights, bias, activation};
    if (detail::run_depthwise<T>({&pass, 1})) return;
  }
  const detail::GroupedConvolution<T> pass{grid, source, result, {s.group_k(), s.group_c()}, weights, bias, activation};
  detail::run_grouped<T>({&pass, 1});
}

/// dx = gradient of the input.
template <class T>
void conv2d_grouped_backward_input(const Conv2dSizes& s, const T* dy, const T* weight, T* dx) {
  auto grids = detail::backward_grids(s);
  if (static_cast<Index>(grids.size()) < s.stride_h * s.stride_w) std::fill_n(dx, s.n * s.h * s.w * s.c, T{0});
  if (grids.empty()) return;
  // A grid is for the pixels of dx that use the same taps: at stride 1 one, at stride 2 four with about a quarter of
  // the taps each, so that no product is with a zero between pixels of dy.
  std::vector<Scratch<T>> packed;
  for (auto& grid : grids) {
    std::stable_sort(grid.runs.begin(), grid.runs.end(), [](const auto& a, const auto& b) { return a.row < b.row; });
    packed.push_back(detail::pack_grouped(grid, s, weight, true));
  }
  const auto source = detail::all_output(s, dy);
  const auto result = detail::all_input(s, dx);
  if (detail::is_depthwise(s)) {
    std::vector<detail::DepthwiseConvolution<T>> passes;
    for (std::size_t i = 0; i < grids.size(); ++i)
      passes.push_back({grids[i], source, result, packed[i].data(), nullptr});
    if (detail::run_depthwise<T>(passes)) return;
  }
  std::vector<detail::GroupedConvolution<T>> passes;
  for (std::size_t i = 0; i < grids.size(); ++i)
    passes.push_back({grids[i], source, result, {s.group_c(), s.group_k()}, packed[i].data(), nullptr});
  detail::run_grouped<T>(passes);
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
