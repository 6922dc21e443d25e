#pragma once
// 1-D convolution, as of signals and sequences: that of images of one row.

#include "nasion/ops/conv2d.hpp"

namespace nasion {

/// As Conv2dOptions, for one dimension.
struct Conv1dOptions {
  Index stride = 1, padding = 0, dilation = 1;
  Index groups = 1;
  Activation activation = Activation::none;  ///< of the result, in the same pass
};

namespace detail {
inline Conv2dOptions of_one_row(const Conv1dOptions& o) {
  return {.stride = {1, o.stride},
          .padding = {0, o.padding},
          .dilation = {1, o.dilation},
          .groups = o.groups,
          .activation = o.activation};
}
}  // namespace detail

/// x [N, C, L] with weight [K, C / groups, k] and bias [K] (or undefined) -> [N, K, OL], where
/// OL = floor((L + 2 padding - dilation (k - 1) - 1) / stride) + 1.   Errors as for conv2d().
template <Real T>
Tensor<T> conv1d(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias = {},
                 const Conv1dOptions& options = {}) {
  const Op op("conv1d");
  op.check(x.rank() == 3 && weight.rank() == 3, "input ", x.shape(), " and weight ", weight.shape(),
           " must be [N, C, L] and [K, C / groups, k]");
  return squeeze(conv2d(unsqueeze(x, 2), unsqueeze(weight, 2), bias, detail::of_one_row(options)), 2);
}

}  // namespace nasion
