#include "nasion/faces/dlib_xml.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "nasion/core/random.hpp"
#include "nasion/faces/pts.hpp"
#include "nasion/faces/w300.hpp"
#include "nasion/vision/image.hpp"
#include "support/catch.hpp"
#include "support/data_dir.hpp"
#include "support/io_error.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
using namespace nasion::vision;
using namespace nasion::faces;

namespace {

const std::string start = "<?xml version='1.0'?>\n<dataset>\n<name>faces</name>\n<images>\n",
                  end = "</images>\n</dataset>\n";

/// A box in lines 6 to 9, of an image in line 5.
const std::string box =
    "<box top='-2' left='3' width='10' height='20'>\n"
    "<part name='01' x='7' y='-8'/>\n"
    "<part name='00' x='5' y='6'/>\n"
    "</box>\n";

std::string image(const std::string& file, const std::string& boxes = "") {
  return "<image file='" + file + "' width='64' height='48'>\n" + boxes + "</image>\n";
}

std::string error_of(const std::string& text) {
  test::TemporaryFolder folder;
  test::write_text(folder / "a.xml", text);
  return test::io_error(folder.path(), [&] { read_dlib_xml(folder / "a.xml"); });
}

/// The error for one image with one box, after a change.
std::string error_with(const std::string& from, const std::string& to) {
  return error_of(test::replaced(start + image("a.jpg", box) + end, from, to));
}

}  // namespace

TEST_CASE("read_dlib_xml returns images in the order of the file, points at the centres of pixels") {
  test::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "sub");
  test::write_text(folder / "sub" / "b.jpg", "");
  const std::string two = test::replaced(box, "width='10'", "width='1'") +
                          test::replaced(box, "<box", "<box ignore='1'") +
                          "<box top='1' left='2' width='3' height='4' ignore='0'><label>face</label></box>\n";
  test::write_text(folder / "a.xml", start + image("c.jpg", box) + image("sub/b.jpg", two) + image("d.jpg") + end);
  const DlibXml xml = read_dlib_xml(folder / "a.xml");
  REQUIRE(xml.images.size() == 3);
  CHECK(xml.images[0].name == "c.jpg");
  CHECK_FALSE(xml.images[0].exists);
  CHECK(xml.images[0].width == 64);
  CHECK(xml.images[0].height == 48);
  REQUIRE(xml.images[0].boxes.size() == 1);
  CHECK(xml.images[0].boxes[0].box == Box{3, -2, 10, 20});
  CHECK(xml.images[0].boxes[0].points == Landmarks{{5.5, 6.5}, {7.5, -7.5}});
  CHECK(xml.images[0].boxes[0].part_names == std::vector<std::string>{"00", "01"});
  CHECK_FALSE(xml.images[0].boxes[0].ignored);
  CHECK(xml.images[1].path == folder / "sub/b.jpg");
  CHECK(xml.images[1].exists);
  REQUIRE(xml.images[1].boxes.size() == 3);
  CHECK(xml.images[1].boxes[1].ignored);
  CHECK(xml.images[1].boxes[2].points.empty());
  CHECK(xml.images[2].boxes.empty());
  CHECK(xml.missing() == std::vector<std::string>{"c.jpg", "d.jpg"});

  const auto faces = xml.faces();
  REQUIRE(faces.size() == 3);
  CHECK(faces[0].name == "c.jpg");
  CHECK_FALSE(faces[0].exists);
  CHECK(faces[0].points.size() == 2);
  CHECK(faces[1].image == folder / "sub/b.jpg");
  CHECK(faces[1].exists);
  CHECK(faces[1].box == Box{3, -2, 1, 20});
  CHECK(faces[2].box == Box{2, 1, 3, 4});
}

