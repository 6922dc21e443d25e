#include "nasion/core/buffer.hpp"

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
