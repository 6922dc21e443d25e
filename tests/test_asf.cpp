#include "nasion/faces/asf.hpp"

#include <limits>
#include <numbers>
#include <string>

#include "nasion/core/random.hpp"
#include "support/catch.hpp"
#include "support/data_dir.hpp"
#include "support/foreign_locale.hpp"
#include "support/io_error.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
using namespace nasion::vision;
using namespace nasion::faces;

namespace {

AsfShape random_shape(int points = imm::point_count) {
  AsfShape shape{.relative = {}, .image = "01-1m.jpg"};
  Rng rng(3);
  for (int i = 0; i < points; ++i) shape.relative.push_back({rng.uniform(), rng.uniform()});
  return shape;
}

/// The error for a shape file of this text, without its folder.
std::string error_of(const std::string& text) {
  test::TemporaryFolder folder;
  test::write_text(folder / "03-2m.asf", text);
  return test::io_error(folder.path(), [&] { read_asf(folder / "03-2m.asf"); });
}

/// A shape of three points; the points stand in lines 3 to 5, the image in line 6.
const std::string small =
    "# three points\n3\n"
    "0 4 0.1 0.2 0 0 1\n"
    "0 4 0.3 0.4 1 0 2\n"
    "0 4 0.5 0.6 2 1 2\n"
    "a.jpg\n";

}  // namespace

TEST_CASE("read_asf reads points and image name, pixels scales them") {
  test::TemporaryFolder folder;
  test::write_text(folder / "a.asf", small);
  const AsfShape shape = read_asf(folder / "a.asf");
  CHECK(shape.relative == Landmarks{{0.1, 0.2}, {0.3, 0.4}, {0.5, 0.6}});
  CHECK(shape.image == "a.jpg");
  const Landmarks pixels = shape.pixels(640, 480);
  CHECK(pixels[0].x == Approx(64));
  CHECK(pixels[2].y == Approx(288));
}

TEST_CASE("read_asf takes 10 columns, Windows lines, tabs, blank lines, comments and no last line feed") {
  test::TemporaryFolder folder;
  const auto read = [&](const std::string& text) {
    test::write_text(folder / "a.asf", text);
    return read_asf(folder / "a.asf");
  };
  const AsfShape expected = read(small);
  const auto check_same = [&](const std::string& text) {
    const AsfShape shape = read(text);
    CHECK(shape.relative == expected.relative);
    CHECK(shape.image == expected.image);
  };
  check_same(test::replaced(small, "1 0 2\n", "1 0 2\t0.00\t0.00\t0.00\n"));
  check_same(test::replaced(small, "0 4 0.3 0.4", "\n  # a comment\n \t\r\n0 \t4 \t0.3 \t0.4"));
  check_same(small.substr(0, small.size() - 1));
  check_same(small + "\n#\n\n");
  std::string windows;
  for (const char c : small) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  check_same(windows);
  check_same("\xEF\xBB\xBF" + small);
  check_same(small + "\x1A");
  check_same(test::replaced(small, "0.3 0.4", "+0.3 +0.4"));
  std::string macintosh = small;
  std::replace(macintosh.begin(), macintosh.end(), '\n', '\r');
  check_same(macintosh);
  CHECK(read(test::replaced(small, "a.jpg", " my face 1.jpg \r")).image == "my face 1.jpg");
  CHECK(read(test::replaced(small, "0.1 0.2", "-1e-3 2.5E-1")).relative[0] == Point{-0.001, 0.25});
}

