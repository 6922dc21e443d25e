#include "nasion/ops/reduce.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::distinct;
using test::gradcheck;
using test::random;
using test::values;
using Vector = std::vector<double>;

namespace {
const double not_a_number = std::numeric_limits<double>::quiet_NaN();
}

TEST_CASE("sum and mean over dimensions") {
  const auto x = Tensord::from({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(sum(x).item() == 21);
  CHECK(sum(x).rank() == 0);
  CHECK(values(sum(x, {0})) == Vector{5, 7, 9});
  CHECK(values(sum(x, {-1})) == Vector{6, 15});
  CHECK(sum(x, {1}, true).shape() == Shape{2, 1});
  CHECK(sum(x, {}, true).shape() == Shape{1, 1});
  CHECK(sum(x, {1, 0}).item() == 21);
  CHECK(values(mean(x, {0})) == Vector{2.5, 3.5, 4.5});
  CHECK(mean(x).item() == 3.5);
  CHECK(sum(Tensord::scalar(4)).item() == 4);
  CHECK_THROWS_WITH(sum(x, {2}), ContainsSubstring("dimension 2") && ContainsSubstring("[2, 3]"));
  CHECK_THROWS_WITH(sum(x, {0, -2}), ContainsSubstring("[sum]") && ContainsSubstring("twice"));
  CHECK_THROWS_WITH(mean(x, {1, 1}), ContainsSubstring("[mean]") && ContainsSubstring("twice"));
}

TEST_CASE("Sums over nothing are 0, means NaN") {
  CHECK(sum(Tensord::zeros({0, 3})).item() == 0);
  CHECK(values(sum(Tensord::zeros({0, 3}), {0})) == Vector{0, 0, 0});
  CHECK(sum(Tensord::zeros({0, 3}), {1}).shape() == Shape{0});
  CHECK(std::isnan(mean(Tensord::zeros({0, 3})).item()));
  CHECK(std::isnan(mean(Tensord::zeros({0, 3}), {0}).at({1})));
  CHECK(mean(Tensord::zeros({0, 3}), {1}).shape() == Shape{0});
  const auto x = Tensord::zeros({0, 3}).set_requires_grad();
  sum(x).backward();
  CHECK(x.grad().shape() == Shape{0, 3});
}

TEST_CASE("Gradients of sum and mean, over every set of dimensions") {
  for (int mask = 0; mask < 16; ++mask) {
    Dims dims;
    for (int d = 0; d < 4; ++d)
      if (mask >> d & 1) dims.push_back(d);
    for (const bool keep : {false, true}) {
      INFO("set " << mask << (keep ? " kept" : ""));
      CHECK(gradcheck([&](const auto& t) { return sum(t[0], dims, keep); }, {random({2, 3, 2, 3})}) == "");
      CHECK(gradcheck([&](const auto& t) { return mean(square(t[0]), dims, keep); }, {random({2, 3, 2, 3})}) == "");
    }
  }
}

TEST_CASE("broadcast_to repeats") {
  const auto x = Tensord::from({2, 1}, {1, 2});
  CHECK(values(broadcast_to(x, {2, 2, 2})) == Vector{1, 1, 2, 2, 1, 1, 2, 2});
  CHECK(broadcast_to(Tensord::scalar(3), {2}).at({1}) == 3);
  CHECK(gradcheck([](const auto& t) { return broadcast_to(t[0], {2, 3, 2, 4}); }, {random({3, 1, 4})}) == "");
  CHECK(gradcheck([](const auto& t) { return broadcast_to(t[0], {2, 3, 2, 4}); }, {random({1, 3, 2, 1})}) == "");
  CHECK_THROWS_WITH(broadcast_to(x, {2, 0, 2}), ContainsSubstring("[broadcast_to]") && ContainsSubstring("[2, 1]") &&
                                                    ContainsSubstring("[2, 0, 2]"));
  CHECK_THROWS_AS(broadcast_to(x, {2}), ShapeError);
}

TEST_CASE("max, min and argmax") {
  const auto x = Tensord::from({2, 3}, {1, 7, 3, 7, 5, 7});
  CHECK(values(max(x, 1)) == Vector{7, 7});
  CHECK(values(min(x, 0)) == Vector{1, 5, 3});
  CHECK(max(x, -1, true).shape() == Shape{2, 1});
  CHECK(argmax(x, 1) == std::vector<Index>{1, 0});
  CHECK(argmax(x, 0) == std::vector<Index>{1, 0, 1});
  CHECK(argmin(x, 1) == std::vector<Index>{0, 1});
  CHECK(argmin(Tensord::from({3}, {4, 3, not_a_number}), 0) == std::vector<Index>{2});
  CHECK_THROWS_WITH(argmin(Tensord::zeros({2, 0}), 1), ContainsSubstring("[argmin]"));
  CHECK(max(x).item() == 7);
  CHECK(min(x).item() == 1);
  CHECK(argmax(Tensord::from({3}, {1, not_a_number, 5}), 0) == std::vector<Index>{1});
  CHECK(std::isnan(max(Tensord::from({3}, {not_a_number, 3, 5})).item()));
  CHECK(std::isnan(min(Tensord::from({3}, {4, 3, not_a_number})).item()));
  CHECK(max(Tensord::zeros({0, 3}), 1).shape() == Shape{0});
  CHECK(argmax(Tensord::zeros({0, 3}), 1).empty());
  CHECK_THROWS_WITH(max(Tensord::zeros({0, 3}), 0), ContainsSubstring("[max]") && ContainsSubstring("[0, 3]"));
  CHECK_THROWS_WITH(argmax(Tensord::zeros({2, 0}), 1), ContainsSubstring("[argmax]"));
  CHECK_THROWS_AS(min(x, 2), ShapeError);
  CHECK_THROWS_AS(max(Tensord::zeros({0})), ShapeError);
}

TEST_CASE("Gradients of max and min, the first of equals taking all") {
  for (int d = 0; d < 4; ++d)
    for (const bool keep : {false, true}) {
      CHECK(gradcheck([&](const auto& t) { return max(t[0], d, keep); }, {distinct({3, 4, 2, 3})}) == "");
      CHECK(gradcheck([&](const auto& t) { return min(t[0], d, keep); }, {distinct({3, 4, 2, 3})}) == "");
    }
  CHECK(gradcheck([](const auto& t) { return max(t[0]) * min(t[0]); }, {distinct({2, 3, 2, 2})}) == "");
  const auto x = Tensord::from({4}, {2, 5, 5, 5}).set_requires_grad();
  max(x, 0).backward();
  CHECK(values(x.grad()) == Vector{0, 1, 0, 0});
  const auto last = to_order(distinct({3, 4, 2, 3}), MemoryOrder::channels_last);
  CHECK(argmax(last, 2) == argmax(contiguous(last), 2));
}

TEST_CASE("Sums of many numbers are as exact as a float can be, over any dimensions and in both orders") {
  Rng rng(2);
  for (const Shape& shape : {Shape{1 << 16, 4}, Shape{8, 4096, 6}, Shape{4, 3, 160, 96}, Shape{1 << 19}}) {
    const auto x = Tensorf::uniform(shape, rng);
    const auto exact = Tensord::empty(shape);
    std::copy(x.values().begin(), x.values().end(), exact.mutable_data());
    for (const Dims& dims : {Dims{}, Dims{0}, Dims{-1}, Dims{0, -1}, Dims{1}, Dims{0, 2, 3}}) {
      if (std::any_of(dims.begin(), dims.end(), [&](int d) { return d >= shape.rank(); })) continue;
      if (shape.rank() == 1 && dims.size() > 1) continue;
      const auto expected = mean(exact, dims);
      const auto largest_error = [&](const Tensorf& y) {
        double worst = 0;
        for (Index i = 0; i < y.size(); ++i)
          worst = std::max(worst, std::abs(double{y.data()[i]} / expected.data()[i] - 1));
        return worst;
      };
      CHECK(largest_error(mean(x, dims)) < 1e-6);
      if (shape.rank() == 4) CHECK(largest_error(mean(to_order(x, MemoryOrder::channels_last), dims)) < 1e-6);
    }
  }
}
