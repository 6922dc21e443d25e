#include "nasion/ops/batch_norm.hpp"

#include <barrier>
#include <thread>

#include "nasion/nn/batch_norm.hpp"
#include "nasion/ops/activation.hpp"
#include "nasion/ops/reduce.hpp"
#include "support/activations.hpp"
#include "support/batch_norm.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::gradcheck;
using test::Moments;
using test::moments;
using test::reference;

namespace {

const std::vector<Shape> shapes = {{2, 3, 4, 5}, {1, 2, 1, 2},   {5, 1, 1, 1},
                                   {3, 7, 1, 3}, {2, 2, 17, 19}, {4, 40, 2, 2}};

}  // namespace

TEST_CASE("Batch normalisation in training: values and running statistics") {
  for (const auto& shape : shapes)
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      INFO(shape << " " << order);
      const auto x = test::random(shape);
      const Shape channels{shape[1]};
      const auto weight = test::random(channels, 1), bias = test::random(channels, 2);
      const auto mean = test::random(channels, 3), var = Tensord::full(channels, 2);
      const auto before = mean.clone();
      const auto y =
          batch_norm(to_order(x, order), mean, var, weight, bias, {.training = true, .momentum = 0.3, .eps = 0.01});
      CHECK(y.order() == order);
      CHECK(test::max_difference(y, reference(
                                        x, [&](Index c) { return moments(x, c); }, weight, bias, 0.01)) < 1e-12);
      const double count = static_cast<double>(shape.size() / shape[1]);
      for (Index c = 0; c < shape[1]; ++c) {
        const Moments m = moments(x, c);
        CHECK(mean.at({c}) == Approx(0.7 * before.at({c}) + 0.3 * m.mean));
        CHECK(var.at({c}) == Approx(0.7 * 2 + 0.3 * m.variance * count / (count - 1)));
      }
    }
}

TEST_CASE("Batch normalisation in eval mode uses the running statistics and leaves them") {
  for (const auto& shape : shapes)
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      INFO(shape << " " << order);
      const auto x = test::random(shape);
      const Shape channels{shape[1]};
      const auto weight = test::random(channels, 1), bias = test::random(channels, 2);
      const auto mean = test::random(channels, 3), var = square(test::random(channels, 4));
      const auto mean_before = mean.clone(), var_before = var.clone();
      const auto y = batch_norm(to_order(x, order), mean, var, weight, bias);
      CHECK(y.order() == order);
      const auto running = [&](Index c) { return Moments{mean.at({c}), var.at({c})}; };
      const auto expected = reference(x, running, weight, bias, 1e-5);
      CHECK(test::max_difference(y, expected) < 1e-12 * (1 + max(abs(expected)).item()));
      CHECK(test::identical(mean, mean_before));
      CHECK(test::identical(var, var_before));
    }
}

TEST_CASE("Gradients of batch normalisation") {
  for (const auto& shape : shapes)
    for (const bool training : {true, false}) {
      INFO(shape << (training ? " training" : " eval"));
      const Shape channels{shape[1]};
      const auto mean = test::random(channels, 3), var = square(test::random(channels, 4)) + 0.5;
      // Two numbers in a channel are normalised to 1 and -1 whatever they are, up to eps: it must not be tiny then.
      const BatchNormOptions options{.training = training, .eps = 0.1};
      const auto f = [&](const auto& t) {
        return batch_norm(t[0], mean, var, t.size() > 1 ? t[1] : Tensord{}, t.size() > 2 ? t[2] : Tensord{}, options);
      };
      const auto x = test::random(shape), weight = test::random(channels, 1), bias = test::random(channels, 2);
      CHECK(gradcheck(f, {x, weight, bias}) == "");
      CHECK(gradcheck(f, {x}) == "");
    }
}

