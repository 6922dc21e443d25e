#include "nasion/faces/synthetic.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "nasion/faces/imm.hpp"
#include "support/catch.hpp"
#include "support/drawn_face.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"

using namespace nasion;
using namespace nasion::vision;
using namespace nasion::faces;
using namespace test;

namespace {

double mouth_width(const Landmarks& p) { return p[43].x - p[39].x; }
double nose_offset(const Landmarks& p) { return p[imm::nose_tip].x - middle(p, 13, 28).x; }

}  // namespace

TEST_CASE("a synthetic face is a picture with 58 and 68 points inside it", "[synthetic]") {
  const Rng rng(11);
  for (int view = 1; view <= 6; ++view) {
    CAPTURE(view);
    const PersonParameters person = random_person(rng.split(static_cast<std::uint64_t>(view)));
    const SyntheticFace face = render_face(imm_view(person, view, rng.split(100)), 120, 90);
    CHECK(face.image.width == 120);
    CHECK(face.image.height == 90);
    CHECK(face.image.channels == (person.grey_photos ? 1 : 3));
    CHECK(face.points58.size() == 58);
    CHECK(face.points68.size() == 68);
    for (const Landmarks& points : {face.points58, face.points68})
      CHECK(std::all_of(points.begin(), points.end(),
                        [](Point p) { return p.x > 0 && p.x < 120 && p.y > 0 && p.y < 90; }));
  }
}

TEST_CASE("landmarks scale with the picture", "[synthetic]") {
  const FaceParameters face = plain_face();
  const Landmarks small = render_face(face, 64, 48).points58, large = render_face(face, 160, 120).points58;
  for (std::size_t i = 0; i < small.size(); ++i) {
    CHECK(large[i].x == Approx(2.5 * small[i].x).margin(1e-2));
    CHECK(large[i].y == Approx(2.5 * small[i].y).margin(1e-2));
  }
}

TEST_CASE("turning the other way mirrors the landmarks of a symmetric head", "[synthetic]") {
  FaceParameters face = plain_face();
  face.pitch = 0.1f, face.yaw = GENERATE(0.0f, 0.3f, 0.7f), face.roll = 0.1f;
  const SyntheticFace right = render_face(face, 64, 48);
  face.yaw = -face.yaw, face.roll = -face.roll;
  const SyntheticFace left = render_face(face, 64, 48);
  for (const auto& points : {&SyntheticFace::points58, &SyntheticFace::points68}) {
    const auto mirrored = mirrored_landmarks((right.*points).size());
    for (std::size_t i = 0; i < mirrored.size(); ++i) {
      CAPTURE(mirrored.size(), i);
      const Point p = (right.*points)[i], twin = (left.*points)[static_cast<std::size_t>(mirrored[i])];
      CHECK(64 - twin.x == Approx(p.x).margin(0.05));
      CHECK(twin.y == Approx(p.y).margin(0.05));
    }
  }
}

TEST_CASE("a head turned right, up and aside moves its points there", "[synthetic]") {
  FaceParameters face = plain_face();
  const Landmarks straight = render_face(face, 64, 48).points58;
  CHECK(std::abs(nose_offset(straight)) < 0.05);
  face.yaw = 0.5f;
  CHECK(nose_offset(render_face(face, 64, 48).points58) > 1.7);
  face.yaw = -0.5f;
  CHECK(nose_offset(render_face(face, 64, 48).points58) < -1.7);
  face.yaw = 0, face.pitch = 0.3f;
  const Landmarks raised = render_face(face, 64, 48).points58;
  CHECK(raised[imm::nose_tip].y - middle(raised, 13, 28).y < straight[imm::nose_tip].y - middle(straight, 13, 28).y);
  face.pitch = 0, face.roll = 0.3f;  // clockwise: the eye on the right is lower
  const Landmarks tilted = render_face(face, 64, 48).points58;
  CHECK(tilted[13].y > tilted[21].y + 1);
}

