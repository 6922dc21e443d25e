#include "nasion/data/loader.hpp"

#include <atomic>
#include <limits>
#include <memory>
#include <set>
#include <system_error>
#include <thread>
#include <tuple>

#include "nasion/io/io_error.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

using namespace nasion;
using data::LoaderOptions;
using Numbers = std::vector<double>;

namespace {

/// Samples 0, 1, ..., each with a random number that belongs to it.
struct Counted {
  Index n;
  Index broken = -1;  // this sample throws
  std::atomic<int>* alive = nullptr;

  Index size() const { return n; }
  Numbers get(Index i, Rng& rng) const {
    if (i == broken) throw IoError("sample", "is broken");
    if (alive) ++*alive;
    return {static_cast<double>(i), rng.uniform()};
  }
};

struct Plain {
  Index size() const { return 5; }
  data::Example<double> get(Index i) const {
    return {Tensord::full({2, 3}, static_cast<double>(i)), Tensord::scalar(static_cast<double>(10 * i))};
  }
};

const auto join = [](const std::vector<Numbers>& samples) {
  Numbers all;
  for (const auto& s : samples) all.insert(all.end(), s.begin(), s.end());
  return all;
};

using Loader = data::DataLoader<Counted, std::remove_const_t<decltype(join)>>;

std::vector<Numbers> epoch(Loader& loader) {
  std::vector<Numbers> batches;
  for (const auto& batch : loader) batches.push_back(batch);
  return batches;
}

}  // namespace

TEST_CASE("The same batches for any number of workers, another order in each epoch") {
  const Counted dataset{23};
  const auto run = [&](int workers) {
    Loader loader(dataset, {.batch_size = 4, .shuffle = true, .workers = workers, .seed = 3}, join);
    auto first = epoch(loader);
    return std::pair{first, epoch(loader)};
  };
  const auto [first, second] = run(0);
  CHECK(run(1) == std::pair{first, second});
  CHECK(run(3) == std::pair{first, second});
  REQUIRE(first.size() == 6);
  CHECK(first[0].size() == 8);
  CHECK(first[5].size() == 6);
  CHECK(first != second);
  for (const auto& batches : {first, second}) {  // each sample once
    std::set<double> seen;
    for (const auto& batch : batches)
      for (std::size_t i = 0; i < batch.size(); i += 2) seen.insert(batch[i]);
    CHECK(seen.size() == 23);
  }
}

#ifdef __GLIBC__
TEST_CASE("Where no thread can be started, the caller prepares the same batches") {
  const Counted dataset{23};
  const auto run = [&](int workers) {
    Loader loader(dataset, {.batch_size = 4, .shuffle = true, .workers = workers}, join);
    return epoch(loader);
  };
  pthread_attr_t usual, greedy;
  REQUIRE(pthread_getattr_default_np(&usual) == 0);
  REQUIRE(pthread_getattr_default_np(&greedy) == 0);
  REQUIRE(pthread_attr_setstacksize(&greedy, std::numeric_limits<std::size_t>::max() / 4) == 0);
  REQUIRE(pthread_setattr_default_np(&greedy) == 0);  // more memory than there is
  bool refused = false;
  try {
    std::thread([] {}).join();
  } catch (const std::system_error&) {
    refused = true;
  }
  const auto batches = run(2);
  REQUIRE(pthread_setattr_default_np(&usual) == 0);
  CHECK(refused);
  CHECK(batches == run(0));
}
#endif

TEST_CASE("Randomness belongs to the sample and the epoch, not to the place in the order") {
  const Counted dataset{10};
  const auto numbers = [&](bool shuffle, Index batch) {
    Loader loader(dataset, {.batch_size = batch, .shuffle = shuffle, .seed = 3}, join);
    Numbers of(10);
    for (const auto& b : loader)
      for (std::size_t i = 0; i < b.size(); i += 2) of[static_cast<std::size_t>(b[i])] = b[i + 1];
    return of;
  };
  CHECK(numbers(false, 3) == numbers(true, 4));
  const auto once = numbers(false, 3);
  CHECK(std::set<double>(once.begin(), once.end()).size() == 10);
  Loader other(dataset, {.batch_size = 10, .seed = 4}, join);
  CHECK(epoch(other)[0][1] != once[0]);
}

