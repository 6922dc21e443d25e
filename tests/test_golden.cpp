// Values and gradients against PyTorch. Both sides compute in double from the same bits; they add in different orders,
// which changes the last of 16 digits: 1e-12 of the largest number leaves room for sums of a few thousand terms.

#include "nasion/models/keypoint_cnn.hpp"
#include "nasion/nn/batch_norm.hpp"
#include "nasion/ops/compare.hpp"
#include "nasion/ops/loss.hpp"
#include "nasion/ops/norm.hpp"
#include "nasion/ops/sort.hpp"
#include "nasion/ops/statistics.hpp"
#include "nasion/ops/upsample.hpp"
#include "nasion/optim/adam.hpp"
#include "nasion/optim/clip.hpp"
#include "nasion/optim/schedule.hpp"
#include "nasion/optim/sgd.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

using namespace nasion;
using test::compare_with_golden;
using test::Golden;
using test::hashed;

namespace {
constexpr double rounding = 1e-12;
}

TEST_CASE("Convolution as in PyTorch, by every algorithm") {
  const Golden golden("conv2d");
  REQUIRE(golden.cases().size() == 9);
  for (const auto& name : golden.cases())
    for (const auto algorithm :
         {Conv2dAlgorithm::automatic, Conv2dAlgorithm::naive, Conv2dAlgorithm::im2col, Conv2dAlgorithm::direct}) {
      const auto o = golden.integers(name + ".options");
      const Conv2dOptions options{{o[0], o[1]}, {o[2], o[3]}, {o[4], o[5]}, o[6], algorithm};
      CHECK(compare_with_golden(
                golden, name, {"x", "w", "b"}, [&](const auto& t) { return conv2d(t[0], t[1], t[2], options); },
                rounding) == "");
    }
}

TEST_CASE("Transposed convolution as in PyTorch") {
  const Golden golden("conv_transpose2d");
  REQUIRE(golden.cases().size() == 6);
  for (const auto& name : golden.cases()) {
    const auto o = golden.integers(name + ".options");
    const ConvTranspose2dOptions options{{o[0], o[1]}, {o[2], o[3]}, {o[4], o[5]}, {o[6], o[7]}, o[8]};
    CHECK(compare_with_golden(
              golden, name, {"x", "w", "b"}, [&](const auto& t) { return conv_transpose2d(t[0], t[1], t[2], options); },
              rounding) == "");
  }
}

TEST_CASE("Pooling as in PyTorch") {
  const Golden golden("pool");
  REQUIRE(golden.cases().size() == 38);
  using Pool = Tensord (*)(const Tensord&, const PoolOptions&);
  using Adaptive = Tensord (*)(const Tensord&, const Size2&);
  for (const auto& [prefix, pool] :
       {std::pair<std::string, Pool>{"max.", max_pool2d<double>}, {"avg.", avg_pool2d<double>}})
    for (const auto& name : golden.cases(prefix)) {
      const auto o = golden.integers(name + ".options");
      const PoolOptions options{{o[0], o[1]}, {o[2], o[3]}, {o[4], o[5]}, o[6] != 0};
      CHECK(compare_with_golden(
                golden, name, {"x"}, [&, f = pool](const auto& t) { return f(t[0], options); }, rounding) == "");
    }
  for (const auto& [prefix, pool] : {std::pair<std::string, Adaptive>{"adaptive_max.", adaptive_max_pool2d<double>},
                                     {"adaptive_avg.", adaptive_avg_pool2d<double>}})
    for (const auto& name : golden.cases(prefix)) {
      const auto o = golden.integers(name + ".options");
      CHECK(compare_with_golden(
                golden, name, {"x"},
                [&, f = pool](const auto& t) {
                  return f(t[0], {o[0], o[1]});
                },
                rounding) == "");
    }
}

TEST_CASE("Interpolation as in PyTorch") {
  const Golden golden("upsample");
  REQUIRE(golden.cases().size() == 33);
  for (const auto& name : golden.cases()) {
    const auto o = golden.integers(name + ".options");
    const InterpolateOptions options{.size = {o[2], o[3]},
                                     .scale_factor = static_cast<double>(o[4]) / 100,
                                     .mode = o[0] ? Interpolation::bilinear : Interpolation::nearest,
                                     .align_corners = o[1] != 0};
    CHECK(compare_with_golden(
              golden, name, {"x"}, [&](const auto& t) { return interpolate(t[0], options); }, rounding) == "");
  }
}

