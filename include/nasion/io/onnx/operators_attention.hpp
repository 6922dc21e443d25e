#pragma once
// ONNX's Attention and RotaryEmbedding.

#include <cmath>
#include <limits>

#include "nasion/io/onnx/operators_matrix.hpp"

namespace nasion::io::detail::onnx {

/// [B, S, H D] -> [B, H, S, D]; what has heads already stays.
template <class T>
Tensor<T> heads_apart(const Tensor<T>& x, Index heads) {
  if (x.rank() == 4) return x;
  check(x.rank() == 3 && heads > 0 && x.dim(2) % heads == 0, "input ", x.shape(), " is not of ", heads, " heads");
  return permute(reshape(x, Shape{x.dim(0), x.dim(1), heads, x.dim(2) / heads}), {0, 2, 1, 3});
}

template <class T>
Tensor<T> heads_together(const Tensor<T>& x) {
  return reshape(permute(x, {0, 2, 1, 3}), Shape{x.dim(0), x.dim(2), x.dim(1) * x.dim(3)});
}

/// Each head `times` times, for queries that share keys.
template <class T>
Tensor<T> heads_repeated(const Tensor<T>& x, Index heads) {
  if (x.dim(1) == heads) return x;
  check(x.dim(1) > 0 && heads % x.dim(1) == 0, heads, " heads of queries do not share those of ", x.shape());
  std::vector<Index> from;
  for (Index h = 0; h < heads; ++h) from.push_back(h / (heads / x.dim(1)));
  return index_select(x, 1, from);
}

/// -infinity where query i must not see key j.
template <class T>
Tensor<T> causal_bias(Index batch, Index queries, Index keys, const std::vector<Index>& offsets) {
  const auto bias = Tensor<T>::zeros({batch, 1, queries, keys});
  T* to = nasion::detail::writable(bias);
  for (Index b = 0; b < batch; ++b)
    for (Index i = 0; i < queries; ++i)
      for (Index j = 0; j < keys; ++j, ++to)
        if (j > i + offsets[static_cast<std::size_t>(b)]) *to = -std::numeric_limits<T>::infinity();
  return bias;
}

/// Added to the scores: the mask, with nothing beyond its last key, and what is_causal and the lengths forbid.
template <class T>
Tensor<T> attention_bias(const Call<T>& c, Index batch, Index queries, Index keys, Index past) {
  constexpr T never = -std::numeric_limits<T>::infinity();
  Tensor<T> bias = Tensor<T>::zeros({1, 1, 1, 1});
  if (c.has(3)) {
    bias = c.tensor(3);
    if (c.inputs[3].is_integer())
      bias = map_elements(bias, [](T v) { return v != 0 ? T{0} : -std::numeric_limits<T>::infinity(); });
    check(bias.rank() >= 2 && bias.dim(-1) <= keys, "mask ", bias.shape(), " does not fit ", keys, " keys");
    if (bias.dim(-1) < keys && bias.dim(-1) > 1) {
      std::vector<Index> before(static_cast<std::size_t>(bias.rank()), 0), after = before;
      after.back() = keys - bias.dim(-1);
      bias = pad(bias, before, after, never);
    }
  }
  std::vector<Index> offsets(static_cast<std::size_t>(batch), past);
  if (c.has(6)) {
    const auto& lengths = c.integers(6);
    check(static_cast<Index>(lengths.size()) == batch, lengths.size(), " lengths for a batch of ", batch);
    auto real = Tensor<T>::zeros({batch, 1, 1, keys});
    for (Index b = 0; b < batch; ++b) {
      const Index length = std::clamp<Index>(lengths[static_cast<std::size_t>(b)], 0, keys);
      offsets[static_cast<std::size_t>(b)] = length - queries;
      for (Index j = length; j < keys; ++j) real.set({b, 0, 0, j}, never);
    }
    bias = bias + real;
  }
  return c.integer("is_causal", 0) != 0 ? bias + causal_bias<T>(batch, queries, keys, offsets) : bias;
}

/// Softmax over keys; 0 for a query that may see none.
template <class T>
Tensor<T> attention_weights(const Tensor<T>& scores) {
  const auto largest = max(scores.detach(), -1, true);
  const auto finite = map_elements(largest, [](T v) { return std::isinf(v) ? T{0} : v; });
  const auto e = exp(scores - finite);
  const auto total = sum(e, {-1}, true);
  return e / nasion::where(eq(total.detach(), T{0}), Tensor<T>::scalar(1), total);
}

template <class T>
Values<T> attention(const Call<T>& c) {
  const auto q = heads_apart(c.tensor(0), c.integer("q_num_heads", 0));
  auto k = heads_apart(c.tensor(1), c.integer("kv_num_heads", 0)),
       v = heads_apart(c.tensor(2), c.integer("kv_num_heads", 0));
  check(q.rank() == 4 && k.rank() == 4 && v.rank() == 4, "queries ", q.shape(), ", keys ", k.shape(), " and values ",
        v.shape(), " must all have heads");
  const Index past = c.has(4) ? c.tensor(4).dim(2) : 0;
  if (c.has(4)) k = concat(std::vector<Tensor<T>>{c.tensor(4), k}, 2);
  if (c.has(5)) v = concat(std::vector<Tensor<T>>{c.tensor(5), v}, 2);
  const T scale = static_cast<T>(c.real("scale", 1 / std::sqrt(static_cast<double>(q.dim(3)))));
  Tensor<T> scores = matmul(q * scale, transpose(heads_repeated(k, q.dim(1))));
  std::vector<Tensor<T>> stages{scores};
  const T cap = static_cast<T>(c.real("softcap", 0));
  if (cap != 0) scores = tanh(scores / cap) * cap;
  stages.push_back(scores);
  scores = scores + attention_bias(c, q.dim(0), q.dim(2), k.dim(2), past);
  stages.push_back(scores);
  stages.push_back(attention_weights(scores));
  const auto y = matmul(stages.back(), heads_repeated(v, q.dim(1)));
  auto results = one<T>(c.inputs[0].shape().rank() == 3 ? heads_together(y) : y);
  results.push_back(k);
  results.push_back(v);
  const Index mode = c.integer("qk_matmul_output_mode", 0);
  check<ValueError>(mode >= 0 && mode < 4, "there is no qk_matmul_output_mode ", mode);
  results.push_back(stages[static_cast<std::size_t>(mode)]);
  return results;
}

template <class T>
Values<T> rotary_embedding(const Call<T>& c) {
  const auto given = c.tensor(0);
  const auto x = heads_apart(given, c.integer("num_heads", 0));  // [B, H, S, D]
  const Index asked = c.integer("rotary_embedding_dim", 0), size = asked == 0 ? x.dim(3) : asked;
  check(size > 0 && size % 2 == 0 && size <= x.dim(3), "rotary_embedding_dim ", size, " does not fit input ",
        x.shape());
  const auto angles = [&](std::size_t i) {  // [B, 1, S, size / 2]
    const auto cache = c.tensor(i);
    const auto rows = c.has(3) ? embedding(c.inputs[3].integers(), cache) : cache;
    check(rows.rank() == 3, "caches ", cache.shape(), " do not fit input ", x.shape());
    return unsqueeze(rows, 1);
  };
  const auto cosine = angles(1), sine = angles(2), turned = slice(x, 3, 0, size);
  const bool interleaved = c.integer("interleaved", 0) != 0;
  const auto a = interleaved ? index_select(turned, 3, range(0, size, 2)) : slice(turned, 3, 0, size / 2);
  const auto b = interleaved ? index_select(turned, 3, range(1, size, 2)) : slice(turned, 3, size / 2, size);
  const auto real = cosine * a - sine * b, imaginary = sine * a + cosine * b;
  auto y = interleaved ? reshape(stack(std::vector<Tensor<T>>{real, imaginary}, -1), turned.shape())
                       : concat(std::vector<Tensor<T>>{real, imaginary}, 3);
  if (size < x.dim(3)) y = concat(std::vector<Tensor<T>>{y, slice(x, 3, size, x.dim(3))}, 3);
  return one<T>(given.rank() == 3 ? heads_together(y) : y);
}

template <class T>
Table<T> attention_operators() {
  return {{"Attention", attention<T>}, {"RotaryEmbedding", rotary_embedding<T>}};
}

}  // namespace nasion::io::detail::onnx