TEST_CASE("Without shuffling the order is that of the dataset") {
  const Counted dataset{5};
  Loader loader(dataset, {.batch_size = 2}, join);
  const auto batches = epoch(loader);
  CHECK(batches[0][0] == 0);
  CHECK(batches[0][2] == 1);
  CHECK(batches[2][0] == 4);
  CHECK(epoch(loader)[0][1] != batches[0][1]);  // the next epoch draws anew
}

TEST_CASE("set_epoch goes on where a run stopped") {
  const Counted dataset{9};
  const LoaderOptions options{.batch_size = 2, .shuffle = true, .workers = 2, .seed = 3};
  Loader whole(dataset, options, join), resumed(dataset, options, join);
  epoch(whole);
  epoch(whole);
  CHECK(whole.epoch() == 2);
  resumed.set_epoch(2);
  CHECK(epoch(resumed) == epoch(whole));
  CHECK(resumed.epoch() == 3);
}

TEST_CASE("drop_last and the number of batches") {
  const Counted dataset{7}, none{0};
  Loader all(dataset, {.batch_size = 3}, join), full(dataset, {.batch_size = 3, .drop_last = true}, join);
  CHECK(all.size() == 3);
  CHECK(full.size() == 2);
  CHECK(epoch(all).size() == 3);
  CHECK(epoch(full).size() == 2);
  Loader large(dataset, {.batch_size = 100, .drop_last = true}, join), empty(none, {}, join);
  CHECK(epoch(large).empty());
  CHECK(epoch(empty).empty());
}

TEST_CASE("A loop may be left early, and the loader used again") {
  std::atomic<int> made = 0;
  const Counted dataset{1000, -1, &made};
  for (const int workers : {0, 1, 3}) {
    made = 0;
    Loader loader(dataset, {.batch_size = 2, .workers = workers, .prefetch = 2}, join);
    for (const auto& batch : loader)
      if (batch[0] == 4) break;
    CHECK(made <= 2 * (3 + 2 * workers + workers));  // what was shown, waited, or was being prepared
    CHECK(epoch(loader).size() == 500);
  }
}

TEST_CASE("An exception arrives where its batch is asked for") {
  const Counted dataset{10, 5};
  for (const int workers : {0, 1, 3}) {
    Loader loader(dataset, {.batch_size = 2, .workers = workers}, join);
    std::vector<double> seen;
    const auto run = [&] {
      for (const auto& batch : loader) seen.push_back(batch[0]);
    };
    CHECK_THROWS_AS(run(), IoError);
    CHECK(seen == Numbers{0, 2});
  }
  const Counted first_broken{10, 0};
  Loader loader(first_broken, {.workers = 2}, join);
  CHECK_THROWS_WITH(loader.begin(), ContainsSubstring("is broken"));
  // Also one of collate.
  const auto refuse = [](const std::vector<Numbers>& samples) -> Numbers {
    throw ShapeError(message(samples.size(), " do not fit"));
  };
  const Counted whole{4};
  data::DataLoader<Counted, decltype(refuse)> unfit(whole, {.batch_size = 4, .workers = 1}, refuse);
  CHECK_THROWS_WITH(unfit.begin(), "4 do not fit");
}

