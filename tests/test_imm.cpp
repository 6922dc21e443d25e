#include "nasion/faces/imm.hpp"

#include <set>
#include <string>

#include "support/catch.hpp"
#include "support/data_dir.hpp"
#include "support/exif.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
using namespace nasion::vision;
using namespace nasion::faces;

namespace {

AsfShape shape_for(const std::string& image, int points = imm::point_count) {
  AsfShape shape{.relative = {}, .image = image};
  for (int i = 0; i < points; ++i) shape.relative.push_back({i / 100.0, 0.5});
  return shape;
}

void write_face(const std::filesystem::path& folder, const std::string& name) {
  write_jpeg(folder / (name + ".jpg"), Image(32, 24, 3, 90));
  write_asf(folder / (name + ".asf"), shape_for(name + ".jpg"));
}

std::vector<std::string> names(const std::vector<ImmEntry>& entries) {
  std::vector<std::string> out;
  for (const auto& entry : entries) out.push_back(entry.name());
  return out;
}

}  // namespace

TEST_CASE("ImmFaces lists photos by person and view, and passes over other files") {
  test::TemporaryFolder folder;
  for (const char* name : {"33-1f", "02-6m", "02-1m", "10-3f", "100-2m"}) write_face(folder.path(), name);
  for (const char* other :
       {"README.txt", "1-1m.jpg", "02-7m.jpg", "02-0m.jpg", "02-1x.jpg", "00-1m.jpg", "02-1mm.jpg", "ab-1m.jpg",
        "-2-1m.jpg", "02-1m.png", "021m.jpg", "-.jpg", ".jpg", "99999999999-1m.jpg", "+2-1m.jpg"})
    test::write_text(folder / other, "no photo");
  for (const char* hidden : {"._02-1m.jpg", "._02-1m.asf", ".03-1m.jpg"}) test::write_text(folder / hidden, "hidden");
  const ImmFaces faces(folder.path());
  CHECK(names(faces.entries()) == std::vector<std::string>{"02-1m", "02-6m", "10-3f", "33-1f", "100-2m"});
  CHECK(faces.size() == 5);
  const ImmEntry& entry = faces.entries()[2];
  CHECK(entry.person == 10);
  CHECK(entry.view == 3);
  CHECK(entry.sex == 'f');
  CHECK(entry.turned());
  CHECK_FALSE(faces.entries()[1].turned());
  CHECK(entry.image == folder / "10-3f.jpg");
  CHECK(entry.shape == folder / "10-3f.asf");
}

TEST_CASE("ImmFaces takes names in capitals, as old file systems have them") {
  test::TemporaryFolder folder;
  write_face(folder.path(), "07-3F");
  std::filesystem::rename(folder / "07-3F.jpg", folder / "07-3F.JPG");
  std::filesystem::rename(folder / "07-3F.asf", folder / "07-3F.ASF");
  write_face(folder.path(), "08-1m");
  std::filesystem::rename(folder / "08-1m.jpg", folder / "08-1m.jpeg");
  const ImmFaces faces(folder.path());
  CHECK(names(faces.entries()) == std::vector<std::string>{"07-3F", "08-1m"});
  CHECK(faces.entries()[0].sex == 'f');
  CHECK(read_imm_face(faces.entries()[0]).points.size() == imm::point_count);
}

TEST_CASE("ImmFaces splits by person") {
  test::TemporaryFolder folder;
  for (const char* name : {"01-1m", "01-2m", "32-1f", "33-1f", "40-6m"}) write_face(folder.path(), name);
  const ImmFaces faces(folder.path());
  const ImmSplit usual = faces.split();
  CHECK(names(usual.training) == std::vector<std::string>{"01-1m", "01-2m", "32-1f"});
  CHECK(names(usual.validation) == std::vector<std::string>{"33-1f", "40-6m"});
  const ImmSplit fold = faces.split([](int person) { return person == 1; });
  CHECK(names(fold.validation) == std::vector<std::string>{"01-1m", "01-2m"});
  CHECK(fold.training.size() == 3);
}

TEST_CASE("read_imm_face returns points in pixels") {
  test::TemporaryFolder folder;
  write_face(folder.path(), "01-1m");
  const ImmFaces faces(folder.path());
  const ImmFace face = read_imm_face(faces.entries()[0], {.channels = 1});
  CHECK(face.image.width == 32);
  CHECK(face.image.channels == 1);
  REQUIRE(face.points.size() == imm::point_count);
  CHECK(face.points[50].x == Approx(16));
  CHECK(face.points[50].y == Approx(12));
}

