#include "nasion/core/error.hpp"

#include "support/catch.hpp"

using namespace nasion;

TEST_CASE("check throws the named error with its parts as message") {
  CHECK_NOTHROW(check(true, "unused"));
  CHECK_THROWS_AS(check(false, "a"), ShapeError);
  CHECK_THROWS_AS(check<ValueError>(false, "a"), ValueError);
  CHECK_THROWS_AS(check(false, "a"), std::invalid_argument);
  CHECK_THROWS_WITH(check(false, "[op] ", 3, " is not ", 2.5), "[op] 3 is not 2.5");
  CHECK(message("x", 1) == "x1");
}

TEST_CASE("An IoError carries its path and starts with it") {
  const IoError error("some/file", "is missing");
  CHECK(error.path() == "some/file");
  CHECK(std::string(error.what()) == "some/file: is missing");
  CHECK_THROWS_AS(throw error, std::runtime_error);
}
