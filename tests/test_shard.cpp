#include "nasion/data/shard.hpp"

#include <numeric>

#include "nasion/data/loader.hpp"
#include "support/catch.hpp"

using namespace nasion;
using data::Shard;

namespace {

struct Numbers {  // of example i: i, and a random number
  Index n;
  Index size() const { return n; }
  data::Example<double> get(Index i, Rng& rng) const {
    return {Tensord::scalar(static_cast<double>(i)), Tensord::scalar(rng.uniform())};
  }
};

std::vector<double> values(const Tensord& x) { return {x.values().begin(), x.values().end()}; }

}  // namespace

TEST_CASE("The parts of all processes are the whole, and equal up to one") {
  for (const Index ranks : {1, 2, 3, 7, 16})
    for (const Index n : {0, 1, 5, 16, 33, 1000}) {
      Index next = 0;
      for (Index rank = 0; rank < ranks; ++rank) {
        const auto [begin, end] = Shard{rank, ranks}.part(n);
        CHECK(begin == next);
        CHECK((end - begin == n / ranks || end - begin == n / ranks + 1));
        next = end;
      }
      CHECK(next == n);
    }
  const Index large = std::numeric_limits<Index>::max() / 2;
  CHECK(Shard{6, 7}.part(large).end == large);
}

TEST_CASE("The batches of all processes together are those of one, with the same random numbers") {
  const Numbers numbers{22};
  const data::LoaderOptions options{.batch_size = 6, .shuffle = true, .workers = 2, .seed = 4};
  for (const Index ranks : {2, 3}) {
    auto whole = data::make_loader(numbers, options);
    std::vector<std::vector<double>> inputs, targets;
    for (int epoch = 0; epoch < 2; ++epoch)
      for (const auto& batch : whole) inputs.push_back(values(batch.input)), targets.push_back(values(batch.target));
    std::vector<std::vector<double>> together(inputs.size()), together_targets(inputs.size());
    for (Index rank = 0; rank < ranks; ++rank) {
      auto own = options;
      own.shard = {rank, ranks};
      auto loader = data::make_loader(numbers, own);
      CHECK(loader.size() == whole.size());
      std::size_t i = 0;
      for (int epoch = 0; epoch < 2; ++epoch)
        for (const auto& batch : loader) {
          CHECK((i % 4 == 3 || batch.input.dim(0) == 6 / ranks));
          for (const double v : values(batch.input)) together[i].push_back(v);
          for (const double v : values(batch.target)) together_targets[i].push_back(v);
          ++i;
        }
    }
    CHECK(together == inputs);
    CHECK(together_targets == targets);
  }
}

TEST_CASE("Uneven parts are refused before anything begins") {
  const Numbers numbers{33};
  const auto loader = [&](Index batch_size, Shard shard, bool drop_last = false) {
    data::make_loader(numbers, {.batch_size = batch_size, .drop_last = drop_last, .shard = shard});
  };
  CHECK_THROWS_WITH(loader(16, {0, 3}), ContainsSubstring("batch of 16") && ContainsSubstring("15 or 18"));
  CHECK_THROWS_WITH(loader(1, {1, 4}), ContainsSubstring("take 4"));
  CHECK_THROWS_WITH(loader(16, {1, 2}), ContainsSubstring("33 examples has 1, fewer than the 2 processes"));
  CHECK_NOTHROW(loader(16, {1, 2}, true));
  CHECK_NOTHROW(loader(10, {1, 2}));
  CHECK_THROWS_AS(loader(16, {2, 2}), ValueError);
  CHECK_THROWS_AS(loader(16, {-1, 2}), ValueError);
  CHECK_THROWS_AS(loader(16, {0, 0}), ValueError);
}

TEST_CASE("A sharded dataset has whole batches of the one it is a part of") {
  const Numbers numbers{22};
  for (const Index ranks : {1, 2, 3, 9}) {
    std::vector<std::vector<double>> batches;
    for (Index rank = 0; rank < ranks; ++rank) {
      const data::ShardedDataset own(numbers, {rank, ranks}, 4);
      auto loader = data::make_loader(own, {.batch_size = 4});
      for (const auto& batch : loader) batches.push_back(values(batch.input));
    }
    std::vector<std::vector<double>> of_one;
    auto whole = data::make_loader(numbers, {.batch_size = 4});
    for (const auto& batch : whole) of_one.push_back(values(batch.input));
    CHECK(batches == of_one);
  }
}
