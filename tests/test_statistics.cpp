#include "nasion/ops/statistics.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::distinct;
using test::gradcheck;
using test::random;
using test::values;
using Vector = std::vector<double>;

TEST_CASE("Variance and standard deviation") {
  const auto x = Tensord::from({2, 2}, {1, 3, 5, 11});
  CHECK(values(var(x, {1})) == Vector{2, 18});
  CHECK(values(var(x, {0}, true, 0)) == Vector{4, 16});
  CHECK(var(x, {0}, true).shape() == Shape{1, 2});
  CHECK(stddev(x, {0}, false, 0).at({1}) == 4);
  CHECK(std::isnan(var(Tensord::ones({1})).item()));
  // A large mean costs no digits.
  CHECK(var(Tensord::from({2}, {1e8, 1e8 + 2})).item() == 2);
  CHECK_THROWS_WITH(var(x, {2}), ContainsSubstring("dimension 2"));
  CHECK_THROWS_AS(stddev(x, {0, 0}), ShapeError);
}

TEST_CASE("Norms") {
  const auto x = Tensord::from({2, 2}, {3, -4, 0, 0});
  CHECK(values(norm(x, 2, {1})) == Vector{5, 0});
  CHECK(values(norm(x, 1, {1}, true)) == Vector{7, 0});
  CHECK(norm(x).item() == 5);
  CHECK(norm(Tensord::from({2}, {1, 2}), 3).item() == Approx(std::cbrt(9)));
  for (const double p : {1, 2, 3}) {
    const auto leaf = Tensord::zeros({3}).set_requires_grad();
    norm(leaf, p).backward();
    CHECK(values(leaf.grad()) == Vector{0, 0, 0});
  }
  CHECK_THROWS_WITH(norm(x, 0.5), ContainsSubstring("[norm] p 0.5"));
  CHECK_THROWS_AS(norm(x, std::numeric_limits<double>::infinity()), ValueError);
  CHECK_THROWS_AS(norm(x, 2, {2}), ShapeError);
}

TEST_CASE("logsumexp neither overflows nor loses small numbers") {
  const double inf = std::numeric_limits<double>::infinity();
  const auto x = Tensord::from({3, 2}, {1000, 1000, -1000, -1001, inf, 1});
  CHECK(logsumexp(x, {1}).at({0}) == Approx(1000 + std::log(2)));
  CHECK(logsumexp(x, {1}).at({1}) == Approx(-1000 + std::log1p(std::exp(-1))));
  CHECK(logsumexp(x, {1}).at({2}) == inf);
  CHECK(logsumexp(Tensord::full({2}, -inf)).item() == -inf);
  CHECK(logsumexp(x, {0, 1}, true).shape() == Shape{1, 1});
  CHECK_THROWS_WITH(logsumexp(Tensord::zeros({0, 2})), ContainsSubstring("[logsumexp] input [0, 2]"));
}

TEST_CASE("Running sums") {
  const auto x = Tensord::from({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(values(cumsum(x, 1)) == Vector{1, 3, 6, 4, 9, 15});
  CHECK(values(cumsum(x, 0)) == Vector{1, 2, 3, 5, 7, 9});
  CHECK(cumsum(Tensord::zeros({0, 3}), 0).shape() == Shape{0, 3});
  const auto ones = cumsum(Tensorf::full({20'000'000}, 1), 0);
  CHECK(ones.at({19'999'999}) == 20'000'000);  // sums of float would stay at 2^24
  CHECK_THROWS_AS(cumsum(x, 2), ShapeError);
}

TEST_CASE("Gradients of statistics, over every set of dimensions") {
  for (int mask = 1; mask < 16; ++mask) {
    Dims dims;
    for (int d = 0; d < 4; ++d)
      if (mask >> d & 1) dims.push_back(d);
    INFO("set " << mask);
    const auto x = distinct({2, 3, 2, 3});
    CHECK(gradcheck([&](const auto& t) { return var(t[0], dims, true); }, {x}) == "");
    CHECK(gradcheck([&](const auto& t) { return stddev(t[0], dims); }, {x}) == "");
    CHECK(gradcheck([&](const auto& t) { return norm(t[0], 2, dims) + norm(t[0], 3, dims) + norm(t[0], 1, dims); },
                    {x}) == "");
    CHECK(gradcheck([&](const auto& t) { return logsumexp(t[0], dims); }, {random({2, 3, 2, 3})}) == "");
  }
  for (int dim = 0; dim < 4; ++dim)
    CHECK(gradcheck([&](const auto& t) { return cumsum(t[0], dim); }, {random({2, 3, 2, 3})}) == "");
}
