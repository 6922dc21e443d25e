// dlib's XML files of faces.
#include "nasion/faces/dlib_xml.hpp"
#include "support.hpp"

namespace faces = nasion::faces;

void fuzz::run(std::string_view input) {
  const auto xml =
      read(input, "faces.xml", [](const std::filesystem::path& path) { return faces::read_dlib_xml(path); });
  if (!xml) return;
  require(!xml->images.empty(), "a file without images");
  std::size_t boxes = 0;
  for (const auto& image : xml->images) boxes += image.boxes.size();
  require(xml->faces().size() <= boxes && xml->missing().size() <= xml->images.size(), "faces from nowhere");
}
