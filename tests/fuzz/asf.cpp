// .asf shape files. What was read is written, and written again from what was read then: the same text.
#include <array>

#include "nasion/faces/asf.hpp"
#include "nasion/faces/landmarks.hpp"
#include "support.hpp"

namespace vision = nasion::vision;
namespace faces = nasion::faces;

void fuzz::run(std::string_view input) {
  const auto shape = read(input, "face.asf", faces::read_asf);
  if (!shape) return;
  require(!shape->relative.empty(), "a shape without points");
  const std::array paths{vision::PointPath{"all", 0, static_cast<int>(shape->relative.size()) - 1, false}};
  const auto write = [&](const faces::AsfShape& s) {
    return written([&](const auto& to) { faces::write_asf(to, s, paths); });
  };
  const auto file = write(*shape);
  if (!file) return;
  const auto text = file_text(*file);
  const auto again = read(*file, faces::read_asf);
  require(again && again->image == shape->image && write(*again) && file_text(*file) == text,
          "another shape when written and read again");
}