TEST_CASE("a photo is read as it is stored, because its points are parts of that width and height") {
  test::TemporaryFolder folder;
  write_face(folder.path(), "01-1m");
  test::write_text(folder / "01-1m.jpg", test::with_orientation(encode_jpeg(Image(32, 24, 3, 90)), 6));
  REQUIRE(read_image(folder / "01-1m.jpg").width == 24);
  const ImmFace face = read_imm_face(ImmFaces(folder.path()).entries()[0], {.exif_orientation = true});
  CHECK(face.image.width == 32);
  CHECK(face.points[50].x == Approx(16));
}

TEST_CASE("a folder that is no database is a clear error") {
  test::TemporaryFolder folder;
  const auto open = [](const std::filesystem::path& path) { return [path] { ImmFaces faces(path); }; };
  CHECK_THROWS_WITH(open(folder / "missing")(), (folder / "missing").string() + ": no such folder");
  CHECK_THROWS_WITH(open(folder.path())(), ContainsSubstring("holds no IMM photos"));
  test::write_text(folder / "file", "");
  CHECK_THROWS_WITH(open(folder / "file")(), (folder / "file").string() + ": is not a folder");
  write_face(folder.path(), "01-1m");
  CHECK(ImmFaces(folder.path()).size() == 1);
  write_jpeg(folder / "01-2m.jpg", Image(4, 4, 1));
  CHECK_THROWS_AS(open(folder.path())(), IoError);
  CHECK_THROWS_WITH(open(folder.path())(),
                    ContainsSubstring("01-2m.jpg: has no points beside it: 01-2m.asf is missing"));
}

TEST_CASE("read_imm_face names the file at fault") {
  test::TemporaryFolder folder;
  write_face(folder.path(), "01-1m");
  const ImmEntry entry = ImmFaces(folder.path()).entries()[0];
  const PointPath two[] = {{"line", 0, 1, false}};
  write_asf(entry.shape, shape_for("01-1m.jpg", 2), two);
  CHECK_THROWS_WITH(read_imm_face(entry), ContainsSubstring("01-1m.asf: has 2 points, not 58"));
  write_face(folder.path(), "01-1m");
  test::write_text(entry.image, "no photo");
  CHECK_THROWS_WITH(read_imm_face(entry), ContainsSubstring("01-1m.jpg: is neither"));
  std::filesystem::remove(entry.image);
  CHECK_THROWS_WITH(read_imm_face(entry), ContainsSubstring("01-1m.jpg: no such file"));
}

TEST_CASE("every view has a name") {
  std::set<std::string_view> seen;
  for (int view = 1; view <= 6; ++view) seen.insert(imm_view_name(view));
  CHECK(seen.size() == 6);
  CHECK(imm_view_name(1).starts_with("frontal"));
  CHECK(imm_view_name(2).starts_with("frontal"));
  CHECK(imm_view_name(3).starts_with("turned"));
  CHECK(imm_view_name(4).starts_with("turned"));
  CHECK_THROWS_AS(imm_view_name(0), ValueError);
  CHECK_THROWS_AS(imm_view_name(7), ValueError);
}

TEST_CASE("the IMM Face Database: 40 persons, 6 views, 192 and 48 photos", "[data]") {
  const auto data = test::data_dir();
  if (!data || !std::filesystem::is_directory(*data / "imm_face_db")) return;
  const ImmFaces faces(*data / "imm_face_db");
  CHECK(faces.size() == 240);
  std::set<int> persons;
  double turned_left = 0, turned_right = 0;
  int women = 0;
  for (const ImmEntry& entry : faces.entries()) {
    persons.insert(entry.person);
    women += entry.sex == 'f';
    const Landmarks p = read_asf(entry.shape).pixels(640, 480);
    // The nose's place between the ends of the jaw: 0.5 from the front.
    const double place = (p[imm::nose_tip].x - p[0].x) / (p[12].x - p[0].x);
    if (entry.view == 3) turned_left += place / 40;
    if (entry.view == 4) turned_right += place / 40;
  }
  CHECK(persons.size() == 40);
  CHECK(*persons.rbegin() == 40);
  CHECK(women == 7 * 6);
  CHECK(turned_left < 0.35);
  CHECK(turned_right > 0.65);
  CHECK(faces.split().training.size() == 192);
  CHECK(faces.split().validation.size() == 48);
  const ImmFace face = read_imm_face(faces.entries()[0]);
  CHECK(face.image.width == 640);
  CHECK(face.image.height == 480);
  CHECK(face.points[imm::nose_tip].x == Approx(0.4907006 * 640));
}
