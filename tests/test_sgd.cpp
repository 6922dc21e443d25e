#include "nasion/optim/sgd.hpp"

#include <cmath>
#include <limits>

#include "nasion/ops/reduce.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::values;
using Vector = std::vector<double>;

namespace {
/// The parameter after steps with the gradients 1, 2, ...
Vector steps(const optim::SgdOptions& options, int n) {
  const auto p = Tensord::from({1}, {10}).set_requires_grad();
  optim::SGD<double> sgd({p}, options);
  Vector result;
  for (int i = 1; i <= n; ++i) {
    p.set_grad(Tensord::full({1}, i));
    sgd.step();
    result.push_back(p.item());
  }
  return result;
}
Vector approximately(const Vector& v) {  // rounded, to compare sums of tenths
  Vector r;
  for (const double x : v) r.push_back(std::round(x * 1e9) / 1e9);
  return r;
}
}  // namespace

TEST_CASE("SGD by hand") {
  CHECK(approximately(steps({.lr = 0.1}, 2)) == Vector{9.9, 9.7});
  // v = 1, 2.9, 5.61
  CHECK(approximately(steps({.lr = 0.1, .momentum = 0.9}, 3)) == Vector{9.9, 9.61, 9.049});
  // v = 1 (no dampening at first), 0.9 + 1, 1.71 + 1.5
  CHECK(approximately(steps({.lr = 0.1, .momentum = 0.9, .dampening = 0.5}, 3)) == Vector{9.9, 9.71, 9.389});
  // g + 0.9 v
  CHECK(approximately(steps({.lr = 0.1, .momentum = 0.9, .nesterov = true}, 2)) == Vector{9.81, 9.349});
  // 1 + 0.5 * 10 = 6
  CHECK(approximately(steps({.lr = 0.1, .weight_decay = 0.5}, 1)) == Vector{9.4});
  CHECK(steps({.lr = 0}, 3) == Vector{10, 10, 10});
}

TEST_CASE("Parameters without a gradient stay; zero_grad forgets") {
  const auto p = Tensord::from({1}, {1}).set_requires_grad(), q = Tensord::from({1}, {1}).set_requires_grad();
  optim::SGD<double> sgd({p, q}, {.lr = 0.5, .weight_decay = 0.1});
  (p * 2).backward();
  sgd.step();
  CHECK(p.item() == Approx(1 - 0.5 * 2.1));
  CHECK(q.item() == 1);
  sgd.zero_grad();
  CHECK_FALSE(p.grad().defined());
}

TEST_CASE("A graph from before the step cannot be used after it") {
  const auto p = Tensord::from({1}, {3}).set_requires_grad();
  optim::SGD<double> sgd({p}, {.lr = 0.1});
  const auto loss = p * p;
  loss.backward({}, true);
  sgd.step();
  CHECK_THROWS_WITH(loss.backward(), ContainsSubstring("[mul]") && ContainsSubstring("modified in place"));
}

TEST_CASE("Gradients and parameters may differ in memory order") {
  const auto p = to_order(test::random({2, 3, 2, 2}), MemoryOrder::channels_last).clone().set_requires_grad();
  const auto g = test::random({2, 3, 2, 2}, 9);
  const auto expected = p - g * 0.1;
  p.set_grad(g);
  optim::SGD<double>({p}, {.lr = 0.1, .momentum = 0.9}).step();
  CHECK(p.order() == MemoryOrder::channels_last);
  CHECK(test::max_difference(p.detach(), expected.detach()) < 1e-15);
}

TEST_CASE("The learning rate may change between steps") {
  const auto p = Tensord::from({1}, {1}).set_requires_grad();
  optim::SGD<double> sgd({p}, {.lr = 0.1});
  p.set_grad(Tensord::ones({1}));
  sgd.options.lr = 0.5;
  sgd.step();
  CHECK(p.item() == 0.5);
}

TEST_CASE("An SGD goes on from a saved state as if it had never stopped") {
  const optim::SgdOptions options{.lr = 0.1, .momentum = 0.9, .dampening = 0.3};
  const auto run = [&](bool interrupted) {
    const auto p = Tensord::from({2}, {1, 2}).set_requires_grad();
    auto sgd = std::make_unique<optim::SGD<double>>(std::vector{p}, options);
    for (int i = 0; i < 6; ++i) {
      if (interrupted && i == 3) {
        auto next = std::make_unique<optim::SGD<double>>(std::vector{p}, options);
        nn::load_state_dict(*next, nn::state_dict(*sgd));
        sgd = std::move(next);
      }
      p.set_grad(Tensord::full({2}, i + 1));
      sgd->step();
    }
    return values(p);
  };
  CHECK(run(true) == run(false));
}

