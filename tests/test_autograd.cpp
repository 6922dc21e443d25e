#include "nasion/core/autograd.hpp"

#include <thread>

#include "nasion/ops/reduce.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::random;
using test::values;
using Vector = std::vector<double>;

namespace {
Tensord leaf(std::initializer_list<double> numbers) {
  return Tensord::from({static_cast<Index>(numbers.size())}, numbers).set_requires_grad();
}
}  // namespace

TEST_CASE("Gradients reach leaves and add up") {
  const auto x = leaf({1, 2, 3});
  CHECK_FALSE(x.grad().defined());
  sum(x * x).backward();
  CHECK(values(x.grad()) == Vector{2, 4, 6});
  sum(x * 3).backward();
  CHECK(values(x.grad()) == Vector{5, 7, 9});
  x.zero_grad();
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("A leaf can be the result itself") {
  const auto x = Tensord::scalar(4).set_requires_grad();
  x.backward();
  CHECK(x.grad().item() == 1);
}

TEST_CASE("Diamonds: each path counts once") {
  const auto x = leaf({2});
  const auto a = x * x;      // 4, derivative 4
  const auto b = a + a * x;  // x^2 + x^3
  const auto c = b * a;      // x^4 + x^5: 4 x^3 + 5 x^4
  c.backward();
  CHECK(values(x.grad()) == Vector{4 * 8 + 5 * 16});
  // A ladder has 2^60 paths; it must be walked by its nodes.
  x.zero_grad();
  auto y = x * 1;
  for (int i = 0; i < 60; ++i) y = y * 0.5 + y * 0.5;
  y.backward();
  CHECK(values(x.grad()) == Vector{1});
}

TEST_CASE("A listener hears of each gradient when it is complete, and not before") {
  const auto early = Tensord::from({2}, {1, 2}), late = Tensord::from({2}, {3, 4}), unused = Tensord::from({2}, {5, 6});
  for (const auto& x : {early, late, unused}) x.set_requires_grad();
  std::vector<std::vector<double>> heard;
  const auto run = [&] {
    const auto square = early * early;  // its only use
    const auto first = square * late;
    const auto second = late * unused * 0.0;
    sum(first + second).backward();
  };
  {
    const GradientListener<double> listener([&](const Tensord& leaf) {
      const auto g = leaf.grad().values();
      heard.push_back({leaf.data()[0], g[0], g[1]});
      if (leaf.same_as(late)) CHECK_FALSE(early.grad().defined());
    });
    run();
  }
  REQUIRE(heard.size() == 3);
  CHECK(heard[0] == std::vector<double>{5, 0, 0});
  CHECK(heard[1] == std::vector<double>{3, 1, 4});
  CHECK(heard[2] == std::vector<double>{1, 6, 16});
  run();
  CHECK(heard.size() == 3);
}

TEST_CASE("A chain of 100,000 operations is walked and destroyed without recursion") {
  const auto x = leaf({1});
  {
    auto y = x;
    for (int i = 0; i < 100000; ++i) y = y + x;
    y.backward();
    CHECK(values(x.grad()) == Vector{100001});
  }
  auto unused = x;  // destroyed without ever being walked
  for (int i = 0; i < 100000; ++i) unused = exp(unused * 0.5);
  unused = {};
  SUCCEED("destroyed");
}

TEST_CASE("Gradients are summed over dimensions that were broadcast") {
  CHECK(test::gradcheck([](const auto& t) { return t[0] * t[1]; }, {random({2, 3, 4}), random({3, 1})}) == "");
  CHECK(test::gradcheck([](const auto& t) { return t[0] * t[1] + t[2]; },
                        {random({2, 1, 2, 3}), random({1, 3, 1, 1}), Tensord::scalar(2)}) == "");
  const auto b = Tensord::zeros({3, 1}).set_requires_grad();
  (random({2, 3, 4}) + b).backward(Tensord::ones({2, 3, 4}));
  CHECK(b.grad().shape() == Shape{3, 1});
  CHECK(values(b.grad()) == Vector{8, 8, 8});
}

TEST_CASE("A saved tensor that is modified in place is an error that names the operation") {
  const auto x = leaf({1, 2}), w = leaf({3, 4});
  const auto loss = sum(x * w);
  {
    const NoGrad no_grad;
    w.fill(0);
  }
  CHECK_THROWS_WITH(loss.backward(),
                    ContainsSubstring("[mul]") && ContainsSubstring("[2]") && ContainsSubstring("modified in place"));
  // Also through an alias, and for a saved result.
  const auto y = exp(x);
  y.detach().set({0}, 1);
  CHECK_THROWS_WITH(sum(y).backward(), ContainsSubstring("[exp]"));
  // What is not saved may change.
  const auto free = sum(x + w);
  {
    const NoGrad no_grad;
    w.fill(1);
  }
  CHECK_NOTHROW(free.backward());
}

TEST_CASE("In-place changes of tensors that require a gradient need NoGrad") {
  const auto x = leaf({1, 2});
  CHECK_THROWS_WITH(x.fill(0), ContainsSubstring("[fill]") && ContainsSubstring("NoGrad"));
  CHECK_THROWS_WITH(x.set({0}, 1), ContainsSubstring("[set]"));
  CHECK_THROWS_WITH(x.copy_from(Tensord::zeros({2})), ContainsSubstring("[copy_from]"));
  CHECK(values(x) == Vector{1, 2});
  CHECK_THROWS_AS((x * 2).fill(0), ValueError);
  const NoGrad no_grad;
  x.fill(7);
  CHECK(values(x) == Vector{7, 7});
}

TEST_CASE("A graph is used once, unless it is retained") {
  const auto x = leaf({3});
  const auto y = x * x;
  y.backward({}, true);
  y.backward({}, true);
  CHECK(values(x.grad()) == Vector{12});
  y.backward();
  CHECK(values(x.grad()) == Vector{18});
  CHECK_THROWS_WITH(y.backward(), ContainsSubstring("[mul]") && ContainsSubstring("already used"));
  CHECK(values(x.grad()) == Vector{18});
  // A part that two graphs share.
  const auto shared = exp(x), first = sum(shared), second = sum(shared * 2);
  first.backward();
  CHECK_THROWS_WITH(second.backward(), ContainsSubstring("[exp]"));
}

TEST_CASE("NoGrad and detach leave operations out of the graph") {
  const auto x = leaf({1, 2});
  CHECK(grad_enabled());
  {
    const NoGrad outer;
    { const NoGrad inner; }
    CHECK_FALSE(grad_enabled());
    CHECK_FALSE((x * 2).requires_grad());
    bool elsewhere = false;
    std::thread([&] { elsewhere = grad_enabled(); }).join();
    CHECK(elsewhere);
  }
  CHECK(grad_enabled());
  CHECK((x * 2).requires_grad());
  CHECK_FALSE((x.detach() * 2).requires_grad());
  CHECK_FALSE(x.clone().requires_grad());
  sum(x * x.detach()).backward();
  CHECK(values(x.grad()) == Vector{1, 2});
  // The graph ends where it was cut, whatever else it holds.
  CHECK_THROWS_WITH(sum(x.detach()).backward(), ContainsSubstring("[backward]") && ContainsSubstring("[]"));
}

TEST_CASE("backward() needs a fitting gradient") {
  const auto x = leaf({1, 2});
  CHECK_THROWS_WITH((x * 2).backward(), ContainsSubstring("[backward]") && ContainsSubstring("[2]"));
  CHECK_THROWS_WITH((x * 2).backward(Tensord::ones({3})),
                    ContainsSubstring("gradient [3]") && ContainsSubstring("tensor [2]"));
  CHECK_THROWS_AS(Tensord::ones({1}).backward(), ValueError);
  const auto given = Tensord::from({2}, {5, 6});
  (x * 2).backward(given);
  CHECK(values(x.grad()) == Vector{10, 12});
  CHECK(values(given) == Vector{5, 6});
}

TEST_CASE("An operation that returns gradients of a wrong shape or number is named") {
  const auto x = leaf({1, 2});
  const auto wrong_shape =
      Op("odd").record(Tensord::zeros({2}), {x}, [](const Tensord&) -> Grads<double> { return {Tensord::ones({3})}; });
  CHECK_THROWS_WITH(wrong_shape.backward(Tensord::ones({2})),
                    ContainsSubstring("[odd]") && ContainsSubstring("[3]") && ContainsSubstring("[2]"));
  const auto wrong_number = Op("odd").record(Tensord::zeros({2}), {x}, [](const Tensord& dy) -> Grads<double> {
    return {dy, dy};
  });
  CHECK_THROWS_WITH(wrong_number.backward(Tensord::ones({2})), ContainsSubstring("[odd] has 1 inputs"));
}

TEST_CASE("set_requires_grad is for leaves") {
  const auto x = leaf({1});
  CHECK(x.is_leaf());
  const auto y = x * 2;
  CHECK_FALSE(y.is_leaf());
  CHECK(y.requires_grad());
  CHECK_THROWS_AS(y.set_requires_grad(), ValueError);
  x.set_requires_grad(false);
  CHECK_FALSE((x * 2).requires_grad());
}

TEST_CASE("grad() of leaves and of intermediate results") {
  const auto x = leaf({1, 2}), w = leaf({3, 4}), unused = leaf({9});
  const auto h = x * w;
  const auto y = sum(h * h);
  const auto g = grad<double>({y}, {h, x, unused, x}, {}, true);
  CHECK(values(g[0]) == Vector{6, 16});
  CHECK(values(g[1]) == Vector{18, 64});
  CHECK_FALSE(g[2].defined());
  CHECK(values(g[3]) == values(g[1]));
  CHECK_FALSE(x.grad().defined());
  CHECK_FALSE(w.grad().defined());
  // Several outputs, weighted; an output may be an input.
  const auto two = grad<double>({h, y}, {w, h}, {Tensord::from({2}, {1, 1}), Tensord::scalar(2)}, true);
  CHECK(values(two[0]) == Vector{1 * (1 + 12), 2 * (1 + 32)});
  CHECK(values(two[1]) == Vector{13, 33});
  CHECK(values(grad<double>({x}, {x}, {Tensord::from({2}, {5, 6})})[0]) == Vector{5, 6});
  CHECK_THROWS_WITH(grad<double>({y}, {Tensord::ones({3})}), ContainsSubstring("[grad] input [3]"));
  CHECK_THROWS_WITH(grad<double>({y, h}, {x}, {Tensord::scalar(1)}), ContainsSubstring("2 outputs but 1"));
  CHECK_THROWS_WITH(grad<double>({h}, {x}), ContainsSubstring("[grad]") && ContainsSubstring("[2]"));
}

TEST_CASE("Gradients share no memory with each other or with anything given") {
  const auto x = leaf({1, 2}), y = leaf({3, 4});
  const auto given = Tensord::from({2}, {1, 1});
  (x + y).backward(given);
  x.grad().fill(50);
  CHECK(values(y.grad()) == Vector{1, 1});
  CHECK(values(given) == Vector{1, 1});
  y.zero_grad();
  // One gradient goes two ways, and more is added on one of them only.
  const auto u = leaf({1});
  const auto a = u * 2, b = u * 3, older = a * 5, newer = a + b;
  const auto one = Tensord::ones({1});
  (newer + older).backward(one);
  CHECK(values(u.grad()) == Vector{2 * (1 + 5) + 3});
  CHECK(one.item() == 1);
  (reshape(y, {1, 2}) + 0).backward(Tensord::ones({1, 2}));
  const auto z = leaf({0, 0});
  (z + y).backward(y.grad());
  CHECK(values(z.grad()) == Vector{1, 1});
  CHECK(values(y.grad()) == Vector{2, 2});
}

TEST_CASE("Nothing stays in memory: no cycles, and saved tensors go as backward() passes") {
  const auto before = memory_stats().in_use;
  {
    const auto x = random({100, 100}).set_requires_grad();
    const auto loss = sum(exp(sqrt(exp(x)) * x) / (x * x + 1));
    const auto with_graph = memory_stats().in_use;
    loss.backward();
    CHECK(memory_stats().in_use < with_graph);
    x.zero_grad();
    const auto again = sum(exp(x));  // never walked
  }
  CHECK(memory_stats().in_use == before);
}

TEST_CASE("A result keeps its graph alive without the tensors in between") {
  const auto x = leaf({2});
  Tensord y;
  {
    const auto a = x * x;
    y = a * a;
  }
  y.backward();
  CHECK(values(x.grad()) == Vector{32});
}

TEST_CASE("Leaves in channels-last order get gradients in either order") {
  const auto x = to_order(random({2, 3, 2, 2}), MemoryOrder::channels_last).clone().set_requires_grad();
  const auto dy = random({2, 3, 2, 2}, 9);
  (x * 2).backward(dy);
  (x * 3).backward(to_order(dy, MemoryOrder::channels_last));
  CHECK(test::max_difference(x.grad(), dy * 5) < 1e-12);
}

TEST_CASE("Threads may use one set of weights under NoGrad") {
  const auto w = random({50, 50}).set_requires_grad();
  const auto expected = [&] {
    const NoGrad no_grad;
    return exp(w) * w;
  }();
  std::vector<int> same(4, 0);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        const NoGrad no_grad;
        for (int i = 0; i < 50; ++i) same[t] += test::identical(exp(w) * w, expected);
      });
  }
  CHECK(same == std::vector<int>(4, 50));
}
