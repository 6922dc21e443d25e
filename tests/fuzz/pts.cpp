// .pts files of points: the same points when written and read again.
#include "nasion/faces/pts.hpp"
#include "support.hpp"

namespace faces = nasion::faces;

void fuzz::run(std::string_view input) {
  const auto points = read(input, "face.pts", faces::read_pts);
  if (!points) return;
  const auto file = written([&](const auto& to) { faces::write_pts(to, *points); });
  require(file && read(*file, faces::read_pts) == points, "other points when written and read again");
}
