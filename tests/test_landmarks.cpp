#include "nasion/vision/landmarks.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "nasion/core/random.hpp"
#include "nasion/vision/pts.hpp"
#include "support/catch.hpp"
#include "support/data_dir.hpp"
#include "support/foreign_locale.hpp"
#include "support/io_error.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
using namespace nasion::vision;

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

/// The sum of faces of one markup, each moved and scaled to centre 0 and mean distance 1 from it.
struct MeanFace {
  Landmarks sum;

  void add(const Landmarks& face) {
    Point centre;
    double size = 0;
    const auto n = static_cast<double>(face.size());
    for (const Point& p : face) centre.x += p.x / n, centre.y += p.y / n;
    for (const Point& p : face) size += std::hypot(p.x - centre.x, p.y - centre.y) / n;
    sum.resize(face.size());
    for (std::size_t i = 0; i < face.size(); ++i) {
      sum[i].x += (face[i].x - centre.x) / size;
      sum[i].y += (face[i].y - centre.y) / size;
    }
  }

  /// For how many points of the mean face's mirror image the nearest one of the face itself is not the table's.
  int misplaced() const {
    const auto mirrored = mirrored_landmarks(sum.size());
    int count = 0;
    for (std::size_t i = 0; i < sum.size(); ++i) {
      const auto distance = [&](const Point& p) { return std::hypot(p.x + sum[i].x, p.y - sum[i].y); };
      count += std::ranges::min_element(sum, {}, distance) - sum.begin() != mirrored[i];
    }
    return count;
  }
};

}  // namespace

TEST_CASE("transform moves every point") {
  const Landmarks points{{1, 2}, {3, 4}};
  CHECK(transform(Affine::translate(10, 20), points) == Landmarks{{11, 22}, {13, 24}});
  CHECK(transform(Affine{}, {}).empty());
}

TEST_CASE("outlines cover all points in order") {
  const auto end = [](std::span<const LandmarkPath> paths) {
    int next = 0;
    for (const auto& path : paths) {
      CHECK(path.first == next);
      next = path.last + 1;
    }
    return next;
  };
  CHECK(end(imm::paths) == imm::point_count);
  CHECK(end(ibug::paths) == ibug::point_count);
  CHECK(imm::paths[6].first < imm::nose_tip);
  CHECK(imm::nose_tip < imm::paths[6].last);
}

TEST_CASE("mirroring the IMM points twice changes nothing, and keeps outlines together") {
  for (int i = 0; i < imm::point_count; ++i) {
    CHECK(imm::mirrored[static_cast<std::size_t>(imm::mirrored[static_cast<std::size_t>(i)])] == i);
  }
  CHECK(imm::mirrored[imm::nose_tip] == imm::nose_tip);
  for (const auto& path : imm::paths)
    for (int i = path.first; i < path.last; ++i)
      CHECK(std::abs(imm::mirrored[static_cast<std::size_t>(i)] - imm::mirrored[static_cast<std::size_t>(i) + 1]) <=
            (path.name == "mouth" ? 7 : 1));
}

TEST_CASE("mirroring the iBUG points twice changes nothing, and each feature becomes its other side") {
  const auto& mirrored = ibug::mirrored;
  for (int i = 0; i < ibug::point_count; ++i)
    CHECK(mirrored[static_cast<std::size_t>(mirrored[static_cast<std::size_t>(i)])] == i);
  for (const std::size_t middle : {8u, 27u, 28u, 29u, 30u, 33u, 51u, 57u, 62u, 66u})
    CHECK(mirrored[middle] == static_cast<int>(middle));
  const std::pair<std::size_t, int> pairs[] = {{0, 16},  {7, 9},   {17, 26}, {21, 22}, {31, 35}, {32, 34},
                                               {36, 45}, {37, 44}, {39, 42}, {40, 47}, {41, 46}, {48, 54},
                                               {50, 52}, {55, 59}, {56, 58}, {60, 64}, {61, 63}, {65, 67}};
  for (const auto& [left, right] : pairs) CHECK(mirrored[left] == right);
  CHECK(mirrored[static_cast<std::size_t>(ibug::outer_eye_corners[0])] == ibug::outer_eye_corners[1]);
}

TEST_CASE("the number of points chooses the mirror's table") {
  CHECK(mirrored_landmarks(58).data() == imm::mirrored.data());
  CHECK(mirrored_landmarks(68).data() == ibug::mirrored.data());
  CHECK_THROWS_WITH(mirrored_landmarks(21), ContainsSubstring("[mirrored_landmarks] how 21 points change places"));
  CHECK_THROWS_AS(mirrored_landmarks(0), ValueError);
  CHECK(find_mirrored_landmarks(58)->data() == imm::mirrored.data());
  CHECK(find_mirrored_landmarks(68)->data() == ibug::mirrored.data());
  CHECK_FALSE(find_mirrored_landmarks(21));
}

