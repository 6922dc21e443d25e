#pragma once
// Channels as pixels, and back: how networks enlarge images without a transposed convolution.

#include "nasion/core/op.hpp"

namespace nasion {

namespace detail {

/// Copies between images [N, C r^2, H, W] and [N, C, H r, W r], where channel c r^2 + i r + j of a pixel is its part
/// (i, j) of r x r.
template <class T>
void shuffle_pixels(const Tensor<T>& from, const Tensor<T>& to, Index r, bool up) {
  const Shape deep = (up ? from : to).shape();
  const Strides d = (up ? from : to).strides(), l = (up ? to : from).strides();
  const Shape parts{deep[0], deep[1] / (r * r), r, r, deep[2], deep[3]};
  const Strides of_deep{d[0], d[1] * r * r, d[1] * r, d[1], d[2], d[3]};
  const Strides of_large{l[0], l[1], l[2], l[3], l[2] * r, l[3] * r};
  strided_copy(parts, from.memory(), up ? of_deep : of_large, Op::writable(to), up ? of_large : of_deep);
}

}  // namespace detail

template <Real T>
Tensor<T> pixel_unshuffle(const Tensor<T>& x, Index factor);

/// Images `factor` times as large, from that many squared times as many channels (Shi et al., CVPR 2016).
/// x [N, C factor^2, H, W] -> [N, C, H factor, W factor], in the order of x.   ShapeError for another rank or number of
/// channels, ValueError unless the factor is positive.
template <Real T>
Tensor<T> pixel_shuffle(const Tensor<T>& x, Index factor) {
  const Op op("pixel_shuffle");
  op.check(x.rank() == 4, "input ", x.shape(), " must be [N, C, H, W]");
  op.check<ValueError>(factor > 0 && factor <= 65536, "factor ", factor, " must be in 1 .. 65536");
  op.check(x.dim(1) % (factor * factor) == 0, "factor ", factor, " squared does not divide the channels of input ",
           x.shape());
  const auto y =
      Tensor<T>::empty({x.dim(0), x.dim(1) / (factor * factor), x.dim(2) * factor, x.dim(3) * factor}, x.order());
  detail::shuffle_pixels(x, y, factor, true);
  return op.record(y, {x}, [factor](const Tensor<T>& dy) -> Grads<T> { return {pixel_unshuffle(dy, factor)}; });
}

/// The inverse of pixel_shuffle(): x [N, C, H factor, W factor] -> [N, C factor^2, H, W], in the order of x.
/// ShapeError for another rank or size, ValueError unless the factor is positive.
template <Real T>
Tensor<T> pixel_unshuffle(const Tensor<T>& x, Index factor) {
  const Op op("pixel_unshuffle");
  op.check(x.rank() == 4, "input ", x.shape(), " must be [N, C, H, W]");
  op.check<ValueError>(factor > 0 && factor <= 65536, "factor ", factor, " must be in 1 .. 65536");
  op.check(x.dim(2) % factor == 0 && x.dim(3) % factor == 0, "factor ", factor,
           " does not divide height and width of input ", x.shape());
  const auto y =
      Tensor<T>::empty({x.dim(0), x.dim(1) * factor * factor, x.dim(2) / factor, x.dim(3) / factor}, x.order());
  detail::shuffle_pixels(x, y, factor, false);
  return op.record(y, {x}, [factor](const Tensor<T>& dy) -> Grads<T> { return {pixel_shuffle(dy, factor)}; });
}

}  // namespace nasion
