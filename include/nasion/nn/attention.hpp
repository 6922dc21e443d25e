#pragma once
// Attention of several heads, with the parameters of torch.nn.MultiheadAttention.

#include "nasion/nn/functions.hpp"
#include "nasion/nn/layers.hpp"
#include "nasion/ops/attention.hpp"
#include "nasion/ops/compare.hpp"

namespace nasion::nn {

/// `features` of query, key, value and result, which `heads` share equally; `dropout` of the weights while training.
/// `batch_first`: sequences are [N, steps, features] instead of [steps, N, features].
struct MultiheadAttentionConfig {
  Index features = 0, heads = 1;
  double dropout = 0;
  bool bias = true, batch_first = false;
};

/// What a query must not see. `mask`, [L, S] or [N heads, L, S], is added to the scores: -infinity hides a key.
/// `key_padding`, [N, S]: keys where it is not 0 are hidden. Either may be undefined. `causal`: query i sees keys
/// 0 .. i only.
template <Real T>
struct AttentionMasks {
  Tensor<T> mask{}, key_padding{};
  bool causal = false;
};

/// Attention of several heads (Vaswani et al. 2017): query [L, N, features], key and value [S, N, features] -> [L, N,
/// features], without the weights.   `MultiheadAttention<float>({.features = 64, .heads = 4}, rng)(x, x, x)`
template <Real T>
struct MultiheadAttention {
  Tensor<T> in_proj_weight;  // [3 features, features]: of query, key and value
  Tensor<T> in_proj_bias;    // [3 features], or undefined
  Linear<T> out_proj;
  MultiheadAttentionConfig config;
  Dropout<T> dropout;

  /// Draws in_proj_weight by Xavier's uniform rule (Glorot and Bengio 2010); biases are 0. ValueError unless the heads
  /// divide the features, both positive, and dropout is in [0, 1].
  MultiheadAttention(const MultiheadAttentionConfig& c, Rng& rng)
      : out_proj(checked(c), rng), config(c), dropout(c.dropout, rng) {
    const auto f = static_cast<double>(c.features);
    in_proj_weight = uniform_parameter<T>({3 * c.features, c.features}, std::sqrt(6 / (4 * f)), rng);
    if (!c.bias) return;
    in_proj_bias = Tensor<T>::zeros({3 * c.features}).set_requires_grad();
    out_proj.bias.detach().fill(T{0});
  }

  /// ShapeError when query, key, value or masks do not fit each other.
  Tensor<T> operator()(const Tensor<T>& query, const Tensor<T>& key, const Tensor<T>& value,
                       const AttentionMasks<T>& masks = {}) const {
    const Op op("MultiheadAttention");
    const auto steps = [&](const Tensor<T>& x) { return x.dim(config.batch_first ? 1 : 0); };
    const auto rows = [&](const Tensor<T>& x) { return x.dim(config.batch_first ? 0 : 1); };
    for (const auto* x : {&query, &key, &value})
      op.check(x->rank() == 3 && x->dim(2) == config.features && rows(*x) == rows(query), "query ", query.shape(),
               ", key ", key.shape(), " and value ", value.shape(), " must be ",
               config.batch_first ? "[N, steps, " : "[steps, N, ", config.features, "] for one N");
    op.check(steps(key) == steps(value), "key ", key.shape(), " and value ", value.shape(), " must have as many steps");
    const auto q = head(query, 0), k = head(key, 1), v = head(value, 2);  // [N, heads, steps, features / heads]
    const auto weights = nasion::detail::attention_weights(op, q, k, hidden(op, masks, q.dim(0), q.dim(2), k.dim(2)),
                                                           {.causal = masks.causal});
    const auto y = matmul(dropout(weights), v);
    const auto joined = permute(y, config.batch_first ? std::vector<int>{0, 2, 1, 3} : std::vector<int>{2, 0, 1, 3});
    return out_proj(reshape(joined, query.shape()));
  }

  static void visit(auto& self, auto&& f) {
    f("in_proj_weight", self.in_proj_weight);
    f("in_proj_bias", self.in_proj_bias);
    f("out_proj", self.out_proj);
    f("dropout", self.dropout);
  }

 private:
  static LinearConfig checked(const MultiheadAttentionConfig& c) {
    check<ValueError>(c.features > 0 && c.heads > 0 && c.features % c.heads == 0, "[MultiheadAttention] heads ",
                      c.heads, " must divide features ", c.features);
    return {.in = c.features, .out = c.features, .bias = c.bias};
  }

  /// x as queries, keys or values (part 0, 1, 2) of each head.
  Tensor<T> head(const Tensor<T>& x, Index part) const {
    const Index f = config.features, begin = part * f;
    const auto bias = in_proj_bias.defined() ? slice(in_proj_bias, 0, begin, begin + f) : Tensor<T>{};
    const auto y = linear(x, slice(in_proj_weight, 0, begin, begin + f), bias);
    const auto split = reshape(y, Shape{x.dim(0), x.dim(1), config.heads, f / config.heads});
    return permute(split, config.batch_first ? std::vector<int>{0, 2, 1, 3} : std::vector<int>{1, 2, 0, 3});
  }

  /// Both masks as one, which broadcasts to [N, heads, L, S]; undefined when there is none.
  Tensor<T> hidden(const Op& op, const AttentionMasks<T>& masks, Index n, Index l, Index s) const {
    auto mask = masks.mask;
    if (mask.defined()) {
      const bool of_heads = mask.shape() == Shape{n * config.heads, l, s};
      op.check(of_heads || mask.shape() == Shape{l, s}, "mask ", mask.shape(), " must be ", Shape{l, s}, " or ",
               Shape{n * config.heads, l, s});
      if (of_heads) mask = reshape(mask, Shape{n, config.heads, l, s});
    }
    if (!masks.key_padding.defined()) return mask;
    op.check(masks.key_padding.shape() == Shape{n, s}, "key padding ", masks.key_padding.shape(), " must be ",
             Shape{n, s});
    const auto padding =
        reshape(masked_fill(Tensor<T>::zeros({n, s}), masks.key_padding, -std::numeric_limits<T>::infinity()),
                Shape{n, 1, 1, s});
    return mask.defined() ? padding + mask : padding;
  }
};

}  // namespace nasion::nn
