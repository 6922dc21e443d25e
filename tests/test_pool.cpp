#include "nasion/ops/pool.hpp"

#include "nasion/ops/compare.hpp"
#include "nasion/ops/reduce.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using test::distinct;
using test::gradcheck;
using test::values;
using Vector = std::vector<double>;

namespace {

/// Pooling on logical positions alone. `ranges(o)` gives begin and end of output o, which may lie in the padding.
template <class Rows, class Columns>
Tensord reference(const Tensord& x, Index oh, Index ow, Rows rows, Columns columns, bool average) {
  const auto y = Tensord::zeros({x.dim(0), x.dim(1), oh, ow});
  for (Index n = 0; n < x.dim(0); ++n)
    for (Index c = 0; c < x.dim(1); ++c)
      for (Index p = 0; p < oh; ++p)
        for (Index q = 0; q < ow; ++q) {
          const auto [top, bottom] = rows(p);
          const auto [left, right] = columns(q);
          double best = -INFINITY, sum = 0;
          for (Index i = std::max<Index>(top, 0); i < std::min(bottom, x.dim(2)); ++i)
            for (Index j = std::max<Index>(left, 0); j < std::min(right, x.dim(3)); ++j) {
              best = std::max(best, x.at({n, c, i, j}));
              sum += x.at({n, c, i, j});
            }
          y.set({n, c, p, q}, average ? sum / static_cast<double>((bottom - top) * (right - left)) : best);
        }
  return y;
}

struct Case {
  Index h, w;
  PoolOptions options;
  Index oh, ow;  // expected
};
const std::vector<Case> cases = {
    {6, 8, {}, 3, 4},
    {7, 5, {}, 3, 2},
    {7, 5, {.ceil_mode = true}, 4, 3},
    {7, 9, {.kernel = 3, .stride = 2, .padding = 1}, 4, 5},
    {8, 6, {.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = true}, 5, 4},
    {5, 5, {.kernel = {3, 2}, .stride = {1, 3}, .padding = {1, 0}}, 5, 2},
    {4, 4, {.kernel = 2, .stride = 3, .ceil_mode = true}, 2, 2},
    {3, 3, {.kernel = 1, .stride = 5, .ceil_mode = true}, 1, 1},  // a second window would start outside
    {1, 1, {.kernel = 2, .stride = 1, .padding = 1}, 2, 2},
    {5, 4, {.kernel = {5, 4}}, 1, 1},
};

}  // namespace

TEST_CASE("Regular pooling: values, gradients, both memory orders") {
  for (const auto& c : cases) {
    PoolOptions o = c.options;
    INFO(c.h << " x " << c.w << ", kernel " << o.kernel << ", stride " << o.stride << ", padding " << o.padding);
    const auto x = distinct({2, 3, c.h, c.w});
    const auto stride = o.stride == Size2{0} ? o.kernel : o.stride;
    const auto range = [](Index size, Index kernel, Index step, Index padding) {
      return [=](Index i) {
        const Index begin = i * step - padding;
        return std::pair{begin, std::min(begin + kernel, size + padding)};
      };
    };
    const auto rows = range(c.h, o.kernel.h, stride.h, o.padding.h),
               columns = range(c.w, o.kernel.w, stride.w, o.padding.w);
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      const auto input = to_order(x, order);
      const auto largest = max_pool2d(input, o), mean = avg_pool2d(input, o);
      CHECK(largest.order() == order);
      CHECK(mean.order() == order);
      CHECK(values(largest) == values(reference(x, c.oh, c.ow, rows, columns, false)));
      CHECK(test::max_difference(mean, reference(x, c.oh, c.ow, rows, columns, true)) < 1e-12);
    }
    CHECK(gradcheck([&](const auto& t) { return max_pool2d(t[0], o); }, {x}) == "");
    CHECK(gradcheck([options = o](const auto& t) { return avg_pool2d(t[0], options); }, {x}) == "");
  }
}

