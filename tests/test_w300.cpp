#include "nasion/faces/w300.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "nasion/core/parallel.hpp"
#include "support/catch.hpp"
#include "support/data_dir.hpp"
#include "support/exif.hpp"
#include "support/io_error.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
using namespace nasion::vision;
using namespace nasion::faces;

namespace {

const std::string manifest_header = "image,original_width,original_height,crop_x0,crop_y0,scale_x,scale_y\n";

void write_face(const std::filesystem::path& root, const std::string& name, const char* extension = ".jpg") {
  std::filesystem::create_directories((root / name).parent_path());
  test::write_text((root / (name + extension)), "no photo");
  write_pts(root / (name + ".pts"), Landmarks(ibug::point_count, Point{3, 4}));
}

std::vector<std::string> names(const std::vector<W300Entry>& entries) {
  std::vector<std::string> out;
  for (const auto& entry : entries) out.push_back(entry.name());
  return out;
}

std::string manifest_error(const std::string& text) {
  test::TemporaryFolder folder;
  write_face(folder.path(), "afw/1_1");
  test::write_text(folder / "manifest.csv", text);
  return test::io_error(folder.path(), [&] { W300Faces faces(folder.path()); });
}

}  // namespace

TEST_CASE("W300Faces lists the faces of each set by name, and passes over other files") {
  test::TemporaryFolder folder;
  for (const char* name : {"lfpw/trainset/image_0002", "afw/7_2", "afw/7_1", "helen/trainset/5_1",
                           "lfpw/testset/image_0001", "ibug/image_003_1", "helen/testset/9_1"})
    write_face(folder.path(), name, std::string(name).starts_with("lfpw") ? ".png" : ".jpg");
  test::write_text(folder / "afw" / "7_1_mirror.jpg", "");
  test::write_text(folder / "afw" / "notes.txt", "");
  test::write_text(folder / "afw" / "7_1_mirror.pts", "");
  for (const char* hidden : {"._7_1.jpg", "._7_1.pts", ".8_1.jpg", ".DS_Store"})
    test::write_text(folder / "afw" / hidden, "");
  CHECK(W300Faces::found_in(folder.path()));
  const W300Faces faces(folder.path());
  CHECK(names(faces.training()) ==
        std::vector<std::string>{"afw/7_1", "afw/7_2", "helen/trainset/5_1", "lfpw/trainset/image_0002"});
  REQUIRE(faces.tests().size() == 3);
  CHECK(faces.tests()[0].first == "lfpw/testset");
  CHECK(faces.tests()[1].first == "helen/testset");
  CHECK(faces.tests()[2].first == "ibug");
  CHECK(names(faces.tests()[2].second) == std::vector<std::string>{"ibug/image_003_1"});
  const W300Entry& entry = faces.training()[1];
  CHECK(entry.image == folder / "afw/7_2.jpg");
  CHECK(entry.shape == folder / "afw/7_2.pts");
  CHECK(entry.set == "afw");
  CHECK_FALSE(entry.to_original);
}

TEST_CASE("Faces of one photo are known by the name before the last _, but of LFPW each file is a photo") {
  test::TemporaryFolder folder;
  for (const char* name : {"afw/7_1", "afw/7_2", "afw/70_1", "afw/plain", "helen/trainset/7_1",
                           "lfpw/trainset/image_0001", "lfpw/trainset/image_0002"})
    write_face(folder.path(), name);
  const W300Faces faces(folder.path());
  std::vector<std::string> photos;
  for (const auto& entry : faces.training()) photos.push_back(entry.photo);
  CHECK(photos == std::vector<std::string>{"afw/70", "afw/7", "afw/7", "afw/plain", "helen/trainset/7",
                                           "lfpw/trainset/image_0001", "lfpw/trainset/image_0002"});
}

