#include "nasion/nasion.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

using namespace nasion;
using test::compare_with_golden;
using test::Golden;

namespace {

const double rounding = 1e-12;

/// Compares f(inputs, options) with every case of a file, and counts the cases.
struct Comparison {
  Golden golden;
  std::size_t compared = 0;
  explicit Comparison(const std::string& file) : golden(file) {}

  template <class F>
  void operator()(const std::string& prefix, const std::vector<std::string>& inputs, F f, double tolerance = rounding) {
    for (const auto& name : golden.cases(prefix)) {
      const auto o = golden.integers(name + ".options");
      CHECK(compare_with_golden(
                golden, name, inputs, [&](const auto& t) { return f(t, o); }, tolerance) == "");
      ++compared;
    }
  }
};

}  // namespace

TEST_CASE("Layers as in PyTorch") {
  Comparison compare("layers");
  compare("conv1d.", {"x", "w", "b"}, [](const auto& t, const auto& o) {
    return conv1d(t[0], t[1], t[2], {.stride = o[0], .padding = o[1], .dilation = o[2], .groups = o[3]});
  });
  compare("prelu.", {"x", "w"}, [](const auto& t, const auto&) { return prelu(t[0], t[1]); });
  compare("pixel_shuffle.", {"x"}, [](const auto& t, const auto& o) { return pixel_shuffle(t[0], o[0]); });
  compare("pixel_unshuffle.", {"x"}, [](const auto& t, const auto& o) { return pixel_unshuffle(t[0], o[0]); });
  for (const auto& name : compare.golden.cases("batch_norm.")) {
    const auto part = [&](const char* what) { return compare.golden[name + what]; };
    Tensord mean, var;
    compare(name + ".", {"x", "w", "b"}, [&](const auto& t, const auto& o) {
      mean = part(".mean").clone(), var = part(".var").clone();
      return batch_norm(t[0], mean, var, t[1], t[2], {.training = o[0] == 1, .momentum = 0.3});
    });
    CHECK(test::max_difference(mean, part(".new_mean")) < rounding);
    CHECK(test::max_difference(var, part(".new_var")) < rounding);
  }
  CHECK(compare.compared == compare.golden.cases().size());
}

TEST_CASE("Losses with all their options as in PyTorch") {
  Comparison compare("losses");
  const auto reduction = [](const auto& o) { return static_cast<Reduction>(o[0]); };
  for (const auto& name : compare.golden.cases()) {
    const auto part = [&](const char* what) {
      return compare.golden.has(name + what) ? compare.golden[name + what] : Tensord{};
    };
    const auto weight = part(".w");
    if (name.starts_with("classes.") || name.starts_with("nll."))
      compare(name + ".", {"x"}, [&, classes = compare.golden.array(name + ".t")](const auto& t, const auto& o) {
        if (name.starts_with("nll."))
          return nll_loss(t[0], classes, {.weight = weight, .ignore_index = 77, .reduction = reduction(o)});
        return cross_entropy(t[0], classes,
                             {.weight = weight,
                              .ignore_index = 77,
                              .label_smoothing = static_cast<double>(o[1]) / 100,
                              .reduction = reduction(o)});
      });
    if (name.starts_with("probabilities."))
      compare(name + ".", {"x", "p"}, [&](const auto& t, const auto& o) {
        return cross_entropy(
            t[0], t[1],
            {.weight = weight, .label_smoothing = static_cast<double>(o[1]) / 100, .reduction = reduction(o)});
      });
    if (name.starts_with("mse.") || name.starts_with("l1.") || name.starts_with("huber"))
      compare(name + ".", {"x", "u"}, [&](const auto& t, const auto& o) {
        return name.starts_with("mse.")     ? mse_loss(t[0], t[1], reduction(o), weight)
               : name.starts_with("l1.")    ? l1_loss(t[0], t[1], reduction(o), weight)
               : name.starts_with("huber.") ? huber_loss(t[0], t[1], reduction(o), 1, weight)
                                            : huber_loss(t[0], t[1], reduction(o), 0.4);
      });
    if (name.starts_with("kl_div."))
      compare(name + ".", {"x"}, [&](const auto& t, const auto& o) { return kl_div(t[0], part(".t"), reduction(o)); });
    if (name.starts_with("kl_div_log."))
      compare(name + ".", {"x", "u"},
              [&](const auto& t, const auto& o) { return kl_div(t[0], t[1], reduction(o), true); });
  }
  CHECK(compare.compared == compare.golden.cases().size());
}

