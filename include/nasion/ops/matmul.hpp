#pragma once
// Matrix products of tensors.

#include "nasion/kernels/gemm.hpp"
#include "nasion/ops/shape.hpp"

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

/// a b.   a [.., m, k], b [.., k, n] with equal leading dimensions -> [.., m, n].   ShapeError when they do not fit.
template <Real T>
Tensor<T> matmul(const Tensor<T>& a, const Tensor<T>& b) {
  const Op op("matmul");
  using enum kernels::Factor;
  bool fits = a.rank() >= 2 && a.rank() == b.rank() && a.dim(-1) == b.dim(-2);
  for (int d = 0; fits && d < a.rank() - 2; ++d) fits = a.dim(d) == b.dim(d);
  op.check(fits, "first ", a.shape(), " does not fit second ", b.shape(),
           ": the last size of the first must be the last but one of the second, and leading sizes equal");
  return op.record(detail::product<plain, plain>(a, b), {a, b},
                   [a = save(a), b = save(b)](const Tensor<T>& dy) -> Grads<T> {
                     return {a.requires_grad() ? detail::product<plain, transposed>(dy, *b) : Tensor<T>{},
                             b.requires_grad() ? detail::product<transposed, plain>(*a, dy) : Tensor<T>{}};
                   });
}

}  // namespace nasion