TEST_CASE("max_pool2d with dilation, and where the maxima stood") {
  for (const auto& o : {PoolOptions{}, PoolOptions{.kernel = 3, .stride = 2, .padding = 1},
                        PoolOptions{.kernel = {2, 3}, .stride = 1, .dilation = {3, 2}},
                        PoolOptions{.kernel = 3, .stride = 2, .padding = {0, 1}, .dilation = 2},
                        PoolOptions{.kernel = 2, .stride = 3, .ceil_mode = true, .dilation = {1, 4}}}) {
    INFO("kernel " << o.kernel << ", padding " << o.padding << ", dilation " << o.dilation);
    const auto x = distinct({2, 3, 9, 8});
    const auto stride = o.stride == Size2{0} ? o.kernel : o.stride;
    const auto [y, indices] = max_pool2d_with_indices(x, o);
    CHECK(indices.shape == y.shape());
    for (Index i = 0; i < y.size(); ++i) {
      const Index p = i / y.dim(3) % y.dim(2), q = i % y.dim(3), plane = i / (y.dim(2) * y.dim(3));
      double best = -INFINITY;
      Index at = -1;
      for (Index k = 0; k < o.kernel.h * o.kernel.w; ++k) {
        const Index r = p * stride.h - o.padding.h + k / o.kernel.w * o.dilation.h;
        const Index c = q * stride.w - o.padding.w + k % o.kernel.w * o.dilation.w;
        if (r < 0 || r >= 9 || c < 0 || c >= 8) continue;
        const double v = x.at({plane / 3, plane % 3, r, c});
        if (v > best) best = v, at = r * 8 + c;
      }
      CHECK(y.data()[i] == best);
      CHECK(indices.values[static_cast<std::size_t>(i)] == at);
    }
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      const auto largest = max_pool2d(to_order(x, order), o);
      CHECK(largest.order() == order);
      CHECK(values(largest) == values(y));
    }
    CHECK(gradcheck([&](const auto& t) { return max_pool2d(t[0], o); }, {x}) == "");
    CHECK(gradcheck([&](const auto& t) { return max_pool2d_with_indices(t[0], o).values; }, {x}) == "");
  }
}

TEST_CASE("max_unpool2d puts maxima back") {
  const auto x = distinct({2, 3, 4, 6});
  const auto [y, indices] = max_pool2d_with_indices(x);
  const auto back = max_unpool2d(y, indices, {4, 6});
  CHECK(back.shape() == x.shape());
  for (Index i = 0; i < x.size(); ++i) CHECK((back.data()[i] == 0 || back.data()[i] == x.data()[i]));
  CHECK(values(max_pool2d(where(ne(back, 0), back, Tensord::scalar(-INFINITY)))) == values(y));
  CHECK(gradcheck([&, &at = indices](const auto& t) { return max_unpool2d(t[0], at, {5, 6}); }, {y}) == "");
  CHECK(max_unpool2d(Tensord::zeros({0, 3, 2, 2}), {{0, 3, 2, 2}, {}}, 4).shape() == Shape{0, 3, 4, 4});
  CHECK_THROWS_WITH(max_unpool2d(y, {{2, 3, 6}, std::vector<Index>(36)}, {4, 6}),
                    ContainsSubstring("[max_unpool2d] indices [2, 3, 6] do not fit input [2, 3, 2, 3]"));
  CHECK_THROWS_WITH(max_unpool2d(y, indices, {2, 6}), ContainsSubstring("is outside a plane of 2x6"));
  CHECK_THROWS_AS(max_unpool2d(y, indices, 0), ValueError);
  CHECK_THROWS_AS(max_unpool2d(y, indices, Size2{max_extent}), std::exception);
}

TEST_CASE("avg_pool2d without its padding is a mean of pixels") {
  const auto x = distinct({2, 3, 5, 6});
  for (const auto& o :
       {PoolOptions{.kernel = 3, .stride = 2, .padding = 1, .count_include_pad = false},
        PoolOptions{.kernel = {2, 4}, .padding = {1, 2}, .ceil_mode = true, .count_include_pad = false}}) {
    const auto range = [](Index size, Index kernel, Index step, Index padding) {
      return [=](Index i) {
        const Index begin = i * step - padding;
        return std::pair{std::max<Index>(begin, 0), std::min(begin + kernel, size)};
      };
    };
    const auto stride = o.stride == Size2{0} ? o.kernel : o.stride;
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      const auto y = avg_pool2d(to_order(x, order), o);
      const auto expected = reference(x, y.dim(2), y.dim(3), range(5, o.kernel.h, stride.h, o.padding.h),
                                      range(6, o.kernel.w, stride.w, o.padding.w), true);
      CHECK(test::max_difference(y, expected) < 1e-12);
    }
    CHECK(gradcheck([&](const auto& t) { return avg_pool2d(t[0], o); }, {x}) == "");
    CHECK(values(max_pool2d(x, o)).size() == values(avg_pool2d(x, o)).size());
  }
}

