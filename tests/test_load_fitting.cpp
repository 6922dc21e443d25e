#include "nasion/nn/load_fitting.hpp"

#include "nasion/nn/batch_norm.hpp"
#include "nasion/nn/layers.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using Names = std::vector<std::string>;

namespace {
struct Net {
  nn::Linear<double> body;
  nn::BatchNorm1d<double> norm;
  nn::Linear<double> head;
  Net(Index classes, Rng& rng)
      : body({.in = 3, .out = 4}, rng), norm({.features = 4}), head({.in = 4, .out = classes}, rng) {}
  Tensord operator()(const Tensord& x) const { return head(norm(body(x))); }
  static void visit(auto& self, auto&& f) { f("body", self.body), f("norm", self.norm), f("head", self.head); }
};
}  // namespace

TEST_CASE("load_fitting takes what fits and says what it left") {
  Rng rng(1);
  const Net from(10, rng);
  from(test::random({5, 3}));  // so that the norm has counted
  Net to(3, rng);
  auto state = nn::state_dict(from);
  const auto gone = std::find_if(state.tensors.begin(), state.tensors.end(),
                                 [](const auto& entry) { return entry.name == "norm.running_var"; });
  state.tensors.erase(gone);
  state.tensors.push_back({"extra", Tensord::ones({2})});
  const auto head = to.head.weight.clone();
  const auto names = nn::load_fitting(to, state);
  CHECK(names.loaded ==
        Names{"body.weight", "body.bias", "norm.weight", "norm.bias", "norm.running_mean", "norm.num_batches_tracked"});
  CHECK(names.missing == Names{"norm.running_var"});
  CHECK(names.unexpected == Names{"extra"});
  CHECK(names.mismatched == Names{"head.weight", "head.bias"});
  CHECK(test::identical(to.body.weight.detach(), from.body.weight.detach()));
  CHECK_FALSE(to.body.weight.same_as(from.body.weight));
  CHECK(test::identical(to.norm.running_mean, from.norm.running_mean));
  CHECK(test::values(to.norm.running_var) == std::vector<double>(4, 1));
  CHECK(test::identical(to.head.weight.detach(), head.detach()));
  CHECK(to.norm.num_batches_tracked == 1);
  CHECK(to.body.weight.requires_grad());
}

TEST_CASE("load_fitting reads a counter that is a tensor, and none that is no whole number") {
  Rng rng(1);
  Net net(2, rng);
  nn::StateDict<double> state;
  state.tensors.push_back({"norm.num_batches_tracked", Tensord::full({1}, 7)});
  auto names = nn::load_fitting(net, state);
  CHECK(net.norm.num_batches_tracked == 7);
  CHECK(names.loaded == Names{"norm.num_batches_tracked"});
  CHECK(names.missing.size() == 8);
  CHECK(names.unexpected.empty());
  state.tensors[0].tensor = Tensord::full({1}, 0.5);
  names = nn::load_fitting(net, state);
  CHECK(net.norm.num_batches_tracked == 7);
  CHECK(names.mismatched == Names{"norm.num_batches_tracked"});
}
