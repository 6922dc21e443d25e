#include "nasion/vision/png_chunks.hpp"

#include <string>

#include "support/catch.hpp"

using namespace nasion::vision::detail;

TEST_CASE("crc32 has its check value, and a chunk says whether it is intact") {
  const std::string digits = "123456789";
  CHECK(crc32(std::as_bytes(std::span(digits))) == 0xCBF43926);
  CHECK(crc32({}) == 0);
  const std::string bytes = std::string("\x89PNG\r\n\x1A\n\0\0\0\0IEND\xAE\x42\x60\x82", 20) + "trailing";
  PngChunks chunks(std::as_bytes(std::span(bytes)));
  const auto end = chunks.next();
  REQUIRE(end);
  CHECK((end->is("IEND") && end->critical() && end->intact() && end->data().empty()));
  CHECK(chunks.complete());
  CHECK_FALSE(chunks.next());
}