TEST_CASE("Batch norm with an activation and a residual is the composition of the three") {
  for (const auto& shape : shapes)
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last})
      for (const bool training : {true, false})
        for (const auto activation : test::activations)
          for (const bool with_residual : {true, false}) {
            INFO(shape << " " << order << " " << training << static_cast<int>(activation) << with_residual);
            const Shape channels{shape[1]};
            const auto dy = test::random(shape, 9);
            const auto run = [&](bool fused) {
              const auto x = test::random(shape, 7, order).set_requires_grad();
              const auto residual = test::random(shape, 8).set_requires_grad();  // its order may differ
              const auto weight = test::random(channels, 1).set_requires_grad();
              const auto bias = test::random(channels, 2).set_requires_grad();
              const auto mean = test::random(channels, 3), var = square(test::random(channels, 4)) + 0.5;
              BatchNormOptions options{
                  .training = training, .eps = 0.1, .activation = fused ? activation : Activation::none};
              auto y = batch_norm(x, mean, var, weight, bias, options, fused && with_residual ? residual : Tensord{});
              if (!fused && with_residual) y = y + residual;
              if (!fused) y = nasion::detail::activate(y, activation);
              CHECK(y.order() == order);
              y.backward(dy);
              std::vector results{y.detach(), x.grad(), weight.grad(), bias.grad(), mean, var};
              if (with_residual) results.push_back(residual.grad());
              return results;
            };
            const auto fused = run(true), apart = run(false);
            for (std::size_t i = 0; i < apart.size(); ++i)
              CHECK(test::max_difference(fused[i], apart[i]) < 1e-12 * (1 + max(abs(apart[i])).item()));
          }
}

TEST_CASE("Gradients of batch norm with an activation and a residual") {
  const auto activation = GENERATE(from_range(test::activations));
  for (const auto& shape : shapes)
    for (const bool training : {true, false})
      for (const bool with_residual : {true, false}) {
        INFO(shape << (training ? " training" : " eval") << (with_residual ? " residual" : ""));
        const Shape channels{shape[1]};
        const auto mean = Tensord::zeros(channels), var = Tensord::ones(channels);
        const BatchNormOptions options{.training = training, .eps = 0.1, .activation = activation};
        const auto f = [&](const auto& t) {
          return batch_norm(t[0], mean, var, t[1], t[2], options, with_residual ? t[3] : Tensord{});
        };
        // Steps of 0.01 in x and whole numbers beside them: nothing comes near the kink.
        test::Tensors inputs{test::distinct(shape, 0.4 / static_cast<double>(shape.size())),
                             Tensord::full(channels, 0.1), Tensord::full(channels, 0.5)};
        if (with_residual) {
          const auto signs = test::random(shape, 5);
          inputs.push_back(map_elements(signs, [](double v) { return v < 0 ? -2.0 : 1.0; }));
        } else {
          for (Index c = 0; c < shape[1]; c += 2) inputs[2].set({c}, -0.7);  // channels that relu stops
        }
        CHECK(gradcheck(f, inputs) == "");
      }
}

TEST_CASE("Gradients of weight and bias alone, and with x frozen") {
  const auto x = test::random({2, 3, 4, 4});
  const auto mean = Tensord::zeros({3}), var = Tensord::ones({3});
  for (const bool training : {true, false})
    CHECK(gradcheck([&](const auto& t) { return batch_norm(x, mean, var, t[0], t[1], {.training = training}); },
                    {test::random({3}, 1), test::random({3}, 2)}) == "");
}

TEST_CASE("An earlier result keeps its gradient when the running statistics move on") {
  const auto x = test::random({2, 3, 4, 4}).set_requires_grad();
  const auto mean = Tensord::zeros({3}), var = Tensord::ones({3});
  const auto first = batch_norm(x, mean, var), alone = batch_norm(x, mean.clone(), var.clone());
  batch_norm(x, mean, var, {}, {}, {.training = true});
  const auto dy = test::random({2, 3, 4, 4}, 5);
  CHECK(test::identical(grad<double>({first}, {x}, {dy})[0], grad<double>({alone}, {x}, {dy})[0]));
}

