#include "nasion/core/buffer.hpp"

#include <atomic>
#include <thread>

#include "support/catch.hpp"

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