TEST_CASE("read_asf names file, line and fault") {
  CHECK(error_of("") == "03-2m.asf:0: no number of points in the file");
  CHECK(error_of("# only\n# comments\n") == "03-2m.asf:2: no number of points in the file");
  CHECK(error_of(test::replaced(small, "3\n", "4\n")) == "03-2m.asf:6: found 3 of 4 points before 'a.jpg'");
  CHECK(error_of(test::replaced(small, "3\n", "2\n")) == "03-2m.asf:5: more points than the 2 announced");
  CHECK(error_of(test::replaced(small, "3\n", "0\n")) == "03-2m.asf:2: expected the number of points, got '0'");
  CHECK(error_of(test::replaced(small, "3\n", "-3\n")) == "03-2m.asf:2: expected the number of points, got '-3'");
  CHECK(error_of(test::replaced(small, "3\n", "3.5\n")) == "03-2m.asf:2: expected the number of points, got '3.5'");
  CHECK_THAT(error_of(test::replaced(small, "3\n", "99999999999999999999\n")), ContainsSubstring("number of points"));
  CHECK(error_of(test::replaced(small, "0.4", "O.4")) == "03-2m.asf:4: y is 'O.4', not a number");
  CHECK(error_of(test::replaced(small, "0.4", "0.4x")) == "03-2m.asf:4: y is '0.4x', not a number");
  CHECK(error_of(test::replaced(small, "0.4", "0,4")) == "03-2m.asf:4: y is '0,4', not a number");
  CHECK(error_of(test::replaced(small, "0.1", "nan")) == "03-2m.asf:3: x is 'nan', not a number");
  CHECK(error_of(test::replaced(small, "0.1", "-inf")) == "03-2m.asf:3: x is '-inf', not a number");
  CHECK(error_of(test::replaced(small, "0.1", "1e999")) == "03-2m.asf:3: x is '1e999', not a number");
  CHECK(error_of("1\n0 0 1e308 1e308 0 0 0\na.jpg\n") == "03-2m.asf:2: x is '1e308', too large for a part of an image");
  CHECK(error_of(test::replaced(small, "0.4", "-1000000.5")) ==
        "03-2m.asf:4: y is '-1000000.5', too large for a part of an image");
  CHECK(error_of(test::replaced(small, "0.4 1", "0.4 2")) == "03-2m.asf:4: expected point 1, got point '2'");
  CHECK(error_of(test::replaced(small, "0.4 1 0", "0.4 1")) ==
        "03-2m.asf:4: a point has 7 or 10 fields, this line has 6");
  CHECK(error_of(test::replaced(small, "a.jpg\n", "")) == "03-2m.asf:5: the file ends without the name of its image");
  CHECK(error_of(test::replaced(small, "0 4 0.5 0.6 2 1 2\na.jpg\n", "")) ==
        "03-2m.asf:4: the file ends after 2 of 3 points");
  CHECK(error_of(small + "b.jpg\n") == "03-2m.asf:7: unexpected text after the name of the image: 'b.jpg'");
  CHECK(error_of(std::string("\xFF\xD8\xFF\0garbage", 11)) ==
        "03-2m.asf:1: expected the number of points, got '\ufffd\ufffd\ufffd\\u0000garbage'");
}

TEST_CASE("read_asf refuses what is no shape file") {
  test::TemporaryFolder folder;
  CHECK_THROWS_WITH(read_asf(folder / "missing.asf"), ContainsSubstring("missing.asf: no such file"));
  CHECK_THROWS_WITH(read_asf(folder.path()), ContainsSubstring("is a folder"));
  test::write_text(folder / "large.asf", std::string((1 << 20) + 1, '#'));
  CHECK_THROWS_WITH(read_asf(folder / "large.asf"), ContainsSubstring("more than the limit"));
}

TEST_CASE("random damage to a shape file gives a shape or an IoError") {
  test::TemporaryFolder folder;
  Rng rng(11);
  for (int i = 0; i < 500; ++i) {
    std::string text = small;
    for (int n = 0; n < 2; ++n)
      text[static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(text.size())))] =
          static_cast<char>(rng.below(256));
    test::write_text(folder / "a.asf", text);
    try {
      const AsfShape shape = read_asf(folder / "a.asf");
      for (const Point& point : shape.relative) REQUIRE(std::isfinite(point.x + point.y));
    } catch (const IoError&) {}
  }
}

TEST_CASE("write_asf and read_asf agree to 8 decimals") {
  test::TemporaryFolder folder;
  const AsfShape shape = random_shape();
  write_asf(folder / "a.asf", shape);
  const AsfShape again = read_asf(folder / "a.asf");
  CHECK(again.image == shape.image);
  REQUIRE(again.relative.size() == shape.relative.size());
  for (std::size_t i = 0; i < shape.relative.size(); ++i) {
    CHECK(std::abs(again.relative[i].x - shape.relative[i].x) <= 0.5e-8 + 1e-15);
    CHECK(std::abs(again.relative[i].y - shape.relative[i].y) <= 0.5e-8 + 1e-15);
  }
  const std::string text = test::read_text(folder / "a.asf");
  write_asf(folder / "b.asf", again);
  CHECK(test::read_text(folder / "b.asf") == text);
}

