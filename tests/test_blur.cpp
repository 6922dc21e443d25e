#include "nasion/vision/blur.hpp"

#include <limits>
#include <numeric>

#include "nasion/core/random.hpp"
#include "support/catch.hpp"

using namespace nasion;
using namespace nasion::vision;

namespace {

std::vector<float> random_values(int width, int height) {
  std::vector<float> values(static_cast<std::size_t>(width * height));
  Rng rng(1);
  for (float& v : values) v = static_cast<float>(rng.uniform(-0.5, 0.5));
  return values;
}

/// The definition: at each place the mean of all values around it, weighted by the Gaussian of their distance.
std::vector<double> blurred_by_definition(const std::vector<float>& values, int width, int height, double sigma) {
  const int radius = static_cast<int>(std::ceil(3 * sigma));
  std::vector<double> result;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      double sum = 0, weights = 0;
      for (int v = -radius; v <= radius; ++v)
        for (int u = -radius; u <= radius; ++u) {
          const double weight = std::exp(-0.5 * (u * u + v * v) / (sigma * sigma));
          const int at = std::clamp(y + v, 0, height - 1) * width + std::clamp(x + u, 0, width - 1);
          sum += weight * static_cast<double>(values[static_cast<std::size_t>(at)]);
          weights += weight;
        }
      result.push_back(sum / weights);
    }
  return result;
}

}  // namespace

TEST_CASE("A blur is a mean weighted by a Gaussian, with repeated edges") {
  const auto [width, height] = GENERATE(std::pair{13, 9}, std::pair{1, 7}, std::pair{6, 1}, std::pair{2, 3});
  const double sigma = GENERATE(0.3, 0.8, 1.0, 2.5);
  CAPTURE(width, height, sigma);
  auto values = random_values(width, height);
  const auto expected = blurred_by_definition(values, width, height, sigma);
  gaussian_blur(values, width, height, sigma);
  for (std::size_t i = 0; i < values.size(); ++i)
    CHECK(static_cast<double>(values[i]) == Approx(expected[i]).margin(1e-6));
}

TEST_CASE("A blurred dot has the deviation asked for, and all of its light") {
  constexpr int size = 41;
  std::vector<float> values(size * size);
  values[size * 20 + 20] = 1;
  gaussian_blur(values, size, size, 3);
  double sum = 0, squares = 0;
  for (int i = 0; i < size * size; ++i) {
    sum += static_cast<double>(values[static_cast<std::size_t>(i)]);
    squares += static_cast<double>(values[static_cast<std::size_t>(i)]) * std::pow(i % size - 20, 2);
  }
  CHECK(sum == Approx(1));
  CHECK(std::sqrt(squares) == Approx(3).epsilon(0.02));  // a little is cut off
}

TEST_CASE("No blur changes nothing, and a plane of one value stays as it is") {
  auto values = random_values(8, 5);
  const auto before = values;
  gaussian_blur(values, 8, 5, 0);
  CHECK(values == before);
  values.assign(40, 0.25f);
  gaussian_blur(values, 8, 5, 2);
  for (const float v : values) CHECK(v == Approx(0.25f));
}

TEST_CASE("Blurs that make no sense are refused") {
  std::vector<float> values(12);
  CHECK_THROWS_WITH(gaussian_blur(values, 4, 4, 1),
                    ContainsSubstring("[gaussian_blur] 12 values are no plane of 4 x 4"));
  CHECK_THROWS_AS(gaussian_blur(values, -4, -3, 1), ValueError);
  CHECK_THROWS_WITH(gaussian_blur(values, 4, 3, -1), ContainsSubstring("sigma -1 is not in 0 to 1000"));
  CHECK_THROWS_AS(gaussian_blur(values, 4, 3, std::numeric_limits<double>::quiet_NaN()), ValueError);
}
