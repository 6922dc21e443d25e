#include "nasion/core/eigen.hpp"

#include "nasion/core/autograd.hpp"
#include "nasion/ops/elementwise.hpp"
#include "support/catch.hpp"

using namespace nasion;

TEST_CASE("Eigen sees the memory of a tensor") {
  const auto x = Tensorf::from({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(as_matrix(x)(1, 0) == 4);
  CHECK(as_matrix(x).data() == x.data());
  as_mutable_matrix(x)(0, 2) = 9;
  CHECK(x.at({0, 2}) == 9);
  const auto product = to_tensor(as_matrix(x) * as_matrix(x).transpose());
  CHECK(product.shape() == Shape{2, 2});
  CHECK(product.at({0, 1}) == 4 + 10 + 54);
  CHECK(as_vector(Tensorf::ones({2, 3, 4})).sum() == 24);
  as_mutable_vector(x) *= 2;
  CHECK(x.at({1, 2}) == 12);
}

TEST_CASE("Writing through Eigen is a modification that backward() notices") {
  const auto x = Tensord::from({1, 2}, {1, 2});
  x.set_requires_grad();
  const auto y = x * x;
  as_mutable_matrix(x)(0, 0) = 3;
  CHECK_THROWS_WITH(y.backward(Tensord::ones({1, 2})), ContainsSubstring("modified in place"));
}

TEST_CASE("A tensor sees the memory of a matrix") {
  RowMatrix<float> m(2, 3);
  m << 1, 2, 3, 4, 5, 6;
  const auto x = as_tensor(m);
  CHECK(x.data() == m.data());
  CHECK(x.at({1, 0}) == 4);
  x.set({0, 0}, 7);
  CHECK(m(0, 0) == 7);
  Eigen::VectorXd v = Eigen::VectorXd::LinSpaced(3, 0, 2);
  CHECK(as_tensor(v).shape() == Shape{3, 1});
  CHECK(as_tensor(v).at({2, 0}) == 2);
  auto rows = m.bottomRows(1);
  CHECK(as_tensor(rows).at({0, 1}) == 5);
  auto columns = m.leftCols(2);
  CHECK_THROWS_WITH(as_tensor(columns), ContainsSubstring("2 rows and 2 columns"));
  auto column = m.col(1);
  CHECK_THROWS_AS(as_tensor(column), ValueError);
}

TEST_CASE("Matrices become tensors") {
  Eigen::MatrixXd columns(2, 3);  // column-major: copied, in the tensor's order
  columns << 1, 2, 3, 4, 5, 6;
  CHECK(to_tensor(columns).at({0, 2}) == 3);
  CHECK(to_tensor(columns.transpose()).shape() == Shape{3, 2});
  RowMatrix<double> m = columns;
  const double* memory = m.data();
  const auto moved = to_tensor(std::move(m));
  CHECK(moved.data() == memory);
  CHECK(moved.at({1, 1}) == 5);
}

TEST_CASE("Only a matrix has an Eigen matrix") {
  CHECK_THROWS_WITH(as_matrix(Tensorf::zeros({2, 3, 4})),
                    ContainsSubstring("[as_matrix]") && ContainsSubstring("[2, 3, 4]"));
  CHECK_THROWS_AS(as_mutable_matrix(Tensorf::zeros({2})), ShapeError);
  CHECK_THROWS_AS(as_vector(Tensorf{}), ValueError);
}

TEST_CASE("A map for writing may be written to later; a computed tensor is nobody else's") {
  const auto shared = [](const Tensorf& x) { return detail::Access::impl(x)->buffer->shared(); };
  const auto x = Tensorf::zeros({2, 3}), y = x.clone();
  as_matrix(x);
  CHECK_FALSE(shared(x));
  as_mutable_matrix(x);
  CHECK(shared(x));
  as_mutable_vector(y);
  CHECK(shared(y));
  Eigen::MatrixXf matrix = Eigen::MatrixXf::Ones(2, 3);
  CHECK_FALSE(shared(to_tensor(matrix)));
  RowMatrix<float> rows = matrix;
  CHECK(shared(as_tensor(rows)));
}
