#include "nasion/nn/module.hpp"

#include "nasion/nn/functions.hpp"
#include "nasion/nn/layers.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using Names = std::vector<std::string>;

namespace {

/// A layer with a buffer and a counter, like a batch normalisation.
struct Counting {
  Tensord scale = Tensord::ones({1}).set_requires_grad();
  Tensord mean = Tensord::zeros({1});
  std::int64_t seen = 0;
  bool is_training = true;
  Tensord operator()(const Tensord& x) const { return x * scale; }
  static void visit(auto& self, auto&& f) {
    f("scale", self.scale);
    f.buffer("mean", self.mean);
    f.counter("seen", self.seen);
    f.training(self.is_training);
  }
};

struct Net {
  nn::Linear<double> first, last;
  std::vector<Counting> middle;
  std::optional<nn::Linear<double>> extra;
  nn::Dropout<double> dropout;

  explicit Net(Rng& rng)
      : first({.in = 3, .out = 2}, rng), last({.in = 2, .out = 2, .bias = false}, rng), middle(2), dropout(0.5, rng) {}
  Tensord operator()(const Tensord& x) const {
    auto y = first(x);
    for (const auto& m : middle) y = m(y);
    y = dropout(last(y));
    return extra ? (*extra)(y) : y;
  }
  static void visit(auto& self, auto&& f) {
    f("first", self.first);
    f("middle", self.middle);
    f("last", self.last);
    f("extra", self.extra);
    f("dropout", self.dropout);
  }
};

/// Two layers that may share a weight.
struct Tied {
  nn::Linear<double> up, down;
  Tensord operator()(const Tensord& x) const { return down(tanh(up(x))); }
  static void visit(auto& self, auto&& f) {
    f("up", self.up);
    f("down", self.down);
  }
};

template <class List>
Names names(const List& list) {
  Names result;
  for (const auto& entry : list) result.push_back(entry.name);
  return result;
}

Net make(std::uint64_t seed = 1) {
  Rng rng(seed);
  return Net(rng);
}

}  // namespace

TEST_CASE("visit names parameters in order, with dots") {
  const Net net = make();
  CHECK(names(nn::named_parameters(net)) ==
        Names{"first.weight", "first.bias", "middle.0.scale", "middle.1.scale", "last.weight"});
  CHECK(nn::parameters(net).size() == 5);
  CHECK(nn::parameters(net)[0].same_as(net.first.weight));
  CHECK(nn::parameter_count(net) == 6 + 2 + 1 + 1 + 4);
  Net more = make();
  Rng rng(1);
  more.extra.emplace(nn::LinearConfig{.in = 2, .out = 1}, rng);
  CHECK(names(nn::named_parameters(more)).back() == "extra.bias");
}

TEST_CASE("A state dictionary holds parameters and buffers in order, and counters") {
  Net net = make();
  net.middle[1].seen = 7;
  const auto state = nn::state_dict(std::as_const(net));
  CHECK(names(state.tensors) == Names{"first.weight", "first.bias", "middle.0.scale", "middle.0.mean", "middle.1.scale",
                                      "middle.1.mean", "last.weight"});
  CHECK(names(state.counters) == Names{"middle.0.seen", "middle.1.seen"});
  CHECK(state.counters[1].value == 7);
  CHECK(state.tensors[0].tensor.same_as(net.first.weight));
}

TEST_CASE("Loading copies numbers into the module's own tensors") {
  Net from = make(1), to = make(2);
  from.middle[0].seen = 3;
  from.middle[0].mean.fill(4);
  const auto handle = to.first.weight;
  nn::load_state_dict(to, nn::state_dict(from));
  CHECK(handle.same_as(to.first.weight));
  CHECK(test::values(to.first.weight) == test::values(from.first.weight));
  CHECK(to.middle[0].seen == 3);
  CHECK(to.middle[0].mean.item() == 4);
  CHECK(to.first.weight.requires_grad());
  from.first.weight.detach().fill(0);
  CHECK(test::values(to.first.weight) != test::values(from.first.weight));
  CHECK_NOTHROW(nn::load_state_dict(to, nn::state_dict(to)));
}

TEST_CASE("Loading is strict: all that is wrong in one message, and nothing changed") {
  Net net = make(1);
  const Net other = make(2);
  auto state = nn::state_dict(other);
  state.tensors.erase(state.tensors.begin() + 1);    // first.bias
  state.tensors[1].tensor = Tensord::zeros({9, 9});  // middle.0.scale
  state.tensors.push_back({"stranger", Tensord::zeros({1})});
  state.counters.erase(state.counters.begin());  // middle.0.seen
  state.counters.push_back({"visits", 1});
  const auto before = test::values(net.first.weight);
  CHECK_THROWS_AS(nn::load_state_dict(net, state), ValueError);
  CHECK_THROWS_WITH(nn::load_state_dict(net, state),
                    ContainsSubstring("missing: first.bias middle.0.seen") &&
                        ContainsSubstring("unexpected: stranger visits") &&
                        ContainsSubstring("mismatched: middle.0.scale [9, 9] (expected [1])"));
  CHECK(test::values(net.first.weight) == before);
}

TEST_CASE("A name given twice is unexpected") {
  Net net = make(1);
  auto state = nn::state_dict(make(2));
  state.tensors.push_back(state.tensors[0]);
  CHECK_THROWS_WITH(nn::load_state_dict(net, state), ContainsSubstring("unexpected: first.weight"));
}

