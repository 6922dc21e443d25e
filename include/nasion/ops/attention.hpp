#pragma once
// Attention: what a sequence takes from another.

#include <cmath>
#include <limits>
#include <optional>

#include "nasion/ops/linear.hpp"
#include "nasion/ops/softmax.hpp"

namespace nasion {

/// `scale` of the products of queries and keys: without it 1 / sqrt(E). `causal`: query i sees keys 0 .. i only.
struct AttentionOptions {
  std::optional<double> scale{};
  bool causal = false;
};

namespace detail {

/// 0 up to the diagonal of [rows, columns], -infinity above.
template <class T>
Tensor<T> causal_mask(Index rows, Index columns) {
  const auto mask = Tensor<T>::zeros({rows, columns});
  for (Index i = 0; i < rows; ++i)
    std::fill(Op::writable(mask) + i * columns + std::min(i + 1, columns), Op::writable(mask) + (i + 1) * columns,
              -std::numeric_limits<T>::infinity());
  return mask;
}

/// The weights, [.., L, S].
template <class T>
Tensor<T> attention_weights(const Op& op, const Tensor<T>& query, const Tensor<T>& key, const Tensor<T>& mask,
                            const AttentionOptions& o) {
  op.check(query.rank() >= 2 && key.rank() == query.rank() && key.dim(-1) == query.dim(-1) && key.dim(-1) > 0, "key ",
           key.shape(), " does not fit query ", query.shape(), ": [.., S, E] and [.., L, E] are needed");
  const double scale = o.scale.value_or(1 / std::sqrt(static_cast<double>(query.dim(-1))));
  auto scores = static_cast<T>(scale) * matmul(query, transpose(key));
  if (o.causal) scores = scores + causal_mask<T>(scores.dim(-2), scores.dim(-1));
  if (mask.defined()) {
    op.check(broadcasts_to(mask.shape(), scores.shape()), "mask ", mask.shape(), " does not broadcast to ",
             scores.shape(), ", the queries and keys");
    scores = scores + mask;
  }
  return softmax(scores, -1);
}

}  // namespace detail

/// softmax(scale query key^T + mask) value (Vaswani et al. 2017).   query [.., L, E], key [.., S, E], value [.., S, Ev]
/// -> [.., L, Ev]. `mask`, undefined or broadcasting to [.., L, S], is added: -infinity where a query must not see a
/// key. NaN for a query that may see none.   ShapeError when they do not fit.
template <Real T>
Tensor<T> scaled_dot_product_attention(const Tensor<T>& query, const Tensor<T>& key, const Tensor<T>& value,
                                       const Tensor<T>& mask = {}, const AttentionOptions& options = {}) {
  const Op op("scaled_dot_product_attention");
  const auto weights = detail::attention_weights(op, query, key, mask, options);
  op.check(value.rank() == key.rank() && value.dim(-2) == key.dim(-2), "value ", value.shape(), " does not fit key ",
           key.shape());
  return matmul(weights, value);
}

}  // namespace nasion
