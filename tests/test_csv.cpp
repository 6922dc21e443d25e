#include "nasion/io/csv.hpp"

#include <cstdint>
#include <limits>

#include "support/catch.hpp"

using nasion::io::csv_field;
using nasion::io::csv_line;

TEST_CASE("Numbers are written in the shortest way that reads back exactly") {
  CHECK(csv_field(0.1) == "0.1");
  CHECK(csv_field(0.1f) == "0.1");
  CHECK(csv_field(1.0 / 3) == "0.3333333333333333");
  CHECK(csv_field(-7) == "-7");
  CHECK(csv_field(std::uint64_t{18446744073709551615u}) == "18446744073709551615");
}

TEST_CASE("Numbers that are not finite are written in words") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  CHECK(csv_line(nan, -nan, inf, -inf) == "nan,nan,inf,-inf\n");
}

TEST_CASE("Text is quoted only where it must be") {
  CHECK(csv_line("33-1m", 2, std::string("a b")) == "33-1m,2,a b\n");
  CHECK(csv_line("a,b", "say \"x\"", "two\nlines") == "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\"\n");
  CHECK(csv_line("") == "\n");
}
