#include "nasion/faces/pts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
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

const std::string header = "version: 1\nn_points:  2\n{\n";

Landmarks read(const std::string& text) {
  test::TemporaryFolder folder;
  test::write_text(folder / "a.pts", text);
  return read_pts(folder / "a.pts");
}

std::string error_of(const std::string& text) {
  test::TemporaryFolder folder;
  test::write_text(folder / "a.pts", text);
  return test::io_error(folder.path(), [&] { read_pts(folder / "a.pts"); });
}

}  // namespace

TEST_CASE("read_pts counts from the image's corner instead of the first pixel's centre") {
  CHECK(read(header + "1 1\n640.25 -3.5\n}\n") == Landmarks{{0.5, 0.5}, {639.75, -4}});
}

TEST_CASE("read_pts takes files with and without lines of text, in any layout") {
  const Landmarks expected{{0.5, 1.5}, {2.5, 3.5}};
  CHECK(read(header + "1 2\n3 4\n}\n") == expected);
  CHECK(read("1 2\n3 4\n") == expected);
  CHECK(read("{\n1 2\n3 4\n}") == expected);
  CHECK(read("n_points:2\nversion:1\n{\n1 2\n3 4\n}") == expected);
  CHECK(read("version: 1 \r\nn_points: 2\r\n{\r\n 1\t2 \r\n\r\n3.0  4e0\r\n}\r\n\r\n") == expected);
  CHECK(read("1 2\r\n3 4") == expected);
  CHECK(read("version: 1\rn_points: 2\r{\r1 2\r3 4\r}\r") == expected);
}

TEST_CASE("read_pts takes what other readers of the field take") {
  const std::string points = "{\n10.5 20.25\n30 40\n50.125 60\n}\n", lines = "version: 1\nn_points: 3\n" + points;
  const Landmarks expected{{10, 19.75}, {29.5, 39.5}, {49.625, 59.5}};
  CHECK(read("\xEF\xBB\xBF" + lines) == expected);
  CHECK(read("\xEF\xBB\xBF"
             "10.5 20.25\n30 40\n50.125 60\n") == expected);
  CHECK(read(lines + "\x1A") == expected);
  CHECK(read(lines + "\x1A\r\n") == expected);
  CHECK(read(test::replaced(lines, "10.5", "+10.5")) == expected);
  CHECK(read("version : 1\nn_points : 3\n" + points) == expected);
  CHECK(read("Version: 1\nN_Points: 3\n" + points) == expected);
  CHECK(read("version: 1.0\nn_points: 3\n" + points) == expected);
  CHECK(read("version: 1\nimage: a b.jpg\nn_points: 3\n# by hand\n" + points) == expected);
  CHECK(read("version: 1\nn_points: 3\n{\n10.5 20.25 1\n30 40 0\n50.125 60 -2.5\n}\n") == expected);
}

TEST_CASE("read_pts refuses coordinates that no image has, which would become infinite on the way") {
  for (const char* far : {"1e308 2", "2 -1e308", "1000000001 2"})
    CHECK(error_of(header + far + "\n3 4\n}\n") ==
          message("a.pts:4: the point '", far, "' is further away than any image is wide"));
  CHECK(error_of(header + "1e9 -1e9\n3 4\n}\n") == "no error");
}

TEST_CASE("read_pts names file, line and fault") {
  CHECK(error_of("") == "a.pts:0: no points in the file");
  CHECK(error_of(header + "}\n") == "a.pts:4: no points in the file");
  CHECK(error_of(header + "1 2\n}\n") == "a.pts:5: found 1 of 2 points");
  CHECK(error_of(header + "1 2\n3 4\n5 6\n}\n") == "a.pts:7: found 3 of 2 points");
  CHECK(error_of(header + "1 2\n3 4\n") == "a.pts:5: the file ends without }");
  CHECK(error_of(header + "1 2\n3\n}\n") == "a.pts:5: expected x and y of a point, got '3'");
  CHECK(error_of(header + "1 2 x\n}\n") == "a.pts:4: expected x and y of a point, got '1 2 x'");
  CHECK(error_of(header + "1 nan\n}\n") == "a.pts:4: expected x and y of a point, got '1 nan'");
  CHECK(error_of("inf 1\n") == "a.pts:1: expected x and y of a point, got 'inf 1'");
  CHECK(error_of("1,5 2\n") == "a.pts:1: expected x and y of a point, got '1,5 2'");
  CHECK(error_of(header + "1 2\n3 4\n}\n5 6\n") == "a.pts:7: unexpected text after the points: '5 6'");
  CHECK(error_of(header + "{\n1 2\n}\n") == "a.pts:4: expected x and y of a point, got '{'");
  CHECK(error_of("1 2\n}\n") == "a.pts:2: expected x and y of a point, got '}'");
  CHECK(error_of("1 2\nn_points: 1\n") == "a.pts:2: expected x and y of a point, got 'n_points: 1'");
  CHECK(error_of("version: 1\n" + header) == "a.pts:2: a second version:");
  CHECK(error_of("n_points: 2\nn_points: 2\n") == "a.pts:2: a second n_points:");
  CHECK(error_of("version: 2\n1 2\n") == "a.pts:1: expected version 1, got '2'");
  for (const std::string count : {"0", "-2", "2.5", "two", "10001", "99999999999999999999", ""})
    CHECK(error_of("n_points: " + count + "\n") ==
          "a.pts:1: expected the number of points, got '" + std::string(count.substr(0, 32)) + "'");
  CHECK(error_of("version: 1\nsize: 3\n") == "a.pts:2: no points in the file");
  CHECK(error_of(header + "size: 3\n") == "a.pts:4: expected x and y of a point, got 'size: 3'");
  CHECK(error_of("\xFF\xD8\xFF") == "a.pts:1: expected x and y of a point, got '\ufffd\ufffd\ufffd'");
}