TEST_CASE("the number of points chooses how a face is drawn") {
  CHECK(landmark_paths(58).data() == imm::paths.data());
  CHECK(landmark_paths(68).data() == ibug::paths.data());
  CHECK(landmark_paths(21).empty());
}

TEST_CASE("the outer corners of the eyes change places in a mirror, and begin their outlines") {
  CHECK(imm::mirrored[static_cast<std::size_t>(imm::outer_eye_corners[0])] == imm::outer_eye_corners[1]);
  CHECK(ibug::mirrored[static_cast<std::size_t>(ibug::outer_eye_corners[0])] == ibug::outer_eye_corners[1]);
  for (const std::size_t eye : {1u, 2u}) CHECK(imm::paths[eye].first == imm::outer_eye_corners[eye - 1]);
}

TEST_CASE("bounding_box holds all points") {
  CHECK(bounding_box({{3, 4}, {-1, 10}, {2, 5}}) == Box{-1, 4, 4, 6});
  CHECK(bounding_box({{3, 4}}) == Box{3, 4, 0, 0});
  CHECK_THROWS_WITH(bounding_box({}), "[bounding_box] no points");
}

TEST_CASE("repair_eye_order turns round an eye that starts at its inner corner") {
  Landmarks points(imm::point_count);
  for (std::size_t i = 0; i < 8; ++i) {  // clockwise from the outer, left corner; and the mirror image of that
    const double angle = 0.25 * std::numbers::pi * static_cast<double>(i);
    points[21 + i] = {40 - 10 * std::cos(angle), 50 - 5 * std::sin(angle)};
    points[13 + i] = {80 + 10 * std::cos(angle), 50 - 5 * std::sin(angle)};
  }
  const Landmarks good = points;
  CHECK(imm::repair_eye_order(points) == 0);
  CHECK(points == good);
  for (std::size_t i = 0; i < 8; ++i) points[13 + i] = {80 - (good[13 + i].x - 80), good[13 + i].y};
  CHECK(imm::repair_eye_order(points) == 1);
  for (std::size_t i = 0; i < points.size(); ++i) {
    CHECK(points[i].x == Approx(good[i].x));
    CHECK(points[i].y == Approx(good[i].y));
  }
  points.pop_back();
  CHECK_THROWS_AS(imm::repair_eye_order(points), ValueError);
}

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
        "03-2m.asf:1: expected the number of points, got '\?\?\?\?garbage'");
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
  const LandmarkPath line[] = {{"line", 0, 1, false}};
  write_asf(folder / "a.asf", {{{1e6, -1e6}, {999999.9999999999, 0}}, "a.jpg"}, line);
  CHECK(read_asf(folder / "a.asf").relative[0] == Point{1e6, -1e6});
}

TEST_CASE("write_asf joins open and closed outlines") {
  test::TemporaryFolder folder;
  const LandmarkPath paths[] = {{"open", 0, 1, false}, {"closed", 2, 4, true}};
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
  const auto refuses = [&](const AsfShape& shape, std::span<const LandmarkPath> paths = imm::paths) {
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
  const LandmarkPath gap[] = {{"a", 0, 1, false}, {"b", 3, 4, false}};
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

TEST_CASE("in the mirror, each point of the mean real face lies on its partner", "[data]") {
  const auto data = test::data_dir();
  if (!data) return;
  if (std::filesystem::is_directory(*data / "imm_face_db")) {
    MeanFace mean;
    int faces = 0;
    for (const auto& file : std::filesystem::directory_iterator(*data / "imm_face_db")) {
      if (file.path().extension() != ".asf") continue;
      Landmarks points = read_asf(file.path()).pixels(640, 480);
      imm::repair_eye_order(points);
      mean.add(points);
      ++faces;
    }
    CHECK(faces == 240);
    CHECK(mean.misplaced() == 0);
  }
  if (std::filesystem::is_directory(*data / "300w")) {
    MeanFace mean;
    int faces = 0;
    for (const char* folder : {"afw", "helen/trainset", "lfpw/trainset"})
      for (const auto& file : std::filesystem::directory_iterator(*data / "300w" / folder)) {
        if (file.path().extension() != ".pts") continue;
        mean.add(read_pts(file.path()));
        ++faces;
      }
    CHECK(faces > 2000);
    CHECK(mean.sum.size() == ibug::point_count);
    CHECK(mean.misplaced() == 0);
  }
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
