#include "nasion/training/fit.hpp"

#include "nasion/data/loader.hpp"
#include "nasion/nn/functions.hpp"
#include "nasion/nn/layers.hpp"
#include "nasion/ops/loss.hpp"
#include "nasion/optim/adam.hpp"
#include "nasion/optim/ema.hpp"
#include "nasion/optim/parameter_groups.hpp"
#include "nasion/optim/sgd.hpp"
#include "nasion/training/classification.hpp"
#include "support/catch.hpp"

using namespace nasion;

namespace {

struct Line {  // y = 2 a - b + 0.5
  Index n;
  Index size() const { return n; }
  data::Example<float> get(Index i) const {
    Rng rng = Rng(9).split(static_cast<std::uint64_t>(i));
    const auto x = Tensorf::uniform({2}, rng, -1, 1);
    return {x, Tensorf::from({1}, {2 * x.at({0}) - x.at({1}) + 0.5f})};
  }
};

struct Net {
  nn::Linear<float> fc;
  nn::Dropout<float> dropout;
  explicit Net(Rng& rng, double p = 0) : fc({.in = 2, .out = 1}, rng), dropout(p, rng) {}
  Tensorf operator()(const Tensorf& x) const { return fc(dropout(x)); }
  static void visit(auto& self, auto&& f) { f("fc", self.fc), f("dropout", self.dropout); }
};

const auto loss = [](const Tensorf& y, const Tensorf& t) { return mse_loss(y, t); };

}  // namespace

TEST_CASE("fit learns, records every epoch and follows the schedule") {
  const Line line{64};
  auto batches = data::make_loader(line, {.batch_size = 10, .shuffle = true});
  auto checks = data::make_loader(line, {.batch_size = 7});
  Rng rng(1);
  Net net(rng);
  optim::SGD<float> sgd(nn::parameters(net), {});
  training::History history;
  int calls = 0;
  const bool finite =
      training::fit(net, sgd, loss, batches, checks, history,
                    {.epochs = 30, .lr = 0.3, .schedule = optim::cosine(), .after_epoch = [&](const auto& h) {
                       CHECK(h.last_epoch() == ++calls);
                     }});
  CHECK(finite);
  REQUIRE(history.rows().size() == 30);
  CHECK(calls == 30);
  CHECK(history.rows().back().val_loss < 1e-4);
  CHECK(history.rows()[0].train_loss > 100 * history.rows().back().train_loss);
  CHECK(history.rows()[0].lr == Approx(0.3 * optim::cosine()(6.0 / 210)));
  CHECK(net.fc.weight.at({0, 0}) == Approx(2).margin(0.02));
}

TEST_CASE("fit lowers the learning rate on a plateau, also in a run that goes on from its history") {
  const Line line{16};
  auto batches = data::make_loader(line, {.batch_size = 8});
  auto checks = data::make_loader(line, {.batch_size = 8});
  const auto constant_loss = [](const Tensorf& y, const Tensorf&) { return sum(y * 0) + 1; };  // never improves
  training::FitOptions options{.epochs = 4, .lr = 0.5, .plateau = optim::PlateauOptions{.factor = 0.5, .patience = 1}};
  Rng rng(1);
  Net net(rng);
  optim::SGD<float> sgd(nn::parameters(net), {});
  training::History history;
  CHECK(training::fit(net, sgd, constant_loss, batches, checks, history, options));
  options.epochs = 7;
  CHECK(training::fit(net, sgd, constant_loss, batches, checks, history, options));
  std::vector<double> rates;
  for (const auto& row : history.rows()) rates.push_back(row.lr);
  CHECK(rates == std::vector<double>{0.5, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125});
}

TEST_CASE("fit refuses a plateau without validation, and clips what it trains") {
  const Line line{8}, nothing{0};
  auto batches = data::make_loader(line, {.batch_size = 8});
  auto checks = data::make_loader(nothing, {.batch_size = 8});
  Rng rng(1);
  Net net(rng);
  training::History history;
  optim::SGD<float> of_bias({net.fc.bias}, {});
  CHECK_THROWS_WITH(
      training::fit(net, of_bias, loss, batches, checks, history, {.epochs = 1, .plateau = optim::PlateauOptions{}}),
      ContainsSubstring("[fit]"));
  // Gradients of the weight, which is not optimised, do not pile up.
  training::fit(net, of_bias, loss, batches, checks, history, {.epochs = 50, .lr = 0, .clip_grad_norm = 1e9});
  CHECK(max(abs(net.fc.weight.grad())).item() < 10);
}

