#include "nasion/ops/conv_transpose2d.hpp"

#include "nasion/nn/layers.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using test::gradcheck;
using test::random;

namespace {

struct Case {
  Index n, c, h, w, k, kh, kw;
  ConvTranspose2dOptions options = {};
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.n << " of " << c.c << "x" << c.h << "x" << c.w << ", weight to " << c.k << " by " << c.kh << "x"
             << c.kw << ", stride " << c.options.stride << ", padding " << c.options.padding << ", output padding "
             << c.options.output_padding << ", dilation " << c.options.dilation << ", groups " << c.options.groups;
}

// Each with something odd about it.
const std::vector<Case> cases = {
    {1, 1, 1, 1, 1, 3, 3},
    {2, 3, 4, 5, 4, 2, 2, {.stride = 2}},
    {2, 3, 4, 3, 2, 3, 3, {.stride = 2, .padding = 1, .output_padding = 1}},
    {1, 2, 3, 5, 3, 4, 3, {.stride = {2, 3}, .padding = {1, 2}, .output_padding = {1, 0}}},
    {2, 3, 4, 5, 2, 1, 1},
    {2, 3, 3, 2, 2, 1, 1, {.stride = 3}},  // gaps
    {0, 3, 4, 5, 2, 3, 3},
    {1, 2, 3, 4, 2, 3, 2, {.padding = 1, .output_padding = {1, 0}, .dilation = {2, 3}}},  // above the stride
    {2, 6, 3, 3, 9, 3, 3, {.stride = 2, .groups = 3}},
    {1, 4, 3, 2, 4, 2, 3, {.padding = {0, 1}, .groups = 4}},
    {3, 2, 1, 1, 17, 2, 3},  // from one pixel
    {2, 2, 1, 1, 9, 1, 4, {.stride = 2}},
};

/// Every input number paints the kernel, by the definition.
Tensord reference(const Tensord& x, const Tensord& w, const Tensord& b, const ConvTranspose2dOptions& o) {
  const Index channels = w.dim(1) * o.groups;
  const Index oh = (x.dim(2) - 1) * o.stride.h - 2 * o.padding.h + o.dilation.h * (w.dim(2) - 1) + o.output_padding.h;
  const Index ow = (x.dim(3) - 1) * o.stride.w - 2 * o.padding.w + o.dilation.w * (w.dim(3) - 1) + o.output_padding.w;
  const auto y = Tensord::zeros({x.dim(0), channels, oh + 1, ow + 1});
  for (Index n = 0; n < x.dim(0); ++n) {
    for (Index k = 0; k < channels; ++k)
      for (Index p = 0; p <= oh; ++p)
        for (Index q = 0; q <= ow; ++q) y.set({n, k, p, q}, b.at({k}));
    for (Index c = 0; c < x.dim(1); ++c)
      for (Index p = 0; p < x.dim(2); ++p)
        for (Index q = 0; q < x.dim(3); ++q)
          for (Index k = 0; k < w.dim(1); ++k)
            for (Index i = 0; i < w.dim(2); ++i)
              for (Index j = 0; j < w.dim(3); ++j) {
                const Index row = p * o.stride.h + i * o.dilation.h - o.padding.h;
                const Index column = q * o.stride.w + j * o.dilation.w - o.padding.w;
                const Index to = c / (x.dim(1) / o.groups) * w.dim(1) + k;
                if (row >= 0 && row <= oh && column >= 0 && column <= ow)
                  y.set({n, to, row, column}, y.at({n, to, row, column}) + x.at({n, c, p, q}) * w.at({c, k, i, j}));
              }
  }
  return y;
}

}  // namespace

TEST_CASE("conv_transpose2d: values and gradients, both memory orders") {
  for (const auto& c : cases) {
    INFO(c);
    const auto x = random({c.n, c.c, c.h, c.w}), w = random({c.c, c.k / c.options.groups, c.kh, c.kw}, 8),
               b = random({c.k}, 9);
    const auto expected = reference(x, w, b, c.options);
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      const auto y = conv_transpose2d(to_order(x, order), w, b, c.options);
      CHECK(y.order() == MemoryOrder::channels_last);
      CHECK(test::max_difference(y, expected) < 1e-12);
    }
    CHECK(gradcheck([&](const auto& t) { return conv_transpose2d(t[0], t[1], t[2], c.options); }, {x, w, b}) == "");
    CHECK(gradcheck([&](const auto& t) { return conv_transpose2d(t[0], t[1], {}, c.options); }, {x, w}) == "");
  }
}

TEST_CASE("conv_transpose2d is the gradient of conv2d") {
  const auto w = random({4, 3, 3, 2}), x = random({2, 3, 9, 8}).set_requires_grad();
  const Conv2dOptions o{.stride = {2, 1}, .padding = 1, .dilation = {1, 2}};
  const auto y = conv2d(x, w, {}, o), dy = random(y.shape(), 3);
  y.backward(dy);
  CHECK(test::max_difference(
            conv_transpose2d(dy, w, {},
                             {.stride = o.stride, .padding = {o.padding.top, o.padding.left}, .dilation = o.dilation}),
            x.grad()) < 1e-12);
}

