#pragma once
// What conv2d.hpp must know of a kernel. A new one is named in three places: an enumerator here, a class of its own
// that derives from Conv2dKernel, and the list in conv2d.hpp.

#include "nasion/core/strided.hpp"
#include "nasion/kernels/activation.hpp"
#include "nasion/kernels/conv2d/sizes.hpp"
#include "nasion/kernels/scratch.hpp"

namespace nasion {

/// Which kernel computes a convolution: `naive` is the reference, `im2col` the parallel matrix product, `im2col_eigen`
/// the same with Eigen's (in programs that include kernels/conv2d/im2col_eigen.hpp), `direct` keeps tiles of the result
/// in registers, `grouped` does so for groups of few channels, depthwise above all, `winograd` saves multiplications
/// (3x3 and 5x5 at stride 1; errors of a millionth of the largest result, `direct` for denormal numbers),
/// `winograd_small` is that for small images in small batches (3x3; its gradient of the weight is that of `winograd`),
/// `direct_bfloat16` is `direct` with factors rounded to bfloat16 (float only). The last five are for channels-last
/// images; others are converted. `automatic` takes the fastest for the sizes, `direct_bfloat16` only under Autocast.
enum class Conv2dAlgorithm {
  automatic,
  naive,
  im2col,
  im2col_eigen,
  direct,
  grouped,
  winograd,
  winograd_small,
  direct_bfloat16
};

/// The three convolutions of a training step.
enum class Conv2dPass { forward, backward_input, backward_weight };

namespace kernels {
inline namespace NASION_INSTRUCTION_SET {

/// What kernels have in common, unless their class says otherwise. It must say `algorithm` and `name`, and has three
/// passes, whose operands are in `order` and need not hold zeros where they are written:
///
///     forward(s, order, x, weight, bias, activation, y, prepared)    y = activation(conv2d(x, weight) + bias (null:
///     none)) backward_input(s, order, dy, weight, dx) backward_weight(s, order, x, dy, dw)
struct Conv2dKernel {
  /// Whether images must be channels-last, and whether forward() applies the activation: else that is a pass of its
  /// own.
  static constexpr bool channels_last = false, applies_activation = false;
  /// Whether there are kernels for elements of type T.
  template <class T>
  static constexpr bool supports = true;
  /// The sizes that it can compute; `for_sizes` says in words which, where that is not all of them.
  static bool fits(const Conv2dSizes&) { return true; }
  static constexpr const char* for_sizes = "all sizes";
  /// Whether `automatic` takes it, when it fits and no kernel before it in the list is taken.
  static bool pays(Conv2dPass, const Conv2dSizes&) { return false; }
  /// Whether prepare(s, weight) makes what forward() reads in the place of the weight: worth keeping for many calls. It
  /// depends on the sizes of the weight, not on those of the images.
  static bool prepares(const Conv2dSizes&) { return false; }
};

}  // namespace NASION_INSTRUCTION_SET
}  // namespace kernels

}  // namespace nasion
