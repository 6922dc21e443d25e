#include "nasion/training/classification.hpp"

#include <sstream>

#include "support/catch.hpp"

using namespace nasion;
using training::accuracy;
using training::ConfusionMatrix;

TEST_CASE("accuracy is the part of classes that were recognised") {
  const auto logits = Tensorf::from({4, 3}, {1, 2, 0, 5, 1, 1, 0, 0, 9, 1, 2, 3});
  CHECK(accuracy(logits, IntegerArray({1, 0, 1, 2})) == 0.75);
  const auto maps = Tensorf::from({1, 2, 1, 3}, {1, 0, 3, 0, 1, 2});
  CHECK(accuracy(maps, {{1, 1, 3}, {0, 1, 1}}) == Approx(2. / 3));
  CHECK(std::isnan(accuracy(Tensorf::zeros({0, 3}), {})));
  CHECK_THROWS_WITH(accuracy(logits, IntegerArray({1, 0})),
                    ContainsSubstring("[accuracy] 2 classes given for logits [4, 3], which need 4"));
}

TEST_CASE("A confusion matrix counts what was taken for what") {
  ConfusionMatrix matrix(3);
  CHECK(std::isnan(matrix.accuracy()));
  matrix.add({0, 1, 1, 2}, IntegerArray({0, 0, 1, 1}));
  matrix.add(Tensord::from({1, 3}, {0, 0, 1}), IntegerArray({2}));
  CHECK(matrix.count(0, 0) == 1);
  CHECK(matrix.count(0, 1) == 1);
  CHECK(matrix.count(1, 2) == 1);
  CHECK(matrix.accuracy() == Approx(0.6));
  CHECK(matrix.precision(1) == 0.5);
  CHECK(matrix.recall(2) == 1);
  CHECK(matrix.precision(2) == 0.5);
  std::ostringstream out;
  out << matrix;
  CHECK(out.str() == "   0 1 2\n 0 1 1 0\n 1 0 1 1\n 2 0 0 1\n");
}

TEST_CASE("A confusion matrix refuses classes that there are not") {
  ConfusionMatrix matrix(2);
  CHECK_THROWS_WITH(matrix.add({0, 2}, IntegerArray({0, 1})), ContainsSubstring("[ConfusionMatrix] class 2"));
  CHECK_THROWS_AS(matrix.add({0, 1}, IntegerArray({0, -1})), ValueError);
  CHECK_THROWS_AS(matrix.add({0}, IntegerArray({0, 1})), ShapeError);
  CHECK(matrix.count(0, 0) == 0);
  CHECK_THROWS_AS(matrix.count(0, 2), ValueError);
  CHECK_THROWS_AS(ConfusionMatrix(0), ValueError);
}