TEST_CASE("NaN stays visible, in its channel") {
  const auto x = test::random({2, 2, 3, 3});
  x.set({1, 0, 2, 2}, std::nan(""));
  const auto mean = Tensord::zeros({2}), var = Tensord::ones({2});
  const auto y = batch_norm(x, mean, var, {}, {}, {.training = true});
  CHECK(std::isnan(y.at({0, 0, 0, 0})));
  CHECK(std::isnan(mean.at({0})));
  CHECK(std::isfinite(y.at({0, 1, 0, 0})));
  CHECK(std::isfinite(var.at({1})));
}

TEST_CASE("Batch normalisation of nothing changes nothing") {
  for (const Shape& shape : {Shape{0, 3, 4, 4}, Shape{2, 0, 4, 4}, Shape{2, 3, 0, 4}})
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      const auto x = Tensord::zeros(shape, order).set_requires_grad();
      const auto mean = Tensord::zeros({shape[1]}), var = Tensord::ones({shape[1]});
      const auto weight = Tensord::ones({shape[1]}).set_requires_grad();
      const auto y = batch_norm(x, mean, var, weight, {}, {.training = true});
      CHECK(y.shape() == shape);
      y.backward(Tensord::zeros(shape));
      CHECK(x.grad().shape() == shape);
      CHECK(test::values(weight.grad()) == std::vector<double>(static_cast<std::size_t>(shape[1]), 0));
      CHECK(test::values(var) == std::vector<double>(static_cast<std::size_t>(shape[1]), 1));
    }
}

TEST_CASE("Batch normalisation refuses what does not fit") {
  const auto three = Tensord::ones({3}), two = Tensord::ones({2});
  const auto x = Tensord::zeros({2, 3, 4, 5});
  CHECK_THROWS_WITH(batch_norm(Tensord::zeros({3}), three, three),
                    ContainsSubstring("[batch_norm] input [3] must be [N, C]"));
  CHECK_THROWS_WITH(batch_norm(x, two, two),
                    ContainsSubstring("[batch_norm] input [2, 3, 4, 5] has 3 channels but running mean is [2]"));
  CHECK_THROWS_WITH(batch_norm(x, three, two), ContainsSubstring("running variance is [2]"));
  CHECK_THROWS_WITH(batch_norm(x, three, three, two), ContainsSubstring("weight is [2]"));
  CHECK_THROWS_WITH(batch_norm(x, three, three, three, x), ContainsSubstring("bias is [2, 3, 4, 5]"));
  CHECK_THROWS_AS(batch_norm(x, three, two), ShapeError);
  CHECK_THROWS_WITH(batch_norm(x, three, three, {}, {}, {}, Tensord::zeros({2, 3, 5, 4})),
                    ContainsSubstring("[batch_norm] residual [2, 3, 5, 4] must have the shape of input [2, 3, 4, 5]"));
  CHECK_THROWS_AS(batch_norm(x, three, three, {}, {}, {}, three), ShapeError);
  const auto one_each = Tensord::zeros({1, 3, 1, 1});
  CHECK_THROWS_WITH(batch_norm(one_each, three, three, {}, {}, {.training = true}),
                    ContainsSubstring("expected more than 1 value per channel when training") &&
                        ContainsSubstring("[1, 3, 1, 1]") && ContainsSubstring("[3]"));
  CHECK_NOTHROW(batch_norm(one_each, three, three));
  CHECK_THROWS_WITH(batch_norm(x, three, three, {}, {}, {.eps = -1}), ContainsSubstring("eps -1"));
  CHECK_THROWS_AS(batch_norm(x, three, three, {}, {}, {.momentum = 1.5}), ValueError);
  CHECK_THROWS_WITH(batch_norm(x, three, three, {}, {}, {.activation = Activation(-1)}),
                    "[batch_norm] there is no activation -1");
  CHECK_THROWS_AS(batch_norm(x, three, three, {}, {}, {.eps = std::nan("")}), ValueError);
}