TEST_CASE("Adaptive pooling, also to more pixels than there are") {
  for (const auto [h, w, oh, ow] : {std::array<Index, 4>{6, 8, 3, 4},
                                    {7, 5, 3, 2},
                                    {3, 4, 7, 9},
                                    {1, 1, 3, 2},
                                    {5, 5, 5, 5},
                                    {4, 9, 6, 2},
                                    {11, 13, 1, 1}}) {
    INFO(h << " x " << w << " to " << oh << " x " << ow);
    const auto x = distinct({2, 3, h, w});
    const Size2 output{oh, ow};
    const auto range = [](Index size, Index outputs) {
      return [=](Index i) {
        const double begin = static_cast<double>(i * size) / static_cast<double>(outputs);
        const double end = static_cast<double>((i + 1) * size) / static_cast<double>(outputs);
        return std::pair{static_cast<Index>(std::floor(begin)), static_cast<Index>(std::ceil(end))};
      };
    };
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      const auto largest = adaptive_max_pool2d(to_order(x, order), {oh, ow});
      const auto mean = adaptive_avg_pool2d(to_order(x, order), {oh, ow});
      CHECK(largest.order() == order);
      CHECK(values(largest) == values(reference(x, oh, ow, range(h, oh), range(w, ow), false)));
      CHECK(test::max_difference(mean, reference(x, oh, ow, range(h, oh), range(w, ow), true)) < 1e-12);
    }
    CHECK(gradcheck([&](const auto& t) { return adaptive_max_pool2d(t[0], output); }, {x}) == "");
    CHECK(gradcheck([&](const auto& t) { return adaptive_avg_pool2d(t[0], output); }, {x}) == "");
  }
}

namespace {
/// Values and gradients of max pooling, the same for both orders although other loops compute them.
template <class T>
void compare_orders(Index channels) {
  const auto x = test::random<T>({2, channels, 19, 23});
  std::transform(x.data(), x.data() + x.size(), x.mutable_data(),
                 [](T v) { return std::round(3 * v); });  // many are equal
  const auto run = [&](MemoryOrder order, auto&& pool) {
    const auto leaf = to_order(x, order).clone().set_requires_grad();
    const auto y = pool(leaf);
    const NoGrad no_grad;
    CHECK(test::identical(pool(leaf), y));
    y.backward(test::random<T>(y.shape(), 3));
    return std::pair{values(y), values(leaf.grad())};
  };
  const auto same = [&](auto&& pool) {
    CHECK((run(MemoryOrder::row_major, pool) == run(MemoryOrder::channels_last, pool)));
  };
  same([](const auto& t) { return max_pool2d(t, {.kernel = 3, .stride = 2, .padding = 1}); });
  same([](const auto& t) { return max_pool2d(t, {.kernel = 2, .stride = 3}); });
  same([](const auto& t) { return max_pool2d(t, {.kernel = {16, 17}, .stride = 1}); });  // 272 positions
  same([](const auto& t) { return adaptive_max_pool2d(t, {25, 10}); });
  same([](const auto& t) { return adaptive_max_pool2d(t, 1); });
}
}  // namespace

TEST_CASE("Max pooling is the same in both orders, for any number of channels") {
  for (const Index channels : {1, 2, 7, 12, 58, 77, 130}) {
    INFO(channels << " channels");
    compare_orders<float>(channels);
    compare_orders<double>(channels);
  }
}

TEST_CASE("Maxima: the first of equals gets the gradient, NaN wins, minus infinity may") {
  const auto x = Tensord::ones({1, 1, 2, 2}).set_requires_grad();
  max_pool2d(x).backward();
  CHECK(values(x.grad()) == Vector{1, 0, 0, 0});
  const double none = std::nan(""), inf = INFINITY;
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
    const auto y = max_pool2d(to_order(Tensord::from({1, 2, 2, 4}, {1, none, 4, 5, 3, 9, 6, 7,  //
                                                                    -inf, -inf, none, 1, -inf, -inf, 2, 3}),
                                       order));
    CHECK(std::isnan(y.at({0, 0, 0, 0})));
    CHECK(y.at({0, 0, 0, 1}) == 7);
    CHECK(y.at({0, 1, 0, 0}) == -inf);
    CHECK(std::isnan(y.at({0, 1, 0, 1})));
  }
  // Padding never wins, not even against negative numbers.
  CHECK(values(max_pool2d(Tensord::full({1, 1, 1, 1}, -5), {.kernel = 3, .stride = 1, .padding = 1})) == Vector{-5});
}