TEST_CASE("fit clips gradients and lets a moving average follow each step") {
  const Line line{30};
  auto batches = data::make_loader(line, {.batch_size = 10});
  auto checks = data::make_loader(line, {.batch_size = 10});
  Rng rng(1);
  Net net(rng);
  const Net start = nn::clone(net);
  optim::SGD<float> sgd(nn::parameters(net), {});
  optim::Ema<Net> ema(net, {.decay = 0.5, .warm_up = false});
  training::History history;
  int steps = 0;
  CHECK(training::fit(net, sgd, loss, batches, checks, history,
                      {.epochs = 1, .lr = 1, .clip_grad_norm = 0.01, .after_step = [&] {
                         ++steps;
                         ema.update(net);
                       }}));
  CHECK(steps == 3);
  double moved = 0;
  for (std::size_t i = 0; i < 2; ++i)
    moved += sum(square(nn::parameters(net)[i].detach() - nn::parameters(start)[i].detach())).item();
  CHECK(std::sqrt(moved) > 0);
  CHECK(std::sqrt(moved) < 3 * 0.01 + 1e-6);  // three steps of learning rate 1
  const float first = start.fc.bias.at({0}), last = net.fc.bias.at({0}), average = ema.model().fc.bias.at({0});
  CHECK(std::abs(average - last) < std::abs(first - last));
  CHECK(average != last);
}

TEST_CASE("A run continued from its history ends as one that never stopped") {
  const Line line{32};
  const auto train_in_steps = [&](std::vector<int> stops) {
    Rng rng(2);
    Net net(rng, 0.2);
    optim::Adam<float> adam(nn::parameters(net), {});
    training::History history;
    for (const int stop : stops) {
      auto batches = data::make_loader(line, {.batch_size = 5, .shuffle = true, .workers = 2, .seed = 3});
      auto checks = data::make_loader(line, {.batch_size = 8});
      training::FitOptions options{.epochs = 6, .lr = 0.01};
      if (stop < 6) options.epochs = stop;
      training::fit(net, adam, loss, batches, checks, history, options);
    }
    const auto w = net.fc.weight.values();
    return std::vector<float>(w.begin(), w.end());
  };
  CHECK(train_in_steps({6}) == train_in_steps({2, 5, 6}));
}

TEST_CASE("A loss that is no number ends the run and is recorded") {
  const Line line{32};
  auto batches = data::make_loader(line, {.batch_size = 4});
  auto checks = data::make_loader(line, {.batch_size = 4});
  Rng rng(3);
  Net net(rng);
  optim::SGD<float> sgd(nn::parameters(net), {});
  training::History history;
  CHECK_FALSE(training::fit(net, sgd, loss, batches, checks, history, {.epochs = 50, .lr = 1e6}));
  CHECK(history.rows().size() < 50);
  CHECK_FALSE(std::isfinite(history.rows().back().train_loss));
  CHECK(std::isnan(history.rows().back().val_loss));
}

TEST_CASE("evaluate weighs batches by their size, in eval mode, and restores the mode") {
  const Line line{9};
  Rng rng(4);
  Net net(rng, 0.5);
  auto small = data::make_loader(line, {.batch_size = 2});
  auto whole = data::make_loader(line, {.batch_size = 9});
  CHECK(training::evaluate(net, small, loss) == Approx(training::evaluate(net, whole, loss)).epsilon(1e-5));
  CHECK(net.dropout.is_training);
  const Line none{0};
  auto empty = data::make_loader(none, {.batch_size = 2});
  CHECK(std::isnan(training::evaluate(net, empty, loss)));
}

TEST_CASE("fit without batches says so") {
  const Line line{4}, nothing{0};
  auto batches = data::make_loader(line, {.batch_size = 2});
  auto none = data::make_loader(nothing, {.batch_size = 2});
  auto dropped = data::make_loader(line, {.batch_size = 8, .drop_last = true});
  Rng rng(1);
  Net net(rng);
  optim::SGD<float> sgd(nn::parameters(net), {});
  training::History history;
  for (auto* loader : {&none, &dropped})
    CHECK_THROWS_WITH(training::fit(net, sgd, loss, *loader, batches, history, {.epochs = 1}),
                      ContainsSubstring("[fit]") && ContainsSubstring("no batches"));
  CHECK(history.rows().empty());
}

TEST_CASE("fit takes the optimizer's learning rate unless it is given one, and gives it back") {
  const Line line{4};
  auto batches = data::make_loader(line, {.batch_size = 2});
  Rng rng(1);
  Net net(rng);
  optim::SGD<float> sgd(nn::parameters(net), {.lr = 0.25});
  training::History history;
  const auto run = [&](training::FitOptions options) {
    options.epochs = history.last_epoch() + 1;
    training::fit(net, sgd, loss, batches, batches, history, options);
    return history.rows().back().lr;
  };
  CHECK(run({}) == 0.25);
  CHECK(run({.schedule = [](double) { return 0.5; }}) == 0.125);
  CHECK(sgd.options.lr == 0.25);
  CHECK(run({.lr = 0.5}) == 0.5);
  CHECK(sgd.options.lr == 0.25);

  // What is no learning rate is no divergence, and does not climb.
  for (const double lr : {-1.0, std::nan("")}) CHECK_THROWS_WITH(run({.lr = lr}), ContainsSubstring("[SGD] lr"));
  CHECK_THROWS_AS(run({.schedule = [](double) { return -1.0; }}), ValueError);
  CHECK_THROWS_WITH(run({.schedule = nullptr}), ContainsSubstring("[fit] needs a schedule"));
  CHECK(sgd.options.lr == 0.25);
}