TEST_CASE("BatchNorm2d: what it keeps, and train and eval") {
  nn::BatchNorm2d<double> norm({.features = 3});
  CHECK(norm.eps == 1e-5);
  CHECK(norm.momentum == 0.1);
  const auto state = nn::state_dict(norm);
  std::vector<std::string> names;
  for (const auto& entry : state.tensors) names.push_back(entry.name);
  CHECK(names == std::vector<std::string>{"weight", "bias", "running_mean", "running_var"});
  REQUIRE(state.counters.size() == 1);
  CHECK(state.counters[0].name == "num_batches_tracked");
  CHECK(nn::parameters(norm).size() == 2);

  const auto x = test::random({2, 3, 4, 5});
  CHECK(test::check_module(norm, x, {.tolerance = 1e-5}) == "");
  const auto counted = norm.num_batches_tracked;
  CHECK(counted > 0);
  const auto mean = norm.running_mean.clone(), var = norm.running_var.clone();
  CHECK(test::identical(norm(x), batch_norm(x, mean, var, norm.weight, norm.bias, {.training = true})));
  CHECK(test::identical(mean, norm.running_mean));
  CHECK(norm.num_batches_tracked == counted + 1);

  const auto residual = test::random({2, 3, 4, 5}, 8);
  CHECK(test::max_difference(norm(x, residual), norm(x) + residual) < 1e-14);
  nn::BatchNorm2d<double> active({.features = 3, .activation = Activation::hardswish});
  CHECK(test::max_difference(active(x), hardswish(norm(x))) < 1e-14);
  CHECK(test::max_difference(active(x, residual), hardswish(norm(x) + residual)) < 1e-14);
  CHECK(test::check_module(active, x, {.tolerance = 1e-5}) == "");
  CHECK_THROWS_WITH(nn::BatchNorm2d<double>({.features = 3, .activation = Activation(9)}),
                    ContainsSubstring("[BatchNorm2d] there is no activation 9"));
  CHECK(norm.num_batches_tracked == counted + 5);
  mean.copy_from(norm.running_mean);
  var.copy_from(norm.running_var);

  nn::eval(norm);
  CHECK(test::identical(norm(x), batch_norm(x, mean, var, norm.weight, norm.bias)));
  CHECK(test::identical(norm(x), norm(x)));
  CHECK(norm.num_batches_tracked == counted + 5);
  CHECK(test::check_module(norm, x) == "");

  auto twin = nn::clone(norm);
  nn::train(twin);
  twin(x);
  CHECK(test::identical(mean, norm.running_mean));
  CHECK_FALSE(test::identical(mean, twin.running_mean));
  nn::load_state_dict(twin, nn::state_dict(norm));
  CHECK(test::identical(mean, twin.running_mean));
  CHECK(twin.num_batches_tracked == norm.num_batches_tracked);

  const nn::BatchNorm2d<double> plain({.features = 3, .affine = false});
  CHECK(nn::parameters(plain).empty());
  CHECK(nn::state_dict(plain).tensors.size() == 2);
  CHECK(test::check_module(plain, x, {.tolerance = 1e-5}) == "");
}

TEST_CASE("A BatchNorm2d that refused its input has not changed") {
  const nn::BatchNorm2d<double> norm({.features = 3});
  CHECK_THROWS_AS(norm(Tensord::zeros({1, 3, 1, 1})), ShapeError);
  CHECK_THROWS_AS(norm(Tensord::zeros({2, 4, 2, 2})), ShapeError);
  CHECK(norm.num_batches_tracked == 0);
  CHECK(test::values(norm.running_var) == std::vector<double>(3, 1));
  CHECK_THROWS_WITH(nn::BatchNorm2d<float>({.features = 0}), ContainsSubstring("[BatchNorm2d] features 0"));
  CHECK_THROWS_WITH(nn::BatchNorm2d<float>({.features = 1, .eps = -1}), ContainsSubstring("[BatchNorm2d] eps -1"));
  CHECK_THROWS_AS(nn::BatchNorm2d<float>({.features = 1, .momentum = -0.1}), ValueError);
}