TEST_CASE("Pooling of empty batches") {
  CHECK(max_pool2d(Tensord::zeros({0, 3, 4, 4})).shape() == Shape{0, 3, 2, 2});
  CHECK(adaptive_avg_pool2d(Tensord::zeros({2, 0, 4, 4}), 3).shape() == Shape{2, 0, 3, 3});
  const auto x = Tensord::zeros({0, 3, 4, 4}).set_requires_grad();
  max_pool2d(x).backward(Tensord::zeros({0, 3, 2, 2}));
  CHECK(x.grad().shape() == x.shape());
}

TEST_CASE("Pooling refuses what does not fit") {
  const auto x = Tensord::zeros({2, 3, 4, 5});
  CHECK_THROWS_WITH(max_pool2d(x, {.kernel = 5}), ContainsSubstring("[max_pool2d] kernel 5x5 is larger than input") &&
                                                      ContainsSubstring("[2, 3, 4, 5]"));
  CHECK_THROWS_WITH(avg_pool2d(x, {.kernel = 2, .padding = 2}),
                    ContainsSubstring("[avg_pool2d] padding 2x2") && ContainsSubstring("kernel 2x2"));
  CHECK_THROWS_WITH(avg_pool2d(Tensord::zeros({3, 4, 5})), ContainsSubstring("[avg_pool2d] input [3, 4, 5]"));
  CHECK_THROWS_AS(max_pool2d(x, {.kernel = 0}), ValueError);
  CHECK_THROWS_AS(max_pool2d(x, {.kernel = 2, .stride = {0, 1}}), ValueError);
  CHECK_THROWS_AS(max_pool2d(x, {.kernel = 2, .padding = -1}), ValueError);
  CHECK_THROWS_AS(max_pool2d(Tensord::zeros({2, 3, 0, 5}), {.kernel = 1}), ShapeError);
  CHECK_THROWS_WITH(adaptive_max_pool2d(x, {0, 3}), ContainsSubstring("[adaptive_max_pool2d] output size 0x3"));
  CHECK_THROWS_WITH(adaptive_avg_pool2d(Tensord::zeros({2, 3, 4, 0}), 2),
                    ContainsSubstring("[adaptive_avg_pool2d] input [2, 3, 4, 0]"));
  CHECK_THROWS_AS(adaptive_max_pool2d(Tensord::zeros({3, 4, 5}), 2), ShapeError);
  CHECK_THROWS_WITH(avg_pool2d(x, {.dilation = 2}), ContainsSubstring("[avg_pool2d] dilation 2x2"));
  CHECK_THROWS_AS(max_pool2d(x, {.dilation = 0}), ValueError);
  CHECK_THROWS_WITH(max_pool2d(x, {.dilation = 4}), ContainsSubstring("and dilation 4x4"));
  CHECK_THROWS_WITH(max_pool2d(Tensord::zeros({1, 1, 2, 2}), {.kernel = 2, .padding = 1, .dilation = 3}),
                    ContainsSubstring("meets no pixel"));
  // Sizes whose sums or products would overflow, or that no machine holds.
  const Index huge = std::numeric_limits<Index>::max();
  CHECK_THROWS_AS(max_pool2d(x, {.kernel = huge, .padding = huge / 2}), std::exception);
  CHECK_THROWS_AS(max_pool2d(x, {.kernel = 2, .stride = huge}), ValueError);
  CHECK(max_pool2d(x, {.kernel = 2, .stride = max_extent}).shape() == Shape{2, 3, 1, 1});
  CHECK(max_pool2d(x, {.kernel = 2, .stride = max_extent, .ceil_mode = true}).shape() == Shape{2, 3, 1, 1});
  CHECK_THROWS_AS(adaptive_max_pool2d(x, {1, huge}), std::exception);
  CHECK_THROWS_AS(adaptive_avg_pool2d(x, Size2{max_extent}), ShapeError);
}

TEST_CASE("Pooling gives the same bits for any number of threads") {
  const auto x = test::random<float>({5, 7, 33, 31});
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last})
    CHECK(test::same_for_all_thread_counts(
        [&] {
          const auto leaf = to_order(x, order).clone().set_requires_grad();
          const auto y = adaptive_avg_pool2d(max_pool2d(leaf, {.kernel = 3, .stride = 2, .padding = 1}), {20, 7});
          y.backward(y.detach());
          return std::pair{y.detach(), leaf.grad()};
        },
        [](const auto& p, const auto& q) {
          return test::identical(p.first, q.first) && test::identical(p.second, q.second);
        }));
}

