#include "nasion/optim/pieces.hpp"

#include <string>

#include "nasion/optim/adam.hpp"
#include "nasion/optim/sgd.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;

TEST_CASE("Every number of every tensor is in one piece") {
  struct Item {
    Index size, number;
  };
  const std::vector<Item> items{{0, 0}, {1, 1}, {16384, 2}, {0, 3}, {50001, 4}, {7, 5}, {0, 6}};
  for (const int threads : {1, 3}) {
    const test::Threads use(threads);
    std::vector<std::vector<int>> seen;
    for (const auto& item : items) seen.emplace_back(static_cast<std::size_t>(item.size), 0);
    optim::detail::for_pieces(items, [&](const Item& item, Index begin, Index end) {
      for (Index i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(item.number)][static_cast<std::size_t>(i)];
    });
    for (const auto& counts : seen) CHECK(counts == std::vector<int>(counts.size(), 1));
  }
  optim::detail::for_pieces(std::vector<Item>{}, [](const Item&, Index, Index) { FAIL("nothing to do"); });
}

TEST_CASE("Optimizers refuse parameters that share memory") {
  const auto w = Tensord::zeros({4, 3}).set_requires_grad(), b = Tensord::zeros({3}).set_requires_grad();
  CHECK_NOTHROW(optim::SGD<double>({w, b, Tensord::zeros({0}), Tensord::zeros({0})}, {}));
  CHECK_NOTHROW(optim::SGD<double>({slice(w.detach(), 0, 0, 2), slice(w.detach(), 0, 2, 4)}, {}));
  CHECK_THROWS_WITH(optim::SGD<double>({w, b, w}, {}),
                    ContainsSubstring("[SGD] parameters [4, 3] and [4, 3] share memory"));
  CHECK_THROWS_WITH(optim::AdamW<double>({slice(w.detach(), 0, 1, 3), w}, {}),
                    ContainsSubstring("[AdamW] parameters [4, 3] and [2, 3] share memory"));
}

TEST_CASE("A step over large and small parameters is the same bits for any number of threads") {
  const auto run = [](auto&& make) {
    return test::same_for_all_thread_counts(
        [&] {
          std::vector<Tensorf> parameters{test::random<float>({3}), test::random<float>({40, 1001}),
                                          test::random<float>({2, 3, 5, 7}, 1, MemoryOrder::channels_last)};
          auto optimizer = make(parameters);
          for (std::uint64_t step = 0; step < 3; ++step) {
            for (const auto& p : parameters) p.set_grad(test::random<float>(p.shape(), step));
            optimizer.step();
          }
          return parameters;
        },
        [](const auto& p, const auto& q) { return std::equal(p.begin(), p.end(), q.begin(), test::identical<float>); });
  };
  CHECK(run([](const auto& p) { return optim::SGD<float>(p, {.lr = 0.1}); }));
  CHECK(run([](const auto& p) { return optim::SGD<float>(p, {.lr = 0.1, .momentum = 0.9, .nesterov = true}); }));
  CHECK(run([](const auto& p) { return optim::AdamW<float>(p, {.lr = 0.1}); }));
}