TEST_CASE("read_dlib_xml takes parts of any names and any number, each box its own, as dlib does") {
  test::TemporaryFolder folder;
  const auto parts = [](const std::vector<std::string>& names) {
    std::string text = "<box top='5' left='6' width='20' height='22'>\n";
    for (std::size_t i = 0; i < names.size(); ++i) text += message("<part name='", names[i], "' x='", i, "' y='0'/>\n");
    return text + "</box>\n";
  };
  const auto read = [&](const std::string& boxes) {
    test::write_text(folder / "a.xml", start + image("a.jpg", boxes) + end);
    return read_dlib_xml(folder / "a.xml").faces();
  };
  const auto faces = read(parts({"36", "37", "38"}) + parts({"1", "2"}) + parts({"nose", "left_eye", "10", "9"}) +
                          parts({"00", "02"}) + parts({"1", "0"}));
  REQUIRE(faces.size() == 5);
  CHECK(faces[0].points == Landmarks{{0.5, 0.5}, {1.5, 0.5}, {2.5, 0.5}});
  CHECK(faces[0].part_names == std::vector<std::string>{"36", "37", "38"});
  CHECK(faces[2].part_names == std::vector<std::string>{"9", "10", "left_eye", "nose"});
  CHECK(faces[2].points[0] == Point{3.5, 0.5});
  CHECK(faces[4].points == Landmarks{{1.5, 0.5}, {0.5, 0.5}});
  CHECK_FALSE(faces[0].has_all_landmarks(3));
  CHECK(faces[1].has_all_landmarks(2));
  CHECK_FALSE(faces[1].has_all_landmarks(3));
  CHECK_FALSE(faces[2].has_all_landmarks(4));
  CHECK_FALSE(faces[3].has_all_landmarks(2));
  CHECK(faces[4].has_all_landmarks(2));
  CHECK_FALSE(read("<box top='5' left='6' width='20' height='22'/>").front().has_all_landmarks(0));
}

TEST_CASE("read_dlib_xml reads all <images> of a file, and passes over a byte order mark") {
  test::TemporaryFolder folder;
  test::write_text(folder / "a.xml", "\xEF\xBB\xBF<dataset><images>" + image("a.jpg", box) +
                                         "</images><images/><images>" + image("b.jpg") + "</images></dataset>");
  const DlibXml xml = read_dlib_xml(folder / "a.xml");
  CHECK(xml.missing() == std::vector<std::string>{"a.jpg", "b.jpg"});
  CHECK(xml.faces().size() == 1);
}

TEST_CASE("read_dlib_xml takes comments, Windows lines, sizes left out and any encoding") {
  test::TemporaryFolder folder;
  std::string text =
      "<?xml version='1.0' encoding='ISO-8859-1'?><?xml-stylesheet href='a.xsl'?><!-- \xE4 --><dataset>"
      "<comment>\xFC</comment><images><!-- two -->\r\n<image file='\xC3\xA4 &amp; b.jpg'></image></images></dataset>";
  test::write_text(folder / "a.xml", text);
  test::write_text(folder / "\xC3\xA4 & b.jpg", "");
  const DlibXml xml = read_dlib_xml(folder / "a.xml");
  REQUIRE(xml.images.size() == 1);
  CHECK(xml.images[0].name == "\xC3\xA4 & b.jpg");
  CHECK(xml.images[0].exists);
  CHECK(xml.images[0].width == 0);
}

TEST_CASE("Images that do not exist are an error only when they are required") {
  test::TemporaryFolder folder;
  test::write_text(folder / "b.jpg", "");
  std::filesystem::create_directories(folder / "d.jpg");
  test::write_text(folder / "a.xml", start + image("b.jpg") + image("c.jpg") + image("d.jpg") + end);
  CHECK(read_dlib_xml(folder / "a.xml").missing() == std::vector<std::string>{"c.jpg", "d.jpg"});
  CHECK(test::io_error(folder.path(), [&] { read_dlib_xml(folder / "a.xml", {.require_images = true}); }) ==
        "a.xml: 2 of 3 images do not exist, the first is c.jpg");
  test::write_text(folder / "a.xml", start + image("b.jpg") + end);
  CHECK(read_dlib_xml(folder / "a.xml", {.require_images = true}).images.size() == 1);
}

