#include "nasion/io/io_error.hpp"

#include "support/catch.hpp"

using namespace nasion;

TEST_CASE("An IoError carries its path and starts with it") {
  const IoError error("some/file", "is missing");
  CHECK(error.path() == "some/file");
  CHECK(std::string(error.what()) == "some/file: is missing");
  CHECK_THROWS_AS(throw error, std::runtime_error);
}

TEST_CASE("An IoError is one line of UTF-8 of bounded length, whatever path and file have in them") {
  CHECK(std::string(IoError("a\x1b[2J\nb\xff", "c\nd").what()) == "a\\u001b[2J\\nb\uFFFD: c\\nd");
  CHECK(std::string(IoError("x", std::string(12'000'000, 'y')).what()).size() < 5000);
}
