#pragma once
// Images of another size. Results keep the memory order of the input.

#include "nasion/core/size2.hpp"
#include "nasion/kernels/resize.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion {

/// How numbers between pixels are found: the pixel there, or a mean of the four around.
enum class Interpolation { nearest, bilinear };

/// Exactly one of `size`, of the result, and `scale_factor` (0: not given). With `align_corners` (bilinear only) the
/// centres of the corner pixels stay where they are, otherwise their corners.
struct InterpolateOptions {
  Size2 size = 0;
  double scale_factor = 0;
  Interpolation mode = Interpolation::nearest;
  bool align_corners = false;
};

namespace detail {

inline void check_interpolate_options(const Op& op, const InterpolateOptions& o) {
  op.check<ValueError>((o.size == Size2{0}) != (o.scale_factor == 0), "exactly one of size ", o.size,
                       " and scale_factor ", o.scale_factor, " must be given");
  op.check<ValueError>(o.scale_factor == 0 ? o.size.within(1, max_extent) : o.scale_factor > 0, "size ", o.size,
                       " must be in 1 .. ", max_extent, ", or scale_factor ", o.scale_factor, " positive");
  op.check<ValueError>(!o.align_corners || o.mode == Interpolation::bilinear,
                       "align_corners is for bilinear interpolation only");
}

/// How one axis is resampled. A scale factor that is not whole also says where the positions lie, as in PyTorch.
template <class T>
kernels::Resampling<T> axis_resampling(Index inputs, Index outputs, const InterpolateOptions& o) {
  double step = o.scale_factor > 0 ? 1 / o.scale_factor : static_cast<double>(inputs) / static_cast<double>(outputs);
  if (o.mode == Interpolation::nearest) return kernels::nearest_resampling<T>(inputs, outputs, step);
  if (o.align_corners) step = outputs > 1 ? static_cast<double>(inputs - 1) / static_cast<double>(outputs - 1) : 0;
  return kernels::linear_resampling<T>(inputs, outputs, step, o.align_corners);
}

}  // namespace detail

/// x [N, C, H, W] -> [N, C, size.h, size.w], or floor(H scale_factor) x floor(W scale_factor). Shrinking does not
/// average (no antialiasing), as in PyTorch by default.   ShapeError for images without pixels, ValueError for options.
template <Real T>
Tensor<T> interpolate(const Tensor<T>& x, const InterpolateOptions& o) {
  const Op op("interpolate");
  detail::check_interpolate_options(op, o);
  op.check(x.rank() == 4 && Size2(x.dim(2), x.dim(3)).within(1, max_extent), "input ", x.shape(),
           " must be [N, C, H, W] with pixels");
  const Index n = x.dim(0), c = x.dim(1), h = x.dim(2), w = x.dim(3);
  Size2 size = o.size;
  if (o.scale_factor > 0) {
    const double high = static_cast<double>(h) * o.scale_factor, wide = static_cast<double>(w) * o.scale_factor;
    op.check<ValueError>(high >= 1 && wide >= 1 && std::max(high, wide) <= static_cast<double>(max_extent),
                         "scale_factor ", o.scale_factor, " leaves no pixels, or far too many, of input ", x.shape());
    size = {static_cast<Index>(high), static_cast<Index>(wide)};
  }
  op.check(n * c == 0 || size.h <= max_size / size.w / (n * c), "size ", size, " is too large for input ", x.shape());
  const auto rows = detail::axis_resampling<T>(h, size.h, o), columns = detail::axis_resampling<T>(w, size.w, o);
  const auto y = Tensor<T>::empty({n, c, size.h, size.w}, x.order());
  kernels::resize(n, c, h, w, x.order(), rows, columns, x.memory(), Op::writable(y));
  op.option("mode", static_cast<int>(o.mode));
  op.option("align_corners", o.align_corners);
  op.option("scale_factor", o.scale_factor);
  return op.record(y, {x}, [=, order = x.order()](const Tensor<T>& grad) -> Grads<T> {
    const auto dy = to_order(grad, order);
    const auto dx = Tensor<T>::empty({n, c, h, w}, order);
    kernels::resize(n, c, size.h, size.w, order, kernels::transposed(rows, h), kernels::transposed(columns, w),
                    dy.memory(), Op::writable(dx));
    return {dx};
  });
}

}  // namespace nasion
