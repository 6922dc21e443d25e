#pragma once
// Comparisons, and choices by them. There is no tensor of truth values: a comparison gives 1 where it holds and 0
// elsewhere, and whatever is not 0 counts as true. No gradient goes through a comparison.

#include "nasion/ops/elementwise.hpp"

namespace nasion {

/// 1 where a == b, 0 elsewhere; NaN equals nothing. Shapes broadcast; ShapeError when they do not. So below.
template <Real T>
Tensor<T> eq(const Tensor<T>& a, const Tensor<T>& b) {
  const Op op("eq");
  return zip_elements(op, a, b, [](T p, T q) { return T(p == q); });
}
/// 1 where a != b: also where one is NaN.
template <Real T>
Tensor<T> ne(const Tensor<T>& a, const Tensor<T>& b) {
  const Op op("ne");
  return zip_elements(op, a, b, [](T p, T q) { return T(p != q); });
}
/// 1 where a < b.
template <Real T>
Tensor<T> lt(const Tensor<T>& a, const Tensor<T>& b) {
  const Op op("lt");
  return zip_elements(op, a, b, [](T p, T q) { return T(p < q); });
}
/// 1 where a <= b.
template <Real T>
Tensor<T> le(const Tensor<T>& a, const Tensor<T>& b) {
  const Op op("le");
  return zip_elements(op, a, b, [](T p, T q) { return T(p <= q); });
}
/// 1 where a > b.
template <Real T>
Tensor<T> gt(const Tensor<T>& a, const Tensor<T>& b) {
  const Op op("gt");
  return zip_elements(op, a, b, [](T p, T q) { return T(p > q); });
}
/// 1 where a >= b.
template <Real T>
Tensor<T> ge(const Tensor<T>& a, const Tensor<T>& b) {
  const Op op("ge");
  return zip_elements(op, a, b, [](T p, T q) { return T(p >= q); });
}

/// eq() of each element and a number.
template <Real T>
Tensor<T> eq(const Tensor<T>& x, std::type_identity_t<T> s) {
  return eq(x, Tensor<T>::scalar(s));
}
/// ne() of each element and a number.
template <Real T>
Tensor<T> ne(const Tensor<T>& x, std::type_identity_t<T> s) {
  return ne(x, Tensor<T>::scalar(s));
}
/// lt() of each element and a number.
template <Real T>
Tensor<T> lt(const Tensor<T>& x, std::type_identity_t<T> s) {
  return lt(x, Tensor<T>::scalar(s));
}
/// le() of each element and a number.
template <Real T>
Tensor<T> le(const Tensor<T>& x, std::type_identity_t<T> s) {
  return le(x, Tensor<T>::scalar(s));
}
/// gt() of each element and a number.
template <Real T>
Tensor<T> gt(const Tensor<T>& x, std::type_identity_t<T> s) {
  return gt(x, Tensor<T>::scalar(s));
}
/// ge() of each element and a number.
template <Real T>
Tensor<T> ge(const Tensor<T>& x, std::type_identity_t<T> s) {
  return ge(x, Tensor<T>::scalar(s));
}

/// a where the condition is not 0, b elsewhere. The gradient of what is not chosen is 0, whatever stands there.
/// Shapes broadcast; ShapeError when they do not.
template <Real T>
Tensor<T> where(const Tensor<T>& condition, const Tensor<T>& a, const Tensor<T>& b) {
  const Op op("where");
  const Shape shape = broadcast_shape(op.name(), condition.shape(), broadcast_shape(op.name(), a.shape(), b.shape()));
  const auto last = [&](const Tensor<T>& x) { return x.shape() == shape && x.order() == MemoryOrder::channels_last; };
  const auto order = last(condition) || last(a) || last(b) ? MemoryOrder::channels_last : MemoryOrder::row_major;
  const auto y = detail::zip(shape, order, condition, a, b, [](T c, T p, T q) { return c != 0 ? p : q; });
  return op.record(y, {a, b}, [c = save(condition)](const Tensor<T>& dy) -> Grads<T> {
    return {zip_elements(dy, *c, [](T g, T v) { return v != 0 ? g : T{0}; }),
            zip_elements(dy, *c, [](T g, T v) { return v != 0 ? T{0} : g; })};
  });
}

/// x, but `value` where the mask is not 0: no gradient goes there. The mask broadcasts to x; ShapeError when it does
/// not.
template <Real T>
Tensor<T> masked_fill(const Tensor<T>& x, const Tensor<T>& mask, std::type_identity_t<T> value) {
  const Op op("masked_fill");
  op.check(broadcasts_to(mask.shape(), x.shape()), "mask ", mask.shape(), " does not broadcast to input ", x.shape());
  const auto y = zip_elements(op, x, mask, [value](T v, T m) { return m != 0 ? value : v; });
  return op.record(y, {x}, [m = save(mask)](const Tensor<T>& dy) -> Grads<T> {
    return {zip_elements(dy, *m, [](T g, T v) { return v != 0 ? T{0} : g; })};
  });
}

}  // namespace nasion
