#include "nasion/core/op.hpp"

#include "nasion/nasion.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::random;

namespace {

/// The entry of one operation and pass; without calls when there is none.
Profile::Entry entry(const Profile& profile, std::string_view op, Pass pass = Pass::forward) {
  for (const auto& e : profile.entries())
    if (e.op == op && e.pass == pass) return e;
  return {op, pass};
}

/// s x, with 3 flops for each element and 5 for the gradient.
Tensord scale(const Tensord& x, double s) {
  const Op op("scale");
  op.check<ValueError>(std::isfinite(s), "factor ", s, " must be finite");
  op.check(x.rank() > 0, "input ", x.shape(), " must have a dimension");
  op.flops(3 * static_cast<double>(x.size()));
  const auto y = Tensord::empty(x.shape(), x.order());
  double* to = op.writable(y);
  for (Index i = 0; i < x.size(); ++i) to[i] = s * x.memory()[i];
  return op.record(y, {x}, [s](const Tensord& dy) -> Grads<double> {
    Op::flops(5 * static_cast<double>(dy.size()));
    const NoGrad no_grad;
    return {map_elements(dy, [s](double g) { return s * g; })};
  });
}

struct Named {
  const char* function;  // of include/nasion/ops
  const char* row;       // in a profile
  void (*call)();
};

const auto x = random({2, 3, 4, 4}), y = random({2, 3, 4, 4}, 8), weight = random({3, 3, 3, 3}), channel = random({3});
const auto rows = random({4, 3}), square_matrix = random({4, 4});
const std::vector<Index> classes(4, 0);

// tests/docs/places.py sees to it that no function is missing.
const Named functions[] = {
    {"operator+", "add", [] { x + y; }},
    {"operator-", "sub", [] { x - y; }},
    {"operator*", "mul", [] { x* y; }},
    {"operator/", "div", [] { x / y; }},
    {"abs", "abs", [] { abs(x); }},
    {"adaptive_avg_pool2d", "adaptive_avg_pool2d", [] { adaptive_avg_pool2d(x, 2); }},
    {"adaptive_max_pool2d", "adaptive_max_pool2d", [] { adaptive_max_pool2d(x, 2); }},
    {"add_relu", "add_relu", [] { add_relu(x, y); }},
    {"argmax", "argmax", [] { argmax(x, 1); }},
    {"argmin", "argmin", [] { argmin(x, 1); }},
    {"avg_pool2d", "avg_pool2d", [] { avg_pool2d(x); }},
    {"batch_norm", "batch_norm", [] { batch_norm(x, channel, Tensord::ones({3})); }},
    {"bce_with_logits_loss", "bce_with_logits_loss", [] { bce_with_logits_loss(x, y); }},
    {"broadcast_to", "broadcast_to",
     [] {
       broadcast_to(channel, {2, 3});
     }},
    {"chunk", "chunk", [] { chunk(x, 2); }},
    {"clamp", "clamp", [] { clamp(x, 0, 1); }},
    {"concat", "concat",
     [] {
       concat<double>({x, y}, 1);
     }},
    {"contiguous", "to_order", [] { contiguous(to_order(x, MemoryOrder::channels_last)); }},
    {"conv1d", "conv1d",
     [] {
       conv1d(reshape(rows, {1, 4, 3}), Tensord::ones({1, 4, 2}));
     }},
    {"conv2d", "conv2d", [] { conv2d(x, weight); }},
    {"conv_transpose2d", "conv_transpose2d", [] { conv_transpose2d(x, weight); }},
    {"cross_entropy", "cross_entropy", [] { cross_entropy(rows, classes); }},
    {"cumsum", "cumsum", [] { cumsum(x, 1); }},
    {"dropout", "dropout",
     [] {
       Rng rng(0);
       dropout(x, 0.5, rng);
     }},
    {"dropout2d", "dropout2d",
     [] {
       Rng rng(0);
       dropout2d(x, 0.5, rng);
     }},
    {"elementwise", "elementwise",
     [] {
       elementwise(
           x, [](double v) { return v; }, [](double) { return 1.0; });
     }},
    {"elu", "elu", [] { elu(x); }},
    {"embedding", "embedding", [] { embedding(classes, rows); }},
    {"eq", "eq", [] { eq(x, y); }},
    {"exp", "exp", [] { exp(x); }},
    {"flatten", "reshape", [] { flatten(x); }},
    {"flip", "flip", [] { flip(x, {1}); }},
    {"gather", "gather",
     [] {
       gather(rows, 1, {{4, 1}, classes});
     }},
    {"ge", "ge", [] { ge(x, y); }},
    {"gelu", "gelu", [] { gelu(x); }},
    {"grid_sample", "grid_sample",
     [] {
       grid_sample(x, Tensord::zeros({2, 1, 1, 2}));
     }},
    {"group_norm", "group_norm", [] { group_norm(x, 3); }},
    {"gt", "gt", [] { gt(x, y); }},
    {"hardsigmoid", "hardsigmoid", [] { hardsigmoid(x); }},
    {"hardswish", "hardswish", [] { hardswish(x); }},
    {"huber_loss", "huber_loss", [] { huber_loss(x, y); }},
    {"index_select", "index_select", [] { index_select(x, 0, classes); }},
    {"instance_norm", "instance_norm", [] { instance_norm(x); }},
    {"interpolate", "interpolate", [] { interpolate(x, {.scale_factor = 2}); }},
    {"kl_div", "kl_div", [] { kl_div(x, y); }},
    {"l1_loss", "l1_loss", [] { l1_loss(x, y); }},
    {"layer_norm", "layer_norm", [] { layer_norm(x, {4}); }},
    {"le", "le", [] { le(x, y); }},
    {"leaky_relu", "leaky_relu", [] { leaky_relu(x); }},
    {"linear", "linear", [] { linear(rows, rows); }},
    {"log", "log", [] { log(x); }},
    {"log_softmax", "log_softmax", [] { log_softmax(x, 1); }},
    {"logsumexp", "logsumexp", [] { logsumexp(x); }},
    {"lt", "lt", [] { lt(x, y); }},
    {"masked_fill", "masked_fill", [] { masked_fill(x, y, 0); }},
    {"matmul", "matmul", [] { matmul(square_matrix, rows); }},
    {"max", "max", [] { max(x); }},
    {"max_pool2d", "max_pool2d", [] { max_pool2d(x); }},
    {"max_pool2d_with_indices", "max_pool2d_with_indices", [] { max_pool2d_with_indices(x); }},
    {"max_unpool2d", "max_unpool2d",
     [] {
       max_unpool2d(x, {x.shape(), std::vector<Index>(96)}, 4);
     }},
    {"maximum", "maximum", [] { maximum(x, y); }},
    {"mean", "mean", [] { mean(x); }},
    {"min", "min", [] { min(x); }},
    {"minimum", "minimum", [] { minimum(x, y); }},
    {"mse_loss", "mse_loss", [] { mse_loss(x, y); }},
    {"ne", "ne", [] { ne(x, y); }},
    {"nll_loss", "nll_loss", [] { nll_loss(rows, classes); }},
    {"norm", "norm", [] { norm(x); }},
    {"one_hot", "one_hot", [] { one_hot<double>(classes, 2); }},
    {"pad", "pad",
     [] {
       pad(rows, {1, 1}, {0, 0});
     }},
    {"permute", "permute",
     [] {
       permute(rows, {1, 0});
     }},
    {"pixel_shuffle", "pixel_shuffle",
     [] {
       pixel_shuffle(reshape(x, {2, 12, 2, 2}), 2);
     }},
    {"pixel_unshuffle", "pixel_unshuffle", [] { pixel_unshuffle(x, 2); }},
    {"pow", "pow", [] { pow(x, 2); }},
    {"prelu", "prelu", [] { prelu(x, channel); }},
    {"relu", "relu", [] { relu(x); }},
    {"relu6", "relu6", [] { relu6(x); }},
    {"reshape", "reshape",
     [] {
       reshape(x, {2, -1});
     }},
    {"scaled_dot_product_attention", "scaled_dot_product_attention", [] { scaled_dot_product_attention(x, x, x); }},
    {"selu", "selu", [] { selu(x); }},
    {"sigmoid", "sigmoid", [] { sigmoid(x); }},
    {"silu", "silu", [] { silu(x); }},
    {"slice", "slice", [] { slice(x, 1, 0, 2); }},
    {"smooth_l1_loss", "smooth_l1_loss", [] { smooth_l1_loss(x, y); }},
    {"soft_argmax2d", "soft_argmax2d", [] { soft_argmax2d(x); }},
    {"softmax", "softmax", [] { softmax(x, 1); }},
    {"softplus", "softplus", [] { softplus(x); }},
    {"sort", "sort", [] { sort(x); }},
    {"spatial_cross_entropy", "spatial_cross_entropy", [] { spatial_cross_entropy(x, y); }},
    {"spatial_softmax", "spatial_softmax", [] { spatial_softmax(x); }},
    {"split", "split", [] { split(x, 2); }},
    {"sqrt", "sqrt", [] { sqrt(x); }},
    {"square", "square", [] { square(x); }},
    {"squeeze", "reshape", [] { squeeze(channel, 0), squeeze(x); }},
    {"stack", "stack",
     [] {
       stack<double>({x, y});
     }},
    {"stddev", "stddev", [] { stddev(x); }},
    {"sum", "sum", [] { sum(x); }},
    {"tanh", "tanh", [] { tanh(x); }},
    {"to_order", "to_order", [] { to_order(x, MemoryOrder::channels_last); }},
    {"topk", "topk", [] { topk(x, 2); }},
    {"transpose", "permute", [] { transpose(rows); }},
    {"unsqueeze", "unsqueeze", [] { unsqueeze(x, 0); }},
    {"var", "var", [] { var(x); }},
    {"where", "where", [] { where(x, x, y); }},
    {"wing_loss", "wing_loss", [] { wing_loss(x, y); }},
};

}  // namespace

