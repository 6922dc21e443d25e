#pragma once
// Convolution by a chosen kernel. Images are in either memory order, weights [k, c / groups, kh, kw]; what is written
// need not hold zeros before.

#include "nasion/kernels/conv2d/bfloat16.hpp"
#include "nasion/kernels/conv2d/direct_weight.hpp"
#include "nasion/kernels/conv2d/grouped_weight.hpp"
#include "nasion/kernels/conv2d/im2col.hpp"
#include "nasion/kernels/conv2d/naive.hpp"
#include "nasion/kernels/conv2d/winograd_weight.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// Kernels in the order in which `automatic` asks them whether they pay.
template <class... Kernels>
struct Conv2dKernelList {
  /// Calls f.template operator()<Kernel>() for each of them.
  template <class F>
  static void for_each(F&& f) {
    (f.template operator()<Kernels>(), ...);
  }
  /// Calls it for the kernel that `algorithm` names; tells whether there is one.
  template <class F>
  static bool with(Conv2dAlgorithm algorithm, F&& f) {
    return ((Kernels::algorithm == algorithm && (f.template operator()<Kernels>(), true)) || ...);
  }
};
/// Groups of few channels first: the kernels after it take one group at a time, with vectors half empty. Then
/// Winograd's method, which saves products where there are tiles enough to pay for its transforms, then the direct
/// kernel, which takes any kernel, stride and dilation at nearly the peak, and im2col, which takes whatever is left.
/// The last three run only when they are asked for, that of bfloat16 by Autocast.
using Conv2dKernels = Conv2dKernelList<GroupedConv2d, WinogradConv2d<4>, WinogradConv2d<2>, DirectConv2d, Im2colConv2d,
                                       Bfloat16Conv2d, NaiveConv2d, Im2colEigenConv2d>;

/// The kernel that runs. What `automatic` takes depends on the sizes and the instruction set alone, so that results
/// never depend on timing; benchmarks/bench_conv2d is where the limits come from.
inline Conv2dAlgorithm conv2d_algorithm(Conv2dAlgorithm asked, Conv2dPass pass, const Conv2dSizes& s,
                                        MemoryOrder order) {
  Conv2dKernels::for_each([&]<class Kernel>() {
    const bool reads = !Kernel::channels_last || order == MemoryOrder::channels_last;
    if (asked == Conv2dAlgorithm::automatic && reads && Kernel::fits(s) && Kernel::pays(pass, s))
      asked = Kernel::algorithm;
  });
  return asked;
}

namespace detail {

/// Calls f with the kernel that computes this pass for elements of type T. It must exist: ops/conv2d.hpp checks that.
template <class T, class F>
void run_conv2d_kernel(Conv2dAlgorithm asked, Conv2dPass pass, const Conv2dSizes& s, MemoryOrder order, F&& f) {
  Conv2dKernels::with(conv2d_algorithm(asked, pass, s, order), [&]<class Kernel>() {
    if constexpr (Kernel::template supports<T>) f.template operator()<Kernel>();
  });
}

}  // namespace detail

/// The weight as the forward pass by `algorithm` uses it, to be computed once for many calls: empty where that is the
/// weight itself. It depends on the algorithm and the sizes of the weight, not on those of the images.
template <class T>
std::unique_ptr<Scratch<T>> conv2d_prepare(Conv2dAlgorithm algorithm, const Conv2dSizes& s, const T* weight) {
  std::unique_ptr<Scratch<T>> prepared;
  Conv2dKernels::with(algorithm, [&]<class Kernel>() {
    if constexpr (requires { Kernel::prepare(s, weight); })
      if (Kernel::prepares(s)) prepared = std::make_unique<Scratch<T>>(Kernel::prepare(s, weight));
  });
  return prepared;
}