TEST_CASE("Batch normalisation as in PyTorch") {
  const Golden golden("batch_norm");
  for (const bool training : {true, false}) {
    const auto cases = golden.cases(training ? "train." : "eval.");
    CHECK(cases.size() == 3);
    for (const auto& name : cases)
      CHECK(compare_with_golden(
                golden, name, {"x", "w", "b"},
                [&](const auto& t) {
                  return batch_norm(t[0], golden[name + ".mean"].clone(), golden[name + ".var"].clone(), t[1], t[2],
                                    {.training = training});
                },
                rounding) == "");
  }
  const auto running = golden.cases("running.");
  CHECK(running.size() == 3);
  for (const auto& name : running)
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      const auto batches = golden[name + ".batches"];
      const Index size = batches.dim(0) / 4;
      const nn::BatchNorm2d<double> norm({.features = batches.dim(1)});
      for (Index i = 0; i < 4; ++i) norm(to_order(slice(batches, 0, i * size, (i + 1) * size), order));
      CHECK(norm.num_batches_tracked == 4);
      CHECK(test::relative_difference(norm.running_mean, golden[name + ".mean"]) < rounding);
      CHECK(test::relative_difference(norm.running_var, golden[name + ".var"]) < rounding);
    }
}

TEST_CASE("Linear layers as in PyTorch") {
  const Golden golden("linear");
  for (const auto& name : {"bias", "plain"})
    CHECK(compare_with_golden(
              golden, name, {"input", "weight", "bias"}, [](const auto& t) { return linear(t[0], t[1], t[2]); },
              rounding) == "");
}

TEST_CASE("Losses as in PyTorch, with every reduction") {
  const Golden golden("loss");
  for (const auto& [suffix, reduction] :
       {std::pair{".mean", Reduction::mean}, {".sum", Reduction::sum}, {".none", Reduction::none}}) {
    const auto check = [&](const std::string& name, auto&& loss) {
      CHECK(compare_with_golden(golden, name, {"p", "t"}, loss, rounding) == "");
    };
    const auto r = reduction;
    check(std::string("mse") + suffix, [r](const auto& t) { return mse_loss(t[0], t[1], r); });
    check(std::string("l1") + suffix, [r](const auto& t) { return l1_loss(t[0], t[1], r); });
    for (const std::string name : {"classes", "pixels"})
      check(name + suffix, [&, classes = golden.integers(name + suffix + ".t")](const auto& t) {
        return cross_entropy(t[0], classes, r);
      });
    for (const std::string name : {"probabilities", "pixel_probabilities"})
      check(name + suffix, [r](const auto& t) { return cross_entropy(t[0], t[1], r); });
    for (const int tenths : {0, 5, 10})
      check(message("smooth_l1_", tenths, suffix),
            [=](const auto& t) { return smooth_l1_loss(t[0], t[1], r, tenths / 10.0); });
    check(std::string("bce") + suffix, [r](const auto& t) { return bce_with_logits_loss(t[0], t[1], r); });
    check(std::string("bce_weighted") + suffix,
          [r](const auto& t) { return bce_with_logits_loss(t[0], t[1], r, 2.5); });
    check(std::string("maps") + suffix, [r](const auto& t) { return spatial_cross_entropy(t[0], t[1], r); });
  }
}

TEST_CASE("Activations as in PyTorch") {
  const Golden golden("activations");
  const std::vector<std::pair<std::string, Tensord (*)(const Tensord&)>> all = {
      {"relu", [](const Tensord& x) { return relu(x); }},
      {"leaky_relu", [](const Tensord& x) { return leaky_relu(x); }},
      {"elu", [](const Tensord& x) { return elu(x); }},
      {"sigmoid", [](const Tensord& x) { return sigmoid(x); }},
      {"tanh", [](const Tensord& x) { return tanh(x); }},
      {"softmax0", [](const Tensord& x) { return softmax(x, 0); }},
      {"softmax1", [](const Tensord& x) { return softmax(x, 1); }},
      {"log_softmax0", [](const Tensord& x) { return log_softmax(x, 0); }},
      {"log_softmax1", [](const Tensord& x) { return log_softmax(x, 1); }},
      {"clamp", [](const Tensord& x) { return clamp(x, -1, 2); }},
      {"abs", [](const Tensord& x) { return abs(x); }},
      {"relu6", [](const Tensord& x) { return relu6(x); }},
      {"silu", [](const Tensord& x) { return silu(x); }},
      {"hardswish", [](const Tensord& x) { return hardswish(x); }},
      {"hardsigmoid", [](const Tensord& x) { return hardsigmoid(x); }},
      {"gelu", [](const Tensord& x) { return gelu(x); }},
      {"selu", [](const Tensord& x) { return selu(x); }},
      {"softplus", [](const Tensord& x) { return softplus(x); }},
      {"softplus2", [](const Tensord& x) { return softplus(x, 2, 5); }},
  };
  REQUIRE(golden.cases().size() == all.size());
  for (const auto& [name, f] : all)
    CHECK(compare_with_golden(
              golden, name, {"x"}, [g = f](const auto& t) { return g(t[0]); }, rounding) == "");
}