TEST_CASE("An operation begins its messages with its name") {
  CHECK_THROWS_WITH(scale(Tensord::ones({2}), INFINITY), "[scale] factor inf must be finite");
  CHECK_THROWS_AS(scale(Tensord::ones({2}), INFINITY), ValueError);
  CHECK_THROWS_WITH(scale(Tensord::scalar(1), 2), "[scale] input [] must have a dimension");
  CHECK_THROWS_AS(scale(Tensord::scalar(1), 2), ShapeError);
  CHECK_THROWS_WITH(scale(Tensord{}, 2), "[scale] a tensor given to it is undefined (default-constructed)");
  CHECK_THROWS_WITH(conv2d(x, Tensord{}), ContainsSubstring("[conv2d] a tensor given to it is undefined"));
  CHECK_THROWS_WITH(scale(relu(Tensord{}), 2), ContainsSubstring("[relu] a tensor"));
  CHECK_THROWS_WITH(Tensord{}.size(), ContainsSubstring("[Tensor] this tensor is undefined"));  // no operation runs
}

TEST_CASE("An operation is a row of a profile in each pass, with its flops and bytes") {
  const auto a = random({2, 5});
  a.set_requires_grad();
  const Profile profile;
  scale(a, 3).backward(Tensord::ones({2, 5}));
  const auto forward = entry(profile, "scale"), backward = entry(profile, "scale", Pass::backward);
  CHECK(forward.calls == 1);
  CHECK(forward.flops == 30);
  CHECK(forward.bytes == 160);
  CHECK(backward.calls == 1);
  CHECK(backward.flops == 50);
  CHECK(backward.bytes == 240);
}