TEST_CASE("train and eval reach every switch") {
  Net net = make();
  nn::eval(net);
  CHECK_FALSE(net.dropout.is_training);
  CHECK_FALSE(net.middle[1].is_training);
  const auto x = test::random({2, 3});
  CHECK(test::identical(net(x), net(x)));
  nn::train(net);
  CHECK(net.dropout.is_training);
  CHECK(net.middle[0].is_training);
}

TEST_CASE("A copy is another handle, a clone is not") {
  const Net net = make();
  const Net copy = net;
  const Net twin = nn::clone(net);
  CHECK(copy.first.weight.same_as(net.first.weight));
  CHECK_FALSE(twin.first.weight.same_as(net.first.weight));
  CHECK(test::identical(twin.first.weight, net.first.weight));
  CHECK(twin.first.weight.requires_grad());
  CHECK_FALSE(twin.middle[0].mean.requires_grad());
  twin.middle[0].mean.fill(5);
  CHECK(net.middle[0].mean.item() == 0);
  CHECK(names(nn::named_parameters(twin)) == names(nn::named_parameters(net)));
}

TEST_CASE("Parameters that are shared count once, and stay shared in a clone") {
  Rng rng(1);
  Tied tied{nn::Linear<double>({.in = 3, .out = 3}, rng), nn::Linear<double>({.in = 3, .out = 3}, rng)};
  tied.down.weight = tied.up.weight;
  CHECK(nn::parameters(tied).size() == 3);
  CHECK(nn::parameter_count(tied) == 15);
  CHECK(nn::state_dict(tied).tensors.size() == 4);  // a file has all names
  const auto twin = nn::clone(tied);
  CHECK(twin.down.weight.same_as(twin.up.weight));
  CHECK_FALSE(twin.down.weight.same_as(tied.up.weight));
  CHECK(test::check_module(tied, test::random({2, 3})) == "");
}

TEST_CASE("Frozen parameters get no gradient") {
  const Net net = make();
  nn::freeze(net.first);
  CHECK_FALSE(net.first.weight.requires_grad());
  auto y = net(test::random({2, 3}));
  y.backward(Tensord::ones(y.shape()));
  CHECK_FALSE(net.first.weight.grad().defined());
  CHECK(net.last.weight.grad().defined());
  nn::freeze(net.first, false);
  CHECK(net.first.weight.requires_grad());
}

TEST_CASE("Random generators are named, for checkpoints") {
  Net net = make();
  auto visited = nn::traverse(net);
  REQUIRE(visited.rngs.size() == 1);
  CHECK(visited.rngs[0].name == "dropout.rng");
  CHECK(visited.rngs[0].slot == &net.dropout.rng);
  CHECK(nn::traverse(std::as_const(net)).counters[0].slot == nullptr);
}

namespace {

struct Weight {  // what every module below consists of
  Tensorf weight = Tensorf::ones({2}).set_requires_grad();
  static void visit(auto& self, auto&& f) { f("weight", self.weight); }
};
struct SeveralTensors : Weight {
  Tensorf operator()(const Tensorf& x, const Tensorf& y) const { return (x + y) * weight; }
};
struct OtherArguments : Weight {
  Tensorf operator()(int times, const Tensorf& x, double = 0) { return x * weight * static_cast<float>(times); }
};
struct ByValue : Weight {
  Tensorf operator()(Tensorf x) const noexcept { return x * weight; }
};
struct ManyResults : Weight {
  std::pair<Tensorf, int> operator()(std::vector<Tensorf> x) const { return {x[0] * weight, 0}; }
};
struct Overloaded : Weight {
  Tensorf operator()(const Tensorf& x) const { return x * weight; }
  Tensorf operator()(const Tensorf& x, const Tensorf& y) const { return x * y * weight; }
};
struct Generic : Weight {
  auto operator()(const auto& x) const { return x * weight; }
};
struct NotCalled : Weight {};
template <class T>
struct OfDouble {
  Tensor<T> weight = Tensor<T>::ones({2}).set_requires_grad();
  Tensor<T> operator()(const Tensor<T>& x) const { return x * weight; }
  Tensor<T> operator()(const Tensor<T>& x, int) const { return x; }
  static void visit(auto& self, auto&& f) { f("weight", self.weight); }
};
struct SaysIt {
  using Scalar = double;
  Tensord weight = Tensord::ones({2}).set_requires_grad();
  static void visit(auto& self, auto&& f) { f("weight", self.weight); }
};

template <class... Modules>
bool all_have_one_parameter() {
  return ((nn::parameters(Modules{}).size() == 1 && nn::state_dict(Modules{}).tensors.size() == 1) && ...);
}

}  // namespace

TEST_CASE("A module may be called in any way, or not at all") {
  CHECK(all_have_one_parameter<SeveralTensors, OtherArguments, ByValue, ManyResults, Overloaded, Generic, NotCalled,
                               OfDouble<double>, OfDouble<float>, SaysIt>());
  STATIC_REQUIRE(std::is_same_v<nn::ScalarOf<const Overloaded>, float>);
  STATIC_REQUIRE(std::is_same_v<nn::ScalarOf<OfDouble<double>>, double>);
  STATIC_REQUIRE(std::is_same_v<nn::ScalarOf<SaysIt>, double>);
  STATIC_REQUIRE(std::is_same_v<nn::ScalarOf<Net>, double>);
}