TEST_CASE("Initial values have PyTorch's range") {
  const Golden golden("init");
  Rng rng(1);
  const auto check = [&](const std::string& name, const auto& layer) {
    INFO(name);
    const auto expected = golden[name];  // largest and deviation of the weight, then of the bias
    Index i = 0;
    for (const auto& p : nn::parameters(layer)) {
      const auto largest = max(abs(p)).item();
      const auto deviation = std::sqrt(mean(square(p)).item());
      // Of n uniform numbers the largest lies about 1 / n under the bound, and the deviation varies by 0.45 / sqrt(n).
      const double n = static_cast<double>(p.size());
      CHECK(largest == Approx(expected.at({i})).epsilon(8 / n));
      CHECK(deviation == Approx(expected.at({i + 1})).epsilon(4 * 0.45 * std::sqrt(2 / n)));
      i += 2;
    }
  };
  check("conv", nn::Conv2d<double>({.in = 64, .out = 512, .kernel = 5}, rng));
  check("grouped", nn::Conv2d<double>({.in = 64, .out = 512, .kernel = {3, 2}, .groups = 4}, rng));
  check("transposed", nn::ConvTranspose2d<double>({.in = 512, .out = 128, .kernel = {3, 2}, .groups = 4}, rng));
  check("linear", nn::Linear<double>({.in = 900, .out = 512}, rng));
}

TEST_CASE("20 steps of each optimizer as in PyTorch") {
  const Golden golden("optim");
  const auto check = [&](const std::string& name, auto make) {
    // Rounding errors of one step stay in the state of the next, and do not grow: 1e-13 of numbers about 1.
    const auto p = golden["start"].clone().set_requires_grad();
    auto optimizer = make(p);
    const auto expected = golden[name];
    double difference = 0;
    for (Index step = 0; step < 20; ++step) {
      p.set_grad(reshape(slice(golden["gradients"], 0, step, step + 1), {-1}));
      optimizer.step();
      difference =
          std::max(difference, test::max_difference(p.detach(), reshape(slice(expected, 0, step, step + 1), {-1})));
    }
    INFO(name);
    CHECK(difference < 1e-13);
  };
  const auto sgd = [&](const std::string& name, const optim::SgdOptions& options) {
    check(name, [&](const Tensord& p) { return optim::SGD<double>({p}, options); });
  };
  sgd("plain", {.lr = 0.05});
  sgd("momentum", {.lr = 0.05, .momentum = 0.9});
  sgd("dampening", {.lr = 0.05, .momentum = 0.9, .dampening = 0.4});
  sgd("decay", {.lr = 0.05, .weight_decay = 0.1});
  sgd("nesterov", {.lr = 0.05, .momentum = 0.9, .nesterov = true});
  sgd("nesterov_decay", {.lr = 0.05, .momentum = 0.8, .weight_decay = 0.1, .nesterov = true});
  sgd("everything", {.lr = 0.05, .momentum = 0.8, .dampening = 0.2, .weight_decay = 0.1});
  const auto adam = [&](const std::string& name, const optim::AdamOptions& options) {
    check(name, [&](const Tensord& p) { return optim::Adam<double>({p}, options); });
  };
  adam("adam", {.lr = 0.05});
  adam("adam_decay", {.lr = 0.05, .weight_decay = 0.1});
  adam("adam_other", {.lr = 0.02, .beta1 = 0.7, .beta2 = 0.95, .eps = 1e-4});
  const auto adamw = [&](const std::string& name, const optim::AdamWOptions& options) {
    check(name, [&](const Tensord& p) { return optim::AdamW<double>({p}, options); });
  };
  adamw("adamw", {.lr = 0.05});
  adamw("adamw_other", {.lr = 0.02, .beta1 = 0.7, .beta2 = 0.95, .eps = 1e-4, .weight_decay = 0.3});
}

