#include "nasion/ops/sort.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::distinct;
using test::gradcheck;
using test::values;
using Vector = std::vector<double>;
using List = std::vector<Index>;

TEST_CASE("sort orders a dimension and says where elements stood") {
  const auto x = Tensord::from({2, 3}, {3, 1, 2, 5, 6, 5});
  CHECK(values(sort(x).values) == Vector{1, 2, 3, 5, 5, 6});
  CHECK(sort(x).indices == IntegerArray({2, 3}, {1, 2, 0, 0, 2, 1}));
  CHECK(sort(x, 1, true).indices == IntegerArray({2, 3}, {0, 2, 1, 1, 0, 2}));
  CHECK(values(sort(x, 0, true).values) == Vector{5, 6, 5, 3, 1, 2});
  CHECK(sort(Tensord::zeros({0, 3}), 0).values.shape() == Shape{0, 3});
  CHECK_THROWS_AS(sort(x, 2), ShapeError);
}

TEST_CASE("NaN is the largest number of a sorted line, wherever it stands") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const auto x = Tensord::from({5}, {nan, 1, inf, nan, -inf});
  CHECK(sort(x).indices.values == List{4, 1, 2, 0, 3});
  CHECK(sort(x, 0, true).indices.values == List{0, 3, 2, 1, 4});
  CHECK(topk(x, 2).indices.values == List{0, 3});
  CHECK(topk(x, 2, 0, false).indices.values == List{4, 1});
}

TEST_CASE("topk is the beginning of what sort gives") {
  for (int dim = 0; dim < 4; ++dim)
    for (const bool largest : {true, false}) {
      const auto x = distinct({3, 4, 3, 5});
      const auto first = topk(x, 2, dim, largest), whole = topk(x, x.dim(dim), dim, largest),
                 all = sort(x, dim, largest);
      CHECK(values(first.values) == values(slice(all.values, dim, 0, 2)));
      CHECK(whole.indices == all.indices);
      const auto last = topk(to_order(x, MemoryOrder::channels_last), 2, dim, largest);
      CHECK(last.indices == first.indices);
      CHECK(gradcheck([&](const auto& t) { return topk(t[0], 2, dim, largest).values; }, {x}) == "");
      CHECK(gradcheck([&](const auto& t) { return sort(t[0], dim, largest).values; }, {x}) == "");
    }
  CHECK(topk(distinct({2, 3}), 0).values.shape() == Shape{2, 0});
  CHECK_THROWS_WITH(topk(distinct({2, 3}), 4), ContainsSubstring("[topk] k 4") && ContainsSubstring("[2, 3]"));
  CHECK_THROWS_AS(topk(distinct({2, 3}), -1), ValueError);
}