TEST_CASE("expressions move the points that they should", "[synthetic]") {
  FaceParameters face = plain_face();
  const Landmarks neutral = render_face(face, 64, 48).points58;
  face.expression[synthetic::expression_index("smile")] = 1;
  const Landmarks smile = render_face(face, 64, 48).points58;
  CHECK(mouth_width(smile) > 1.1 * mouth_width(neutral));
  CHECK(smile[39].y < neutral[39].y);

  face = plain_face();
  face.expression[synthetic::expression_index("lips closed")] = 0;
  face.expression[synthetic::expression_index("jaw open")] = 1;
  const SyntheticFace open = render_face(face, 64, 48);
  CHECK(open.points58[45].y > neutral[45].y + 2);  // lower lip
  CHECK(open.points58[6].y > neutral[6].y + 1);    // chin
  CHECK(open.points58[imm::nose_tip].y == Approx(neutral[imm::nose_tip].y).margin(0.05));
  CHECK(open.points68[66].y > open.points68[62].y + 2);  // between the lips

  face = plain_face();
  face.eyes.upper = -0.3f;
  const Landmarks closed = render_face(face, 64, 48).points58;
  CHECK(closed[19].y - closed[15].y < 0.5 * (neutral[19].y - neutral[15].y));
}

TEST_CASE("the six views show what they should", "[synthetic]") {
  const Rng rng(3);
  for (std::uint64_t k = 0; k < 3; ++k) {
    const PersonParameters person = random_person(rng.split(k));
    const auto draw = [&](int view) { return render_face(imm_view(person, view, rng.split(50 + k)), 64, 48).points58; };
    const Landmarks neutral = draw(1);
    CHECK(std::abs(nose_offset(neutral)) < 1.5);
    CHECK(mouth_width(draw(2)) > mouth_width(neutral));
    CHECK(nose_offset(draw(3)) < -0.8);
    CHECK(nose_offset(draw(4)) > 0.8);
    CHECK(imm_view(person, 5, rng).spot);
  }
  // The spot light comes from the right of the picture.
  FaceParameters lit = plain_face();
  lit.spot = true, lit.light_direction = {1, 0.4f, 0.75f}, lit.fill_direction = {-0.7f, 0.1f, 0.7f};
  const SyntheticFace face = render_face(lit, 160, 120);
  const Landmarks& p = face.points58;
  const Point left{(p[1].x + p[50].x) / 2, p[50].y}, right{(p[11].x + p[54].x) / 2, p[54].y};
  CHECK(brightness(face.image, right, 2) > 1.2 * brightness(face.image, left, 2));
}

TEST_CASE("landmarks lie on the features of the picture", "[synthetic]") {
  const SyntheticFace face = render_face(plain_face(), 320, 240);
  const Landmarks &p = face.points58, &q = face.points68;
  const Image& image = face.image;
  const auto cheek = [&](int side) { return Point{(p[side].x + p[side == 1 ? 50 : 54].x) / 2, p[50].y - 4}; };
  for (const int side : {1, 11}) {
    CAPTURE(side);
    const double skin = brightness(image, cheek(side), 3);
    const Point pupil = side == 1 ? middle(p, 21, 28) : middle(p, 13, 20);
    CHECK(brightness(image, pupil, 1) < 0.55 * skin);
    const Point brow = side == 1 ? Point{(p[35].x + p[36].x) / 2, (p[35].y + p[36].y) / 2 + 3}
                                 : Point{(p[30].x + p[31].x) / 2, (p[30].y + p[31].y) / 2 + 3};
    CHECK(brightness(image, brow, 1) < 0.85 * skin);
    const Point lower_lip = middle(q, 56, 58), inner = middle(q, 65, 67);
    CHECK(redness(image, {(lower_lip.x + inner.x) / 2, (lower_lip.y + inner.y) / 2}, 1) >
          1.06 * redness(image, cheek(side), 3));
    // A little outside of the contour there is something else than skin: neck in shadow, hair, backdrop.
    const Point jaw = p[static_cast<std::size_t>(side == 1 ? 2 : 10)];
    const Point centre = p[imm::nose_tip];
    const auto along = [&](double share) {
      return Point{centre.x + share * (jaw.x - centre.x), centre.y + share * (jaw.y - centre.y)};
    };
    CHECK(brightness(image, along(1.12), 1) < 0.75 * brightness(image, along(0.85), 1));
  }
  // The highest brightness around the tip of the nose, the nostrils below it dark: a little above 33, which people mark
  // under them.
  const double tip = brightness(image, q[30], 2);
  CHECK(brightness(image, {(q[31].x + q[33].x) / 2, q[33].y - 4}, 0) < 0.6 * tip);
  CHECK(brightness(image, {(q[35].x + q[33].x) / 2, q[33].y - 4}, 0) < 0.6 * tip);
}

