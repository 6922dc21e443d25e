#include "nasion/io/io_error.hpp"

#include "support/catch.hpp"

using namespace nasion;

TEST_CASE("An IoError carries its path and starts with it") {
  const IoError error("some/file", "is missing");
  CHECK(error.path() == "some/file");
  CHECK(std::string(error.what()) == "some/file: is missing");
  CHECK_THROWS_AS(throw error, std::runtime_error);
}
