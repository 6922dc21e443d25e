#include "nasion/faces/keypoint_dataset.hpp"

#include <limits>

#include "nasion/data/loader.hpp"
#include "support/catch.hpp"

using namespace nasion;
using namespace nasion::vision;
using namespace nasion::faces;

namespace {

/// A dark photo with a bright square around each of the first `bright` landmarks.
std::pair<Image, Landmarks> face(std::size_t bright) {
  Image photo(320, 240, 3, 20);
  Landmarks points;
  for (int i = 0; i < imm::point_count; ++i) points.push_back({40.0 + 4 * i, 60.0 + 2 * i});
  for (std::size_t i = 0; i < bright; ++i)
    for (int y = -4; y < 4; ++y)
      for (int x = -4; x < 4; ++x)
        std::fill_n(photo.at(static_cast<int>(points[i].x) + x, static_cast<int>(points[i].y) + y), 3,
                    std::uint8_t{250});
  return {photo, points};
}

/// Grey value of the pixel under a target point.
float under(const data::Example<float>& example, Index k) {
  const Index h = example.input.dim(1), w = example.input.dim(2);
  const auto x = static_cast<Index>(example.target.at({2 * k}) * static_cast<float>(w));
  const auto y = static_cast<Index>(example.target.at({2 * k + 1}) * static_cast<float>(h));
  return x < 0 || x >= w || y < 0 || y >= h ? -1 : example.input.at({0, y, x});
}

}  // namespace

TEST_CASE("An example is a grey image in [-0.5, 0.5] and coordinates as parts of its size") {
  const auto [photo, points] = face(1);
  KeypointDataset dataset({.width = 80, .height = 60, .points = {0, 52}});
  dataset.add(photo, points);
  Rng rng(1);
  const auto example = dataset.get(0, rng);
  CHECK(dataset.size() == 1);
  CHECK(example.input.shape() == Shape{1, 60, 80});
  CHECK(example.target.shape() == Shape{4});
  CHECK(example.target.at({0}) == Approx(40.0 / 320));
  CHECK(example.target.at({1}) == Approx(60.0 / 240));
  CHECK(example.target.at({2}) == Approx((40.0 + 4 * 52) / 320));
  CHECK(under(example, 0) == Approx(250 / 255.0 - 0.5).margin(0.01));
  CHECK(example.input.at({0, 0, 0}) == Approx(20 / 255.0 - 0.5).margin(0.01));
}

TEST_CASE("Points move with an augmented image") {
  const auto [photo, points] = face(1);
  KeypointDataset dataset({.width = 160,
                           .height = 120,
                           .points = {0},
                           .augmentation = Augmentation{.shift = 0.05, .rotation = 20, .scale = 0.2}});
  dataset.add(photo, points);
  int seen = 0;
  for (std::uint64_t i = 0; i < 50; ++i) {
    Rng rng = Rng(2).split(i);
    const float v = under(dataset.get(0, rng), 0);
    if (v == -1) continue;  // moved out of the picture
    ++seen;
    CHECK(v > 0.3f);
  }
  CHECK(seen > 30);
}

TEST_CASE("A mirrored face keeps the names of its points") {
  const auto [photo, points] = face(1);  // landmark 0 is bright; in the mirror that place is called landmark 12
  KeypointDataset dataset({.width = 160, .height = 120, .points = {0, 12}, .augmentation = Augmentation{.flip = 1}});
  dataset.add(photo, points);
  Rng rng(3);
  const auto example = dataset.get(0, rng);
  CHECK(under(example, 0) < 0);
  CHECK(under(example, 1) > 0.3f);
}

TEST_CASE("The same generator gives the same example") {
  const auto [photo, points] = face(3);
  KeypointDataset dataset(
      {.points = {0},
       .augmentation =
           Augmentation{.shift = 0.1, .rotation = 20, .scale = 0.2, .flip = 0.5, .brightness = 0.2, .contrast = 0.2}});
  dataset.add(photo, points);
  Rng a(4), b(4), c(5);
  const auto first = dataset.get(0, a), second = dataset.get(0, b), third = dataset.get(0, c);
  CHECK(std::ranges::equal(first.input.values(), second.input.values()));
  CHECK_FALSE(std::ranges::equal(first.input.values(), third.input.values()));
}

