// The checker itself: it must find what it is there for.

#include "nasion/testing/gradcheck.hpp"

#include "nasion/ops/elementwise.hpp"
#include "support/catch.hpp"

using namespace nasion;
using testing::gradcheck;
using testing::random;

namespace {

/// x * factor, whose gradient claims to be `claimed`.
Tensord scaled(const Tensord& x, double factor, double claimed) {
  const Op op("scaled");
  return op.record(map_elements(x, [factor](double v) { return factor * v; }), {x},
                   [claimed](const Tensord& dy) -> Grads<double> {
                     return {map_elements(dy, [claimed](double g) { return claimed * g; })};
                   });
}

}  // namespace

TEST_CASE("gradcheck accepts right gradients and names a wrong one") {
  CHECK(gradcheck([](const auto& x) { return scaled(x[0], 3, 3); }, {random({2, 3})}) == "");
  CHECK_THAT(gradcheck([](const auto& x) { return scaled(x[0], 3, 3.001); }, {random({2, 3})}),
             ContainsSubstring("input 0 [2, 3] (row-major), element 0") && ContainsSubstring("central difference"));
  CHECK_THAT(gradcheck([](const auto& x) { return scaled(x[0].detach(), 3, 3); }, {random({2, 3})}),
             ContainsSubstring("does not require a gradient"));
  // A result that depends on an input which gets no gradient.
  CHECK_THAT(gradcheck([](const auto& x) { return x[0] + x[1].detach(); }, {random({2}), random({2})}),
             ContainsSubstring("input 1 [2]"));
}

TEST_CASE("gradcheck finds an operation that takes one memory order for the other") {
  const auto wrong = [](const auto& x) {
    const auto y = Tensord::empty(x[0].shape());
    std::copy_n(x[0].memory(), x[0].size(), y.mutable_data());  // as if x were row-major
    return Op("wrong").record(y, {x[0]}, [](const Tensord& dy) -> Grads<double> { return {dy}; });
  };
  CHECK_THAT(gradcheck(wrong, {random({1, 2, 2, 2})}),
             ContainsSubstring("channels-last") && ContainsSubstring("differs"));
}

TEST_CASE("gradcheck passes an exception on, and reports one that only one order throws") {
  const auto throws = [](const auto& x) -> Tensord { throw ShapeError(message("bad ", x[0].shape())); };
  CHECK_THROWS_AS(gradcheck(throws, {random({1, 2, 2, 2})}), ShapeError);
  const auto picky = [](const auto& x) -> Tensord {
    check<ValueError>(x[0].order() == MemoryOrder::row_major, "no channels-last");
    return x[0] * 2;
  };
  CHECK_THAT(gradcheck(picky, {random({1, 2, 2, 2})}), ContainsSubstring("throws 'no channels-last'"));
}