TEST_CASE("58 and 68 points agree where they mark the same place", "[synthetic]") {
  FaceParameters face = plain_face();
  face.yaw = GENERATE(0.0f, 0.5f);
  const SyntheticFace drawn = render_face(face, 320, 240);
  const auto apart = [&](std::size_t a, std::size_t b) {
    return std::hypot(drawn.points58[a].x - drawn.points68[b].x, drawn.points58[a].y - drawn.points68[b].y);
  };
  for (const auto& [a, b] : {std::pair<std::size_t, std::size_t>{39, 48}, {43, 54}, {6, 8}}) {
    CAPTURE(a, b);
    CHECK(apart(a, b) < 1);
  }
  // Corners of the eyes and the base of the nose are marked a little differently, by 3 to 5 % of the distance of the
  // eyes in the means of annotated photos.
  const auto &left = drawn.points68[36], &right = drawn.points68[45];
  for (const auto& [a, b] : {std::pair<std::size_t, std::size_t>{13, 45}, {17, 42}, {21, 36}, {25, 39}, {52, 33}}) {
    CAPTURE(a, b);
    CHECK(apart(a, b) < 0.06 * std::hypot(right.x - left.x, right.y - left.y));
  }
}

TEST_CASE("people differ, and stay the same from view to view", "[synthetic]") {
  const Rng rng(1);
  const PersonParameters a = random_person(rng.split(1)), again = random_person(rng.split(1)),
                         b = random_person(rng.split(2));
  CHECK(a.shape == again.shape);
  CHECK(a.seed == again.seed);
  CHECK(a.shape != b.shape);
  CHECK(a.seed != b.seed);
  CHECK(imm_view(a, 2, rng).person.shape == a.shape);
}

TEST_CASE("a folder of synthetic faces is read back by the reader of the database", "[synthetic]") {
  const test::TemporaryFolder parent;
  const auto folder = parent / "new" / "faces";
  std::vector<int> calls;
  const auto record = [&](int done, int total) { calls.push_back(total == 12 ? done : -1); };
  CHECK(write_synthetic_imm(folder, 5, 2, record, 64, 48));
  CHECK(calls == std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});

  const ImmFaces faces(folder);
  REQUIRE(faces.entries().size() == 12);
  const Rng rng = Rng(5).split(2);
  const PersonParameters second = random_person(rng.split(0));
  for (const ImmEntry& entry : faces.entries()) {
    CAPTURE(entry.name());
    const ImmFace face = read_imm_face(entry);
    CHECK(face.image.width == 64);
    CHECK(face.points.size() == 58);
    if (entry.person != 2) continue;
    CHECK(entry.sex == (second.female ? 'f' : 'm'));
    const auto expected =
        render_face(imm_view(second, entry.view, rng.split(static_cast<std::uint64_t>(entry.view))), 64, 48);
    for (std::size_t i = 0; i < 58; ++i) {
      CHECK(face.points[i].x == Approx(expected.points58[i].x).margin(1e-4));
      CHECK(face.points[i].y == Approx(expected.points58[i].y).margin(1e-4));
    }
  }
}

TEST_CASE("the same seed gives the same bytes for any number of threads", "[synthetic]") {
  const test::TemporaryFolder parent;
  const auto bytes = [&](int threads, std::uint64_t seed) {
    const test::Threads use(threads);
    const auto folder = parent / (std::to_string(threads) + "-" + std::to_string(seed));
    write_synthetic_imm(folder, seed, 1, {}, 64, 48);
    std::vector<std::pair<std::string, std::string>> files;
    for (const auto& file : std::filesystem::directory_iterator(folder))
      files.emplace_back(file.path().filename().string(), test::read_text(file.path()));
    std::sort(files.begin(), files.end());
    return files;
  };
  const auto one = bytes(1, 7);
  CHECK(one.size() == 13);
  CHECK((one == bytes(3, 7)));
  CHECK((one != bytes(1, 8)));
}

