#include "nasion/core/bit_cast.hpp"

#include <cstdint>
#include <limits>

#include "support/catch.hpp"

TEST_CASE("bit_cast keeps the bits") {
  static_assert(nasion::bit_cast<std::uint32_t>(1.0f) == 0x3F800000u);
  CHECK(nasion::bit_cast<std::int64_t>(-0.0) == std::numeric_limits<std::int64_t>::min());
  CHECK(nasion::bit_cast<double>(nasion::bit_cast<std::uint64_t>(0.1)) == 0.1);
}
