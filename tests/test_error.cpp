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
