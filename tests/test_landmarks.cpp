#include "nasion/faces/landmarks.hpp"

#include <algorithm>
#include <cmath>

#include "nasion/faces/asf.hpp"
#include "nasion/faces/pts.hpp"
#include "support/catch.hpp"
#include "support/data_dir.hpp"

using namespace nasion;
using namespace nasion::vision;
using namespace nasion::faces;

namespace {

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

TEST_CASE("outlines cover all points in order") {
  const auto end = [](std::span<const PointPath> paths) {
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