TEST_CASE("Clipped gradients as in PyTorch") {
  const Golden golden("optim");
  const auto all = reshape(slice(golden["gradients"], 0, 0, 1), {-1});
  const auto parameter = [&](Index begin, Index end) {
    const auto p = Tensord::zeros({end - begin}).set_requires_grad();
    p.set_grad(slice(all, 0, begin, end).clone());
    return p;
  };
  for (const auto& [name, limit] : {std::pair<std::string, double>{"clip_some", 0.7}, {"clip_none", 99}}) {
    const std::vector<Tensord> parameters{parameter(0, 5), parameter(5, 12)};
    CHECK(optim::clip_grad_norm(parameters, limit) == Approx(golden[name + "_norm"].item()).epsilon(1e-14));
    CHECK(test::max_difference(concat<double>({parameters[0].grad(), parameters[1].grad()}, 0), golden[name]) < 1e-14);
  }
  const auto p = parameter(0, 7);
  optim::clip_grad_value(std::vector{p}, 0.4);
  CHECK(test::values(p.grad()) == test::values(golden["clip_value"]));
}

TEST_CASE("Schedules as in PyTorch") {
  const Golden golden("schedules");
  const auto check = [&](const std::string& name, auto factor) {
    const auto expected = golden[name];
    double difference = 0;
    for (Index i = 0; i < expected.size(); ++i)
      difference = std::max(difference, std::abs(factor(i) - expected.at({i})));
    INFO(name);
    CHECK(difference < 1e-14);
  };
  check("step", [steps = optim::step({0.2, 0.5, 0.75}, 0.3)](Index i) { return steps(static_cast<double>(i) / 100); });
  // PyTorch's step of the maximum is one before pct_start of all steps, and the last step is the end of the run.
  const auto one_cycle = [](const optim::OneCycleOptions& options) {
    return [cycle = optim::one_cycle(options), start = options.pct_start](Index i) {
      const double step = static_cast<double>(i), top = start * 101 - 1;
      return cycle(step <= top ? start * step / top : start + (1 - start) * (step - top) / (100 - top));
    };
  };
  check("one_cycle", one_cycle({}));
  check("one_cycle_other", one_cycle({.pct_start = 0.5, .div_factor = 4, .final_div_factor = 10}));
  const auto losses = golden["losses"];
  const auto plateau = [&](const optim::PlateauOptions& options) {
    return [&, options](Index i) {
      return optim::plateau_factor(losses.values().first(static_cast<std::size_t>(i + 1)), options);
    };
  };
  check("plateau_default", plateau({}));
  check("plateau_patient", plateau({.factor = 0.5, .patience = 4, .cooldown = 3}));
  check("plateau_bounded", plateau({.factor = 0.3, .patience = 2, .threshold = 0.05, .min_factor = 0.02}));
}

namespace {

/// Loss and gradients of part 1's network against the golden file.
template <class T>
void check_nose_tip(MemoryOrder order, double tolerance) {
  const Golden golden("nose_tip");
  Rng rng(1);
  const models::KeypointCnn<T> net(models::nose_tip_config(), rng);
  const auto parameters = nn::parameters(net);
  const double scales[] = {0x1p-1, 0x1p-1, 0x1p-4, 0x1p-4, 0x1p-4, 0x1p-4,
                           0x1p-4, 0x1p-4, 0x1p-6, 0x1p-6, 0x1p-3, 0x1p-3};
  REQUIRE(parameters.size() == 12);
  for (std::size_t i = 0; i < 12; ++i) {
    const auto& p = parameters[i];
    p.detach().copy_from(Tensor<T>::from(p.shape(), hashed<T>(p.size(), static_cast<std::uint32_t>(i), scales[i])));
  }
  const auto images = to_order(Tensor<T>::from({2, 1, 60, 80}, hashed<T>(2 * 60 * 80, 100, 0.5)), order);
  const auto y = net(images);
  const auto loss = mse_loss(y, Tensor<T>::from({2, 2}, hashed<T>(4, 101, 0.5)));
  loss.backward();
  const auto expected = golden["y"];
  for (Index i = 0; i < 4; ++i) CHECK(y.data()[i] == Approx(expected.data()[i]).epsilon(tolerance).scale(1));
  CHECK(loss.item() == Approx(golden["loss"].item()).epsilon(tolerance));
  for (std::size_t i = 0; i < 12; ++i) {
    INFO("gradient of parameter " << i);
    const auto gradient = test::values(parameters[i].grad());
    double squares = 0;
    for (const T g : gradient) squares += static_cast<double>(g) * static_cast<double>(g);
    const double norm = golden[message(i, ".norm")].item();
    CHECK(std::sqrt(squares) == Approx(norm).epsilon(tolerance));
    const auto numbers = golden[message(i, ".numbers")];
    for (std::size_t k = 0; k < 16; ++k)
      CHECK(gradient[k * (gradient.size() - 1) / 15] ==
            Approx(numbers.values()[k]).epsilon(0).margin(tolerance * norm));
  }
}

}  // namespace