TEST_CASE("SGD refuses settings that make no sense") {
  const auto p = Tensord::ones({1}).set_requires_grad();
  const auto make = [&](const optim::SgdOptions& options) { return optim::SGD<double>({p}, options); };
  CHECK_THROWS_WITH(make({.lr = -1}), ContainsSubstring("[SGD] lr -1"));
  CHECK_THROWS_AS(make({.lr = std::nan("")}), ValueError);
  CHECK_THROWS_AS(make({.lr = 1, .momentum = -0.1}), ValueError);
  CHECK_THROWS_AS(make({.lr = 1, .weight_decay = -0.1}), ValueError);
  CHECK_THROWS_WITH(make({.lr = 1, .nesterov = true}), ContainsSubstring("Nesterov"));
  CHECK_THROWS_AS(make({.lr = 1, .momentum = 0.9, .dampening = 0.1, .nesterov = true}), ValueError);
  CHECK_THROWS_AS(optim::SGD<double>({Tensord{}}, {}), ValueError);
  CHECK_THROWS_WITH(optim::SGD<double>({p * 2}, {}), ContainsSubstring("[SGD] parameter [1]"));
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(make({.lr = infinity}), ValueError);
  CHECK_THROWS_AS(make({.lr = 1, .dampening = infinity}), ValueError);

  // Nor when they are set later.
  auto sgd = make({.lr = 1});
  p.set_grad(Tensord::ones({1}));
  for (const optim::SgdOptions& o :
       {optim::SgdOptions{.lr = -1}, {.lr = 1, .momentum = -0.9}, {.lr = std::nan("")}, {.lr = 1, .nesterov = true}}) {
    sgd.options = o;
    CHECK_THROWS_WITH(sgd.step(), ContainsSubstring("[SGD]"));
    CHECK(p.item() == 1);
  }
}

TEST_CASE("SGD follows options that change between steps, as PyTorch does") {
  // torch: p = torch.ones(1, dtype=torch.float64, requires_grad=True); sgd = torch.optim.SGD([p], lr=0.1); 5 times:
  //   sgd.param_groups[0].update(..) before step i; sgd.zero_grad(); p.sum().backward(); sgd.step()
  const auto run = [](auto&& change) {
    const auto p = Tensord::ones({1}).set_requires_grad();
    optim::SGD<double> sgd({p}, {.lr = 0.1});
    for (int i = 0; i < 5; ++i) {
      change(i, sgd.options);
      p.set_grad(Tensord::ones({1}));
      sgd.step();
    }
    return p.item();
  };
  using Options = optim::SgdOptions;
  CHECK(run([](int i, Options& o) { o.momentum = i > 0 ? 0.9 : 0; }) == Approx(-0.0049).epsilon(1e-9));
  CHECK(run([](int i, Options& o) {
          o.momentum = i > 0 ? 0.9 : 0;
          o.nesterov = i > 0;
        }) == Approx(-0.31441).epsilon(1e-9));
  CHECK(run([](int, Options& o) {
          o.momentum = 0.9;
          o.nesterov = true;
        }) == Approx(-0.682969).epsilon(1e-9));
  CHECK(run([](int i, Options& o) {
          o.momentum = i > 0 ? 0.9 : 0;
          o.dampening = 0.5;
        }) == Approx(0.2756).epsilon(1e-9));
  CHECK(run([](int i, Options& o) { o.momentum = i % 2 == 1 ? 0.9 : 0; }) == Approx(0.41).epsilon(1e-9));
  CHECK(run([](int i, Options& o) { o.weight_decay = i > 1 ? 0.5 : 0; }) == Approx(0.40065).epsilon(1e-9));
}

TEST_CASE("A state with velocities goes into an SGD that has none yet, and the other way round") {
  const auto p = Tensord::from({2}, {1, 2}).set_requires_grad();
  const auto step = [&](optim::SGD<double>& sgd) {
    p.set_grad(Tensord::full({2}, 1));
    sgd.step();
    return values(p);
  };
  optim::SGD<double> plain({p}, {.lr = 0.1}), moving({p}, {.lr = 0.1, .momentum = 0.9});
  const auto start = p.clone();
  step(moving);
  const auto state = nn::state_dict(moving);
  CHECK(state.tensors.size() == 1);
  nn::load_state_dict(plain, state);
  const auto after_one = p.clone();
  const auto expected = step(moving);
  {
    const NoGrad no_grad;
    p.copy_from(after_one);
  }
  plain.options.momentum = 0.9;
  CHECK(step(plain) == expected);
  // Without velocities they begin anew.
  nn::load_state_dict(moving, nn::state_dict(optim::SGD<double>({p}, {.lr = 0.1})));
  {
    const NoGrad no_grad;
    p.copy_from(start);
  }
  CHECK(step(moving) == Vector{0.9, 1.9});
  // Nothing has changed after an error.
  auto wrong = nn::state_dict(plain);
  wrong.tensors[0].tensor = Tensord::zeros({3});
  optim::SGD<double> other({p}, {.lr = 0.1});
  CHECK_THROWS_WITH(nn::load_state_dict(other, wrong), ContainsSubstring("velocity.0 [3] (expected [2])"));
  CHECK(nn::state_dict(other).tensors.empty());
}
