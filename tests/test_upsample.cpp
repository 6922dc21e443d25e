#include "nasion/ops/upsample.hpp"

#include "nasion/nn/functions.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using test::gradcheck;
using test::random;
using test::values;
using Vector = std::vector<double>;

namespace {

constexpr auto nearest = Interpolation::nearest, bilinear = Interpolation::bilinear;

/// Pixel by pixel, by the formulas of the positions. `step` is the distance of outputs in input pixels.
Tensord reference(const Tensord& x, const Size2& size, const InterpolateOptions& o) {
  const auto y = Tensord::zeros({x.dim(0), x.dim(1), size.h, size.w});
  const auto position = [&](Index out, Index inputs, Index outputs) {
    const double in = static_cast<double>(inputs), n = static_cast<double>(outputs), i = static_cast<double>(out);
    const double step = o.scale_factor > 0 ? 1 / o.scale_factor : in / n;
    if (o.mode == nearest) return std::min(std::floor(i * step + 1e-9), in - 1);
    if (o.align_corners) return outputs == 1 ? 0 : i * (in - 1) / (n - 1);
    return std::clamp((i + 0.5) * step - 0.5, 0.0, in - 1);
  };
  // What pixel `i` counts at position `at`: a tent of one pixel on both sides.
  const auto share = [](Index i, double at) { return std::max(0.0, 1 - std::abs(static_cast<double>(i) - at)); };
  for (Index n = 0; n < x.dim(0); ++n)
    for (Index c = 0; c < x.dim(1); ++c)
      for (Index p = 0; p < size.h; ++p)
        for (Index q = 0; q < size.w; ++q) {
          const double row = position(p, x.dim(2), size.h), column = position(q, x.dim(3), size.w);
          double sum = 0;
          for (Index i = 0; i < x.dim(2); ++i)
            for (Index j = 0; j < x.dim(3); ++j) sum += share(i, row) * share(j, column) * x.at({n, c, i, j});
          y.set({n, c, p, q}, sum);
        }
  return y;
}

}  // namespace

TEST_CASE("interpolate to any size: values, gradients, both memory orders") {
  for (const auto [h, w, oh, ow] : {std::array<Index, 4>{3, 4, 6, 8},
                                    {3, 4, 7, 9},
                                    {5, 7, 3, 2},
                                    {4, 9, 6, 2},
                                    {1, 1, 3, 2},
                                    {6, 5, 1, 1},
                                    {5, 5, 5, 5},
                                    {2, 3, 98, 6}})
    for (const auto& [mode, corners] : {std::pair{nearest, false}, {bilinear, false}, {bilinear, true}}) {
      INFO(h << " x " << w << " to " << oh << " x " << ow << (mode == nearest ? ", nearest" : ", bilinear")
             << (corners ? ", corners aligned" : ""));
      const InterpolateOptions o{.size = {oh, ow}, .mode = mode, .align_corners = corners};
      const auto x = random({2, 3, h, w});
      for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
        const auto y = interpolate(to_order(x, order), o);
        CHECK(y.order() == order);
        CHECK(test::max_difference(y, reference(x, {oh, ow}, o)) < 1e-12);
      }
      CHECK(gradcheck([&](const auto& t) { return interpolate(t[0], o); }, {x}) == "");
    }
}

TEST_CASE("interpolate by a factor, whole or not") {
  for (const double factor : {2.0, 3.0, 1.5, 0.5, 0.4, 2.7})
    for (const auto& [mode, corners] : {std::pair{nearest, false}, {bilinear, false}, {bilinear, true}}) {
      INFO(factor << (mode == nearest ? ", nearest" : ", bilinear") << (corners ? ", corners aligned" : ""));
      const InterpolateOptions o{.scale_factor = factor, .mode = mode, .align_corners = corners};
      const auto x = random({1, 2, 5, 7});
      const Size2 size{static_cast<Index>(5 * factor), static_cast<Index>(7 * factor)};
      CHECK(interpolate(x, o).shape() == Shape{1, 2, size.h, size.w});
      CHECK(test::max_difference(interpolate(x, o), reference(x, size, o)) < 1e-12);
      CHECK(gradcheck([&](const auto& t) { return interpolate(t[0], o); }, {x}) == "");
    }
}

