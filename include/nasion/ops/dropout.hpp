#pragma once
// Dropout (Srivastava et al. 2014).

#include "nasion/core/batch_part.hpp"
#include "nasion/ops/elementwise.hpp"

namespace nasion {

namespace detail {

/// x times a random mask of `mask_shape`, broadcast: zeros with probability p, otherwise 1 / (1 - p).
template <class T>
Tensor<T> drop(const Op& op, const Tensor<T>& x, const Shape& mask_shape, MemoryOrder mask_order, double p, Rng& rng) {
  op.check<ValueError>(p >= 0 && p <= 1, "probability must be in [0, 1], got ", p);
  const T scale = p < 1 ? static_cast<T>(1 / (1 - p)) : T{0};
  const auto mask = Tensor<T>::empty(mask_shape, mask_order);
  T* to = Op::writable(mask);
  const Index example = mask.size() / std::max<Index>(1, mask.rank() ? mask.dim(0) : 1);  // numbers of each
  rng.advance(static_cast<std::uint64_t>(other_examples.before * example));
  parallel_for(mask.size(), 16384, [=, from = rng](Index begin, Index end) {
    Rng piece = from;
    piece.advance(static_cast<std::uint64_t>(begin));
    const T kept = scale;  // of the loop's own, for vectors
    for (Index i = begin; i < end; ++i) to[i] = piece.chance(p) ? T{0} : kept;
  });
  rng.advance(static_cast<std::uint64_t>(mask.size() + other_examples.after * example));
  const auto y = zip_elements(op, x, mask, [](T v, T m) { return v * m; });
  return op.record(y, {x}, [mask = save(mask)](const Tensor<T>& dy) -> Grads<T> {
    return {zip_elements(dy, *mask, [](T g, T m) { return g * m; })};
  });
}

}  // namespace detail

/// Zeroes each element of x, of any shape, with probability p and scales the others by 1 / (1 - p).   ValueError for p
/// outside [0, 1].
template <Real T>
Tensor<T> dropout(const Tensor<T>& x, double p, Rng& rng) {
  const Op op("dropout");
  return detail::drop(op, x, x.shape(), x.order(), p, rng);
}

/// Zeroes whole channels of single images with probability p and scales the others by 1 / (1 - p) (Tompson et al., CVPR
/// 2015): neighbouring pixels are too alike for single ones to be missed.   ShapeError unless x is [N, C, H, W];
/// ValueError for p outside [0, 1].
template <Real T>
Tensor<T> dropout2d(const Tensor<T>& x, double p, Rng& rng) {
  const Op op("dropout2d");
  op.check(x.rank() == 4, "input ", x.shape(), " must be [N, C, H, W]");
  return detail::drop(op, x, {x.dim(0), x.dim(1), 1, 1}, MemoryOrder::row_major, p, rng);
}

}  // namespace nasion
