#include "nasion/ops/softmax.hpp"

#include "nasion/ops/reduce.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::gradcheck;
using test::random;

TEST_CASE("softmax and log_softmax along each dimension") {
  const auto x = random({2, 3, 4, 5});
  for (int d = -4; d < 4; ++d) {
    const auto e = exp(x);
    const auto expected = e / sum(e, {d}, true);
    CHECK(test::max_difference(softmax(x, d), expected) < 1e-14);
    CHECK(test::max_difference(log_softmax(x, d), log(expected)) < 1e-13);
    CHECK(test::max_difference(softmax(to_order(x, MemoryOrder::channels_last), d), expected) < 1e-14);
  }
  CHECK(softmax(Tensord::ones({4}), 0).at({2}) == Approx(0.25).epsilon(1e-15));
  CHECK(softmax(Tensord::zeros({0, 3}), 1).shape() == Shape{0, 3});
}

TEST_CASE("softmax does not overflow") {
  const auto y = softmax(Tensorf::from({1, 3}, {1000.f, 1000.f, -1000.f}), 1);
  CHECK(y.at({0, 0}) == Approx(0.5f).epsilon(1e-6));  // not 0.49999: log 2 must survive beside 1000
  CHECK(y.at({0, 2}) == 0);
  CHECK(log_softmax(Tensorf::full({1, 4}, 1e8f), 1).at({0, 3}) == Approx(-std::log(4.)).epsilon(1e-6));
  CHECK(log_softmax(Tensorf::from({1, 2}, {0.f, -1000.f}), 1).at({0, 1}) == -1000);
}

TEST_CASE("NaN stays in its own row") {
  const auto y = log_softmax(Tensord::from({2, 2}, {std::nan(""), 1, 1, 1}), 1);
  CHECK(std::isnan(y.at({0, 0})));
  CHECK(std::isnan(y.at({0, 1})));
  CHECK_FALSE(std::isnan(y.at({1, 0})));
}

TEST_CASE("Gradients of softmax and log_softmax") {
  for (int d = 0; d < 4; ++d) {
    CHECK(gradcheck([d](const auto& t) { return softmax(t[0], d); }, {random({2, 3, 2, 3})}) == "");
    CHECK(gradcheck([d](const auto& t) { return log_softmax(t[0], d); }, {random({2, 3, 2, 3})}) == "");
  }
  CHECK(gradcheck([](const auto& t) { return log_softmax(t[0], -1); }, {random({1, 7})}) == "");
}

TEST_CASE("softmax refuses dimensions that do not exist or are empty") {
  CHECK_THROWS_WITH(softmax(random({2, 3}), 2), ContainsSubstring("dimension 2") && ContainsSubstring("[2, 3]"));
  CHECK_THROWS_WITH(log_softmax(Tensord::zeros({2, 0}), 1),
                    ContainsSubstring("[log_softmax]") && ContainsSubstring("[2, 0]"));
}

TEST_CASE("log_softmax near 0 keeps its digits, in both loops; equal maxima all count") {
  for (const float x : {8.f, 16.f, 17.f, 30.f}) {
    const double missing = -std::log1p(2 * std::exp(-double{x}));
    for (const auto& y : {log_softmax(Tensorf::from({1, 3}, {0, x, 0}), 1),
                          reshape(log_softmax(Tensorf::from({3, 2}, {0, 0, x, x, 0, 0}), 0), {3, 2})})
      CHECK(double{y.rank() == 2 && y.dim(0) == 1 ? y.at({0, 1}) : y.at({1, 0})} == Approx(missing).epsilon(1e-6));
  }
  CHECK(log_softmax(Tensorf::from({1, 3}, {7, 7, -100}), 1).at({0, 0}) == Approx(-std::log(2.)).epsilon(1e-6));
  const float none = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  // As torch.log_softmax: NaN and +inf make the whole row NaN, -inf does not.
  for (const float bad : {none, inf}) {
    const auto y = log_softmax(Tensorf::from({2, 3}, {0, bad, 1, 0, -inf, 1}), 1);
    for (Index i = 0; i < 3; ++i) CHECK(std::isnan(y.at({0, i})));
    CHECK(y.at({1, 1}) == -inf);
    CHECK(y.at({1, 2}) == Approx(-std::log1p(std::exp(-1.))).epsilon(1e-6));
  }
}
