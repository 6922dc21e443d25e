#include "lab/faces.hpp"

#include <algorithm>
#include <string>

#include "nasion/faces/pts.hpp"
#include "nasion/faces/synthetic/folder.hpp"
#include "support/catch.hpp"
#include "support/exif.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
using lab::FaceEntry;

namespace {

/// 68 points within `box`.
faces::Landmarks points_in(const vision::Box& box) {
  faces::Landmarks points;
  for (int i = 0; i < faces::ibug::point_count; ++i)
    points.push_back({box.x + box.width * i / 67, box.y + box.height * (i % 7) / 6});
  return points;
}

/// A face in a stored photo of 120 x 90 pixels that is to be turned.
FaceEntry write_face(const test::TemporaryFolder& folder, const faces::Landmarks& points) {
  const FaceEntry entry{.name = "afw/1_1", .image = folder / "1_1.JPG", .shape = folder / "1_1.PTS"};
  vision::Image photo(120, 90, 3, 90);
  std::fill_n(photo.at(100, 0), 3, std::uint8_t{255});
  test::write_text(entry.image, test::with_orientation(vision::encode_jpeg(photo), 6));
  faces::write_pts(entry.shape, points);
  return entry;
}

std::string error_of(const faces::Landmarks& points) {
  const test::TemporaryFolder folder;
  const FaceEntry entries[] = {write_face(folder, points)};
  faces::KeypointDataset dataset({.width = 16, .height = 16, .points = {0}});
  try {
    lab::add_faces(dataset, entries, 68, 1.4);
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
  const auto faces = lab::read_faces(entries, 68);
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

TEST_CASE("Photos are known by their names and contents, not by where they lie") {
  const test::TemporaryFolder folder;
  const auto files_in = [&](const std::filesystem::path& place, const std::string& name = "1") {
    lab::FaceFiles files;
    for (auto* entries : {&files.training, &files.validation}) {
      lab::FaceEntry entry;
      entry.name = entries == &files.training ? name : "2";
      entry.image = place / (entries == &files.training ? "a.jpg" : "b.jpg");
      entry.shape = entry.image;
      entry.shape.replace_extension(".asf");
      entries->push_back(entry);
    }
    return files;
  };
  const auto fill = [&](const std::filesystem::path& place, const std::string& image, const std::string& shape) {
    std::filesystem::create_directories(place);
    for (const std::string stem : {"a", "b"}) {
      test::write_text(place / (stem + ".jpg"), image);
      test::write_text(place / (stem + ".asf"), shape);
    }
    return files_in(place);
  };
  const auto files = fill(folder / "one", "pixels", "points");
  const auto print = lab::fingerprint(files);
  CHECK(print.size() == 16);
  CHECK(lab::fingerprint(files) == print);
  CHECK(lab::fingerprint(fill(folder / "two", "pixels", "points")) == print);
  CHECK(lab::fingerprint(fill(folder / "three", "pixelz", "points")) != print);
  CHECK(lab::fingerprint(fill(folder / "four", "pixels", "pointz")) != print);
  CHECK(lab::fingerprint(fill(folder / "five", "pixelsp", "oints")) != print);
  CHECK(lab::fingerprint(files_in(folder / "one", "other")) != print);

  auto swapped = files;
  std::swap(swapped.training, swapped.validation);
  CHECK(lab::fingerprint(swapped) != print);
  auto moved = files;  // from validation to training
  moved.training.push_back(moved.validation.front());
  moved.validation.clear();
  CHECK(lab::fingerprint(moved) != print);
}

TEST_CASE("Faces that a killed program left half drawn are removed, those that are there are not drawn again") {
  const test::TemporaryFolder folder;
  const lab::OutputFolder out(folder.path(), false);
  const auto faces = out / "synthetic_faces";
  std::filesystem::create_directory(faces);
  for (int person = 1; person <= 40; ++person)
    for (int view = 1; view <= 6; ++view)
      for (const std::string ending : {"m.jpg", "m.asf"})
        test::write_text(
            faces / ((person < 10 ? "0" : "") + std::to_string(person) + "-" + std::to_string(view) + ending), "");
  test::write_text(faces / nasion::faces::synthetic::marker_name,
                   nasion::faces::synthetic::marker(1, "persons", 40, 640, 480));
  for (const auto* left : {"synthetic_faces.7-0.tmp", "synthetic_faces.7-1.tmp.old"}) {
    std::filesystem::create_directory(out / left);
    test::write_text(out / left / "01-1m.jpg", "");
  }
  test::write_text(out / "synthetic_faces.txt", "notes");
  nasion::training::Progress progress(nasion::training::Progress::Style::quiet);
  CHECK(lab::list_faces({}, out, progress).training.size() == 192);
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(out.path())) names.push_back(file.path().filename());
  std::sort(names.begin(), names.end());
  CHECK(names == std::vector<std::string>{"run.lock", "synthetic_faces", "synthetic_faces.txt"});
}
