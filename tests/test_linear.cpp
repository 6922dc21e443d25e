#include "nasion/ops/linear.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using test::gradcheck;
using test::random;

TEST_CASE("linear is x W^T + b") {
  const auto x = random({4, 3}), w = random({2, 3}, 8), b = random({2}, 9);
  const auto y = linear(x, w, b), without = linear(x, w);
  for (Index n = 0; n < 4; ++n)
    for (Index k = 0; k < 2; ++k) {
      double sum = 0;
      for (Index i = 0; i < 3; ++i) sum += x.at({n, i}) * w.at({k, i});
      CHECK(y.at({n, k}) == Approx(sum + b.at({k})).margin(1e-13));
      CHECK(without.at({n, k}) == Approx(sum).margin(1e-13));
    }
  CHECK(linear(Tensord::zeros({0, 3}), w, b).shape() == Shape{0, 2});
  const auto cube = linear(reshape(x, {2, 2, 3}), w, b);
  CHECK(cube.shape() == Shape{2, 2, 2});
  CHECK(test::values(cube) == test::values(y));
  CHECK(linear(reshape(slice(x, 0, 1, 2), {3}), w, b).shape() == Shape{2});
}

TEST_CASE("Gradients of linear") {
  const auto f = [](const auto& t) { return linear(t[0], t[1], t[2]); };
  CHECK(gradcheck(f, {random({4, 3}), random({2, 3}), random({2})}) == "");
  CHECK(gradcheck(f, {random({1, 1}), random({1, 1}), random({1})}) == "");
  CHECK(gradcheck([](const auto& t) { return linear(t[0], t[1]); }, {random({5, 2}), random({3, 2})}) == "");
  CHECK(gradcheck(f, {random({2, 2, 2, 3}), random({2, 3}), random({2})}) == "");
  const auto x = Tensord::zeros({0, 3}).set_requires_grad(), w = random({2, 3}).set_requires_grad();
  linear(x, w).backward(Tensord::zeros({0, 2}));
  CHECK(test::values(w.grad()) == std::vector<double>(6, 0));
}

TEST_CASE("linear refuses sizes that do not fit") {
  CHECK_THROWS_WITH(linear(random({4, 3}), random({3, 2})),
                    ContainsSubstring("[linear] input [4, 3]") && ContainsSubstring("weight [3, 2]"));
  CHECK_THROWS_WITH(linear(random({4, 3}), random({2, 3}), random({3})),
                    ContainsSubstring("[linear] bias [3]") && ContainsSubstring("[2, 3]"));
  CHECK_THROWS_AS(linear(random({4, 3, 1}), random({2, 3})), ShapeError);
  CHECK_THROWS_AS(linear(random({}), random({2, 3})), ShapeError);
  CHECK_THROWS_AS(linear(random({4, 3}), random({2, 3}), random({1, 2})), ShapeError);
}

TEST_CASE("A large linear layer gives the same bits for any number of threads") {
  const auto x = random<float>({67, 530}), w = random<float>({129, 530}, 8), b = random<float>({129}, 9);
  CHECK(test::same_for_all_thread_counts(
      [&] {
        const auto p = x.detach().set_requires_grad(), q = w.detach().set_requires_grad(),
                   r = b.detach().set_requires_grad();
        const auto y = linear(p, q, r);
        y.backward(y.detach());
        return std::vector{y.detach(), p.grad(), q.grad(), r.grad()};
      },
      [](const auto& a, const auto& c) {
        return std::equal(a.begin(), a.end(), c.begin(),
                          [](const auto& s, const auto& t) { return test::identical(s, t); });
      }));
}
