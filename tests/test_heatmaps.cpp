#include "nasion/models/heatmaps.hpp"

#include "nasion/ops/elementwise.hpp"
#include "nasion/ops/reduce.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using models::heatmap_peaks;
using models::heatmap_targets;

TEST_CASE("A target map is a distribution with its mean at the point") {
  const double x = 7.3, y = 4.6;
  const auto maps = heatmap_targets(Tensord::from({1, 2}, {x / 16, y / 12}), 12, 16, 1.0);
  REQUIRE(maps.shape() == Shape{1, 1, 12, 16});
  double total = 0, mean_x = 0, mean_y = 0, spread = 0;
  for (Index i = 0; i < 12; ++i)
    for (Index j = 0; j < 16; ++j) {
      const double p = maps.at({0, 0, i, j}), px = static_cast<double>(j) + 0.5, py = static_cast<double>(i) + 0.5;
      CHECK(p >= 0);
      total += p;
      mean_x += p * px;
      mean_y += p * py;
      spread += p * (px - x) * (px - x);
    }
  CHECK(total == Approx(1));
  CHECK(mean_x == Approx(x).margin(0.02));
  CHECK(mean_y == Approx(y).margin(0.02));
  CHECK(spread == Approx(1.0).epsilon(0.05));
}

TEST_CASE("With sigma 0, the pixel that holds the point has it all") {
  const auto maps = heatmap_targets(Tensorf::from({1, 4}, {0.99f, 0.01f, 0.5f, 0.5f}), 3, 4, 0);
  CHECK(maps.at({0, 0, 0, 3}) == 1);
  CHECK(maps.at({0, 1, 1, 2}) == 1);
  CHECK(sum(maps).item() == 2);
}

TEST_CASE("Nothing is learned from a point outside of the image, or that is no number") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto maps =
      heatmap_targets(Tensorf::from({1, 10}, {-0.01f, 0.5f, 1, 0.5f, 0.5f, 2, nan, 0.5f, 0.5f, nan}), 8, 8, 1);
  CHECK(max(abs(maps)).item() == 0);
}

TEST_CASE("A peak is found to a part of a pixel, in either memory order") {
  Rng rng(3);
  const auto truth = Tensord::uniform({3, 8}, rng, 0.2, 0.8);
  const auto logits = log(heatmap_targets(truth, 30, 40, 1.5) + 1e-12);
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last})
    CHECK(test::max_difference(heatmap_peaks(to_order(logits, order), 5), truth) < 0.02 / 40);
  CHECK(test::max_difference(heatmap_peaks(logits, 0), truth) <= 0.5 / 30);  // the pixel's centre
}

TEST_CASE("A far second peak does not pull the point away") {
  auto logits = Tensorf::full({1, 1, 20, 20}, -20);
  logits.set({0, 0, 3, 4}, 5);
  logits.set({0, 0, 16, 15}, 4.9f);
  const auto xy = heatmap_peaks(logits, 3);
  CHECK(xy.at({0, 0}) * 20 == Approx(4.5));
  CHECK(xy.at({0, 1}) * 20 == Approx(3.5));
}

TEST_CASE("Heatmaps do not depend on the number of threads") {
  Rng rng(4);
  const auto truth = Tensorf::uniform({4, 116}, rng);
  CHECK(test::same_for_all_thread_counts([&] { return heatmap_targets(truth, 30, 40, 2); }, test::identical<float>));
  const auto logits = Tensorf::normal({4, 58, 30, 40}, rng);
  CHECK(test::same_for_all_thread_counts([&] { return heatmap_peaks(logits, 4); }, test::identical<float>));
}

TEST_CASE("Heatmaps refuse what makes no sense") {
  CHECK_THROWS_WITH(heatmap_targets(Tensorf::zeros({2, 3}), 4, 4, 1),
                    ContainsSubstring("[heatmap_targets]") && ContainsSubstring("[2, 3]"));
  CHECK_THROWS_AS(heatmap_targets(Tensorf::zeros({2, 4}), 0, 4, 1), ValueError);
  CHECK_THROWS_AS(heatmap_targets(Tensorf::zeros({2, 4}), 4, 4, -1), ValueError);
  CHECK_THROWS_WITH(heatmap_peaks(Tensorf::zeros({2, 3, 4}), 1), ContainsSubstring("[2, 3, 4]"));
  CHECK_THROWS_AS(heatmap_peaks(Tensorf::zeros({1, 1, 4, 4}), -1), ValueError);
}

TEST_CASE("A distribution narrower than a pixel, or wider than the image, is still one") {
  const auto corner = Tensorf::from({1, 2}, {0.5f, 0.5f});  // of four pixels
  for (const double sigma : {1e-300, 0.015, 1e300}) {
    const auto maps = heatmap_targets(corner, 4, 4, sigma);
    CHECK(sum(maps).item() == Approx(1));
  }
  CHECK(heatmap_peaks(Tensorf::zeros({1, 1, 4, 4}), std::numeric_limits<Index>::max()).at({0, 0}) == Approx(0.5));
}