TEST_CASE("The network of part 1 as in PyTorch") {
  // Sums of up to 12800 terms, through six layers.
  check_nose_tip<double>(MemoryOrder::row_major, 1e-11);
  check_nose_tip<double>(MemoryOrder::channels_last, 1e-11);
  // In float one of many maxima may be another pixel that is equal up to rounding.
  check_nose_tip<float>(MemoryOrder::row_major, 1e-4);
  check_nose_tip<float>(MemoryOrder::channels_last, 1e-4);
}

TEST_CASE("Operations as in PyTorch") {
  const Golden golden("operations");
  std::size_t compared = 0;
  using Options = std::vector<Index>;
  const auto compare = [&](const std::string& prefix, const std::vector<std::string>& inputs, auto f) {
    for (const auto& name : golden.cases(prefix)) {
      const auto o = golden.integers(name + ".options");
      CHECK(compare_with_golden(
                golden, name, inputs, [&](const auto& t) { return f(t, o); }, rounding) == "");
      ++compared;
    }
  };
  const auto integers = [&](const std::string& name) { return golden.array(name); };
  const auto dims = [](const Options& o, std::size_t from) {
    return Dims(o.begin() + static_cast<long>(from), o.end());
  };
  const auto mask = Tensord::from(integers("where.c").shape, [](const Options& v) {
    return std::vector<double>(v.begin(), v.end());
  }(integers("where.c").values));
  compare("where", {"a", "b"}, [&](const auto& t, const auto&) { return where(mask, t[0], t[1]); });
  compare("masked_fill", {"a"}, [&](const auto& t, const auto&) { return masked_fill(t[0], mask, -3); });
  compare("gather", {"x"}, [&](const auto& t, const auto&) { return gather(t[0], 2, integers("gather.i")); });
  compare("index_select", {"x"}, [](const auto& t, const auto&) { return index_select(t[0], 1, {2, 0, 2, 1}); });
  compare("embedding", {"w"}, [&](const auto& t, const auto&) { return embedding(integers("embedding.i"), t[0], 2); });
  compare("flip", {"x"}, [](const auto& t, const auto&) { return flip(t[0], {1, 3}); });
  for (const auto& [name, mode] : {std::pair{"pad.reflect", PadMode::reflect}, {"pad.replicate", PadMode::replicate}})
    compare(name, {"x"}, [m = mode](const auto& t, const auto&) { return pad(t[0], {0, 0, 1, 2}, {0, 0, 2, 3}, m); });
  compare("stack", {"a", "b"}, [](const auto& t, const auto&) { return stack<double>({t[0], t[1]}, 1); });
  compare("var", {"x"}, [&](const auto& t, const auto& o) { return var(t[0], dims(o, 1), false, o[0]); });
  compare("stddev", {"x"}, [&](const auto& t, const auto& o) { return stddev(t[0], dims(o, 1), false, o[0]); });
  compare("norm", {"x"},
          [&](const auto& t, const auto& o) { return norm(t[0], static_cast<double>(o[0]), dims(o, 1)); });
  compare("logsumexp", {"x"}, [&](const auto& t, const auto& o) { return logsumexp(40 * t[0], dims(o, 0)); });
  compare("cumsum", {"x"}, [](const auto& t, const auto& o) { return cumsum(t[0], static_cast<int>(o[0])); });
  compare("sort", {"x"}, [](const auto& t, const auto& o) { return sort(t[0], static_cast<int>(o[0])).values; });
  compare("topk", {"x"}, [](const auto& t, const auto& o) { return topk(t[0], 2, static_cast<int>(o[0])).values; });
  compare("matmul", {"a", "b"}, [](const auto& t, const auto&) { return matmul(t[0], t[1]); });
  compare("linear", {"x", "w", "b"}, [](const auto& t, const auto&) { return linear(t[0], t[1], t[2]); });
  compare("layer_norm", {"x", "w", "b"},
          [](const auto& t, const auto& o) { return layer_norm(t[0], Shape(std::span<const Index>(o)), t[1], t[2]); });
  compare("group_norm", {"x", "w", "b"},
          [](const auto& t, const auto& o) { return group_norm(t[0], o[0], t[1], t[2]); });
  compare("instance_norm", {"x", "w", "b"}, [](const auto& t, const auto&) { return instance_norm(t[0], t[1], t[2]); });
  CHECK(compared == golden.cases().size());
}
