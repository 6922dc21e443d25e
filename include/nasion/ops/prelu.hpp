#pragma once
// ReLU with a learned slope.

#include "nasion/ops/elementwise.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion {

/// x where positive, slope x elsewhere (He et al., ICCV 2015).   x of any shape with slope [1], or [N, C, ...] with
/// slope [C] -> the shape of x, in its order; the gradient at 0 is that of the negative side.   ShapeError when they do
/// not fit.
template <Real T>
Tensor<T> prelu(const Tensor<T>& x, const Tensor<T>& slope) {
  const Op op("prelu");
  const bool one = slope.shape() == Shape{1};
  op.check(one || (x.rank() >= 2 && slope.shape() == Shape{x.dim(1)}), "slope ", slope.shape(), " does not fit input ",
           x.shape(), ": [1], or [C] and [N, C, ...] are needed");
  std::vector<Index> sizes(static_cast<std::size_t>(std::max(1, x.rank() - 1)), 1);
  sizes[0] = slope.dim(0);
  const auto a = reshape(slope, one ? Shape{} : Shape(std::span<const Index>(sizes)));  // broadcasts to x
  const auto y = zip_elements(op, x, a, [](T v, T s) {
    const T negative = s * v;
    return v > 0 ? v : negative;
  });
  return op.record(y, {x, a}, [x = save(x), a = save(a)](const Tensor<T>& dy) -> Grads<T> {
    Tensor<T> dx, da;
    if (x.requires_grad())
      dx = detail::zip_gradient(dy, *x, *a, [](T g, T v, T s) {
        const T negative = s * g;
        return v > 0 ? g : negative;
      });
    if (a.requires_grad()) da = zip_elements(dy, *x, [](T g, T v) { return v > 0 ? T{0} : g * v; });
    return {dx, da};
  });
}

}  // namespace nasion
