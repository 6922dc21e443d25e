#include "nasion/ops/grid_sample.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using test::gradcheck;
using test::random;

namespace {

const GridMode modes[] = {GridMode::bilinear, GridMode::nearest};
const GridPadding paddings[] = {GridPadding::zeros, GridPadding::border, GridPadding::reflection};

/// A grid that reads every pixel where it is.
Tensord same_grid(Index n, Index h, Index w, bool align_corners) {
  const auto grid = Tensord::empty({n, h, w, 2});
  const auto place = [&](Index i, Index size) {
    const double steps = static_cast<double>(align_corners ? size - 1 : size), at = static_cast<double>(i);
    return align_corners ? 2 * at / steps - 1 : (2 * at + 1) / steps - 1;
  };
  for (Index k = 0; k < n; ++k)
    for (Index i = 0; i < h; ++i)
      for (Index j = 0; j < w; ++j) grid.set({k, i, j, 0}, place(j, w)), grid.set({k, i, j, 1}, place(i, h));
  return grid;
}

}  // namespace

TEST_CASE("grid_sample of the grid of an image is the image") {
  const auto x = random({2, 3, 4, 5});
  for (const bool align : {true, false})
    for (const auto mode : modes)
      for (const auto padding : paddings)
        for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
          const auto y = grid_sample(to_order(x, order), same_grid(2, 4, 5, align), {mode, padding, align});
          CHECK(y.order() == order);
          CHECK(test::max_difference(y, x) < 1e-13);
        }
}

TEST_CASE("grid_sample outside of an image") {
  const auto x = Tensord::from({1, 1, 1, 4}, {1, 2, 3, 4});
  // Two pixels beyond the right edge, and one and a half beyond the left one.
  const auto read = [&](GridPadding padding, bool align) {
    const auto at = [&](double pixel) { return align ? 2 * pixel / 3 - 1 : (2 * pixel + 1) / 4 - 1; };
    const auto grid = Tensord::from({1, 1, 3, 2}, {at(5), 0, at(-1.5), 0, at(3.25), 0});
    return test::values(grid_sample(x, grid, {GridMode::bilinear, padding, align}));
  };
  const auto near = [](const std::vector<double>& a, const std::vector<double>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).margin(1e-12));
  };
  for (const bool align : {true, false}) {
    near(read(GridPadding::zeros, align), {0, 0, 3});
    near(read(GridPadding::border, align), {4, 1, 4});
  }
  near(read(GridPadding::reflection, true), {2, 2.5, 3.75});
  near(read(GridPadding::reflection, false), {3, 1.5, 4});
}

TEST_CASE("Gradients of grid_sample") {
  for (const bool align : {true, false})
    for (const auto padding : paddings) {
      const GridSampleOptions o{GridMode::bilinear, padding, align};
      CHECK(gradcheck([&](const auto& t) { return grid_sample(t[0], t[1], o); },
                      {random({2, 3, 4, 5}), 0.9 * random({2, 2, 3, 2}, 8)}) == "");
      CHECK(gradcheck([&](const auto& t) { return grid_sample(t[0], t[1], o); },
                      {random({1, 1, 1, 3}), 0.9 * random({1, 3, 1, 2}, 8)}) == "");
    }
  const auto grid = random({2, 2, 3, 2}).set_requires_grad();
  const GridSampleOptions nearest{.mode = GridMode::nearest};
  CHECK(gradcheck([&](const auto& t) { return grid_sample(t[0], grid.detach(), nearest); }, {random({2, 3, 4, 5})}) ==
        "");
  sum(grid_sample(random({2, 3, 4, 5}), grid, nearest)).backward();
  for (const double g : grid.grad().values()) CHECK(g == 0);
}

TEST_CASE("grid_sample reads places that are none as zeros") {
  const auto x = Tensorf::ones({1, 2, 3, 3});
  for (const auto mode : modes)
    for (const auto padding : paddings)
      for (const float v : {NAN, INFINITY, -INFINITY, 1e38f, -1e38f}) {
        const auto grid = Tensorf::from({1, 1, 2, 2}, {v, 0, 0, v}).set_requires_grad();
        const auto y = grid_sample(x, grid, {mode, padding, false});
        for (const float value : y.detach().values()) CHECK((value == 0 || value == 1));
        if (std::isnan(v)) CHECK(y.at({0, 0, 0, 0}) == 0);
        sum(y).backward();
        for (const float g : grid.grad().values()) CHECK(g == 0);
      }
  CHECK(grid_sample(Tensord::zeros({0, 2, 3, 3}), Tensord::zeros({0, 4, 5, 2})).shape() == Shape{0, 2, 4, 5});
  CHECK(grid_sample(Tensord::zeros({2, 0, 3, 3}), Tensord::zeros({2, 4, 5, 2})).shape() == Shape{2, 0, 4, 5});
  CHECK(grid_sample(Tensord::zeros({2, 1, 3, 3}), Tensord::zeros({2, 0, 5, 2})).shape() == Shape{2, 1, 0, 5});
}

TEST_CASE("grid_sample gives the same bits for any number of threads") {
  const auto x = random<float>({3, 5, 17, 19}), grid = random<float>({3, 23, 21, 2}, 8);
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last})
    CHECK(test::same_for_all_thread_counts(
        [&] {
          const auto leaf = to_order(x, order).clone().set_requires_grad(), places = grid.clone().set_requires_grad();
          const auto y = grid_sample(leaf, places);
          y.backward(random<float>({3, 5, 23, 21}, 3));
          return std::vector{y.detach(), leaf.grad(), places.grad()};
        },
        [](const auto& p, const auto& q) {
          return test::identical(p[0], q[0]) && test::identical(p[1], q[1]) && test::identical(p[2], q[2]);
        }));
}

TEST_CASE("grid_sample refuses what does not fit") {
  CHECK_THROWS_WITH(grid_sample(random({2, 3, 4, 5}), random({1, 2, 2, 2})),
                    ContainsSubstring("[grid_sample] grid [1, 2, 2, 2] does not fit input [2, 3, 4, 5]"));
  CHECK_THROWS_AS(grid_sample(random({2, 3, 4, 5}), random({2, 2, 2, 3})), ShapeError);
  CHECK_THROWS_AS(grid_sample(random({2, 3, 4}), random({2, 2, 2, 2})), ShapeError);
  CHECK_THROWS_AS(grid_sample(Tensord::zeros({2, 3, 0, 5}), random({2, 2, 2, 2})), ShapeError);
}
