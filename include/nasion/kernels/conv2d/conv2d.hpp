#pragma once
// Convolution by a chosen kernel. Images are in either memory order, weights [k, c / groups, kh, kw]; what is written
// need not hold zeros before.

#include "nasion/kernels/conv2d/bfloat16.hpp"
#include "nasion/kernels/conv2d/direct_weight.hpp"
#include "nasion/kernels/conv2d/im2col.hpp"
#include "nasion/kernels/conv2d/naive.hpp"
#include "nasion/kernels/conv2d/winograd_weight.hpp"

namespace nasion {

/// Which kernel computes a convolution: `naive` is the reference, `im2col` the parallel matrix product, `direct` keeps
/// tiles of the result in registers, `winograd` saves multiplications (3x3 and 5x5 at stride 1; errors of a
/// millionth of the largest result, `direct` for denormal numbers), `winograd_small` is that for small images in small
/// batches (3x3; its gradient of the weight is that of `winograd`), `direct_bfloat16` is `direct` with factors rounded
/// to bfloat16 (float only). These four are for channels-last images; others are converted. `automatic` takes the
/// fastest for the sizes, the last only under Autocast.
enum class Conv2dAlgorithm { automatic, naive, im2col, direct, winograd, winograd_small, direct_bfloat16 };

/// Whether `algorithm` is one of Winograd's method.
constexpr bool is_winograd(Conv2dAlgorithm algorithm) {
  return algorithm == Conv2dAlgorithm::winograd || algorithm == Conv2dAlgorithm::winograd_small;
}

/// The three convolutions of a training step.
enum class Conv2dPass { forward, backward_input, backward_weight };

namespace kernels {
inline namespace NASION_INSTRUCTION_SET {

namespace detail {
// Strides of x, y and the weight, for the naive kernel.
inline Strides image_strides(const Conv2dSizes& s, MemoryOrder order) {
  return dense_strides({s.n, s.c, s.h, s.w}, order);
}
inline Strides result_strides(const Conv2dSizes& s, MemoryOrder order) {
  return dense_strides({s.n, s.k, s.oh, s.ow}, order);
}
inline Strides weight_strides(const Conv2dSizes& s) {
  return dense_strides({s.k, s.group_c(), s.kh, s.kw}, MemoryOrder::row_major);
}
}  // namespace detail

/// The rows and columns of results that one of Winograd's algorithms computes together.
inline Index winograd_tile(Conv2dAlgorithm algorithm) { return algorithm == Conv2dAlgorithm::winograd_small ? 2 : 4; }

/// The kernel that runs. What `automatic` takes depends on the sizes alone, so that results never depend on timing;
/// benchmarks/bench_conv2d is where the limits come from.
inline Conv2dAlgorithm conv2d_algorithm(Conv2dAlgorithm asked, Conv2dPass pass, const Conv2dSizes& s,
                                        MemoryOrder order) {
  using enum Conv2dAlgorithm;
  if (asked != automatic) return asked;
  if (order == MemoryOrder::row_major) return im2col;
  if (winograd_fits(s) && s.group_c() >= 8 && s.group_k() >= 8) {
    // A few tiles do not pay for weights that grow to four times their size (3x3 to 6x6), which reading them costs. For
    // small tiles they grow less than twice (3x3 to 4x4).
    const Index tiles = s.n * ((s.oh + 3) / 4) * ((s.ow + 3) / 4), results = s.n * s.pixels();
    if (tiles >= (s.kh == 5 || pass == Conv2dPass::backward_weight ? 12 : 8)) return winograd;
    if (winograd_fits(s, 2) && results >= 16 && pass != Conv2dPass::backward_weight) return winograd_small;
  }
  // The direct kernel's vectors hold channels of the result: too few leave them half empty.
  return (pass == Conv2dPass::backward_input ? s.group_c() : s.group_k()) >= 8 ? direct : im2col;
}

/// The weight as the forward pass by `algorithm` uses it, to be computed once for many calls: empty where that is the
/// weight itself. It depends on the algorithm and the sizes of the weight, not on those of the images.
template <class T>
std::unique_ptr<Scratch<T>> conv2d_prepare(Conv2dAlgorithm algorithm, const Conv2dSizes& s, const T* weight) {
  if (s.groups == 1 && algorithm == Conv2dAlgorithm::direct)
    return std::make_unique<Scratch<T>>(conv2d_direct_prepare(s, weight));
  if (s.groups == 1 && is_winograd(algorithm))
    return std::make_unique<Scratch<T>>(conv2d_winograd_prepare(s, winograd_tile(algorithm), weight));
  return nullptr;
}

/// y = [relu] (conv2d(x, weight) + bias (null: none)). `prepared` (null: not done) is of conv2d_prepare.
template <class T>
void conv2d_forward(Conv2dAlgorithm algorithm, const Conv2dSizes& s, MemoryOrder order, const T* x, const T* weight,
                    const T* bias, bool relu, T* y, const T* prepared = nullptr) {
  algorithm = conv2d_algorithm(algorithm, Conv2dPass::forward, s, order);
  // The kernels for channels-last images apply bias and ReLU before results leave their registers; after the others,
  // ReLU is a pass over y of its own.
  if constexpr (std::is_same_v<T, float>)
    if (algorithm == Conv2dAlgorithm::direct_bfloat16) return conv2d_bfloat16_forward(s, x, weight, bias, relu, y);
  if (algorithm == Conv2dAlgorithm::direct) return conv2d_direct_forward(s, x, weight, bias, relu, y, prepared);
  if (is_winograd(algorithm))
    return conv2d_winograd_forward(s, winograd_tile(algorithm), x, weight, bias, relu, y, prepared);
  if (algorithm == Conv2dAlgorithm::naive)
    conv2d_naive_forward(s, x, detail::image_strides(s, order), weight, detail::weight_strides(s), bias, y,
                         detail::result_strides(s, order));
  else
    conv2d_im2col_forward(s, order, x, weight, bias, y);
  if (relu)
    parallel_for(s.n * s.k * s.pixels(), 65536, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) y[i] = y[i] < 0 ? T{0} : y[i];
    });
}

namespace detail {

/// sum = dy where y is positive or NaN (y null: dy, and sum is not written) and totals[k] = the sum over `pixels`
/// pixels, channels-last; for one block of channels, whose totals stay in registers.
template <class T>
void conv2d_backward_result_block(Index pixels, Index channels, Index block, const T* y, const T* dy, T* sum,
                                  T* totals) {
  using Vec = simd::Vector<T>;
  with_vectors<T>(block, [&]<Index V>() {
    constexpr Index lanes = simd::lanes<T>;
    const Index tail = block - (V - 1) * lanes;  // elements in the last vector
    Vec total[V] = {};
    for (Index p = 0; p < pixels; ++p)
#pragma GCC unroll 4
      for (Index v = 0; v < V; ++v) {
        const Index i = p * channels + v * lanes, count = v + 1 < V ? lanes : tail;
        Vec g = simd::load_n(dy + i, count);
        if (y) {
          g = simd::load_n(y + i, count) <= Vec{} ? Vec{} : g;
          simd::store_n(sum + i, g, count);
        }
        total[v] += g;
      }
    for (Index v = 0; v < V; ++v) simd::store_n(totals + v * lanes, total[v], v + 1 < V ? lanes : tail);
  });
}

}  // namespace detail

/// What comes before the gradients of input and weight: sum = dy where y is positive or NaN (y null: dy itself, and sum
/// is not written), db = the sums of its channels.
template <class T>
void conv2d_backward_result(const Conv2dSizes& s, MemoryOrder order, const T* y, const T* dy, T* sum, T* db) {
  const bool planes = order == MemoryOrder::row_major;
  // Pieces of work: planes, or blocks of pixels, of which each has sums of all channels. A block has about 16384
  // elements, 64 KiB of float, so that adding up the sums of all blocks costs little.
  const Index pixels = planes ? s.pixels() : std::clamp<Index>(16384 / std::max<Index>(1, s.k), 16, 1024);
  const Index count = s.n * s.pixels(), pieces = planes ? s.n * s.k : (count + pixels - 1) / pixels;
  const Index sums = planes ? 1 : s.k;
  const Scratch<T> partial(pieces * sums);
  parallel_for(pieces, 1, [&](Index piece, Index) {
    T* const totals = partial.data() + piece * sums;
    const Index first = piece * pixels;
    if (planes) {
      if (y)
        for (Index i = first; i < first + pixels; ++i) sum[i] = y[i] <= 0 ? T{0} : dy[i];
      *totals = pairwise_sum_of<T>(first, pixels, [g = y ? sum : dy](Index i) { return g[i]; });
      return;
    }
    for (Index k = 0; k < s.k; k += detail::block_channels<T>) {
      const Index offset = first * s.k + k;
      detail::conv2d_backward_result_block(std::min(pixels, count - first), s.k,
                                           std::min(s.k - k, detail::block_channels<T>), y ? y + offset : nullptr,
                                           dy + offset, y ? sum + offset : nullptr, totals + k);
    }
  });
  std::fill_n(db, s.k, T{0});
  for (Index piece = 0; piece < pieces; ++piece)
    for (Index k = 0; k < sums; ++k) db[planes ? piece % s.k : k] += partial.data()[piece * sums + k];
}

/// dx = gradient of the input.
template <class T>
void conv2d_backward_input(Conv2dAlgorithm algorithm, const Conv2dSizes& s, MemoryOrder order, const T* dy,
                           const T* weight, T* dx) {
  algorithm = conv2d_algorithm(algorithm, Conv2dPass::backward_input, s, order);
  if constexpr (std::is_same_v<T, float>)
    if (algorithm == Conv2dAlgorithm::direct_bfloat16) return conv2d_bfloat16_backward_input(s, dy, weight, dx);
  if (algorithm == Conv2dAlgorithm::direct) return conv2d_direct_backward_input(s, dy, weight, dx);
  if (is_winograd(algorithm)) return conv2d_winograd_backward_input(s, winograd_tile(algorithm), dy, weight, dx);
  std::fill_n(dx, s.n * s.c * s.h * s.w, T{0});
  if (algorithm == Conv2dAlgorithm::naive)
    return conv2d_naive_backward_input(s, dy, detail::result_strides(s, order), weight, detail::weight_strides(s), dx,
                                       detail::image_strides(s, order));
  conv2d_im2col_backward_input(s, order, dy, weight, dx);
}

/// dw = gradient of the weight.
template <class T>
void conv2d_backward_weight(Conv2dAlgorithm algorithm, const Conv2dSizes& s, MemoryOrder order, const T* x, const T* dy,
                            T* dw) {
  algorithm = conv2d_algorithm(algorithm, Conv2dPass::backward_weight, s, order);
  if constexpr (std::is_same_v<T, float>)
    if (algorithm == Conv2dAlgorithm::direct_bfloat16) return conv2d_bfloat16_backward_weight(s, x, dy, dw);
  if (algorithm == Conv2dAlgorithm::direct) return conv2d_direct_backward_weight<T>(s, x, dy, dw);
  if (is_winograd(algorithm)) return conv2d_winograd_backward_weight(s, x, dy, dw);
  if (algorithm == Conv2dAlgorithm::im2col) return conv2d_im2col_backward_weight(s, order, x, dy, dw);
  std::fill_n(dw, s.k * s.taps(), T{0});
  conv2d_naive_backward_weight(s, x, detail::image_strides(s, order), dy, detail::result_strides(s, order), dw,
                               detail::weight_strides(s));
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace kernels

}  // namespace nasion