TEST_CASE("A photo that the training sets have under two names is one photo") {
  test::TemporaryFolder folder;
  for (const char* name : {"helen/trainset/1207662328_2", "helen/trainset/1218567979_2", "lfpw/trainset/image_0003",
                           "lfpw/trainset/image_0052", "lfpw/testset/image_0052"})
    write_face(folder.path(), name);
  const W300Faces faces(folder.path());
  CHECK(faces.training()[1].photo == "helen/trainset/1207662328");
  CHECK(faces.training()[3].photo == "lfpw/trainset/image_0003");
  CHECK(faces.tests()[0].second[0].photo == "lfpw/testset/image_0052");
}

TEST_CASE("W300Faces leaves each photo out once, with all of its faces") {
  test::TemporaryFolder folder;
  for (int photo = 0; photo < 10; ++photo)
    for (int face = 1; face <= 1 + photo % 3; ++face)
      write_face(folder.path(), "afw/" + std::to_string(photo) + "_" + std::to_string(face));
  const W300Faces faces(folder.path());
  std::multiset<std::string> left_out;
  for (int fold = 0; fold < 4; ++fold) {
    const W300Split split = faces.split(fold, 4);
    CHECK(split.training.size() + split.validation.size() == faces.training().size());
    std::set<std::string> photos;
    for (const auto& entry : split.validation) {
      photos.insert(entry.photo);
      left_out.insert(entry.name());
    }
    CHECK(photos.size() == (fold < 2 ? 3 : 2));
    for (const auto& entry : split.training) CHECK_FALSE(photos.contains(entry.photo));
    CHECK(names(split.validation) == names(faces.split(fold, 4).validation));
  }
  const auto all = names(faces.training());
  CHECK(left_out == std::multiset<std::string>(all.begin(), all.end()));
  CHECK_THROWS_WITH(faces.split(4, 4), "[W300Faces] fold 4 is not one of 4");
  CHECK_THROWS_AS(faces.split(-1, 4), ValueError);
  CHECK_THROWS_AS(faces.split(0, 0), ValueError);
}

TEST_CASE("manifest.csv leads back to the photo a face was cut out of") {
  test::TemporaryFolder folder;
  write_face(folder.path(), "afw/7_1");
  write_face(folder.path(), "afw/7_2");
  test::write_text(folder / "manifest.csv", manifest_header + "afw/7_2.jpg,1300,1856,368,113,0.5,0.25\r\n\r\n");
  const W300Faces faces(folder.path());
  CHECK_FALSE(faces.training()[0].to_original);
  REQUIRE(faces.training()[1].to_original);
  CHECK((*faces.training()[1].to_original)({10, 20}) == Point{368 + 20, 113 + 80});
}

TEST_CASE("manifest.csv and the files may write the endings of images in their own case") {
  test::TemporaryFolder folder;
  write_face(folder.path(), "afw/7_2", ".JPG");
  write_face(folder.path(), "lfpw/trainset/image_1.2", ".Png");
  test::write_text(folder / "manifest.csv", manifest_header + "afw/7_2.jpg,1300,1856,368,113,0.5,0.25\n" +
                                                "lfpw/trainset/image_1.2.png,9,9,0,0,1,1\n");
  const W300Faces faces(folder.path());
  for (const auto& entry : faces.training()) CHECK(entry.to_original);
}

TEST_CASE("a manifest that cannot be understood is an error with its line") {
  const std::string line = "afw/1_1.jpg,100,200,-3,4,0.5,0.5\n";
  CHECK(manifest_error(manifest_header + line) == "no error");
  CHECK(manifest_error("") == "manifest.csv:1: the file is empty");
  CHECK(manifest_error("image,x\n") ==
        "manifest.csv:1: expected the header " + manifest_header.substr(0, manifest_header.size() - 1));
  CHECK(manifest_error(manifest_header + line + line) == "manifest.csv:3: 'afw/1_1.jpg' appears twice");
  CHECK(manifest_error(manifest_header + "a,1,2,3,4,5\n") ==
        "manifest.csv:2: expected 7 fields as in the header, got 6");
  CHECK(manifest_error(manifest_header + "a,1,2,x,4,5,6\n") == "manifest.csv:2: crop_x0 is 'x', not a number");
  CHECK(manifest_error(manifest_header + "a,1,2,3,nan,5,6\n") == "manifest.csv:2: crop_y0 is 'nan', not a number");
  CHECK(manifest_error(manifest_header + "a,1,2,3,4,0,6\n") ==
        "manifest.csv:2: scale_x is '0', but must be within 1e-06 and 1e+06");
  CHECK(manifest_error(manifest_header + "a,1,-2,3,4,5,6\n") ==
        "manifest.csv:2: original_height is '-2', but must be within 1 and 1e+09");
  CHECK(manifest_error(manifest_header + "afw/a_1.jpg,1,1,1,1,5e-324,5e-324\n") ==
        "manifest.csv:2: scale_x is '5e-324', but must be within 1e-06 and 1e+06");
  CHECK(manifest_error(manifest_header + "afw/a_1.jpg,1,1,1,1e308,1,1\n") ==
        "manifest.csv:2: crop_y0 is '1e308', but must be within -1e+09 and 1e+09");
  CHECK(manifest_error("\xEF\xBB\xBF" + manifest_header + line) == "no error");
}

