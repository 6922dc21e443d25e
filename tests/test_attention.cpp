#include "nasion/ops/attention.hpp"

#include "nasion/nn/attention.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::gradcheck;
using test::random;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Attention of a sequence to itself, as a module of one tensor.
struct SelfAttention {
  nn::MultiheadAttention<double> attention;
  Tensord operator()(const Tensord& x) const { return attention(x, x, x, {.causal = true}); }
  static void visit(auto& self, auto&& f) { f("attention", self.attention); }
};
}  // namespace

TEST_CASE("scaled_dot_product_attention by its definition") {
  const auto q = random({2, 3, 4}), k = random({2, 5, 4}, 7), v = random({2, 5, 6}, 8), mask = random({3, 5}, 9);
  const auto y = scaled_dot_product_attention(q, k, v, mask, {.scale = 0.3, .causal = true});
  CHECK(y.shape() == Shape{2, 3, 6});
  for (Index n = 0; n < 2; ++n)
    for (Index i = 0; i < 3; ++i) {
      std::vector<double> weights(5, 0);
      double total = 0;
      for (Index j = 0; j <= i; ++j) {
        double score = mask.at({i, j});
        for (Index e = 0; e < 4; ++e) score += 0.3 * q.at({n, i, e}) * k.at({n, j, e});
        total += weights[static_cast<std::size_t>(j)] = std::exp(score);
      }
      for (Index e = 0; e < 6; ++e) {
        double expected = 0;
        for (Index j = 0; j <= i; ++j) expected += weights[static_cast<std::size_t>(j)] / total * v.at({n, j, e});
        CHECK(y.at({n, i, e}) == Approx(expected));
      }
    }
  CHECK(test::max_difference(scaled_dot_product_attention(q, k, v),
                             scaled_dot_product_attention(q, k, v, {}, {.scale = 0.5})) < 1e-15);
  const auto f = [&](const auto& t) { return scaled_dot_product_attention(t[0], t[1], t[2], mask); };
  CHECK(gradcheck(f, {q, k, v}) == "");
  CHECK_THROWS_WITH(scaled_dot_product_attention(q, random({2, 5, 3}), v),
                    ContainsSubstring("[scaled_dot_product_attention] key [2, 5, 3] does not fit query [2, 3, 4]"));
  CHECK_THROWS_WITH(scaled_dot_product_attention(q, k, random({2, 4, 6})), ContainsSubstring("value [2, 4, 6]"));
  CHECK_THROWS_WITH(scaled_dot_product_attention(q, k, v, random({5, 3})), ContainsSubstring("mask [5, 3]"));
  CHECK_THROWS_AS(scaled_dot_product_attention(random({4}), random({4}), random({4})), ShapeError);
}

TEST_CASE("MultiheadAttention is attention of parts of the features") {
  Rng rng(1);
  for (const bool bias : {true, false}) {
    const nn::MultiheadAttention<double> attention({.features = 6, .heads = 2, .bias = bias}, rng);
    const auto q = random({3, 2, 6}), k = random({5, 2, 6}, 7), v = random({5, 2, 6}, 8);
    const auto project = [&](const Tensord& x, Index part) {
      const auto w = slice(attention.in_proj_weight.detach(), 0, 6 * part, 6 * part + 6);
      return transpose(linear(x, w), 0, 1);  // [N, steps, 6]
    };
    std::vector<Tensord> heads;
    for (const Index h : {0, 1}) {
      const auto part = [&](const Tensord& x) { return slice(x, 2, 3 * h, 3 * h + 3); };
      heads.push_back(scaled_dot_product_attention(part(project(q, 0)), part(project(k, 1)), part(project(v, 2))));
    }
    const auto expected = attention.out_proj(transpose(concat(heads, 2), 0, 1));
    CHECK(test::max_difference(attention(q, k, v), expected) < 1e-14);
    CHECK(nn::parameter_count(attention) == 4 * 36 + (bias ? 24 : 0));
  }
}

TEST_CASE("MultiheadAttention hides what masks say") {
  Rng rng(1);
  const nn::MultiheadAttention<double> attention({.features = 4, .heads = 2, .batch_first = true}, rng);
  const auto q = random({2, 3, 4}), k = random({2, 5, 4}, 7);
  const auto short_k = slice(k, 1, 0, 4), padding = Tensord::from({2, 5}, {0, 0, 0, 0, 1, 0, 0, 0, 0, 1});
  const auto without = attention(q, short_k, short_k);
  CHECK(test::max_difference(attention(q, k, k, {.key_padding = padding}), without) < 1e-14);
  const auto row = Tensord::from({1, 5}, {0, 0, 0, 0, -infinity});
  CHECK(test::max_difference(attention(q, k, k, {.mask = broadcast_to(row, {3, 5})}), without) < 1e-14);
  CHECK(test::max_difference(attention(q, k, k, {.mask = broadcast_to(row, {4, 3, 5})}), without) < 1e-14);
  CHECK(test::max_difference(attention(q, k, k, {.mask = broadcast_to(row, {3, 5}), .key_padding = padding}), without) <
        1e-14);
  const auto causal = attention(k, k, k, {.causal = true});
  CHECK(test::max_difference(slice(causal, 1, 0, 2), attention(slice(k, 1, 0, 2), k, k, {.causal = true})) < 1e-14);
  CHECK(gradcheck([&](const auto& t) { return attention(t[0], t[1], t[1], {.key_padding = padding}); }, {q, k}) == "");
}

TEST_CASE("MultiheadAttention trains all that it owns, with dropout only then") {
  Rng rng(1);
  SelfAttention model{nn::MultiheadAttention<double>({.features = 4, .heads = 2}, rng)};
  CHECK(test::check_module(model, random({3, 2, 4})) == "");
  model = {nn::MultiheadAttention<double>({.features = 4, .heads = 2, .dropout = 0.5}, rng)};
  const auto x = random({6, 2, 4});
  CHECK_FALSE(test::identical(model(x), model(x)));
  nn::eval(model);
  CHECK(test::identical(model(x), model(x)));
}

TEST_CASE("MultiheadAttention refuses what does not fit") {
  Rng rng(1);
  CHECK_THROWS_WITH(nn::MultiheadAttention<float>({.features = 6, .heads = 4}, rng),
                    ContainsSubstring("[MultiheadAttention] heads 4 must divide features 6"));
  CHECK_THROWS_AS(nn::MultiheadAttention<float>({.features = 0}, rng), ValueError);
  CHECK_THROWS_AS(nn::MultiheadAttention<float>({.features = 2, .dropout = 2}, rng), ValueError);
  const nn::MultiheadAttention<double> attention({.features = 4, .heads = 2}, rng);
  const auto q = random({3, 2, 4}), k = random({5, 2, 4});
  CHECK_THROWS_WITH(attention(q, random({5, 1, 4}), k), ContainsSubstring("key [5, 1, 4]"));
  CHECK_THROWS_AS(attention(q, random({4, 2, 4}), k), ShapeError);
  CHECK_THROWS_AS(attention(random({3, 4}), k, k), ShapeError);
  CHECK_THROWS_WITH(attention(q, k, k, {.mask = random({5, 3})}), ContainsSubstring("mask [5, 3] must be [3, 5]"));
  CHECK_THROWS_WITH(attention(q, k, k, {.key_padding = random({5, 2})}), ContainsSubstring("key padding [5, 2]"));
}