TEST_CASE("Means of large windows are as exact as a float can be") {
  Rng rng(1);
  const auto error = [](const Tensorf& y, double exact) { return std::abs(double{y.data()[0]} / exact - 1); };
  for (const Index side : {64, 256}) {
    const auto x = Tensorf::uniform({1, 3, side, side}, rng);
    double exact = 0;
    for (Index i = 0; i < side * side; ++i) exact += double{x.data()[i]};
    exact /= static_cast<double>(side * side);
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      const auto images = to_order(x, order);
      CHECK(error(adaptive_avg_pool2d(images, 1), exact) < 1e-7);
      CHECK(error(avg_pool2d(images, {.kernel = side}), exact) < 1e-7);
      CHECK(error(mean(images, {2, 3}), exact) < 3e-7);
      // The gradient: every pixel is in many windows.
      const auto leaf = Tensorf::ones({1, 1, 96, 96}, order).set_requires_grad();
      avg_pool2d(leaf, {.kernel = 48, .stride = 1}).backward(Tensorf::ones({1, 1, 49, 49}));
      CHECK(double{leaf.grad().at({0, 0, 48, 48})} == Approx(48.0 * 48 / (48 * 48)).epsilon(2e-7));
    }
  }
}

TEST_CASE("With ceil_mode a kernel may be larger than the image, as in PyTorch") {
  // torch: F.max_pool2d(x, k, s, p, ceil_mode=True), F.avg_pool2d(..) of x = torch.arange(1., 1 + h * w).reshape(1, 1,
  // h, w)
  struct Expected {
    Index h, w;
    PoolOptions o;
    Shape shape;
    Vector largest, mean;
  };
  const Expected expected[] = {
      {1, 1, {.kernel = 2, .stride = 2}, {1, 1, 1, 1}, {1}, {1}},
      {2, 2, {.kernel = 5, .stride = 4}, {1, 1, 1, 1}, {4}, {2.5}},
      {2, 2, {.kernel = 5, .stride = 3, .padding = 1}, {1, 1, 1, 1}, {4}, {0.625}},
      {3, 3, {.kernel = 4, .stride = 1, .padding = 1}, {1, 1, 2, 2}, {9, 9, 9, 9}, {2.8125, 2.8125, 2.8125, 2.8125}},
      {1, 5, {.kernel = {3, 2}, .stride = 2, .padding = {1, 0}}, {1, 1, 1, 3}, {2, 4, 5}, {0.5, 7 / 6.0, 5 / 3.0}},
      {2, 7, {.kernel = 4, .stride = 3, .padding = 1}, {1, 1, 1, 3}, {10, 13, 14}, {2.0625, 4, 10 / 3.0}},
      {3, 2, {.kernel = {5, 4}, .stride = {7, 3}, .padding = {2, 1}}, {1, 1, 1, 1}, {6}, {1.05}},
  };
  for (auto [h, w, o, shape, largest, mean] : expected) {
    INFO(h << " x " << w << ", kernel " << o.kernel);
    o.ceil_mode = true;
    const auto x = Tensord::zeros({1, 1, h, w});
    for (Index i = 0; i < h * w; ++i) x.mutable_data()[i] = static_cast<double>(i + 1);
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      const auto a = max_pool2d(to_order(x, order), o), b = avg_pool2d(to_order(x, order), o);
      CHECK(a.shape() == shape);
      CHECK(values(a) == largest);
      CHECK(test::max_difference(b, Tensord::from(shape, mean)) < 1e-12);
    }
    CHECK(gradcheck([options = o](const auto& t) { return avg_pool2d(t[0], options); }, {x}) == "");
  }
  const PoolOptions wide{.kernel = 3, .stride = {1, 5}, .padding = {1, 0}, .ceil_mode = true};
  CHECK(max_pool2d(Tensord::zeros({2, 19, 9, 2}), wide).shape() == Shape{2, 19, 9, 1});
  CHECK(avg_pool2d(Tensord::zeros({2, 19, 9, 2}), wide).shape() == Shape{2, 19, 9, 1});
  // Without it, or where not even the strides reach: an error.
  CHECK_THROWS_AS(max_pool2d(Tensord::zeros({1, 1, 2, 2}), {.kernel = 3, .stride = 5}), ShapeError);
  CHECK_THROWS_AS(max_pool2d(Tensord::zeros({1, 1, 2, 2}), {.kernel = 3, .stride = 1, .ceil_mode = true}), ShapeError);
  CHECK_THROWS_AS(avg_pool2d(Tensord::zeros({1, 1, 2, 2}), {.kernel = 9, .stride = 2, .ceil_mode = true}), ShapeError);
}
