#include "nasion/testing/check_module.hpp"

#include "nasion/nn/layers.hpp"
#include "nasion/ops/activation.hpp"
#include "support/catch.hpp"

using namespace nasion;
using testing::random;

namespace {

struct TwoLayers {
  nn::Linear<double> first, second;
  Tensord operator()(const Tensord& x) const { return second(tanh(first(x))); }
  static void visit(auto& self, auto&& f) {
    f("first", self.first);
    f("second", self.second);
  }
};

struct Forgetful : TwoLayers {
  static void visit(auto& self, auto&& f) { f("first", self.first); }
};

}  // namespace

TEST_CASE("check_module catches a line that visit() lacks") {
  Rng rng(1);
  const TwoLayers good{nn::Linear<double>({.in = 3, .out = 4}, rng), nn::Linear<double>({.in = 4, .out = 2}, rng)};
  CHECK(testing::check_module(good, random({2, 3})) == "");
  CHECK_THAT(testing::check_module(Forgetful{good}, random({2, 3})),
             ContainsSubstring("a leaf [2, 4] gets a gradient but is no parameter"));
}
