#include "nasion/core/error.hpp"

#include <iomanip>

#include "support/catch.hpp"
#include "support/foreign_locale.hpp"

using namespace nasion;

TEST_CASE("check throws the named error with its parts as message") {
  CHECK_NOTHROW(check(true, "unused"));
  CHECK_THROWS_AS(check(false, "a"), ShapeError);
  CHECK_THROWS_AS(check<ValueError>(false, "a"), ValueError);
  CHECK_THROWS_AS(check(false, "a"), std::invalid_argument);
  CHECK_THROWS_WITH(check(false, "[op] ", 3, " is not ", 2.5), "[op] 3 is not 2.5");
  CHECK(message("x", 1) == "x1");
  char text[] = "of";  // parts of every kind
  const char* const pointer = "any";
  CHECK(message(text, ' ', pointer, ' ', std::string("kind"), std::hex, 255, std::setw(4), true) ==
        "of any kindff   1");
  CHECK(message().empty());
}

TEST_CASE("Numbers in messages do not depend on the program's locale") {
  const test::ForeignLocale foreign;
  std::ostringstream own;
  own << 1234 << ' ' << 2.5 << ' ' << std::boolalpha << true;
  CHECK(own.str() == "1.2.3.4 2,5 wahr");
  CHECK(message(1234, " ", 2.5, " ", std::boolalpha, true) == "1234 2.5 true");
  CHECK(message(std::fixed, std::setprecision(2), 1234.5) == "1234.50");
}