TEST_CASE("a folder appears whole, once, and never over something else", "[synthetic]") {
  const test::TemporaryFolder parent;
  const auto folder = parent / "faces";
  const auto names = [&] {
    std::set<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(parent.path()))
      all.insert(entry.path().filename().string());
    return all;
  };

  SECTION("nothing to do the second time") {
    CHECK(write_synthetic_imm(folder, 1, 1, {}, 32, 24));
    CHECK_FALSE(write_synthetic_imm(folder, 1, 1, {}, 32, 24));
    CHECK(write_synthetic_imm(folder, 2, 1, {}, 32, 24));  // another seed replaces it
    CHECK(names() == std::set<std::string>{"faces"});
  }
  SECTION("a photo that was lost is written again") {
    write_synthetic_imm(folder, 1, 1, {}, 32, 24);
    std::filesystem::remove(ImmFaces(folder).entries().front().image);
    CHECK(write_synthetic_imm(folder, 1, 1, {}, 32, 24));
    CHECK(ImmFaces(folder).entries().size() == 6);
  }
  SECTION("interrupted: no folder at all") {
    struct Stop {};
    CHECK_THROWS_AS(write_synthetic_imm(
                        folder, 1, 1, [](int, int) { throw Stop(); }, 32, 24),
                    Stop);
    CHECK(names().empty());
  }
  SECTION("an empty folder is filled, one with other files left alone") {
    std::filesystem::create_directory(folder);
    CHECK(write_synthetic_imm(folder, 1, 1, {}, 32, 24));
    const auto other = parent / "holiday";
    std::filesystem::create_directory(other);
    test::write_text(other / "photo.jpg", "mine");
    CHECK_THROWS_WITH(write_synthetic_imm(other, 1, 1, {}, 32, 24), ContainsSubstring("holiday: is there already"));
    CHECK(test::read_text(other / "photo.jpg") == "mine");
  }
  SECTION("no way to create it") {
    test::write_text(parent / "file", "");
    CHECK_THROWS_AS(write_synthetic_imm(parent / "file", 1, 1, {}, 32, 24), IoError);
    CHECK_THROWS_AS(write_synthetic_imm(parent / "file" / "faces", 1, 1, {}, 32, 24), IoError);
  }
}

TEST_CASE("bad numbers are refused in one line", "[synthetic]") {
  CHECK_THROWS_WITH(render_face({}, 8, 100), "[render_face] width and height must be in 16 ... 8192, got 8 x 100");
  CHECK_THROWS_AS(render_face({}, 100, 10000), ValueError);
  const PersonParameters person;
  CHECK_THROWS_WITH(imm_view(person, 7, Rng(1)), "[imm_view] view must be in 1 ... 6, got 7");
  CHECK_THROWS_WITH(write_synthetic_imm("unused", 1, 0), "[write_synthetic_imm] persons must be in 1 ... 99, got 0");
  CHECK_THROWS_AS(write_synthetic_imm("unused", 1, 100), ValueError);
  CHECK_FALSE(std::filesystem::exists("unused"));

  FaceParameters face;
  face.yaw = 2;
  CHECK_THROWS_WITH(render_face(face, 32, 32), "[render_face] yaw must be in -1.6 ... 1.6, got 2");
  face = {}, face.scale = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(render_face(face, 32, 32), ContainsSubstring("scale must be"));
  face = {}, face.person.shape[3] = std::numeric_limits<float>::infinity();
  CHECK_THROWS_AS(render_face(face, 32, 32), ValueError);
  face = {}, face.light_direction = {0, 0, 0};
  CHECK_THROWS_WITH(render_face(face, 32, 32), ContainsSubstring("directions"));
  // Out of the picture is allowed, and drawn.
  face = {}, face.centre_x = 2, face.scale = 0.2f;
  CHECK_NOTHROW(render_face(face, 32, 32));
}