TEST_CASE("nn::ConvTranspose2d") {
  Rng rng(1);
  const nn::ConvTranspose2d<double> up({.in = 4,
                                        .out = 6,
                                        .kernel = {3, 2},
                                        .stride = 2,
                                        .padding = 1,
                                        .output_padding = {1, 0},
                                        .dilation = {1, 2},
                                        .groups = 2},
                                       rng);
  CHECK(up.weight.shape() == Shape{4, 3, 3, 2});
  CHECK(up.bias.shape() == Shape{6});
  const auto x = random({2, 4, 3, 5});
  CHECK(test::identical(
      up(x), conv_transpose2d(x, up.weight, up.bias,
                              {.stride = 2, .padding = 1, .output_padding = {1, 0}, .dilation = {1, 2}, .groups = 2})));
  CHECK(test::check_module(up, x) == "");
  const nn::ConvTranspose2d<double> plain({.in = 4, .out = 1, .kernel = 2, .bias = false}, rng);
  CHECK_FALSE(plain.bias.defined());
  CHECK(test::check_module(plain, x) == "");
  CHECK_THROWS_WITH(nn::ConvTranspose2d<float>({.in = 0, .out = 3}, rng), ContainsSubstring("[ConvTranspose2d] in 0"));
  CHECK_THROWS_WITH(nn::ConvTranspose2d<float>({.in = 4, .out = 6, .groups = 4}, rng),
                    ContainsSubstring("groups 4 must divide"));
  CHECK_THROWS_WITH(nn::ConvTranspose2d<float>({.in = 4, .out = 6, .output_padding = 1}, rng),
                    ContainsSubstring("[ConvTranspose2d] output_padding 1x1"));
}

TEST_CASE("conv_transpose2d refuses what does not fit") {
  const auto x = Tensord::zeros({2, 3, 4, 5}), w = Tensord::zeros({3, 2, 3, 3});
  CHECK_THROWS_WITH(conv_transpose2d(x, Tensord::zeros({4, 2, 3, 3})),
                    ContainsSubstring("[conv_transpose2d] input [2, 3, 4, 5] has 3 channels but weight [4, 2, 3, 3]"));
  CHECK_THROWS_WITH(conv_transpose2d(x, w, {}, {.groups = 2}), ContainsSubstring("2 groups do not divide"));
  CHECK_THROWS_WITH(conv_transpose2d(x, w, Tensord::zeros({3})), ContainsSubstring("[conv_transpose2d] bias [3]"));
  CHECK_THROWS_WITH(conv_transpose2d(x, w, {}, {.stride = 2, .output_padding = 2}),
                    ContainsSubstring("output_padding 2x2 must be at least 0 and below stride 2x2"));
  CHECK_THROWS_WITH(conv_transpose2d(x, w, {}, {.padding = 3}), ContainsSubstring("padding 3x3 leaves nothing"));
  CHECK_THROWS_AS(conv_transpose2d(x, w, {}, {.stride = 0}), ValueError);
  CHECK_THROWS_AS(conv_transpose2d(x, w, {}, {.output_padding = -1}), ValueError);
  CHECK_THROWS_AS(conv_transpose2d(Tensord::zeros({3, 4, 5}), w), ShapeError);
  CHECK_THROWS_AS(conv_transpose2d(Tensord::zeros({2, 3, 0, 5}), w), ShapeError);
  CHECK_THROWS_AS(conv_transpose2d(x, w, {}, {.stride = max_extent}), ShapeError);
}

TEST_CASE("conv_transpose2d gives the same bits for any number of threads") {
  const auto x = random<float>({5, 6, 17, 13}), w = random<float>({6, 4, 3, 3}, 8), b = random<float>({8}, 9);
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last})
    CHECK(test::same_for_all_thread_counts(
        [&] {
          const std::vector<Tensorf> leaves{to_order(x, order).clone(), w.clone(), b.clone()};
          for (const auto& leaf : leaves) leaf.set_requires_grad();
          const auto y = conv_transpose2d(leaves[0], leaves[1], leaves[2], {.stride = 2, .groups = 2});
          y.backward(y.detach());
          return std::vector<Tensorf>{y.detach(), leaves[0].grad(), leaves[1].grad(), leaves[2].grad()};
        },
        [](const auto& p, const auto& q) {
          return std::equal(p.begin(), p.end(), q.begin(), test::identical<float>);
        }));
}

TEST_CASE("A 1x1 kernel with output padding does not take the image for its columns") {
  const auto x = Tensord::from({1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}).set_requires_grad();
  const auto w = Tensord::from({2, 2, 1, 1}, {1, 0, 0, 1}).set_requires_grad();
  const auto y = conv_transpose2d(x, w, {}, {.output_padding = 1, .dilation = 2});
  REQUIRE(y.shape() == Shape{1, 2, 3, 3});
  CHECK(test::values(y.detach()) == std::vector<double>{1, 2, 0, 3, 4, 0, 0, 0, 0, 5, 6, 0, 7, 8, 0, 0, 0, 0});
  sum(y).backward();
  CHECK(test::values(w.grad()) == std::vector<double>{10, 10, 26, 26});
}
