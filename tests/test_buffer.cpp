#include "nasion/core/buffer.hpp"

#include <atomic>
#include <thread>

#include "nasion/nasion.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;

TEST_CASE("Versions count modifications") {
  Buffer a(8);
  CHECK(a.version() == 0);
  a.modified();
  a.modified();
  CHECK(a.version() == 2);
}

TEST_CASE("What is derived from the numbers is made once, until they change") {
  Buffer a(8);
  int made = 0;
  const auto get = [&](std::int64_t key) {
    return *a.derived<int>({key}, [&] { return std::make_shared<int>(++made); });
  };
  CHECK(get(1) == 1);
  CHECK(get(1) == 1);
  CHECK(get(2) == 2);
  a.modified();
  CHECK(get(1) == 3);
}

TEST_CASE("Threads that derive the same at once share one value") {
  Buffer a(8);
  std::atomic<int> made = 0;
  std::vector<std::shared_ptr<const int>> got(8);
  {
    std::vector<std::jthread> threads;
    for (auto& value : got)
      threads.emplace_back([&] { value = a.derived<int>({1}, [&] { return std::make_shared<int>(++made); }); });
  }
  for (const auto& value : got) CHECK(value == got[0]);  // whoever else made one gave it up
  a.modified();
  CHECK(*got[0] >= 1);  // those who hold it keep it
}

TEST_CASE("Nothing is kept beside numbers that others may change unseen") {
  int made = 0;
  const auto get = [&](Buffer& buffer) {
    return *buffer.derived<int>({1}, [&] { return std::make_shared<int>(++made); });
  };
  Buffer own(8);
  CHECK(get(own) == 1);
  CHECK_FALSE(own.shared());
  own.share();
  CHECK(own.shared());
  CHECK(get(own) == 2);
  CHECK(get(own) == 3);
  int number = 0;
  Buffer external(&number, [] {});
  CHECK(external.shared());
  CHECK(get(external) == 4);
  CHECK(get(external) == 5);
}

TEST_CASE("conv2d without gradients uses the weight as it is, whoever wrote it and by whatever pointer") {
  const NoGrad no_grad;
  const auto x = to_order(test::random<float>({1, 16, 16, 16}), MemoryOrder::channels_last);
  for (const Index k : {1, 3, 5}) {
    const auto convolve = [&](const Tensorf& w) { return conv2d(x, w, {}, {.padding = k / 2}); };
    const auto follows = [&](const Tensorf& w, auto&& change) {
      const auto before = convolve(w);
      change(w);
      const auto after = convolve(w);
      return test::identical(after, convolve(w.clone())) && !test::identical(after, before);
    };
    const auto normal = [k] { return test::random<float>({16, 16, k, k}, 8); };
    CHECK(follows(normal(), [](const Tensorf& w) { w.fill(2); }));
    CHECK(follows(normal(), [](const Tensorf& w) { w.set({0, 0, 0, 0}, 9); }));
    CHECK(follows(normal(), [](const Tensorf& w) { w.copy_from(test::random<float>(w.shape(), 5)); }));
    CHECK(follows(normal(), [](const Tensorf& w) { w.detach().fill(2); }));
    CHECK(follows(normal(), [](const Tensorf& w) { slice(w, 0, 3, 5).fill(7); }));
    CHECK(follows(normal(), [](const Tensorf& w) { reshape(w, {-1}).fill(3); }));
    CHECK(follows(normal(), [](const Tensorf& w) { w.mutable_data()[3] = 11; }));
    const auto kept = normal(), part = normal();
    float *const pointer = kept.mutable_data(), *const of_part = slice(part, 0, 3, 5).mutable_data();
    for (const float v : {11.f, 12.f}) CHECK(follows(kept, [&](const Tensorf&) { pointer[3] = v; }));
    CHECK(follows(part, [&](const Tensorf&) { of_part[3] = 11; }));
    CHECK(follows(part, [&](const Tensorf& w) { w.fill(1); }));
    for (const float v : {13.f, 14.f}) CHECK(follows(part, [&](const Tensorf&) { of_part[3] = v; }));
    std::vector<float> memory(static_cast<std::size_t>(16 * 16 * k * k), 0.1f);
    const auto outside = Tensorf::from_external(memory.data(), {16, 16, k, k});
    for (const float v : {11.f, 12.f}) CHECK(follows(outside, [&](const Tensorf&) { memory[3] = v; }));
  }
}

TEST_CASE("Weights that only the library has written are prepared once, others when they are cloned") {
  const SerialScope serial;
  const auto x = to_order(test::random<float>({1, 16, 16, 16}), MemoryOrder::channels_last);
  const NoGrad no_grad;
  const auto keeps = [&](const Tensorf& w) {
    const auto before = memory_stats().in_use;
    conv2d(x, w, {}, {.padding = 1});
    return memory_stats().in_use > before;
  };
  const auto w = test::random<float>({16, 16, 3, 3});
  CHECK(keeps(w.clone()));
  CHECK(keeps(w * 2));
  const auto copy = Tensorf::empty(w.shape());
  copy.copy_from(w);
  CHECK(keeps(copy));
  const auto given_away = w.clone();
  given_away.mutable_data();
  CHECK_FALSE(keeps(given_away));
  CHECK(keeps(given_away.clone()));
}
