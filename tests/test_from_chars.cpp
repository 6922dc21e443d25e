#include "nasion/io/from_chars.hpp"

#include <cmath>
#include <string>

#include "support/catch.hpp"

#ifdef __cpp_lib_to_chars
TEMPLATE_TEST_CASE("stream_from_chars reads what std::from_chars reads", "", float, double) {
  for (const std::string text : {"",
                                 "-",
                                 ".",
                                 "0",
                                 "-0",
                                 "12",
                                 "1.5",
                                 ".5",
                                 "5.",
                                 "-.25e2",
                                 "1e3",
                                 "1E-3",
                                 "1e",
                                 "1e+",
                                 "2e+5x",
                                 "1.5.5",
                                 "+1",
                                 " 1",
                                 "1 ",
                                 "1,5",
                                 "0x10",
                                 "--1",
                                 "1e-310",
                                 "1e-40",
                                 "1e400",
                                 "-1e400",
                                 "1e-400",
                                 "0.1",
                                 "3.4028235e38",
                                 "1e39",
                                 "inf",
                                 "-INF",
                                 "infinite",
                                 "-Infinity",
                                 "nan",
                                 "NaN",
                                 "-nan",
                                 "in",
                                 "n",
                                 "e5",
                                 "123456789012345678901234567890",
                                 "0.30000001192092896"}) {
    INFO("'" << text << "'");
    TestType expected = 7, got = 7;
    const char* const end = text.data() + text.size();
    const auto should = std::from_chars(text.data(), end, expected);
    const auto is = nasion::io::detail::stream_from_chars(text.data(), end, got);
    CHECK(is.ec == should.ec);
    CHECK(is.ptr - text.data() == should.ptr - text.data());
    CHECK((got == expected || (std::isnan(got) && std::isnan(expected))));
    CHECK(std::signbit(got) == std::signbit(expected));
  }
}
#endif

TEST_CASE("from_chars reads integers and floating point") {
  const std::string text = "-12.5,";
  int whole = 0;
  double number = 0;
  CHECK(nasion::io::detail::from_chars(text.data(), text.data() + text.size(), whole).ptr == text.data() + 3);
  CHECK(nasion::io::detail::from_chars(text.data(), text.data() + text.size(), number).ptr == text.data() + 5);
  CHECK(whole == -12);
  CHECK(number == -12.5);
}