/// y = activation(conv2d(x, weight) + bias (null: none)). `prepared` (null: not done) is of conv2d_prepare.
template <class T>
void conv2d_forward(Conv2dAlgorithm algorithm, const Conv2dSizes& s, MemoryOrder order, const T* x, const T* weight,
                    const T* bias, Activation activation, T* y, const T* prepared = nullptr) {
  detail::run_conv2d_kernel<T>(algorithm, Conv2dPass::forward, s, order, [&]<class Kernel>() {
    Kernel::forward(s, order, x, weight, bias, activation, y, prepared);
    // Kernels that hold results in registers apply the activation when they store them; the others leave it to a pass
    // over y, in pieces of 65536 elements, 256 KiB of float.
    if constexpr (!Kernel::applies_activation)
      if (activation != Activation::none)
        parallel_for(s.n * s.k * s.pixels(), 65536,
                     [&](Index begin, Index end) { activate(activation, end - begin, y + begin); });
  });
}

namespace detail {

/// sum = dy where the limits of `activation` let y pass (y null: dy, and sum is not written) and totals[k] = the sum
/// over `pixels` pixels, channels-last; for one block of channels, whose totals stay in registers.
template <class T>
void conv2d_backward_result_block(Index pixels, Index channels, Index block, Activation activation, const T* y,
                                  const T* dy, T* sum, T* totals) {
  using Vec = simd::Vector<T>;
  with_vectors<T>(block, [&]<Index V>() {
    constexpr Index lanes = simd::lanes<T>;
    const Index tail = block - (V - 1) * lanes;  // elements in the last vector
    Vec total[V] = {};  // at most 4 registers: the sums of a block's channels, from its first pixel to its last
    for (Index p = 0; p < pixels; ++p)
#pragma GCC unroll 4
      for (Index v = 0; v < V; ++v) {
        const Index i = p * channels + v * lanes, count = v + 1 < V ? lanes : tail;
        Vec g = simd::load_n(dy + i, count);
        if (y) {
          const Vec result = simd::load_n(y + i, count);
          g = result <= Vec{} ? Vec{} : g;
          if (activation == Activation::relu6) g = result >= simd::broadcast(T{6}) ? Vec{} : g;
          simd::store_n(sum + i, g, count);
        }
        total[v] += g;
      }
    for (Index v = 0; v < V; ++v) simd::store_n(totals + v * lanes, total[v], v + 1 < V ? lanes : tail);
  });
}

}  // namespace detail

/// What comes before the gradients of input and weight: sum = dy through the limits of `activation`, relu or relu6,
/// which gave y (y null: dy itself, and sum is not written), db = the sums of its channels. NaN passes.
template <class T>
void conv2d_backward_result(const Conv2dSizes& s, MemoryOrder order, Activation activation, const T* y, const T* dy,
                            T* sum, T* db) {
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
        for (Index i = first; i < first + pixels; ++i)
          sum[i] = activation == Activation::relu6 ? relu6_gradient(dy[i], y[i]) : relu_gradient(dy[i], y[i]);
      *totals = pairwise_sum_of<T>(first, pixels, [g = y ? sum : dy](Index i) { return g[i]; });
      return;
    }
    for (Index k = 0; k < s.k; k += detail::block_channels<T>) {
      const Index offset = first * s.k + k;
      detail::conv2d_backward_result_block(
          std::min(pixels, count - first), s.k, std::min(s.k - k, detail::block_channels<T>), activation,
          y ? y + offset : nullptr, dy + offset, y ? sum + offset : nullptr, totals + k);
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
  detail::run_conv2d_kernel<T>(algorithm, Conv2dPass::backward_input, s, order,
                               [&]<class Kernel>() { Kernel::backward_input(s, order, dy, weight, dx); });
}

/// dw = gradient of the weight.
template <class T>
void conv2d_backward_weight(Conv2dAlgorithm algorithm, const Conv2dSizes& s, MemoryOrder order, const T* x, const T* dy,
                            T* dw) {
  detail::run_conv2d_kernel<T>(algorithm, Conv2dPass::backward_weight, s, order,
                               [&]<class Kernel>() { Kernel::backward_weight(s, order, x, dy, dw); });
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