TEST_CASE("read_dlib_xml keeps to the folder of its file") {
  test::TemporaryFolder folder;
  const auto inside = folder / "inside";
  std::filesystem::create_directories(inside / "sub");
  test::write_text(folder / "secret.jpg", "");
  test::write_text(inside / "a.jpg", "");
  std::filesystem::create_symlink(folder / "secret.jpg", inside / "link.jpg");
  std::filesystem::create_directory_symlink(folder.path(), inside / "up");
  std::filesystem::create_symlink("a.jpg", inside / "fine.jpg");
  std::filesystem::create_symlink("loop.jpg", inside / "loop.jpg");
  const auto error_for = [&](const std::string& name) {
    test::write_text(inside / "a.xml", start + image(name) + end);
    return test::io_error(inside, [&] { read_dlib_xml(inside / "a.xml"); });
  };
  for (const char* name : {"../secret.jpg", "../missing.jpg", "sub/../../secret.jpg", "../inside/a.jpg", "link.jpg",
                           "up/secret.jpg", "up/missing.jpg", "up/../secret.jpg", ".."})
    CHECK(error_for(name) == message("a.xml:5: image '", name, "' lies outside of the folder of this file"));
  CHECK_THAT(error_for((folder / "secret.jpg").string()), ContainsSubstring("lies outside of the folder"));
  CHECK_THAT(error_for((inside / "a.jpg").string()), ContainsSubstring("lies outside of the folder"));
  CHECK_THAT(error_for("loop.jpg"), ContainsSubstring("a.xml:5: image 'loop.jpg' cannot be resolved"));
  CHECK(error_for("") == "a.xml:5: the name of the image is empty");
  for (const char* name : {"a.jpg", "./a.jpg", "sub/../a.jpg", "fine.jpg", "..a.jpg", "sub/..."})
    CHECK(error_for(name) == "no error");
}

TEST_CASE("read_dlib_xml looks beside its file, also when that is named without a folder or through a link") {
  test::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "real");
  std::filesystem::create_directory_symlink("real", folder / "link");
  test::write_text(folder / "real" / "b.jpg", "");
  test::write_text(folder / "real" / "a.xml", start + image("b.jpg") + end);
  CHECK(read_dlib_xml(folder / "link" / "a.xml").images[0].exists);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder / "real");
  const DlibXml xml = read_dlib_xml("a.xml");
  CHECK(xml.images[0].exists);
  std::filesystem::current_path(before);
}

TEST_CASE("read_dlib_xml names file, line and fault") {
  CHECK(error_with("x='7'", "x='7.5'") == "a.xml:7: x is '7.5', not a whole number");
  CHECK(error_with("y='-8'", "y='99999999999'") == "a.xml:7: y is '99999999999', not a whole number");
  CHECK(error_with("y='-8'", "") == "a.xml:7: <part> has no y");
  CHECK(error_with("name='01'", "") == "a.xml:7: <part> has no name");
  CHECK(error_with("name='00'", "name='01'") == "a.xml:8: part '01' appears twice");
  CHECK(error_with("width='10'", "width='0'") == "a.xml:6: width is 0, but must be positive");
  CHECK(error_with("height='20'", "height='-20'") == "a.xml:6: height is -20, but must be positive");
  CHECK(error_with("left='3'", "") == "a.xml:6: <box> has no left");
  CHECK(error_with("top='-2'", "top=''") == "a.xml:6: top is '', not a whole number");
  CHECK(error_with("width='64'", "width='big'") == "a.xml:5: width is 'big', not a whole number");
  CHECK(error_with("file='a.jpg'", "") == "a.xml:5: <image> has no file");
  CHECK(error_with("<part name='01'", "<port name='01'") == "a.xml:7: expected <part> in <box>, got 'port'");
  CHECK(error_of(start + "<box/>" + end) == "a.xml:5: expected <image> in <images>, got 'box'");
  CHECK(error_of(start + image("a.jpg", "some text") + end) == "a.xml:6: expected <box> in <image>, got 'some text'");
  CHECK(error_of(start + end) == "a.xml: has no images");
  CHECK(error_of("<dataset/>") == "a.xml:1: expected <dataset> with <images> in it");
  CHECK(error_of("<html></html>") == "a.xml:1: expected <dataset> with <images> in it");
}

