#pragma once
// Dropout (Srivastava et al. 2014).

#include "nasion/ops/elementwise.hpp"

namespace nasion {

/// Zeroes each element with probability p and scales the others by 1 / (1 - p).   0 <= p <= 1, ValueError otherwise.
template <std::floating_point T>
Tensor<T> dropout(const Tensor<T>& x, double p, Rng& rng) {
  check<ValueError>(p >= 0 && p <= 1, "[dropout] probability must be in [0, 1], got ", p);
  const T scale = p < 1 ? static_cast<T>(1 / (1 - p)) : T{0};
  const auto mask = Tensor<T>::empty(x.shape(), x.order());
  std::generate_n(mask.mutable_data(), mask.size(), [&] { return rng.chance(p) ? T{0} : scale; });
  const auto y = detail::zip("dropout", x, mask, [](T v, T m) { return v * m; });
  return record("dropout", y, {x}, [mask = save(mask)](const Tensor<T>& dy) -> Grads<T> {
    return {detail::zip("dropout", dy, *mask, [](T g, T m) { return g * m; })};
  });
}

}  // namespace nasion