TEST_CASE("Many threads may use one BatchNorm2d in eval mode") {
  nn::BatchNorm2d<float> norm({.features = 5});
  norm(test::random<float>({4, 5, 8, 8}) + 3.0f);
  nn::eval(norm);
  const auto x = test::random<float>({2, 5, 16, 16});
  const auto expected = norm(x).detach();
  std::vector<char> right(4, 0);
  {
    std::vector<std::jthread> threads;
    for (auto& ok : right)
      threads.emplace_back([&] {
        const NoGrad no_grad;
        bool same = true;
        for (int i = 0; i < 20; ++i) same = same && test::identical(norm(x), expected);
        ok = same;
      });
  }
  CHECK(right == std::vector<char>(4, 1));
}

namespace {

/// Two threads that behave as processes which share a batch.
class TwoProcesses {
 public:
  SumOverProcesses sum_of(std::size_t rank) {
    return [this, rank](std::span<double> numbers) {
      given_[rank].assign(numbers.begin(), numbers.end());
      barrier_.arrive_and_wait();
      for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = given_[0][i] + given_[1][i];
      barrier_.arrive_and_wait();
    };
  }

 private:
  std::barrier<> barrier_{2};
  std::vector<double> given_[2];
};

}  // namespace

TEST_CASE("Batch norm of a batch that two processes share is that of the whole") {
  const auto order = GENERATE(MemoryOrder::row_major, MemoryOrder::channels_last);
  const auto large = to_order(test::random({5, 3, 2, 4}, 1) + 1000.0, order), dy = test::random({5, 3, 2, 4}, 2);
  const Index cuts[] = {0, 2, 5};
  struct Outcome {
    std::vector<double> y, dx, weight, bias, mean, var;
  };
  const auto run = [&](Index begin, Index end, const SumOverProcesses& sum) {
    nn::BatchNorm2d<double> bn({.features = 3, .activation = Activation::relu});
    nn::sync_batch_norm(bn, sum);
    bn.weight.detach().copy_from(Tensord::from({3}, {1, -2, 0.5}));
    const auto x = to_order(slice(large, 0, begin, end), order).clone();
    x.set_requires_grad();
    const auto y = bn(x);
    y.backward(slice(dy, 0, begin, end));
    return Outcome{test::values(contiguous(y.detach())), test::values(contiguous(x.grad())),
                   test::values(bn.weight.grad()),       test::values(bn.bias.grad()),
                   test::values(bn.running_mean),        test::values(bn.running_var)};
  };
  const auto whole = run(0, 5, {});
  TwoProcesses processes;
  Outcome parts[2];
  {
    std::jthread other([&] { parts[1] = run(cuts[1], cuts[2], processes.sum_of(1)); });
    parts[0] = run(cuts[0], cuts[1], processes.sum_of(0));
  }
  const auto joined = [&](std::vector<double> Outcome::*what) {
    auto all = parts[0].*what;
    all.insert(all.end(), (parts[1].*what).begin(), (parts[1].*what).end());
    return all;
  };
  const auto added = [&](std::vector<double> Outcome::*what) {
    auto all = parts[0].*what;
    for (std::size_t i = 0; i < all.size(); ++i) all[i] += (parts[1].*what)[i];
    return all;
  };
  const auto difference = [](const std::vector<double>& a, const std::vector<double>& b) {
    REQUIRE(a.size() == b.size());
    double most = 0;
    for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
    return most;
  };
  CHECK(difference(joined(&Outcome::y), whole.y) < 1e-9);  // the numbers are large, and their differences small
  CHECK(difference(joined(&Outcome::dx), whole.dx) < 1e-9);
  CHECK(difference(added(&Outcome::weight), whole.weight) < 1e-9);
  CHECK(difference(added(&Outcome::bias), whole.bias) < 1e-9);
  for (const auto& part : parts) {
    CHECK(difference(part.mean, whole.mean) < 1e-9);
    CHECK(difference(part.var, whole.var) < 1e-9);
  }
  CHECK(parts[0].var == parts[1].var);
}

