#include "nasion/faces/face_view.hpp"

#include <limits>

#include "support/catch.hpp"

using namespace nasion;
using namespace nasion::vision;
using namespace nasion::faces;

TEST_CASE("A view is a square around the middle of the box, as large as its longer side asks for") {
  CHECK(face_view({10, 20, 30, 60}, 1.5) == Box{25 - 45, 50 - 45, 90, 90});
  CHECK(face_view({0, 0, 8, 4}, 1) == Box{0, -2, 8, 8});
}

TEST_CASE("A box without area has no view") {
  CHECK_THROWS_WITH(face_view({0, 0, 0, 4}, 1), "[face_view] box of 0 x 4 with margin 1: all must be positive");
  CHECK_THROWS_AS(face_view({0, 0, 4, -1}, 1), ValueError);
  CHECK_THROWS_AS(face_view({0, 0, 4, 4}, 0), ValueError);
  CHECK_THROWS_AS(face_view({0, 0, std::numeric_limits<double>::quiet_NaN(), 4}, 1), ValueError);
}
