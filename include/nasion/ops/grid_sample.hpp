#pragma once
// Images read at places that may be learned.

#include "nasion/core/op.hpp"
#include "nasion/kernels/grid_sample.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion {

/// `align_corners`: -1 and 1 are the centres of the first and last pixels, otherwise their outer edges. Defaults of
/// PyTorch.
struct GridSampleOptions {
  GridMode mode = GridMode::bilinear;
  GridPadding padding = GridPadding::zeros;
  bool align_corners = false;
};

/// x at the places of the grid, which are pairs of column and row, -1 .. 1 across the image.   x [N, C, H, W], grid
/// [N, OH, OW, 2] -> [N, C, OH, OW], in the order of x. Zeros where the grid is not a number.   ShapeError when they do
/// not fit or images have no pixels.
template <Real T>
Tensor<T> grid_sample(const Tensor<T>& x, const Tensor<T>& grid, const GridSampleOptions& options = {}) {
  const Op op("grid_sample");
  op.check(x.rank() == 4 && grid.rank() == 4 && grid.dim(0) == x.dim(0) && grid.dim(3) == 2, "grid ", grid.shape(),
           " does not fit input ", x.shape(), ": [N, OH, OW, 2] and [N, C, H, W] are needed");
  op.check(x.dim(2) > 0 && x.dim(3) > 0, "input ", x.shape(), " has no pixels");
  const auto y = Tensor<T>::empty({x.dim(0), x.dim(1), grid.dim(1), grid.dim(2)}, x.order());
  const kernels::GridSampleSizes s{.n = x.dim(0),
                                   .c = x.dim(1),
                                   .h = x.dim(2),
                                   .w = x.dim(3),
                                   .oh = grid.dim(1),
                                   .ow = grid.dim(2),
                                   .x = x.strides(),
                                   .y = y.strides(),
                                   .mode = options.mode,
                                   .padding = options.padding,
                                   .align_corners = options.align_corners};
  const auto places = contiguous(grid);
  kernels::grid_sample_forward(s, x.memory(), places.data(), Op::writable(y));
  return op.record(y, {x, places}, [s, x = save(x), g = save(places), order = x.order()](const Tensor<T>& grad) {
    const auto dy = to_order(grad, order);
    Tensor<T> dx, dg;
    if (x.requires_grad()) dx = Tensor<T>::zeros(x->shape(), order);
    if (g.requires_grad()) dg = Tensor<T>::empty(g->shape());
    kernels::grid_sample_backward(s, x->memory(), g->data(), dy.memory(), dx.defined() ? Op::writable(dx) : nullptr,
                                  dg.defined() ? Op::writable(dg) : nullptr);
    return Grads<T>{dx, dg};
  });
}

}  // namespace nasion