TEST_CASE("read_pts bounds what it reads") {
  std::string many;
  for (int i = 0; i < 10'001; ++i) many += "1 2\n";
  CHECK(error_of(many) == "a.pts:10001: more than 10000 points");
  test::TemporaryFolder folder;
  test::write_text(folder / "large.pts", std::string((1 << 20) + 1, ' '));
  CHECK_THROWS_WITH(read_pts(folder / "large.pts"), ContainsSubstring("more than the limit"));
  CHECK_THROWS_WITH(read_pts(folder / "missing.pts"), ContainsSubstring("missing.pts: no such file"));
  CHECK_THROWS_WITH(read_pts(folder.path()), ContainsSubstring("is a folder"));
}

TEST_CASE("random damage to a .pts file gives points or an IoError") {
  test::TemporaryFolder folder;
  Rng rng(12);
  for (int i = 0; i < 500; ++i) {
    std::string text = header + "1 2\n3 4\n}\n";
    for (int n = 0; n < 2; ++n)
      text[static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(text.size())))] =
          static_cast<char>(rng.below(256));
    test::write_text(folder / "a.pts", text);
    try {
      const Landmarks points = read_pts(folder / "a.pts");
      REQUIRE_FALSE(points.empty());
      for (const Point& point : points) REQUIRE(std::isfinite(point.x + point.y));
    } catch (const IoError&) {}
  }
}

TEST_CASE("write_pts writes what read_pts reads") {
  test::TemporaryFolder folder;
  const Landmarks points{{0.5, 1.25}, {-3, 1e6}, {0.1, 2.0 / 3}};
  write_pts(folder / "a.pts", points);
  CHECK(test::read_text(folder / "a.pts").starts_with("version: 1\nn_points: 3\n{\n1 1.75\n-2.5 1000000.5\n"));
  const Landmarks again = read_pts(folder / "a.pts");
  REQUIRE(again.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(again[i].x == Approx(points[i].x).epsilon(1e-14));
    CHECK(again[i].y == Approx(points[i].y).epsilon(1e-14));
  }
}

TEST_CASE("points are written and read alike in every locale") {
  test::TemporaryFolder folder;
  const test::ForeignLocale foreign;
  write_pts(folder / "a.pts", Landmarks(12, {1234, 0.25}));
  CHECK(test::read_text(folder / "a.pts").starts_with("version: 1\nn_points: 12\n{\n1234.5 0.75\n"));
  CHECK(read_pts(folder / "a.pts")[0] == Point{1234, 0.25});
}

TEST_CASE("write_pts refuses what could not be read back") {
  test::TemporaryFolder folder;
  CHECK_THROWS_WITH(write_pts(folder / "a.pts", {}), "[write_pts] no points");
  CHECK_THROWS_WITH(write_pts(folder / "a.pts", {{1, std::numeric_limits<double>::quiet_NaN()}}),
                    ContainsSubstring("is not finite"));
  CHECK_THROWS_AS(write_pts(folder / "a.pts", {{std::numeric_limits<double>::infinity(), 1}}), ValueError);
  CHECK_THROWS_AS(write_pts(folder / "a.pts", {{1, max_coordinate}}), ValueError);
  CHECK_FALSE(std::filesystem::exists(folder / "a.pts"));
  CHECK_THROWS_AS(write_pts(folder / "missing" / "a.pts", {{1, 1}}), IoError);
}

TEST_CASE("the .pts files of the photos hold 68 points without lines of text", "[data]") {
  const auto data = test::data_dir();
  if (!data || !std::filesystem::is_directory(*data / "photos")) return;
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(*data / "photos")) {
    if (file.path().extension() != ".pts") continue;
    CAPTURE(file.path());
    ++files;
    CHECK(test::read_text(file.path()).find("n_points") == std::string::npos);
    CHECK(read_pts(file.path()).size() == ibug::point_count);
  }
  CHECK(files == 10);
  CHECK(read_pts(*data / "photos/1636651575_1.pts")[0] == Point{532.349122, 230.489703});
}
