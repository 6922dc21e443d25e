// .pts files of points: the same points when written and read again.
#include "nasion/vision/pts.hpp"
#include "support.hpp"

namespace vision = nasion::vision;

void fuzz::run(std::string_view input) {
  const auto points = read(input, "face.pts", vision::read_pts);
  if (!points) return;
  const auto file = written([&](const auto& to) { vision::write_pts(to, *points); });
  require(file && read(*file, vision::read_pts) == points, "other points when written and read again");
}
