#include "nasion/faces/synthetic/wild.hpp"

#include <cmath>

#include "nasion/faces/w300.hpp"
#include "support/catch.hpp"
#include "support/drawn_face.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
using namespace nasion::vision;
using namespace nasion::faces;
using namespace test;

TEST_CASE("photos from anywhere differ in everything and are the same for the same seed", "[synthetic]") {
  int turned = 0, grey = 0, covered = 0, hats = 0, dark = 0, crowds = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const auto people = random_photo(Rng(seed));
    REQUIRE_FALSE(people.empty());
    const FaceParameters& f = people.back();
    turned += std::abs(f.yaw) > 0.5f, grey += f.person.grey_photos, hats += f.person.hat != PersonParameters::Hat::none;
    covered += f.person.mask || f.in_front[0].kind != ThingInFront::Kind::none, dark += f.person.skin.x < 0.35f;
    crowds += people.size() > 1;
  }
  for (const int count : {turned, grey, covered, hats, dark, crowds}) CHECK((count > 10 && count < 150));

  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    CAPTURE(seed);
    const SyntheticFace a = random_face(seed, 96, 80), b = random_face(seed, 96, 80);
    CHECK((a.image.width == 96 && a.image.height == 80));
    CHECK(a.image.pixels == b.image.pixels);
    CHECK((a.points68.size() == 68 && a.points58.size() == 58));
    const Box points = bounding_box(a.points68);
    CHECK(a.box.x == points.x);
    CHECK(a.box.height == points.height);
    CHECK((a.box.height > 5 && a.box.width > 3));
    const auto [darkest, brightest] = std::minmax_element(a.image.pixels.begin(), a.image.pixels.end());
    CHECK(*brightest - *darkest > 30);
    CHECK(random_face(seed + 100, 96, 80).image.pixels != a.image.pixels);
  }
  CHECK_THROWS_WITH(render_photo({}, 64, 64), ContainsSubstring("nobody"));
}

TEST_CASE("what covers the face changes the picture and not the points", "[synthetic]") {
  FaceParameters face = plain_face();
  const SyntheticFace bare = render_face(face, 160, 120);
  const auto change_at = [&](const SyntheticFace& drawn, std::size_t point) {
    const auto a = colour_at(bare.image, bare.points68[point], 1), b = colour_at(drawn.image, bare.points68[point], 1);
    return std::abs(a[0] - b[0]) + std::abs(a[1] - b[1]) + std::abs(a[2] - b[2]);
  };
  const auto check_points = [&](const SyntheticFace& drawn) {
    for (std::size_t i = 0; i < 68; ++i) {
      CHECK(drawn.points68[i].x == bare.points68[i].x);
      CHECK(drawn.points68[i].y == bare.points68[i].y);
    }
  };
  SECTION("mask") {
    face.person.mask = true;
    const SyntheticFace drawn = render_face(face, 160, 120);
    check_points(drawn);
    CHECK(change_at(drawn, 51) > 30);
    CHECK(change_at(drawn, 27) < 30);
  }
  SECTION("dark glasses") {
    face.person.glasses = true, face.person.glasses_tint = 1;
    const SyntheticFace drawn = render_face(face, 160, 120);
    check_points(drawn);
    CHECK(brightness(drawn.image, middle(bare.points68, 36, 41), 3) < 60);
  }
  SECTION("a hand before the mouth") {
    face.in_front[0] = {ThingInFront::Kind::hand, {0, -7, 12}, {0.1f, 0.7f, 0.1f}};
    const SyntheticFace drawn = render_face(face, 160, 120);
    check_points(drawn);
    CHECK(change_at(drawn, 57) > 30);
  }
  SECTION("a hat") {
    face.person.hat = PersonParameters::Hat::beanie, face.person.hat_colour = {0.6f, 0.02f, 0.02f};
    const SyntheticFace drawn = render_face(face, 160, 120);
    check_points(drawn);
    const Point brow = middle(bare.points68, 19, 24), forehead{brow.x, brow.y - 20};
    CHECK(redness(drawn.image, forehead, 1) > 1.5 * redness(bare.image, forehead, 1));
  }
}

TEST_CASE("the camera blurs, shakes, cuts, and loses detail", "[synthetic]") {
  FaceParameters face = plain_face();
  const auto detail_of = [](const Image& image) {  // mean difference of neighbours
    double sum = 0;
    for (std::size_t i = 3; i < image.pixels.size(); ++i) sum += std::abs(image.pixels[i] - image.pixels[i - 3]);
    return sum / static_cast<double>(image.pixels.size());
  };
  const SyntheticFace sharp = render_face(face, 128, 128);
  const double all = detail_of(sharp.image);
  CameraEffects& camera = face.camera;
  SECTION("out of focus") {
    camera.defocus = 0.02f;
    CHECK(detail_of(render_face(face, 128, 128).image) < 0.8 * all);
  }
  SECTION("shaken") {
    camera.motion = 0.03f;
    CHECK(detail_of(render_face(face, 128, 128).image) < 0.8 * all);
  }
  SECTION("few pixels") {
    camera.resolution = 0.25f;
    const SyntheticFace drawn = render_face(face, 128, 128);
    CHECK(drawn.image.width == 128);
    CHECK(detail_of(drawn.image) < 0.8 * all);
    CHECK(std::abs(drawn.points68[30].x - sharp.points68[30].x) < 0.1);
  }
  SECTION("compressed") {
    camera.jpeg_quality = 5;
    const Image coarse = render_face(face, 128, 128).image;
    CHECK(coarse.pixels != sharp.image.pixels);
    camera.jpeg_quality = 100;
    const Image fine = render_face(face, 128, 128).image;
    const auto distance = [&](const Image& image) {
      double sum = 0;
      for (std::size_t i = 0; i < image.pixels.size(); ++i) sum += std::abs(image.pixels[i] - sharp.image.pixels[i]);
      return sum;
    };
    CHECK(distance(coarse) > 2 * distance(fine));
  }
  SECTION("cut off") {
    camera.cut_left = 0.25f;
    Image image = render_face(face, 128, 128).image;
    CHECK(image.at(10, 64)[0] == image.at(30, 100)[0]);
    CHECK(image.at(30, 64)[1] < 10);
  }
}

TEST_CASE("a folder of photos from anywhere is read back by the reader of 300-W", "[synthetic]") {
  const test::TemporaryFolder parent;
  const auto folder = parent / "faces";
  CHECK(write_synthetic_w300(folder, 7, 10, {}, 64, 48));
  CHECK_FALSE(write_synthetic_w300(folder, 7, 10, {}, 64, 48));
  const W300Faces faces(folder);
  REQUIRE(faces.training().size() == 9);
  REQUIRE(faces.tests().size() == 1);
  CHECK(faces.tests().front().second.size() == 1);
  const W300Face third = read_w300_face(faces.training()[2]);
  const SyntheticFace expected = random_face(Rng(7).split(2)(), 64, 48);
  CHECK(third.image.width == 64);
  for (std::size_t i = 0; i < 68; ++i) CHECK(third.points[i].x == Approx(expected.points68[i].x).margin(1e-3));
  CHECK_THROWS_WITH(write_synthetic_w300("unused", 1, 9),
                    "[write_synthetic_w300] faces must be in 10 ... 999999, got 9");
}
