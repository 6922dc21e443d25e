#pragma once
// Matrix products of tensors.

#include "nasion/kernels/gemm.hpp"
#include "nasion/ops/reduce.hpp"

#ifdef NASION_COMPILED
#include "nasion/kernels/compiled.hpp"
#endif

namespace nasion {

namespace detail {

/// op(a) op(b) for [.., m, k] and [.., k, n] (after transposing, if so), with equal leading dimensions. No graph.
template <kernels::Factor a_is, kernels::Factor b_is, class T>
Tensor<T> product(const Tensor<T>& a, const Tensor<T>& b) {
  const bool a_plain = a_is == kernels::Factor::plain, b_plain = b_is == kernels::Factor::plain;
  const auto x = contiguous(a), w = contiguous(b);
  const Index m = x.dim(a_plain ? -2 : -1), k = x.dim(a_plain ? -1 : -2), n = w.dim(b_plain ? -1 : -2);
  const Shape shape = x.shape().with(-2, m).with(-1, n);
  auto y = Tensor<T>::empty(shape);
  T* to = Op::writable(y);
  Op::flops(2 * static_cast<double>(shape.size()) * static_cast<double>(k));
  const Index batch = m * n == 0 ? 0 : shape.size() / (m * n);
  if (batch == 1)
    kernels::parallel_gemm<a_is, b_is>(m, n, k, x.data(), x.dim(-1), w.data(), w.dim(-1), to, n, kernels::Into::fresh);
  else
    parallel_for(batch, std::max<Index>(1, 65536 / std::max<Index>(1, m * n * k)), [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i)
        kernels::gemm<a_is, b_is>(m, n, k, x.data() + i * m * k, x.dim(-1), w.data() + i * k * n, w.dim(-1),
                                  to + i * m * n, n, kernels::Into::fresh);
    });
  return y;
}

}  // namespace detail

/// a b.   a [.., m, k], b [.., k, n] -> [.., m, n], where leading dimensions broadcast; a vector, of rank 1, is a row
/// as a and a column as b, which the result then lacks: [m, k] [k] -> [m].   ShapeError when they do not fit.
template <Real T>
Tensor<T> matmul(const Tensor<T>& a, const Tensor<T>& b) {
  const Op op("matmul");
  using enum kernels::Factor;
  bool fits = a.rank() > 0 && b.rank() > 0 && a.dim(-1) == b.dim(b.rank() > 1 ? -2 : 0);
  for (int d = -3; fits && d >= -std::min(a.rank(), b.rank()); --d)
    fits = a.dim(d) == b.dim(d) || a.dim(d) == 1 || b.dim(d) == 1;
  op.check(fits, "first ", a.shape(), " does not fit second ", b.shape(),
           ": the last size of the first must be the last but one of the second, and leading sizes equal or 1");
  if (a.rank() == 1) return squeeze(matmul(unsqueeze(a, 0), b), b.rank() == 1 ? 0 : -2);
  if (b.rank() == 1) return squeeze(matmul(a, unsqueeze(b, 1)), -1);
  const auto leading = [](const Tensor<T>& x) { return Shape(std::span(x.shape().begin(), x.shape().end() - 2)); };
  if (leading(a) != leading(b)) {
    if (b.rank() == 2) {  // all rows of all matrices in one product
      const Shape rows{leading(a).size() * a.dim(-2), a.dim(-1)};
      return reshape(matmul(reshape(a, rows), b), a.shape().with(-1, b.dim(-1)));
    }
    const Shape batch = broadcast_shape(op.name(), leading(a), leading(b));
    const auto whole = [&](const Tensor<T>& x) {
      std::vector<Index> sizes(batch.begin(), batch.end());
      sizes.insert(sizes.end(), x.shape().end() - 2, x.shape().end());
      return broadcast_to(x, Shape(std::span<const Index>(sizes)));
    };
    return matmul(whole(a), whole(b));
  }
  return op.record(detail::product<plain, plain>(a, b), {a, b},
                   [a = save(a), b = save(b)](const Tensor<T>& dy) -> Grads<T> {
                     return {a.requires_grad() ? detail::product<plain, transposed>(dy, *b) : Tensor<T>{},
                             b.requires_grad() ? detail::product<transposed, plain>(*a, dy) : Tensor<T>{}};
                   });
}

}  // namespace nasion