TEST_CASE("An operation that fails is a row, too, and the next one is not inside it") {
  const Profile profile;
  CHECK_THROWS_AS(scale(Tensord::ones({2}), NAN), ValueError);
  relu(random({2}));
  CHECK(entry(profile, "scale").calls == 1);
  CHECK(entry(profile, "scale").bytes == 0);
  CHECK(entry(profile, "relu").calls == 1);
}

TEST_CASE("An operation records its gradient, unless nothing needs one") {
  CHECK(test::gradcheck([](const auto& t) { return scale(t[0], -2.5); }, {random({2, 3, 2, 2})}) == "");
  const auto leaf = random({3});
  CHECK(!scale(leaf, 2).requires_grad());
  leaf.set_requires_grad();
  CHECK(scale(leaf, 2).requires_grad());
  const NoGrad no_grad;
  CHECK(!scale(leaf, 2).requires_grad());
}

TEST_CASE("Writing to a result counts as a change, but not as one that goes on unseen") {
  const auto fresh = Tensord::zeros({3});
  fresh.set_requires_grad();
  const auto loss = sum(square(fresh));
  *Op::writable(fresh) = 1;
  CHECK_THROWS_WITH(loss.backward(), ContainsSubstring("[square]") && ContainsSubstring("modified in place"));
}

TEST_CASE("The name of an operation is a constant") {
  constexpr OpName name("conv2d");
  CHECK(std::string(name.text()) == "conv2d");
  CHECK(!std::is_constructible_v<Op, std::string>);
  CHECK(!std::is_copy_constructible_v<Op>);
}

TEST_CASE("Every operation is a row of a profile") {
  for (const auto& f : functions) {
    INFO(f.function);
    const Profile profile;
    f.call();
    CHECK(entry(profile, f.row).calls >= 1);
    for (const auto& e : profile.entries()) CHECK(e.pass == Pass::forward);
  }
}