TEST_CASE("The loader's batches are the same for any number of workers, whatever the augmentation") {
  KeypointDataset dataset({.points = {0, 12, 52},
                           .augmentation = Augmentation{.shift = 0.1,
                                                        .rotation = 20,
                                                        .scale = 0.2,
                                                        .flip = 0.5,
                                                        .brightness = 0.2,
                                                        .contrast = 0.2,
                                                        .blur = 1.5,
                                                        .noise = 0.05,
                                                        .occlusion = 0.5}});
  for (std::size_t i = 0; i < 11; ++i) {
    const auto [photo, points] = face(i);
    dataset.add(photo, points);
  }
  const auto epochs = [&](int workers) {
    auto loader = data::make_loader(dataset, {.batch_size = 4, .shuffle = true, .workers = workers, .seed = 6});
    std::vector<float> all;
    for (int epoch = 0; epoch < 2; ++epoch)
      for (const auto& batch : loader) {
        all.insert(all.end(), batch.input.values().begin(), batch.input.values().end());
        all.insert(all.end(), batch.target.values().begin(), batch.target.values().end());
      }
    return all;
  };
  const auto alone = epochs(0);
  CHECK(alone.size() == 2 * 11 * (60 * 80 + 6));
  CHECK(alone == epochs(1));
  CHECK(alone == epochs(3));
}

TEST_CASE("Blur, noise and patches leave the points where they are") {
  const auto [photo, points] = face(2);
  KeypointDataset plain({.points = {0, 1, 2}});
  KeypointDataset changed({.points = {0, 1, 2}, .augmentation = Augmentation{.blur = 2, .noise = 0.2, .occlusion = 1}});
  plain.add(photo, points);
  changed.add(photo, points);
  Rng rng(7);
  const auto a = plain.get(0, rng), b = changed.get(0, rng);
  for (Index i = 0; i < 6; ++i) CHECK(b.target.at({i}) == Approx(a.target.at({i})));
  CHECK_FALSE(std::ranges::equal(a.input.values(), b.input.values()));
  for (const float v : b.input.values()) CHECK(std::abs(v) <= 0.5f);
}

TEST_CASE("Faces of 68 points are mirrored by their own table, others not at all") {
  const Image photo(320, 240, 1);
  Landmarks points(ibug::point_count);
  for (std::size_t i = 0; i < points.size(); ++i) points[i] = {4.0 * static_cast<double>(i), 100};
  KeypointDataset dataset({.points = {36, 45, 30}, .augmentation = Augmentation{.flip = 1}});
  dataset.add(photo, points);
  Rng rng(8);
  const auto target = dataset.get(0, rng).target;
  CHECK(target.at({0}) == Approx(1 - 4 * 45.0 / 320));
  CHECK(target.at({2}) == Approx(1 - 4 * 36.0 / 320));
  CHECK(target.at({4}) == Approx(1 - 4 * 30.0 / 320));

  points.resize(21);
  KeypointDataset few({.points = {0}, .augmentation = Augmentation{.flip = 0.5}});
  CHECK_THROWS_WITH(few.add(photo, points), ContainsSubstring("how 21 points change places in a mirror is not known"));
  KeypointDataset unmirrored({.points = {0}, .augmentation = Augmentation{.shift = 0.1}});
  unmirrored.add(photo, points);
  CHECK(unmirrored.size() == 1);
}

TEST_CASE("A view shows a part of the photo, in its proportions, and says where it was") {
  const auto [photo, points] = face(1);
  for (const Box& view : {Box{20, 30, 80, 80}, Box{-30, 10, 100, 100}, Box{36, 56, 8, 8}}) {
    KeypointDataset dataset({.width = 64, .height = 64, .points = {0}});
    dataset.add(photo, points, view);
    Rng rng(1);
    const auto example = dataset.get(0, rng);
    CHECK(dataset.view(0) == view);
    CHECK(example.target.at({0}) == Approx((points[0].x - view.x) / view.width));
    CHECK(example.target.at({1}) == Approx((points[0].y - view.y) / view.height));
    CHECK(under(example, 0) == Approx(250 / 255.0 - 0.5).margin(0.01));
  }
}

