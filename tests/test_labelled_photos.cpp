#include "nasion/faces/labelled_photos.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/io_error.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
using namespace nasion::faces;

namespace {

std::vector<LabelledPhoto> list(const test::TemporaryFolder& folder) {
  return labelled_photos(folder.path(), ".pts", {".jpg", ".png"}, [](const std::string& name) { return name != "no"; });
}

void write(const test::TemporaryFolder& folder, const std::vector<std::string>& names) {
  for (const auto& name : names) test::write_text(folder / name, "");
}

/// The error of a folder with these files besides a photo and its points.
std::string error_with(const std::vector<std::string>& names) {
  const test::TemporaryFolder folder;
  write(folder, {"a.jpg", "a.pts"});
  write(folder, names);
  return test::io_error(folder.path(), [&] { list(folder); });
}

}  // namespace

TEST_CASE("Photos are listed with their points, whatever the case of their endings") {
  const test::TemporaryFolder folder;
  write(folder, {"b.JPG", "b.pts", "a.jpg", "a.PTS", "c.Png", "c.Pts", "d.e.jpg", "d.e.pts", "notes.txt", "no.jpg"});
  const auto photos = list(folder);
  REQUIRE(photos.size() == 4);
  CHECK(photos[0].image == folder / "a.jpg");
  CHECK(photos[0].shape == folder / "a.PTS");
  CHECK(photos[1].image == folder / "b.JPG");
  CHECK(photos[2].shape == folder / "c.Pts");
  CHECK(photos[3].image == folder / "d.e.jpg");
}

TEST_CASE("Hidden files are passed over, as those that macOS leaves beside others") {
  CHECK(error_with({"._a.jpg", "._a.pts", "._b.jpg", "._b.pts", ".c.jpg", ".jpg", ".pts", ".DS_Store"}) == "no error");
}

TEST_CASE("A photo without points and points without a photo are named") {
  CHECK(error_with({"b.JPG"}) == "b.JPG: has no points beside it: b.pts is missing");
  CHECK(error_with({"b.PTS"}) == "b.PTS: has no photo beside it: b.jpg is missing");
  CHECK(error_with({"B.jpg", "b.pts"}) == "B.jpg: has no points beside it: B.pts is missing");
  CHECK(error_with({"a.png"}) == "a.png: has the same name as a.jpg");
  CHECK(error_with({"a.PTS"}) == "a.pts: has the same name as a.PTS");
}

TEST_CASE("A folder that cannot be listed is an error") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_WITH(labelled_photos(folder / "missing", ".pts", {".jpg"}, [](const std::string&) { return true; }),
                    ContainsSubstring("missing: cannot list the folder"));
}