TEST_CASE("The largest coordinates of a shape file are written and read again") {
  test::TemporaryFolder folder;
  const PointPath line[] = {{"line", 0, 1, false}};
  write_asf(folder / "a.asf", {{{1e6, -1e6}, {999999.9999999999, 0}}, "a.jpg"}, line);
  CHECK(read_asf(folder / "a.asf").relative[0] == Point{1e6, -1e6});
}

TEST_CASE("write_asf joins open and closed outlines") {
  test::TemporaryFolder folder;
  const PointPath paths[] = {{"open", 0, 1, false}, {"closed", 2, 4, true}};
  AsfShape shape = random_shape(5);
  shape.relative[0] = {0.5, -0.25};
  write_asf(folder / "a.asf", shape, paths);
  const std::string text = test::read_text(folder / "a.asf");
  CHECK_THAT(text, ContainsSubstring("\n0 \t4 \t0.50000000 \t-0.25000000 \t0 \t0 \t1\n0 \t4 \t"));
  CHECK_THAT(text, ContainsSubstring(" \t1 \t0 \t1\n1 \t0 \t"));
  CHECK_THAT(text, ContainsSubstring(" \t2 \t4 \t3\n1 \t0 \t"));
  CHECK_THAT(text, ContainsSubstring(" \t4 \t3 \t2\n"));
}

TEST_CASE("write_asf refuses what could not be read back") {
  test::TemporaryFolder folder;
  const auto refuses = [&](const AsfShape& shape, std::span<const PointPath> paths = imm::paths) {
    CHECK_THROWS_AS(write_asf(folder / "a.asf", shape, paths), ValueError);
    CHECK_FALSE(std::filesystem::exists(folder / "a.asf"));
  };
  refuses(random_shape(57));
  refuses(random_shape(59));
  AsfShape shape = random_shape();
  shape.relative[7].y = std::numeric_limits<double>::quiet_NaN();
  refuses(shape);
  shape = random_shape();
  for (const char* name : {"", "two\nlines", "# comment", " blank", "name\x1A"}) {
    shape.image = name;
    refuses(shape);
  }
  const PointPath gap[] = {{"a", 0, 1, false}, {"b", 3, 4, false}};
  refuses(random_shape(5), gap);
  CHECK_THROWS_AS(write_asf(folder / "missing" / "a.asf", random_shape()), IoError);
}

TEST_CASE("numbers are read and written alike in every locale") {
  test::TemporaryFolder folder;
  write_asf(folder / "classic.asf", random_shape());
  const test::ForeignLocale foreign;
  write_asf(folder / "a.asf", random_shape());
  CHECK(test::read_text(folder / "a.asf") == test::read_text(folder / "classic.asf"));
  CHECK(read_asf(folder / "a.asf").relative[0].x == Approx(random_shape().relative[0].x));
}

TEST_CASE("the IMM shape files are read whole and written byte for byte", "[data]") {
  const auto data = test::data_dir();
  if (!data || !std::filesystem::is_directory(*data / "imm_face_db")) return;
  test::TemporaryFolder folder;
  int files = 0, same = 0, repaired = 0;
  for (const auto& file : std::filesystem::directory_iterator(*data / "imm_face_db")) {
    if (file.path().extension() != ".asf") continue;
    CAPTURE(file.path());
    ++files;
    const AsfShape shape = read_asf(file.path());
    CHECK(shape.relative.size() == imm::point_count);
    CHECK(shape.image == file.path().stem().string() + ".jpg");
    write_asf(folder / "a.asf", shape);
    const auto body = [](const std::string& text) { return text.substr(text.find("# number of model points")); };
    same += body(test::read_text(file.path())) == body(test::read_text(folder / "a.asf"));

    // Left and right are those of the picture, whichever way the person looks.
    Landmarks p = shape.pixels(640, 480);
    repaired += imm::repair_eye_order(p);
    CHECK(p[17].x < p[13].x);  // the right eye's inner corner, its outer one
    CHECK(p[25].x > p[21].x);
    CHECK(p[15].y < p[19].y);  // upper lid, lower lid
    CHECK(p[23].y < p[27].y);
    CHECK(p[39].x < p[43].x);  // the corners of the mouth
    CHECK(p[25].x < p[17].x);  // left eye, right eye
    CHECK(p[imm::nose_tip].y > p[47].y);
  }
  CHECK(files == 240);
  CHECK(same == 199);  // the others have three more columns
  CHECK(repaired == 9);
}
