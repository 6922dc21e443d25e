#include "nasion/faces/metrics.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "support/catch.hpp"

using namespace nasion;
using namespace nasion::vision;
using namespace nasion::faces;

namespace {
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
}  // namespace

TEST_CASE("Distances and absolute errors of points") {
  const Landmarks truth{{0, 0}, {10, 10}}, predicted{{3, -4}, {10, 11}};
  CHECK(mean_distance(predicted, truth) == Approx(3));
  CHECK(mean_absolute_error(predicted, truth) == Approx(2));
  CHECK(mean_distance(truth, truth) == 0);
  CHECK(mean_absolute_error(truth, truth) == 0);
  CHECK(std::isnan(mean_distance({{not_a_number, 0}}, {{0, 0}})));
}

TEST_CASE("Errors need pairs of points") {
  const Landmarks one{{0, 0}}, two{{0, 0}, {1, 1}};
  CHECK_THROWS_WITH(mean_distance(one, two), "[mean_distance] 1 predicted points for 2 labelled ones");
  CHECK_THROWS_WITH(mean_absolute_error(two, one), "[mean_absolute_error] 2 predicted points for 1 labelled ones");
  CHECK_THROWS_AS(mean_distance({}, {}), ValueError);
  CHECK_THROWS_AS(mean_absolute_error({}, {}), ValueError);
}

TEST_CASE("The outer corners of the eyes, by the number of points") {
  Landmarks face(68);
  face[36] = {10, 20};
  face[45] = {40, 60};
  CHECK(outer_eye_distance(face) == Approx(50));
  face.pop_back();
  CHECK_THROWS_WITH(outer_eye_distance(face), ContainsSubstring("of 67 points are corners of eyes is not known"));
  CHECK_THROWS_AS(outer_eye_distance({}), ValueError);
}

TEST_CASE("An eye of 58 points that begins at its inner corner has the same outer one") {
  Landmarks face(58);
  for (std::size_t i = 0; i < 8; ++i) {
    const double angle = 0.25 * 3.14159265358979 * static_cast<double>(i);
    face[13 + i] = {80 + 10 * std::cos(angle), 50 - 5 * std::sin(angle)};
    face[21 + i] = {40 - 10 * std::cos(angle), 50 - 5 * std::sin(angle)};
  }
  CHECK(outer_eye_distance(face) == Approx(60));
  for (std::size_t i = 0; i < 8; ++i) face[13 + i].x = 160 - face[13 + i].x;
  CHECK(outer_eye_distance(face) == Approx(60));
}

TEST_CASE("The failure rate counts errors above the limit, and those that are no number") {
  const std::vector<double> errors{1, 8, 8.001, inf, not_a_number};
  CHECK(failure_rate(errors, 8) == Approx(0.6));
  CHECK(failure_rate(std::vector<double>{1, 2}, 8) == 0);
  CHECK_THROWS_WITH(failure_rate({}, 8), "[failure_rate] no errors");
}

TEST_CASE("The cumulative distribution rises by one face at each error") {
  using Steps = std::vector<std::pair<double, double>>;
  CHECK(cumulative_errors(std::vector<double>{4, 1, not_a_number, 2}) == Steps{{1, 0.25}, {2, 0.5}, {4, 0.75}});
  CHECK(cumulative_errors({}).empty());
}

TEST_CASE("The area under the curve up to a limit") {
  CHECK(area_under_curve(std::vector<double>{0, 0}, 8) == 1);
  CHECK(area_under_curve(std::vector<double>{8, 9, not_a_number, inf}, 8) == 0);
  CHECK(area_under_curve(std::vector<double>{2, 6, 100, not_a_number}, 8) == Approx((6.0 + 2) / 8 / 4));
  // The same by the curve itself.
  const std::vector<double> errors{3, 0.5, 4, 7, 1, 20};
  double area = 0;
  const auto steps = cumulative_errors(errors);
  for (std::size_t i = 0; i < steps.size(); ++i)
    area += steps[i].second *
            std::max(0.0, (i + 1 < steps.size() ? std::min(8.0, steps[i + 1].first) : 8.0) - steps[i].first);
  CHECK(area_under_curve(errors, 8) == Approx(area / 8));
  CHECK_THROWS_WITH(area_under_curve({}, 8), "[area_under_curve] 0 errors up to 8");
  CHECK_THROWS_AS(area_under_curve(errors, 0), ValueError);
  CHECK_THROWS_AS(area_under_curve(errors, not_a_number), ValueError);
}