TEST_CASE("a folder that is no 300-W is a clear error") {
  test::TemporaryFolder folder;
  const auto open = [](const std::filesystem::path& path) { W300Faces faces(path); };
  CHECK_FALSE(W300Faces::found_in(folder.path()));
  CHECK_FALSE(W300Faces::found_in(folder / "missing"));
  CHECK_THROWS_WITH(open(folder / "missing"), (folder / "missing").string() + ": no such folder");
  test::write_text(folder / "file", "");
  CHECK_THROWS_WITH(open(folder / "file"), (folder / "file").string() + ": is not a folder");
  CHECK_THROWS_WITH(open(folder.path()), ContainsSubstring("holds no 300-W training faces"));
  write_face(folder.path(), "lfpw/testset/image_0001");
  CHECK_THROWS_WITH(open(folder.path()), ContainsSubstring("holds no 300-W training faces"));
  write_face(folder.path(), "afw/1_1");
  open(folder.path());
  std::filesystem::remove(folder / "afw" / "1_1.pts");
  CHECK_THROWS_WITH(open(folder.path()), ContainsSubstring("1_1.jpg: has no points beside it: 1_1.pts is missing"));
}

TEST_CASE("What cannot be looked at in a 300-W folder is not left out silently") {
  test::TemporaryFolder folder;
  write_face(folder.path(), "afw/1_1");
  const auto error = [&] { return test::io_error(folder.path(), [&] { W300Faces faces(folder.path()); }); };
  const auto link = [&](const char* target, const char* name) {
    std::filesystem::create_symlink(target, folder / name);
  };
  SECTION("a set behind a link that leads nowhere") {
    link("gone", "helen");
    CHECK(error() == "helen: is a link that leads nowhere");
  }
  SECTION("a set behind a link in a circle, as behind a lack of permission") {
    link("helen", "helen");
    CHECK(error().starts_with("helen: cannot be looked at ("));
    std::filesystem::remove_all(folder / "afw");
    CHECK_THROWS_AS(W300Faces::found_in(folder.path()), IoError);
  }
  SECTION("a set that is no folder") {
    test::write_text(folder / "ibug", "");
    CHECK(error().starts_with("ibug: cannot list the folder ("));
  }
  SECTION("a manifest behind a link that leads nowhere") {
    link("gone.csv", "manifest.csv");
    CHECK(error() == "manifest.csv: is a link that leads nowhere");
  }
}

TEST_CASE("read_w300_face returns points in pixels, and names the file at fault") {
  test::TemporaryFolder folder;
  write_face(folder.path(), "afw/1_1");
  const W300Entry entry = W300Faces(folder.path()).training()[0];
  CHECK_THROWS_WITH(read_w300_face(entry), ContainsSubstring("1_1.jpg: is neither"));
  write_jpeg(entry.image, Image(32, 24, 3, 90));
  const W300Face face = read_w300_face(entry, {.channels = 1});
  CHECK(face.image.width == 32);
  CHECK(face.image.channels == 1);
  CHECK(face.points == Landmarks(ibug::point_count, Point{3, 4}));
  write_pts(entry.shape, {{1, 2}});
  CHECK_THROWS_WITH(read_w300_face(entry), ContainsSubstring("1_1.pts: has 1 points, not 68"));
}

