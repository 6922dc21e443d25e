#include "nasion/nn/recurrent.hpp"

#include "nasion/ops/index.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using test::gradcheck;
using test::random;

namespace {

const std::vector<nn::RecurrentConfig> configs = {{.in = 3, .hidden = 2},
                                                  {.in = 2, .hidden = 3, .layers = 2, .bias = false},
                                                  {.in = 2, .hidden = 2, .layers = 2, .bidirectional = true},
                                                  {.in = 3, .hidden = 2, .batch_first = true, .bidirectional = true}};

double sigmoid_of(double v) { return 1 / (1 + std::exp(-v)); }

/// What a layer adds to gate `row` of image n: weight x + bias, number by number.
double added(const Tensord& weight, const Tensord& bias, Index row, const Tensord& x, const Shape& at) {
  double sum = bias.at({row});
  for (Index j = 0; j < weight.dim(1); ++j) sum += weight.at({row, j}) * x.at({at[0], at[1], j});
  return sum;
}

/// The states of a module as a tensor, so that it can be checked.
template <class M>
struct Output {
  M module;
  Tensord operator()(const Tensord& x) const { return module(x).output; }
  static void visit(auto& self, auto&& f) { f("module", self.module); }
};

}  // namespace

TEST_CASE("LSTM and GRU of one step, number by number") {
  Rng rng(1);
  const nn::LSTM<double> lstm({.in = 3, .hidden = 2}, rng);
  const nn::GRU<double> gru({.in = 3, .hidden = 2}, rng);
  const auto x = random({1, 2, 3}), h = random({1, 2, 2}, 5), c = random({1, 2, 2}, 6);
  const auto l = lstm(x, h, c);
  const auto g = gru(x, h);
  for (Index n = 0; n < 2; ++n)
    for (Index j = 0; j < 2; ++j) {
      const auto gate = [&](const auto& w, Index k) {
        return std::pair{added(w.weight_ih, w.bias_ih, 2 * k + j, x, {0, n}),
                         added(w.weight_hh, w.bias_hh, 2 * k + j, h, {0, n})};
      };
      const auto both = [&](const auto& w, Index k) { return gate(w, k).first + gate(w, k).second; };
      const auto &w = lstm.weights[0], &v = gru.weights[0];
      const double cell = sigmoid_of(both(w, 1)) * c.at({0, n, j}) + sigmoid_of(both(w, 0)) * std::tanh(both(w, 2));
      CHECK(l.c.at({0, n, j}) == Approx(cell));
      CHECK(l.h.at({0, n, j}) == Approx(sigmoid_of(both(w, 3)) * std::tanh(cell)));
      CHECK(l.output.at({0, n, j}) == l.h.at({0, n, j}));
      const double z = sigmoid_of(both(v, 1)), r = sigmoid_of(both(v, 0));
      const double fresh = std::tanh(gate(v, 2).first + r * gate(v, 2).second);
      CHECK(g.h.at({0, n, j}) == Approx((1 - z) * fresh + z * h.at({0, n, j})));
    }
}

TEST_CASE("Recurrent layers go on where they stopped") {
  Rng rng(1);
  const nn::LSTM<double> lstm({.in = 3, .hidden = 4, .layers = 2}, rng);
  const nn::GRU<double> gru({.in = 3, .hidden = 4, .layers = 2}, rng);
  const auto x = random({7, 2, 3});
  const auto whole = lstm(x);
  const auto first = lstm(slice(x, 0, 0, 3)), rest = lstm(slice(x, 0, 3, 7), first.h, first.c);
  CHECK(test::max_difference(concat<double>({first.output, rest.output}, 0), whole.output) < 1e-15);
  CHECK(test::max_difference(rest.h, whole.h) < 1e-15);
  CHECK(test::max_difference(rest.c, whole.c) < 1e-15);
  const auto start = gru(slice(x, 0, 0, 3));
  CHECK(test::max_difference(gru(slice(x, 0, 3, 7), start.h).output, slice(gru(x).output, 0, 3, 7)) < 1e-15);
}

TEST_CASE("The second direction reads from the end") {
  Rng rng(1);
  const nn::GRU<double> both({.in = 3, .hidden = 4, .bidirectional = true}, rng);
  nn::GRU<double> one({.in = 3, .hidden = 4}, rng);
  one.weights[0] = both.weights[1];
  const auto x = random({5, 2, 3});
  CHECK(test::max_difference(slice(both(x).output, 2, 4, 8), flip(one(flip(x, {0})).output, {0})) < 1e-15);
  CHECK(test::max_difference(slice(both(x).h, 0, 1, 2), one(flip(x, {0})).h) < 1e-15);
}

