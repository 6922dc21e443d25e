#include "nasion/ops/conv1d.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::gradcheck;
using test::random;

namespace {

/// From the definition, element by element.
Tensord reference(const Tensord& x, const Tensord& weight, const Tensord& bias, const Conv1dOptions& o) {
  const Index k = weight.dim(2), each = weight.dim(1), out = weight.dim(0);
  const Index length = (x.dim(2) + 2 * o.padding - o.dilation * (k - 1) - 1) / o.stride + 1;
  const auto y = Tensord::empty({x.dim(0), out, length});
  for (Index n = 0; n < x.dim(0); ++n)
    for (Index c = 0; c < out; ++c)
      for (Index i = 0; i < length; ++i) {
        double sum = bias.at({c});
        for (Index d = 0; d < each; ++d)
          for (Index j = 0; j < k; ++j) {
            const Index at = i * o.stride - o.padding + j * o.dilation;
            if (at >= 0 && at < x.dim(2)) sum += weight.at({c, d, j}) * x.at({n, c / (out / o.groups) * each + d, at});
          }
        y.set({n, c, i}, sum);
      }
  return y;
}

}  // namespace

TEST_CASE("conv1d: values and gradients") {
  for (const auto& o : {Conv1dOptions{}, Conv1dOptions{.stride = 2, .padding = 2}, Conv1dOptions{.dilation = 3},
                        Conv1dOptions{.padding = 1, .groups = 2},
                        Conv1dOptions{.stride = 3, .padding = 4, .dilation = 2, .groups = 4}}) {
    const auto x = random({2, 4, 11}), weight = random({8, 4 / o.groups, 3}), bias = random({8});
    INFO("stride " << o.stride << " padding " << o.padding << " dilation " << o.dilation << " groups " << o.groups);
    CHECK(test::max_difference(conv1d(x, weight, bias, o), reference(x, weight, bias, o)) < 1e-12);
    CHECK(gradcheck([&](const auto& t) { return conv1d(t[0], t[1], t[2], o); }, {x, weight, bias}) == "");
  }
  const auto x = random({2, 3, 7}), weight = random({4, 3, 2});
  CHECK(test::max_difference(conv1d(x, weight, {}, {.activation = Activation::relu}), relu(conv1d(x, weight))) == 0);
  CHECK(conv1d(Tensord::zeros({0, 3, 7}), weight).shape() == Shape{0, 4, 6});
}

TEST_CASE("conv1d refuses what does not fit") {
  CHECK_THROWS_WITH(conv1d(random({2, 3, 4, 5}), random({4, 3, 2})),
                    ContainsSubstring("[conv1d] input [2, 3, 4, 5]") && ContainsSubstring("[4, 3, 2]"));
  CHECK_THROWS_AS(conv1d(random({2, 3, 4}), random({4, 2, 2})), ShapeError);
  CHECK_THROWS_AS(conv1d(random({2, 3, 4}), random({4, 3, 5})), ShapeError);
  CHECK_THROWS_AS(conv1d(random({2, 3, 4}), random({4, 3, 2}), random({3})), ShapeError);
  CHECK_THROWS_AS(conv1d(random({2, 3, 4}), random({4, 3, 2}), {}, {.stride = 0}), ValueError);
}