TEST_CASE("One value per channel is enough for a process when others have more") {
  nn::BatchNorm2d<double> bn({.features = 2});
  const auto x = test::random({1, 2, 1, 1});
  CHECK_THROWS_AS(bn(x), ShapeError);
  nn::sync_batch_norm(bn, [](std::span<double>) {});  // no others
  CHECK_THROWS_WITH(bn(x), ContainsSubstring("more than 1 value"));
  nn::sync_batch_norm(bn, [](std::span<double> numbers) {  // another one with the same
    for (double& v : numbers) v *= 2;
  });
  CHECK(test::values(bn(x)) == std::vector<double>{0, 0});
}

TEST_CASE("Batch norm with relu or relu6 lets the gradient pass where the result is NaN") {
  const auto activation = GENERATE(Activation::relu, Activation::relu6);
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
    const auto x = to_order(Tensorf::full({1, 3, 2, 2}, NAN), order);
    const auto ones = Tensorf::ones({3}), bias = Tensorf::zeros({3}).set_requires_grad();
    const auto residual = to_order(Tensorf::zeros({1, 3, 2, 2}), order).clone().set_requires_grad();
    const auto dy = to_order(Tensorf::ones({1, 3, 2, 2}), order);
    batch_norm(x, ones, ones, ones, bias, {.activation = activation}).backward(dy);
    for (const float v : bias.grad().values()) CHECK(v == 4);
    batch_norm(x, ones, ones, ones, bias, {.activation = activation}, residual).backward(dy);
    for (const float v : test::values(residual.grad())) CHECK(v == 1);
  }
}

TEST_CASE("Batch norm of [N, C] and [N, C, L] is that of images of one row") {
  const auto running = [] { return std::pair{test::random({3}, 5), Tensord::full({3}, 2)}; };
  for (const auto& shape : {Shape{7, 3}, Shape{4, 3, 5}, Shape{4, 3, 1}, Shape{1, 3, 2}}) {
    const auto x = test::random(shape), weight = test::random({3}, 1), bias = test::random({3}, 2);
    const Shape image{shape[0], 3, 1, shape.rank() == 3 ? shape[2] : 1};
    for (const bool training : {true, false}) {
      const auto [mean, var] = running();
      const auto [mean4, var4] = running();
      const BatchNormOptions o{.training = training, .activation = Activation::relu};
      const auto y = batch_norm(x, mean, var, weight, bias, o, x);
      const auto expected = batch_norm(reshape(x, image), mean4, var4, weight, bias, o, reshape(x, image));
      CHECK(y.shape() == shape);
      CHECK(test::max_difference(reshape(y, image), expected) < 1e-13);
      CHECK(test::max_difference(mean, mean4) < 1e-15);
      CHECK(test::max_difference(var, var4) < 1e-15);
    }
    nn::BatchNorm1d<double> norm({.features = 3});
    CHECK(test::check_module(norm, x, {.tolerance = 1e-5}) == "");
    CHECK(norm.num_batches_tracked > 0);
    nn::eval(norm);
    CHECK(test::check_module(norm, x) == "");
  }
}

TEST_CASE("BatchNorm1d refuses images, and BatchNorm2d what is none") {
  CHECK_THROWS_WITH(nn::BatchNorm1d<double>({.features = 3})(test::random({2, 3, 4, 5})),
                    ContainsSubstring("[BatchNorm1d] input [2, 3, 4, 5] must be [N, C] or [N, C, L]"));
  CHECK_THROWS_WITH(nn::BatchNorm2d<double>({.features = 3})(test::random({2, 3})),
                    ContainsSubstring("[BatchNorm2d] input [2, 3] must be [N, C, H, W]"));
  CHECK_THROWS_WITH(nn::BatchNorm1d<double>({.features = 0}), ContainsSubstring("[BatchNorm1d] features 0"));
  CHECK_THROWS_AS(nn::BatchNorm1d<double>({.features = 3})(test::random({1, 3})), ShapeError);
  CHECK_THROWS_AS(nn::BatchNorm1d<double>({.features = 3})(test::random({2, 4})), ShapeError);
}
