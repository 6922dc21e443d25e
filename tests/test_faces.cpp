#include "support/faces.hpp"

#include <algorithm>
#include <string>

#include "nasion/vision/pts.hpp"
#include "support/catch.hpp"
#include "support/exif.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
using support::FaceEntry;

namespace {

/// 68 points within `box`.
vision::Landmarks points_in(const vision::Box& box) {
  vision::Landmarks points;
  for (int i = 0; i < vision::ibug::point_count; ++i)
    points.push_back({box.x + box.width * i / 67, box.y + box.height * (i % 7) / 6});
  return points;
}

/// A face in a stored photo of 120 x 90 pixels that is to be turned.
FaceEntry write_face(const test::TemporaryFolder& folder, const vision::Landmarks& points) {
  const FaceEntry entry{.name = "afw/1_1", .image = folder / "1_1.JPG", .shape = folder / "1_1.PTS"};
  vision::Image photo(120, 90, 3, 90);
  std::fill_n(photo.at(100, 0), 3, std::uint8_t{255});
  test::write_text(entry.image, test::with_orientation(vision::encode_jpeg(photo), 6));
  vision::write_pts(entry.shape, points);
  return entry;
}

std::string error_of(const vision::Landmarks& points) {
  const test::TemporaryFolder folder;
  const FaceEntry entries[] = {write_face(folder, points)};
  vision::KeypointDataset dataset({.width = 16, .height = 16, .points = {0}});
  try {
    support::add_faces(dataset, entries, 68, 1.4);
  } catch (const IoError& error) {
    return std::string(error.what()).substr(folder.path().string().size() + 1);
  }
  return "no error";
}

}  // namespace

TEST_CASE("Labelled photos stay as they are stored, so that their points lie on the face") {
  const test::TemporaryFolder folder;
  const FaceEntry entries[] = {write_face(folder, points_in({60, 30, 50, 40}))};
  REQUIRE(vision::read_image(entries[0].image).width == 90);
  const auto faces = support::read_faces(entries, 68);
  REQUIRE(faces.size() == 1);
  CHECK(faces[0].photo.width == 120);
  CHECK(faces[0].photo.height == 90);
  CHECK(*faces[0].photo.at(100, 0) > 150);
  CHECK(faces[0].points[67].x == Approx(110));
}

TEST_CASE("Points that are on no place of their photo are an error with the name of their file") {
  CHECK(error_of(points_in({60, 30, 50, 40})) == "no error");
  CHECK(error_of(points_in({-60, 30, 70, 40})) == "no error");
  CHECK(error_of(points_in({60, 30, 0, 0})) == "1_1.PTS: has all of its points in one row or column");
  CHECK(error_of(points_in({60, 30, 50, 0})) == "1_1.PTS: has all of its points in one row or column");
  for (const vision::Box& outside : {vision::Box{121, 0, 50, 40}, vision::Box{-60, 0, 50, 40},
                                     vision::Box{0, 91, 50, 40}, vision::Box{0, -50, 50, 40}})
    CHECK(error_of(points_in(outside)) == "1_1.PTS: has no point within its photo of 120 x 90 pixels");
}
