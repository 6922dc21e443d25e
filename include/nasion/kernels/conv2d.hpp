#pragma once
// Convolution by a chosen kernel. Images are in either memory order, weights [k, c / groups, kh, kw]; what is written
// need not hold zeros.

#include "nasion/kernels/conv2d_direct.hpp"
#include "nasion/kernels/conv2d_im2col.hpp"
#include "nasion/kernels/conv2d_naive.hpp"
#include "nasion/kernels/conv2d_winograd.hpp"

namespace nasion {

/// Which kernel computes a convolution: `naive` is the reference, `im2col` the parallel matrix product, `direct` keeps
/// tiles of the result in registers, `winograd` saves multiplications (3x3 and 5x5 at stride 1, with a few digits
/// less). The last two are for channels-last images; others are converted. `automatic` takes the fastest for the sizes.
enum class Conv2dAlgorithm { automatic, naive, im2col, direct, winograd };

/// The three convolutions of a training step.
enum class Conv2dPass { forward, backward_input, backward_weight };

namespace kernels {

namespace detail {
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

/// The kernel that runs. What `automatic` takes depends on the sizes alone; benchmarks/bench_conv2d is where the limits
/// come from.
inline Conv2dAlgorithm conv2d_algorithm(Conv2dAlgorithm asked, Conv2dPass pass, const Conv2dSizes& s,
                                        MemoryOrder order) {
  using enum Conv2dAlgorithm;
  if (asked != automatic) return asked;
  if (order == MemoryOrder::row_major) return im2col;
  if (winograd_fits(s) && s.group_c() >= 8 && s.group_k() >= 8) return winograd;
  return (pass == Conv2dPass::backward_input ? s.group_c() : s.group_k()) >= 8 ? direct : im2col;
}

/// y = [relu] (conv2d(x, weight) + bias (null: none)).
template <class T>
void conv2d_forward(Conv2dAlgorithm algorithm, const Conv2dSizes& s, MemoryOrder order, const T* x, const T* weight,
                    const T* bias, bool relu, T* y) {
  algorithm = conv2d_algorithm(algorithm, Conv2dPass::forward, s, order);
  if (algorithm == Conv2dAlgorithm::direct) return conv2d_direct_forward(s, x, weight, bias, relu, y);
  if (algorithm == Conv2dAlgorithm::winograd) return conv2d_winograd_forward(s, x, weight, bias, relu, y);
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

/// What comes before the gradients of input and weight: sum = dy where y is positive (y null: dy itself, and sum is not
/// written), db = the sums of its channels (null: not wanted).
template <class T>
void conv2d_backward_result(const Conv2dSizes& s, MemoryOrder order, const T* y, const T* dy, T* sum, T* db) {
  const bool planes = order == MemoryOrder::row_major;
  // Pieces of work: planes, or blocks of pixels of which each has sums of all channels.
  const Index pixels = planes ? s.pixels() : std::clamp<Index>(16384 / std::max<Index>(1, s.k), 16, 1024);
  const Index count = s.n * s.pixels(), pieces = planes ? s.n * s.k : (count + pixels - 1) / pixels;
  const Index sums = planes ? 1 : s.k;
  const Scratch<T> partial(db ? pieces * sums : 0);
  const auto at = [&](Index i) {
    if (!y) return dy[i];
    return sum[i] = y[i] > 0 ? dy[i] : T{0};
  };
  parallel_for(pieces, planes ? std::max<Index>(1, 16384 / std::max<Index>(1, pixels)) : 1,
               [&](Index begin, Index end) {
                 for (Index piece = begin; piece < end; ++piece) {
                   T* const to = db ? partial.data() + piece * sums : nullptr;
                   if (planes) {
                     if (y)
                       for (Index i = piece * pixels; i < (piece + 1) * pixels; ++i) at(i);
                     if (db)
                       *to = pairwise_sum_of<T>(piece * pixels, pixels, [&](Index i) { return y ? sum[i] : dy[i]; });
                     continue;
                   }
                   if (db) std::fill_n(to, s.k, T{0});
                   for (Index p = piece * pixels; p < std::min(count, (piece + 1) * pixels); ++p)
                     if (db)
                       for (Index k = 0; k < s.k; ++k) to[k] += at(p * s.k + k);
                     else
                       for (Index k = 0; k < s.k; ++k) at(p * s.k + k);
                 }
               });
  if (!db) return;
  std::fill_n(db, s.k, T{0});
  for (Index piece = 0; piece < pieces; ++piece)
    for (Index k = 0; k < sums; ++k) db[planes ? piece % s.k : k] += partial.data()[piece * sums + k];
}

/// dx = gradient of the input.
template <class T>
void conv2d_backward_input(Conv2dAlgorithm algorithm, const Conv2dSizes& s, MemoryOrder order, const T* dy,
                           const T* weight, T* dx) {
  algorithm = conv2d_algorithm(algorithm, Conv2dPass::backward_input, s, order);
  if (algorithm == Conv2dAlgorithm::direct) return conv2d_direct_backward_input(s, dy, weight, dx);
  if (algorithm == Conv2dAlgorithm::winograd) return conv2d_winograd_backward_input(s, dy, weight, dx);
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
  if (algorithm == Conv2dAlgorithm::direct) return conv2d_direct_backward_weight(s, x, dy, dw);
  if (algorithm == Conv2dAlgorithm::winograd) return conv2d_winograd_backward_weight(s, x, dy, dw);
  if (algorithm == Conv2dAlgorithm::im2col) return conv2d_im2col_backward_weight(s, order, x, dy, dw);
  std::fill_n(dw, s.k * s.taps(), T{0});
  conv2d_naive_backward_weight(s, x, detail::image_strides(s, order), dy, detail::result_strides(s, order), dw,
                               detail::weight_strides(s));
}

}  // namespace kernels

}  // namespace nasion
