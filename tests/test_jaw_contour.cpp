#include "nasion/faces/synthetic/jaw_contour.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "support/drawn_face.hpp"

using namespace nasion;
using namespace nasion::vision;
using namespace nasion::faces;
using namespace test;

namespace {

/// A bald head before a backdrop that nothing else has the colour of.
FaceParameters head_before_green(float yaw, float roll) {
  FaceParameters face = plain_face();
  face.person.hair.style = PersonParameters::Hair::Style::bald;
  face.person.hair.length = 0;
  face.backdrop = {0, 1, 0}, face.backdrop_light = 0;
  face.blur = 0, face.yaw = yaw, face.roll = roll;
  return face;
}

bool is_green(const Image& image, Point p) {
  const auto c = colour_at(image, p, 0);
  return c[1] > 2 * c[0];
}

}  // namespace

TEST_CASE("the jaw of a turned head is marked where the cheek ends in the picture", "[synthetic]") {
  const float yaw = GENERATE(0.35f, 0.55f, 0.7f), roll = GENERATE(0.0f, 0.5f, -0.6f);
  const float side = GENERATE(1.0f, -1.0f);
  CAPTURE(yaw, roll, side);
  const SyntheticFace face = render_face(head_before_green(side * yaw, roll), 320, 240);
  // Towards the chin the neck is behind it.
  for (std::size_t i = 1; i <= 4; ++i) {
    const Landmarks& p = face.points68;
    const std::size_t k = side > 0 ? 16 - i : i, before = side > 0 ? k + 1 : k - 1, after = side > 0 ? k - 1 : k + 1;
    const double along_x = p[after].x - p[before].x, along_y = p[after].y - p[before].y;
    const double size = std::hypot(along_x, along_y), out_x = side * along_y / size, out_y = -side * along_x / size;
    CAPTURE(i, p[k].x, p[k].y, out_x, out_y);
    CHECK(is_green(face.image, {p[k].x + 1.5 * out_x, p[k].y + 1.5 * out_y}));
    CHECK_FALSE(is_green(face.image, {p[k].x - 1.5 * out_x, p[k].y - 1.5 * out_y}));
  }
}

TEST_CASE("points of the jaw are evenly spaced on each side and go round the face", "[synthetic]") {
  FaceParameters face = plain_face();
  face.yaw = GENERATE(0.0f, 0.4f, 0.7f), face.pitch = GENERATE(-0.3f, 0.0f, 0.3f), face.roll = 0.5f;
  CAPTURE(face.yaw, face.pitch);
  const SyntheticFace drawn = render_face(face, 320, 240);
  const auto check_side = [](const Landmarks& points, std::size_t first, std::size_t last, std::size_t nose) {
    double shortest = 1e9, longest = 0;
    for (std::size_t i = first; i < last; ++i) {
      const Point a = points[i], b = points[i + 1], n = points[nose];
      const double step = std::hypot(b.x - a.x, b.y - a.y);
      shortest = std::min(shortest, step), longest = std::max(longest, step);
      CAPTURE(i);
      CHECK((a.x - n.x) * (b.y - n.y) - (a.y - n.y) * (b.x - n.x) < 0);  // anticlockwise seen with y down
    }
    CHECK(shortest > 0.8 * longest);  // chords of arcs of one length
  };
  check_side(drawn.points68, 0, 8, 33), check_side(drawn.points68, 8, 16, 33);
  check_side(drawn.points58, 0, 6, 52), check_side(drawn.points58, 6, 12, 52);
}