TEST_CASE("Gradients of LSTM and GRU") {
  Rng rng(1);
  for (const auto& c : configs) {
    const Output<nn::LSTM<double>> lstm{nn::LSTM<double>(c, rng)};
    const Output<nn::GRU<double>> gru{nn::GRU<double>(c, rng)};
    const auto x = random({4, 3, c.in});
    CHECK(test::check_module(lstm, x) == "");
    CHECK(test::check_module(gru, x) == "");
    const Index rows = c.batch_first ? 4 : 3;
    const Shape states{static_cast<Index>(lstm.module.weights.size()), rows, c.hidden};
    CHECK(gradcheck([&](const auto& t) { return lstm.module(t[0], t[1], t[2]).output; },
                    {x, random(states, 5), random(states, 6)}) == "");
    CHECK(gradcheck([&](const auto& t) { return lstm.module(t[0], t[1], t[2]).c; },
                    {x, random(states, 5), random(states, 6)}) == "");
    CHECK(gradcheck([&](const auto& t) { return lstm.module(t[0], t[1]).h; }, {x, random(states, 5)}) == "");
    CHECK(gradcheck([&](const auto& t) { return gru.module(t[0], t[1]).output; }, {x, random(states, 5)}) == "");
    CHECK(gradcheck([&](const auto& t) { return gru.module(t[0], t[1]).h; }, {x, random(states, 5)}) == "");
  }
}

TEST_CASE("Dropout acts between recurrent layers, while training") {
  Rng rng(1);
  nn::LSTM<double> lstm({.in = 3, .hidden = 16, .layers = 2, .dropout = 0.5}, rng);
  const auto x = random({4, 3, 3});
  CHECK_FALSE(test::identical(lstm(x).output, lstm(x).output));
  nn::eval(lstm);
  CHECK(test::identical(lstm(x).output, lstm(x).output));
  const auto copy = nn::clone(lstm);
  CHECK(test::identical(copy(x).output, lstm(x).output));
  CHECK(nn::state_dict(lstm).tensors[4].name == "weight_ih_l1");
  CHECK(nn::parameter_count(lstm) == 4 * 16 * (3 + 16 + 2) + 4 * 16 * (16 + 16 + 2));
}

TEST_CASE("Recurrent layers give the same bits for any number of threads") {
  Rng rng(1);
  const nn::LSTM<float> lstm({.in = 5, .hidden = 70, .bidirectional = true}, rng);
  const nn::GRU<float> gru({.in = 5, .hidden = 70, .bidirectional = true}, rng);
  const auto x = random<float>({6, 80, 5});
  CHECK(test::same_for_all_thread_counts(
      [&] {
        std::vector<Tensorf> all;
        sum(square(lstm(x).output)).backward();
        sum(square(gru(x).output)).backward();
        for (const auto& p : nn::parameters(lstm)) all.push_back(p.grad().clone()), p.zero_grad();
        for (const auto& p : nn::parameters(gru)) all.push_back(p.grad().clone()), p.zero_grad();
        return all;
      },
      [](const auto& p, const auto& q) {
        return std::equal(p.begin(), p.end(), q.begin(), q.end(), test::identical<float>);
      }));
}

TEST_CASE("Recurrent layers refuse what does not fit") {
  Rng rng(1);
  const nn::LSTM<double> lstm({.in = 3, .hidden = 4}, rng);
  const nn::GRU<double> gru({.in = 3, .hidden = 4, .batch_first = true}, rng);
  CHECK_THROWS_WITH(lstm(random({5, 2, 4})), ContainsSubstring("[LSTM] input [5, 2, 4] must be [steps, N, 3]"));
  CHECK_THROWS_WITH(gru(random({5, 3})), ContainsSubstring("[GRU] input [5, 3] must be [N, steps, 3]"));
  CHECK_THROWS_WITH(lstm(Tensord::zeros({0, 2, 3})), ContainsSubstring("has no steps"));
  CHECK_THROWS_WITH(lstm(random({5, 2, 3}), random({1, 3, 4})), ContainsSubstring("state [1, 3, 4] must be [1, 2, 4]"));
  CHECK(lstm(Tensord::zeros({5, 0, 3})).output.shape() == Shape{5, 0, 4});
  CHECK_THROWS_WITH(nn::LSTM<float>({.in = 3, .hidden = 0}, rng), ContainsSubstring("[LSTM] in 3, hidden 0"));
  CHECK_THROWS_AS(nn::GRU<float>({.in = 3, .hidden = 1, .layers = 0}, rng), ValueError);
  CHECK_THROWS_AS(nn::GRU<float>({.in = 3, .hidden = 1, .dropout = 1.5}, rng), ValueError);
}
