#include "nasion/ops/compare.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::gradcheck;
using test::random;
using test::values;
using Vector = std::vector<double>;

namespace {
const double not_a_number = std::numeric_limits<double>::quiet_NaN();
}

TEST_CASE("Comparisons are 1 where they hold") {
  const auto a = Tensord::from({4}, {1, 2, 3, not_a_number}), b = Tensord::from({4}, {2, 2, 2, not_a_number});
  CHECK(values(eq(a, b)) == Vector{0, 1, 0, 0});
  CHECK(values(ne(a, b)) == Vector{1, 0, 1, 1});
  CHECK(values(lt(a, b)) == Vector{1, 0, 0, 0});
  CHECK(values(le(a, b)) == Vector{1, 1, 0, 0});
  CHECK(values(gt(a, b)) == Vector{0, 0, 1, 0});
  CHECK(values(ge(a, b)) == Vector{0, 1, 1, 0});
  CHECK(values(eq(a, 2)) == Vector{0, 1, 0, 0});
  CHECK(values(ne(a, 2)) == Vector{1, 0, 1, 1});
  CHECK(values(lt(a, 2)) == Vector{1, 0, 0, 0});
  CHECK(values(le(a, 2)) == Vector{1, 1, 0, 0});
  CHECK(values(gt(a, 2)) == Vector{0, 0, 1, 0});
  CHECK(values(ge(a, 2)) == Vector{0, 1, 1, 0});
  CHECK(gt(random({2, 3, 4, 4}), random({3, 1, 4})).shape() == Shape{2, 3, 4, 4});
  CHECK_FALSE(gt(random({2}).set_requires_grad(), 0).requires_grad());
  CHECK_THROWS_WITH(lt(random({2}), random({3})), ContainsSubstring("[lt] first [2]") && ContainsSubstring("[3]"));
}

TEST_CASE("where chooses, and what is not chosen has no say") {
  const auto c = Tensord::from({2, 1}, {1, 0}), a = Tensord::from({3}, {1, 2, 3});
  CHECK(values(where(c, a, Tensord::scalar(9))) == Vector{1, 2, 3, 9, 9, 9});
  CHECK(values(where(Tensord::scalar(not_a_number), a, -a)) == Vector{1, 2, 3});
  const auto mask = gt(random({2, 3, 4, 5}, 9), 0);
  const auto f = [&](const auto& t) { return where(mask, t[0], t[1]); };
  CHECK(gradcheck(f, {random({2, 3, 4, 5}), random({3, 1, 5})}) == "");
  const auto image = to_order(random({2, 3, 4, 5}), MemoryOrder::channels_last);
  CHECK(where(mask, Tensord::scalar(0), image).order() == MemoryOrder::channels_last);
  const auto x = Tensord::from({2}, {not_a_number, 2}).set_requires_grad();
  where(gt(x, 0), x, Tensord::ones({2})).backward(Tensord::full({2}, 3));
  CHECK(values(x.grad()) == Vector{0, 3});
  CHECK_THROWS_WITH(where(c, a, random({2})), ContainsSubstring("[where]"));
  CHECK_THROWS_WITH(where(random({4}), a, a), ContainsSubstring("[where]") && ContainsSubstring("[4]"));
}

TEST_CASE("masked_fill") {
  const auto x = Tensord::from({2, 2}, {1, 2, 3, 4});
  CHECK(values(masked_fill(x, Tensord::from({2}, {0, 1}), -7)) == Vector{1, -7, 3, -7});
  const auto mask = gt(random({3, 4, 1}, 9), 0);
  CHECK(gradcheck([&](const auto& t) { return masked_fill(square(t[0]), mask, 5); }, {random({2, 3, 4, 5})}) == "");
  CHECK_THROWS_WITH(masked_fill(x, random({3}), 0),
                    ContainsSubstring("[masked_fill] mask [3]") && ContainsSubstring("[2, 2]"));
}