TEST_CASE("Points of a view move with its augmented image, also where it leaves the photo") {
  const auto [photo, points] = face(1);
  KeypointDataset dataset({.width = 96,
                           .height = 96,
                           .points = {0},
                           .augmentation = Augmentation{.shift = 0.05, .rotation = 30, .scale = 0.2, .flip = 0.5}});
  dataset.add(photo, points, {-10, 10, 100, 100});
  for (std::uint64_t i = 0; i < 50; ++i) {
    Rng rng = Rng(2).split(i);
    CAPTURE(i);
    // Point 0 changes places with point 12 in a mirror, which no bright square marks.
    const auto example = dataset.get(0, rng);
    if (example.target.at({0}) > 0.15f && example.target.at({0}) < 0.85f && under(example, 0) > 0)
      CHECK(under(example, 0) > 0.3f);
  }
}

TEST_CASE("The mean target is that of the faces as they are seen without augmentation") {
  const auto [photo, points] = face(0);
  KeypointDataset dataset({.width = 64, .height = 64, .points = {0, 12}, .augmentation = Augmentation{.flip = 1}});
  CHECK_THROWS_WITH(dataset.mean_target(), "[KeypointDataset] no faces, whose mean is asked for");
  dataset.add(photo, points);
  dataset.add(photo, points, {20, 30, 100, 50});
  const auto mean = dataset.mean_target();
  CHECK(mean.shape() == Shape{4});
  CHECK(mean.at({0}) == Approx((40.0 / 320 + 20.0 / 100) / 2));
  CHECK(mean.at({1}) == Approx((60.0 / 240 + 30.0 / 50) / 2));
  CHECK(mean.at({2}) == Approx((88.0 / 320 + 68.0 / 100) / 2));
  CHECK(mean.at({3}) == Approx((84.0 / 240 + 54.0 / 50) / 2));
}

TEST_CASE("A tensor becomes the grey picture it was made of") {
  Image image(4, 3, 1);
  for (std::size_t i = 0; i < 12; ++i) image.pixels[i] = static_cast<std::uint8_t>(23 * i);
  CHECK(to_image(to_tensor(image)) == image);
  const auto bright = to_image(Tensorf::full({1, 1, 2}, 3));
  CHECK(bright == Image(2, 1, 1, 255));
  CHECK_THROWS_AS(to_image(Tensorf::zeros({3, 4})), ShapeError);
  CHECK_THROWS_WITH(to_image(Tensorf::zeros({3, 4, 5})), ContainsSubstring("[to_image] needs [1, H, W]"));
}

TEST_CASE("Coordinates become pixels again") {
  const std::vector<float> y{0.5f, 0.25f, 1, 0};
  const auto points = to_points(std::span<const float>(y), 640, 480);
  REQUIRE(points.size() == 2);
  CHECK(points[0] == Point{320, 120});
  CHECK(points[1] == Point{640, 0});
}

TEST_CASE("Faces that cannot be used are refused") {
  KeypointDataset dataset({.points = {60}});
  const auto [photo, points] = face(0);
  CHECK_THROWS_WITH(dataset.add(photo, points), ContainsSubstring("point 60 is not among the 58"));
  CHECK_THROWS_AS(KeypointDataset({.width = 0, .points = {}}), ValueError);
  KeypointDataset first({.points = {0}});
  for (const double far : {1e308, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    auto moved = points;
    moved[3].y = far;
    CHECK_THROWS_WITH(first.add(photo, moved), ContainsSubstring("is not finite or too far away"));
  }
  CHECK_THROWS_AS(to_tensor(Image(4, 4, 3)), ValueError);
}

TEST_CASE("Views that show nothing are refused") {
  const auto [photo, points] = face(0);
  KeypointDataset dataset({.width = 64, .height = 64, .points = {0}});
  CHECK_THROWS_WITH(dataset.add(photo, points, {0, 0, 0, 10}), "[KeypointDataset] view of 0 x 10 has no area");
  CHECK_THROWS_WITH(dataset.add(photo, points, {1000, 0, 50, 50}),
                    "[KeypointDataset] the view at 1000, 0 does not touch its photo of 320 x 240");
  constexpr double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const Box& view : {Box{0, 0, infinity, 10}, Box{0, 0, 10, nan}, Box{nan, 0, 10, 10}, Box{0, -infinity, 10, 10}})
    CHECK_THROWS_AS(dataset.add(photo, points, view), ValueError);
}