TEST_CASE("a photo is read as it is stored, because .pts files count its stored pixels") {
  test::TemporaryFolder folder;
  write_face(folder.path(), "afw/1_1");
  test::write_text(folder / "afw" / "1_1.jpg", test::with_orientation(encode_jpeg(Image(32, 24, 3, 90)), 8));
  const W300Entry entry = W300Faces(folder.path()).training()[0];
  REQUIRE(read_image(entry.image).width == 24);
  CHECK(read_w300_face(entry).image.width == 32);
  CHECK(read_w300_face(entry, {.exif_orientation = true}).image.width == 32);
}

TEST_CASE("300-W: 2012 faces to train on, 224 to validate with, and no photo on both sides of a fold", "[data]") {
  const auto data = test::data_dir();
  if (!data || !std::filesystem::is_directory(*data / "300w")) return;
  const W300Faces faces(*data / "300w");
  CHECK(faces.training().size() == 2012);
  REQUIRE_FALSE(faces.tests().empty());
  CHECK(faces.tests()[0].first == "lfpw/testset");
  CHECK(faces.tests()[0].second.size() == 224);
  std::size_t left_out = 0;
  for (int fold = 0; fold < 4; ++fold) {
    const W300Split split = faces.split(fold, 4);
    left_out += split.validation.size();
    CHECK(split.validation.size() > 480);
    std::set<std::string> photos;
    for (const auto& entry : split.validation) photos.insert(entry.photo);
    CHECK(std::none_of(split.training.begin(), split.training.end(),
                       [&](const auto& entry) { return photos.contains(entry.photo); }));
  }
  CHECK(left_out == 2012);
}

TEST_CASE("300-W: training faces that look the same are of one photo", "[data]") {
  const auto data = test::data_dir();
  if (!data || !std::filesystem::is_directory(*data / "300w")) return;
  const W300Faces faces(*data / "300w");
  const auto& entries = faces.training();
  constexpr int size = 24;
  std::vector<std::vector<float>> patches(entries.size());  // around the points, mean 0, length 1
  parallel_for(static_cast<Index>(entries.size()), 16, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      const W300Face face = read_w300_face(entries[static_cast<std::size_t>(i)], {.channels = 1});
      const Image grey = warp(face.image, Affine::fit(bounding_box(face.points), size, size), size, size);
      auto& patch = patches[static_cast<std::size_t>(i)];
      patch.assign(grey.pixels.begin(), grey.pixels.end());
      const float mean = std::accumulate(patch.begin(), patch.end(), 0.0f) / static_cast<float>(patch.size());
      for (float& v : patch) v -= mean;
      const float length = std::sqrt(std::inner_product(patch.begin(), patch.end(), patch.begin(), 0.0f));
      for (float& v : patch) v /= length;
    }
  });
  int alike = 0;
  for (std::size_t i = 0; i < entries.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      if (std::inner_product(patches[i].begin(), patches[i].end(), patches[j].begin(), 0.0f) < 0.98f) continue;
      ++alike;
      CAPTURE(entries[i].name(), entries[j].name());
      CHECK(entries[i].photo == entries[j].photo);
    }
  CHECK(alike > 50);
}

TEST_CASE("300-W: the manifest leads to the points of the original photos", "[data]") {
  const auto data = test::data_dir();
  if (!data || !std::filesystem::is_directory(*data / "300w") || !std::filesystem::is_directory(*data / "photos"))
    return;
  const W300Faces faces(*data / "300w");
  int compared = 0;
  for (const auto& entry : faces.training()) {
    REQUIRE(entry.to_original);
    const auto original = *data / "photos" / entry.shape.filename();
    if (entry.set != "afw" || !std::filesystem::exists(original)) continue;
    CAPTURE(entry.name());
    ++compared;
    const Landmarks found = transform(*entry.to_original, read_pts(entry.shape)), expected = read_pts(original);
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i)
      CHECK(std::hypot(found[i].x - expected[i].x, found[i].y - expected[i].y) < 0.01);
  }
  CHECK(compared == 10);
}
