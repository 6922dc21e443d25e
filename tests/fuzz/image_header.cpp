// What JPEG and PNG files say of themselves, without decoding them: a header, or an unknown format.
#include <iterator>

#include "nasion/vision/image_header.hpp"
#include "support.hpp"

namespace vision = nasion::vision;

void fuzz::run(std::string_view input) {
  const auto header = vision::read_image_header(std::as_bytes(std::span(input)));
  require(header.orientation >= 1 && header.orientation <= 8, "orientation ", header.orientation);
  require(header.width >= 0 && header.height >= 0, header.width, " x ", header.height, " pixels");
  require(header.format != vision::ImageHeader::Format::unknown || !header.complete, "complete, but of no format");
}