TEST_CASE("What nearest and bilinear mean") {
  const auto x = Tensord::from({1, 1, 1, 2}, {1, 3});
  CHECK(values(interpolate(x, {.size = {1, 4}})) == Vector{1, 1, 3, 3});
  CHECK(values(interpolate(x, {.size = {1, 4}, .mode = bilinear})) == Vector{1, 1.5, 2.5, 3});
  CHECK(values(interpolate(x, {.size = {1, 5}, .mode = bilinear, .align_corners = true})) == Vector{1, 1.5, 2, 2.5, 3});
  // Whole numbers, not their rounded quotient, say which pixel is nearest: 49 * (2 / 98.0) is below 1.
  CHECK(interpolate(x, {.size = {1, 98}}).at({0, 0, 0, 49}) == 3);
  // An infinite pixel stays where it is.
  const auto infinite = Tensord::from({1, 1, 1, 3}, {1, INFINITY, 2});
  CHECK(values(interpolate(infinite, {.size = {1, 3}, .mode = bilinear})) == values(infinite));
}

TEST_CASE("nn::Upsample is interpolate") {
  const auto x = random({2, 3, 4, 5});
  const nn::Upsample<double> twice{{.scale_factor = 2, .mode = bilinear}};
  CHECK(test::identical(twice(x), interpolate(x, {.scale_factor = 2, .mode = bilinear})));
  CHECK(nn::Upsample<double>{{.size = {7, 3}}}(x).shape() == Shape{2, 3, 7, 3});
}

TEST_CASE("interpolate refuses what makes no sense") {
  const auto x = Tensord::zeros({2, 3, 4, 5});
  CHECK_THROWS_WITH(interpolate(x, {}), ContainsSubstring("[interpolate] exactly one of size 0x0 and scale_factor 0"));
  CHECK_THROWS_AS(interpolate(x, {.size = 3, .scale_factor = 2}), ValueError);
  CHECK_THROWS_WITH(interpolate(x, {.size = {0, 3}}), ContainsSubstring("[interpolate] size 0x3"));
  CHECK_THROWS_AS(interpolate(x, {.scale_factor = -1}), ValueError);
  CHECK_THROWS_AS(interpolate(x, {.scale_factor = std::nan("")}), ValueError);
  CHECK_THROWS_WITH(interpolate(x, {.scale_factor = 0.2}), ContainsSubstring("leaves no pixels"));
  CHECK_THROWS_AS(interpolate(x, {.scale_factor = INFINITY}), ValueError);
  CHECK_THROWS_AS(interpolate(x, {.size = max_extent}), ShapeError);
  CHECK_THROWS_WITH(interpolate(x, {.size = 3, .align_corners = true}), ContainsSubstring("align_corners"));
  CHECK_THROWS_WITH(interpolate(Tensord::zeros({3, 4, 5}), {.size = 3}),
                    ContainsSubstring("[interpolate] input [3, 4, 5] must be [N, C, H, W]"));
  CHECK_THROWS_AS(interpolate(Tensord::zeros({2, 3, 0, 5}), {.size = 3}), ShapeError);
  CHECK(interpolate(Tensord::zeros({0, 3, 4, 5}), {.size = 3}).shape() == Shape{0, 3, 3, 3});
  CHECK(interpolate(Tensord::zeros({2, 0, 4, 5}), {.size = 3, .mode = bilinear}).shape() == Shape{2, 0, 3, 3});
}

TEST_CASE("interpolate gives the same bits for any number of threads") {
  const auto x = random<float>({3, 5, 33, 31});
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last})
    for (const Size2 size : {Size2{66, 62}, Size2{20, 50}})
      CHECK(test::same_for_all_thread_counts(
          [&] {
            const auto leaf = to_order(x, order).clone().set_requires_grad();
            const auto y = interpolate(leaf, {.size = size, .mode = bilinear});
            y.backward(y.detach());
            return std::pair{y.detach(), leaf.grad()};
          },
          [](const auto& p, const auto& q) {
            return test::identical(p.first, q.first) && test::identical(p.second, q.second);
          }));
}

TEST_CASE("Nearest: the same size is a copy and twice the size repeats, whatever the factor, as in PyTorch") {
  const auto x = Tensord::from({1, 1, 1, 3}, {0, 1, 2});
  const auto enlarged = [&](double factor) {
    return test::values(interpolate(reshape(concat<double>({x, x, x}, 2), {1, 1, 3, 3}), {.scale_factor = factor}));
  };
  const auto same = enlarged(1.2), twice = enlarged(2.3);
  CHECK(std::vector<double>(same.begin(), same.begin() + 3) == std::vector<double>{0, 1, 2});
  CHECK(std::vector<double>(twice.begin(), twice.begin() + 6) == std::vector<double>{0, 0, 1, 1, 2, 2});
}