TEST_CASE("read_dlib_xml refuses text that is no XML with the line, and large files") {
  CHECK_THAT(error_with("</box>", "</bax>"), ContainsSubstring("a.xml:9: is no XML: Start-end tags mismatch"));
  CHECK_THAT(error_with("name='01'", "name='01"), ContainsSubstring("a.xml:7: is no XML"));
  CHECK_THAT(error_of(start + image("a.jpg", box)), ContainsSubstring("is no XML"));
  CHECK_THAT(error_of(""), ContainsSubstring("a.xml:1: is no XML"));
  CHECK_THAT(error_of("\xFF\xD8\xFF"), ContainsSubstring("a.xml:1: is no XML"));
  std::string deep = start;
  for (int i = 0; i < 100'000; ++i) deep += "<image>";
  CHECK_THAT(error_of(deep), ContainsSubstring("is no XML"));
  test::TemporaryFolder folder;
  CHECK_THROWS_WITH(read_dlib_xml(folder / "b.xml"), ContainsSubstring("b.xml: no such file"));
  CHECK_THROWS_WITH(read_dlib_xml(folder.path()), ContainsSubstring("is a folder"));
  test::write_text(folder / "large.xml", "");
  std::filesystem::resize_file(folder / "large.xml", (32 << 20) + 1);
  CHECK_THROWS_WITH(read_dlib_xml(folder / "large.xml"), ContainsSubstring("more than the limit"));
  std::string tags;
  for (int i = 0; i <= 2'000'000; ++i) tags += "<a/>";
  CHECK(error_of(tags) == "a.xml: has more than 2000000 tags");
}

TEST_CASE("random damage to a dlib file gives faces or an IoError") {
  test::TemporaryFolder folder;
  Rng rng(13);
  for (int i = 0; i < 500; ++i) {
    std::string text = start + image("a.jpg", box) + end;
    for (int n = 0; n < 2; ++n)
      text[static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(text.size())))] =
          static_cast<char>(rng.below(256));
    test::write_text(folder / "a.xml", text);
    try {
      for (const auto& found : read_dlib_xml(folder / "a.xml").images) REQUIRE_FALSE(found.name.empty());
    } catch (const IoError&) {}
  }
}

TEST_CASE("dlib's test images of 300-W: 1008, of which 30 are here, as large as they say", "[data]") {
  const auto data = test::data_dir();
  if (!data || !std::filesystem::is_directory(*data / "dlib_xml")) return;
  const auto path = *data / "dlib_xml" / "labels_ibug_300W_test.xml";
  const DlibXml xml = read_dlib_xml(path);
  CHECK(xml.images.size() == 1008);
  CHECK(xml.missing().size() == 978);
  CHECK_THROWS_AS(read_dlib_xml(path, {.require_images = true}), IoError);
  const auto faces = xml.faces();
  CHECK(faces.size() == 1008);
  CHECK(std::all_of(faces.begin(), faces.end(),
                    [](const auto& face) { return face.points.size() == ibug::point_count; }));
  CHECK(std::any_of(faces.begin(), faces.end(), [](const auto& face) { return face.box.x < 0; }));
  CHECK(faces[0].name == "helen/trainset/146827737_1.jpg");
  CHECK(faces[0].box == Box{70, 224, 295, 295});
  CHECK(faces[0].points[1] == Point{144.5, 382.5});
  int read = 0;
  for (const auto& image : xml.images) {
    if (!image.exists) continue;
    CAPTURE(image.name);
    ++read;
    const Image photo = read_image(image.path);
    CHECK(photo.width == image.width);
    CHECK(photo.height == image.height);
  }
  CHECK(read == 30);
}

TEST_CASE("the XML's points are those of the .pts files to the nearest pixel", "[data]") {
  const auto data = test::data_dir();
  if (!data || !std::filesystem::is_directory(*data / "dlib_xml") || !std::filesystem::is_directory(*data / "300w"))
    return;
  std::map<std::string, W300Entry> entries;
  const W300Faces w300(*data / "300w");
  for (const auto& entry : w300.training()) entries[entry.set + "/" + entry.image.filename().string()] = entry;
  int compared = 0;
  for (const auto& face : read_dlib_xml(*data / "dlib_xml" / "labels_ibug_300W_test.xml").faces()) {
    const auto found = entries.find(face.name);
    if (found == entries.end()) continue;
    CAPTURE(face.name);
    ++compared;
    const Landmarks points = transform(*found->second.to_original, read_pts(found->second.shape));
    REQUIRE(points.size() == face.points.size());
    double largest = 0;
    for (std::size_t i = 0; i < points.size(); ++i)
      largest = std::max({largest, std::abs(points[i].x - face.points[i].x), std::abs(points[i].y - face.points[i].y)});
    CHECK(largest < 0.51);
  }
  CHECK(compared > 100);
}