TEST_CASE("Pooling and sampling as in PyTorch") {
  Comparison compare("sampling");
  const auto& golden = compare.golden;
  for (const auto& name : golden.cases("max_pool."))
    compare(name + ".", {"x"}, [&](const auto& t, const auto& o) {
      const PoolOptions options{
          .kernel = o[0], .stride = o[1], .padding = o[2], .ceil_mode = o[4] == 1, .dilation = o[3]};
      CHECK(max_pool2d_with_indices(t[0], options).indices == golden.array(name + ".indices"));
      return max_pool2d(t[0], options);
    });
  for (const auto& name : golden.cases("max_unpool."))
    compare(name + ".", {"x"}, [&](const auto& t, const auto&) {
      return max_unpool2d(t[0], golden.array(name + ".indices"), {9, 8});
    });
  compare("avg_pool.", {"x"}, [](const auto& t, const auto& o) {
    return avg_pool2d(
        t[0], {.kernel = o[0], .stride = o[1], .padding = o[2], .ceil_mode = o[3] == 1, .count_include_pad = false});
  });
  compare("conv2d.", {"x", "w"}, [](const auto& t, const auto& o) {
    return conv2d(t[0], t[1], {}, {.stride = 2, .padding = {o[0], o[1], o[2], o[3]}});
  });
  compare("grid_sample.", {"x", "g"}, [](const auto& t, const auto& o) {
    return grid_sample(t[0], t[1], {static_cast<GridMode>(o[0]), static_cast<GridPadding>(o[1]), o[2] == 1});
  });
  CHECK(compare.compared == golden.cases().size());
}

namespace {

/// Empty when the results and all gradients of `model` are those of the file, once it has the file's parameters. `call`
/// maps the input to the results.
template <class M, class Call>
std::string compare_module(const Golden& golden, const std::string& name, M& model, Call call) {
  const auto names = nn::named_parameters(model);
  for (const auto& p : names) p.tensor.detach().copy_from(golden[name + ".p." + p.name]);
  const auto x = golden[name + ".x"].clone().set_requires_grad();
  const std::vector<Tensord> results = call(x);
  std::string wrong;
  const auto check = [&](const std::string& what, const Tensord& value) {
    const double difference = test::relative_difference(value, golden[name + "." + what]);
    if (!(difference <= rounding)) wrong += message(what, " differs by ", difference, ". ");
  };
  auto total = Tensord::scalar(0);
  for (std::size_t i = 0; i < results.size(); ++i) {
    check(message("y", i), results[i].detach());
    total = total + sum(results[i] * golden[name + message(".dy", i)]);
  }
  total.backward();
  check("dx", x.grad());
  for (const auto& p : names) check("g." + p.name, p.tensor.grad());
  return wrong;
}

}  // namespace

TEST_CASE("Recurrent layers and attention as in PyTorch") {
  const Golden golden("sequences");
  Rng rng(1);
  for (const std::string kind : {"LSTM", "GRU"})
    for (const Index i : {0, 1, 2}) {
      const auto name = message(kind, ".", i);
      const auto o = golden.integers(name + ".options");
      const nn::RecurrentConfig config{.in = 3,
                                       .hidden = 4,
                                       .layers = o[0],
                                       .bias = o[3] == 1,
                                       .batch_first = o[2] == 1,
                                       .bidirectional = o[1] == 1};
      const auto h = golden[name + ".h"], c = golden[name + ".c"];
      INFO(name);
      if (kind == "LSTM") {
        nn::LSTM<double> lstm(config, rng);
        CHECK(compare_module(golden, name, lstm, [&](const Tensord& x) {
                const auto [output, last_h, last_c] = lstm(x, h, c);
                return std::vector{output, last_h, last_c};
              }) == "");
      } else {
        nn::GRU<double> gru(config, rng);
        CHECK(compare_module(golden, name, gru, [&](const Tensord& x) {
                const auto [output, last_h] = gru(x, h);
                return std::vector{output, last_h};
              }) == "");
      }
    }
  for (const Index i : {0, 1, 2}) {
    const auto name = message("attention.", i);
    const auto o = golden.integers(name + ".options");
    nn::MultiheadAttention<double> attention({.features = 6, .heads = 3, .bias = o[0] == 1, .batch_first = o[1] == 1},
                                             rng);
    const auto key = golden[name + ".key"];
    INFO(name);
    CHECK(compare_module(golden, name, attention, [&](const Tensord& x) {
            return std::vector{attention(x, key, key + x,
                                         {.mask = golden[name + ".mask"],
                                          .key_padding = o[2] == 1 ? golden[name + ".padding"] : Tensord{},
                                          .causal = o[3] == 1})};
          }) == "");
  }
}