TEST_CASE("Examples are stacked") {
  const Plain dataset;
  auto loader = data::make_loader(dataset, {.batch_size = 2, .workers = 1});
  std::vector<data::Example<double>> batches;
  for (const auto& batch : loader) batches.push_back(batch);
  REQUIRE(batches.size() == 3);
  CHECK(batches[1].input.shape() == Shape{2, 2, 3});
  CHECK(batches[1].target.shape() == Shape{2});
  CHECK(batches[1].input.at({1, 0, 2}) == 3);
  CHECK(batches[2].target.at({0}) == 40);
  const std::vector<data::Example<double>> unequal{{Tensord::zeros({2}), Tensord::zeros({1})},
                                                   {Tensord::zeros({3}), Tensord::zeros({1})}};
  CHECK_THROWS_WITH(data::stack(unequal), ContainsSubstring("[1, 3]") && ContainsSubstring("[1, 2]"));
}

TEST_CASE("Loaders refuse settings that make no sense") {
  const Counted dataset{3};
  CHECK_THROWS_WITH(Loader(dataset, {.batch_size = 0}, join), ContainsSubstring("[DataLoader] batch_size 0"));
  CHECK_THROWS_AS(Loader(dataset, {.workers = -1}, join), ValueError);
  CHECK_THROWS_AS(Loader(dataset, {.prefetch = 0}, join), ValueError);
  static_assert(!std::is_constructible_v<Loader, Counted&&, LoaderOptions, std::remove_const_t<decltype(join)>>,
                "a loader of a temporary dataset would read what is gone");
}

TEST_CASE("A pass with workers ends with an error in a process made by fork(), and can be left there") {
  const Counted dataset{100};
  Loader loader(dataset, {.batch_size = 2, .workers = 2}, join);
  for (int i = 0; i < 10; ++i) {
    auto pass = std::make_unique<Loader::Iterator>(loader, 0);
    CHECK(test::holds_in_child([&] {
      std::string error;
      try {
        ++*pass;
      } catch (const ValueError& e) {
        error = e.what();
      }
      pass.reset();
      return error.find("a process made by fork()") != error.npos;
    }));
    ++*pass;
    CHECK((**pass)[0] == 2);
  }
}

namespace {

/// Two inputs, a class, and a map of classes.
struct Labelled {
  Index size() const { return 5; }
  data::Sample<std::tuple<Tensord, IntegerArray>, Index> get(Index i) const {
    return {{Tensord::full({2}, static_cast<double>(i)), {{1, 2}, {i, -i}}}, 10 * i};
  }
};

}  // namespace

TEST_CASE("Class numbers and several inputs become batches") {
  const Labelled dataset;
  auto loader = data::make_loader(dataset, {.batch_size = 2, .workers = 2});
  Index first = 0;
  for (const auto& batch : loader) {
    const Index n = std::min<Index>(2, 5 - first);
    const auto& [images, tokens] = batch.input;
    CHECK(images.shape() == Shape{n, 2});
    CHECK(images.at({n - 1, 1}) == static_cast<double>(first + n - 1));
    CHECK(tokens.shape == Shape{n, 1, 2});
    CHECK(tokens.values[1] == -first);
    CHECK(batch.target.shape == Shape{n});
    CHECK(batch.target.values[0] == 10 * first);
    first += n;
  }
  CHECK(first == 5);
  using Rows = data::Sample<Tensord, IntegerArray>;
  CHECK_THROWS_WITH(
      data::stack(std::vector<Rows>{{Tensord::zeros({1}), {{1}, {0}}}, {Tensord::zeros({1}), {{2}, {0, 1}}}}),
      ContainsSubstring("[stack] sample [2] does not fit first sample [1]"));
  CHECK_THROWS_AS(data::stack(std::vector<Rows>{}), ValueError);
}

TEST_CASE("A loader of batches that a function of one's own makes") {
  const Counted dataset{7};
  auto loader = data::make_loader(dataset, {.batch_size = 3, .workers = 2}, [](const std::vector<Numbers>& samples) {
    double sum = 0;
    for (const auto& s : samples) sum += s[0];
    return sum;
  });
  std::vector<double> sums;
  for (const double sum : loader) sums.push_back(sum);
  CHECK(sums == std::vector<double>{0 + 1 + 2, 3 + 4 + 5, 6});
}
