#include "nasion/ops/matmul.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::gradcheck;
using test::random;
using test::values;

TEST_CASE("matmul of matrices and batches of them") {
  const auto a = Tensord::from({2, 3}, {1, 2, 3, 4, 5, 6}), b = Tensord::from({3, 2}, {7, 8, 9, 10, 11, 12});
  CHECK(values(matmul(a, b)) == std::vector<double>{58, 64, 139, 154});
  const auto p = random({2, 3, 4, 5}), q = random({2, 3, 5, 2}, 8);
  const auto y = matmul(p, q);
  CHECK(y.shape() == Shape{2, 3, 4, 2});
  for (Index n = 0; n < 2; ++n)
    for (Index c = 0; c < 3; ++c)
      for (Index i = 0; i < 4; ++i)
        for (Index j = 0; j < 2; ++j) {
          double sum = 0;
          for (Index l = 0; l < 5; ++l) sum += p.at({n, c, i, l}) * q.at({n, c, l, j});
          REQUIRE(y.at({n, c, i, j}) == Approx(sum).margin(1e-13));
        }
}

TEST_CASE("matmul broadcasts leading sizes, and takes vectors") {
  const auto a = random({2, 1, 4, 5}), b = random({3, 5, 2}, 8);
  const auto y = matmul(a, b);
  CHECK(y.shape() == Shape{2, 3, 4, 2});
  for (Index n = 0; n < 2; ++n)
    for (Index c = 0; c < 3; ++c) {
      const auto p = reshape(slice(a, 0, n, n + 1), {4, 5}), q = reshape(slice(b, 0, c, c + 1), {5, 2});
      CHECK(test::max_difference(reshape(slice(slice(y, 0, n, n + 1), 1, c, c + 1), {4, 2}), matmul(p, q)) < 1e-14);
    }
  const auto v = Tensord::from({2}, {1, 10}), m = Tensord::from({2, 2}, {1, 2, 3, 4});
  CHECK(values(matmul(m, v)) == std::vector<double>{21, 43});
  CHECK(values(matmul(v, m)) == std::vector<double>{31, 42});
  CHECK(matmul(v, v).item() == 101);
  CHECK(matmul(random({3, 0, 5}), random({5, 2})).shape() == Shape{3, 0, 2});
}

TEST_CASE("matmul with empty sizes") {
  CHECK(matmul(Tensord::zeros({0, 3}), random({3, 2})).shape() == Shape{0, 2});
  CHECK(values(matmul(Tensord::zeros({2, 0}), Tensord::zeros({0, 2}))) == std::vector<double>(4, 0));
  CHECK(matmul(Tensord::zeros({0, 2, 3}), Tensord::zeros({0, 3, 2})).shape() == Shape{0, 2, 2});
}

TEST_CASE("Gradients of matmul") {
  const auto f = [](const auto& t) { return matmul(t[0], t[1]); };
  CHECK(gradcheck(f, {random({3, 4}), random({4, 2})}) == "");
  CHECK(gradcheck(f, {random({1, 1}), random({1, 5})}) == "");
  CHECK(gradcheck(f, {random({3, 2, 4}), random({3, 4, 2})}) == "");
  CHECK(gradcheck(f, {random({2, 2, 3, 2}), random({2, 2, 2, 3})}) == "");
  CHECK(gradcheck([](const auto& t) { return matmul(t[0], t[0]); }, {random({3, 3})}) == "");
  CHECK(gradcheck(f, {random({2, 1, 3, 4}), random({3, 4, 2})}) == "");
  CHECK(gradcheck(f, {random({2, 3, 4}), random({4, 2})}) == "");
  CHECK(gradcheck(f, {random({4}), random({2, 4, 3})}) == "");
  CHECK(gradcheck(f, {random({2, 3, 4}), random({4})}) == "");
}

TEST_CASE("matmul refuses sizes that do not fit") {
  CHECK_THROWS_WITH(matmul(random({2, 3}), random({2, 3})),
                    ContainsSubstring("[matmul] first [2, 3]") && ContainsSubstring("second [2, 3]"));
  CHECK_THROWS_AS(matmul(random({3}), random({2, 2})), ShapeError);
  CHECK_THROWS_WITH(matmul(random({2, 3, 4}), random({3, 4, 2})),
                    ContainsSubstring("[2, 3, 4]") && ContainsSubstring("[3, 4, 2]"));
  CHECK_THROWS_AS(matmul(random({}), random({})), ShapeError);
  CHECK_THROWS_AS(matmul(random({3, 2}), random({3})), ShapeError);
}