TEST_CASE("A run of a single step learns, also with a schedule that begins and ends at 0") {
  const Line line{4};
  auto batches = data::make_loader(line, {.batch_size = 4});
  for (const auto& schedule : {optim::cosine(0.1), optim::warm_up(0.9, optim::constant()), optim::cosine()}) {
    Rng rng(1);
    Net net(rng);
    const auto before = net.fc.weight.clone();
    optim::SGD<float> sgd(nn::parameters(net), {.lr = 0.1});
    training::History history;
    training::fit(net, sgd, loss, batches, batches, history, {.epochs = 1, .schedule = schedule});
    CHECK(history.rows()[0].lr > 0.02);
    CHECK(max(abs(net.fc.weight.detach() - before)).item() > 0);
  }
}

TEST_CASE("fit ends early when the validation loss becomes no better") {
  const Line line{16};
  auto batches = data::make_loader(line, {.batch_size = 4});
  const std::vector<double> losses{5, 4, 4.5, 3.95, 4, 4, 4, 1};
  const auto run = [&](int patience, double min_delta, int resume_at = 0) {
    Rng rng(1);
    Net net(rng);
    optim::SGD<float> sgd(nn::parameters(net), {.lr = 0.01});
    training::History history;
    training::FitOptions options{.epochs = 8};
    options.validate = [&] { return losses[history.rows().size()]; };
    if (resume_at) {
      options.epochs = resume_at;
      training::fit(net, sgd, loss, batches, batches, history, options);
      options.epochs = 8;
    }
    options.early_stopping = training::EarlyStopping{patience, min_delta};
    CHECK(training::fit(net, sgd, loss, batches, batches, history, options));
    return history.last_epoch();
  };
  CHECK(run(3, 0) == 7);    // 3.95, then three that are worse
  CHECK(run(2, 0.1) == 4);  // 4, then two that are not better by so much
  CHECK(run(8, 0) == 8);
  CHECK(run(3, 0, 5) == 7);    // the same after a break
  CHECK(run(2, 0.1, 6) == 6);  // it should have ended before
  Rng rng(1);
  Net net(rng);
  optim::SGD<float> sgd(nn::parameters(net), {});
  training::History history;
  const Line nothing{0};
  auto none = data::make_loader(nothing, {});
  CHECK_THROWS_WITH(
      training::fit(net, sgd, loss, batches, none, history, {.early_stopping = training::EarlyStopping{}}),
      ContainsSubstring("[fit] early stopping needs validation examples"));
  CHECK_THROWS_AS(training::fit(net, sgd, loss, batches, batches, history,
                                {.early_stopping = training::EarlyStopping{.patience = 0}}),
                  ValueError);
}

namespace {

/// Class 1 where a word's number is at least as large as the sum of a point.
struct Questions {
  Index size() const { return 60; }
  data::Sample<std::tuple<Tensorf, IntegerArray>, Index> get(Index i) const {
    Rng rng = Rng(9).split(static_cast<std::uint64_t>(i));
    const auto x = Tensorf::uniform({2}, rng, -1, 1);
    const Index word = i % 2;
    return {{x, {{}, {word}}}, static_cast<Index>(x.at({0}) + x.at({1}) <= static_cast<float>(word))};
  }
};

struct TwoInputs {
  nn::Embedding<float> words;
  nn::Linear<float> fc;
  explicit TwoInputs(Rng& rng) : words({.words = 2, .features = 2}, rng), fc({.in = 2, .out = 2}, rng) {}
  Tensorf operator()(const Tensorf& x, const IntegerArray& word) const { return fc(x) + words(word); }
  static void visit(auto& self, auto&& f) { f("words", self.words), f("fc", self.fc); }
};

}  // namespace

TEST_CASE("fit trains models of several inputs on class numbers") {
  const Questions questions;
  auto batches = data::make_loader(questions, {.batch_size = 16, .shuffle = true});
  Rng rng(1);
  TwoInputs net(rng);
  optim::ParameterGroups<optim::Adam<float>> optimizer(
      {{nn::parameters(net.words), {.lr = 0.05}}, {nn::parameters(net.fc), {.lr = 0.1}}});
  training::History history;
  const auto classes = [](const Tensorf& y, const IntegerArray& t) { return cross_entropy(y, t); };
  CHECK(training::fit(net, optimizer, classes, batches, batches, history, {.epochs = 60, .schedule = optim::cosine()}));
  CHECK(history.rows().back().val_loss < 0.2 * history.rows()[0].val_loss);
  CHECK(optimizer.options.lr == 0.05);
  double right = 0;
  for (const auto& batch : batches)
    right += training::accuracy(std::apply(net, batch.input), batch.target) * static_cast<double>(batch.target.size());
  CHECK(right >= 55);
}
