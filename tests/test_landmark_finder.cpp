#include "nasion/faces/landmark_finder.hpp"

#include "nasion/models/keypoint_cnn.hpp"
#include "nasion/nn/fold_batch_norm.hpp"
#include "nasion/vision/draw.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
using faces::LandmarkFinderConfig;

namespace {

faces::LandmarkFinder<float> untrained(const LandmarkFinderConfig& config, std::uint64_t seed = 1) {
  Rng rng(seed);
  return {config, faces::landmark_resnet18<float>(config, rng), faces::FaceFinder<float>(rng)};
}

/// Says that the two points of a face are the corners of what is bright.
struct BrightCorners {
  using Scalar = float;
  mutable int calls = 0;

  Tensorf operator()(const Tensorf& x) const {
    ++calls;
    const auto width = x.dim(3), height = x.dim(2);
    float low_x = 1, low_y = 1, high_x = 0, high_y = 0;
    for (Index i = 0; i < width * height; ++i) {
      if (x.data()[i] < 0) continue;
      const auto left = static_cast<float>(i % width), top = static_cast<float>(i / width);
      const auto w = static_cast<float>(width), h = static_cast<float>(height);
      low_x = std::min(low_x, left / w), low_y = std::min(low_y, top / h);
      high_x = std::max(high_x, (left + 1) / w), high_y = std::max(high_y, (top + 1) / h);
    }
    return Tensorf::from({1, 4}, {low_x, low_y, high_x, high_y});
  }
};

/// Says the same of every face.
struct Always {
  using Scalar = float;
  std::vector<float> coordinates;
  Tensorf operator()(const Tensorf&) const { return Tensorf::from({1, std::ssize(coordinates)}, coordinates); }
};

/// Makes the network answer every face with the same points, `shift` to the right of those whose mirror image they are.
void answer_always(faces::LandmarkFinder<float>& finder, float shift = 0) {
  finder.network.fc.weight.detach().fill(0);
  float* to = finder.network.fc.bias.detach().mutable_data();
  const auto mirrored = faces::mirrored_landmarks(static_cast<std::size_t>(finder.config.points));
  for (int k = 0; k < finder.config.points; ++k) {
    const int other = mirrored[static_cast<std::size_t>(k)];
    *to++ = (k < other ? 0.2f : k > other ? 0.8f : 0.5f) + shift;
    *to++ = 0.2f + 0.6f * static_cast<float>(std::min(k, other)) / static_cast<float>(finder.config.points);
  }
}

}  // namespace

TEST_CASE("The texts of a model file say how it is used") {
  const LandmarkFinderConfig config{.points = 58, .input_size = 224, .face_margin = 1.45};
  const auto texts = faces::metadata_of(config);
  const auto back = faces::landmark_finder_config(texts, "model");
  CHECK(back.points == 58);
  CHECK(back.input_size == 224);
  CHECK(back.face_margin == 1.45);

  for (const auto& [key, value] : texts) {
    auto without = texts;
    without.erase(key);
    CHECK_THROWS_WITH(
        faces::landmark_finder_config(without, "m.safetensors"),
        ContainsSubstring("m.safetensors: is not a model that finds landmarks") && ContainsSubstring(key));
    for (const std::string wrong : {"", "vgg16", "-1", "1e99", "nan"}) {
      auto changed = texts;
      changed[key] = wrong;
      CHECK_THROWS_WITH(faces::landmark_finder_config(changed, "m.safetensors"),
                        ContainsSubstring(key + " is '" + wrong));
    }
  }
}

TEST_CASE("A landmark finder is saved and loaded as a whole, under torchvision's names") {
  const test::TemporaryFolder folder;
  const auto path = folder / "model.safetensors";
  const auto finder = untrained({.points = 5, .input_size = 32});
  io::save(path, finder, faces::metadata_of(finder.config));
  const auto loaded = faces::load_landmark_finder<float>(path);
  CHECK(loaded.config.input_size == 32);
  CHECK_FALSE(loaded.network.bn1.is_training);
  const auto saved = nn::state_dict(finder), state = nn::state_dict(loaded);
  REQUIRE(saved.tensors.size() == state.tensors.size());
  for (std::size_t i = 0; i < state.tensors.size(); ++i) {
    CHECK(saved.tensors[i].name == state.tensors[i].name);
    CHECK(test::identical(saved.tensors[i].tensor, state.tensors[i].tensor));
  }
  const auto file = io::read_safetensors<float>(path);
  CHECK(file.tensor("layer2.0.downsample.0.weight").shape() == Shape{128, 64, 1, 1});
  CHECK(file.tensor("fc.bias").shape() == Shape{10});
  CHECK(file.tensor("face_finder.head.weight").shape() == Shape{4, 64, 1, 1});
}

TEST_CASE("Other files are no landmark finders") {
  const test::TemporaryFolder folder;
  const auto path = folder / "model.safetensors";
  Rng rng(1);
  SECTION("a model of part 1") {
    io::save(path, models::KeypointCnn<float>(models::nose_tip_config(), rng), {{"setting.program", "part1_nose_tip"}});
    CHECK_THROWS_WITH(faces::load_landmark_finder<float>(path), ContainsSubstring("does not say its architecture"));
  }
  SECTION("weights of another size") {
    io::save(path, untrained({.points = 5}), faces::metadata_of({.points = 6}));
    CHECK_THROWS_WITH(faces::load_landmark_finder<float>(path), ContainsSubstring("fc.weight"));
  }
  SECTION("no network that finds faces") {
    const auto finder = untrained({});
    io::save(path, finder.network, faces::metadata_of(finder.config));
    CHECK_THROWS_WITH(faces::load_landmark_finder<float>(path), ContainsSubstring("face_finder.blocks.0.conv.weight"));
  }
  SECTION("no such file") { CHECK_THROWS_AS(faces::load_landmark_finder<float>(path), IoError); }
}

TEST_CASE("Looking again, in the box around the points, finds them more exactly") {
  vision::Image photo(400, 300, 3);
  for (int y = 120; y < 160; ++y)
    for (int x = 203; x < 233; ++x) std::fill_n(photo.at(x, y), 3, std::uint8_t{255});
  const BrightCorners network;
  const LandmarkFinderConfig config{.points = 2, .input_size = 32, .face_margin = 1.5};
  const auto error = [&](int refinements) {
    const auto points = faces::locate_landmarks(network, config, photo, {100, 50, 200, 180}, refinements);
    REQUIRE(points.size() == 2);
    return std::max({std::abs(points[0].x - 203), std::abs(points[0].y - 120), std::abs(points[1].x - 233),
                     std::abs(points[1].y - 160)});
  };
  CHECK(error(0) > 4);  // a pixel of the network is 9 of the photo
  CHECK(error(1) < 2.5);
  CHECK(error(2) < 2);
  network.calls = 0;
  faces::locate_landmarks(network, config, photo, {100, 50, 200, 180});
  CHECK(network.calls == 3);  // nobody knows how two points change places in a mirror
}

TEST_CASE("The face in a mirror counts as much") {
  const vision::Image photo(50, 50, 1);
  const Always network{std::vector<float>(2 * faces::ibug::point_count, 0.3f)};
  const auto points = faces::locate_landmarks(network, {.face_margin = 1}, photo, {10, 20, 20, 10}, 0);
  REQUIRE(points.size() == 68);
  for (const auto& p : points) {
    CHECK(p.x == Approx(20));  // (0.3 + (1 - 0.3)) / 2 of a view from 10 to 30
    CHECK(p.y == Approx(15 + 0.3 * 20));
  }
  // All in one place, which has no box to look into again.
  CHECK(faces::locate_landmarks(network, {.face_margin = 1}, photo, {10, 20, 20, 10}, 2) == points);
}

TEST_CASE("A network that sees other points in the mirror disagrees with itself, and its faces count less") {
  const vision::Image photo(120, 80, 3, 99);
  const auto located = [&](float x) {
    const Always network{std::vector<float>(2 * faces::ibug::point_count, x)};
    return faces::locate_points(network, {.face_margin = 2}, photo, {30, 20, 40, 20}, 0);
  };
  CHECK(located(0.5f).disagreement == Approx(0).margin(1e-7));
  CHECK(located(0.3f).disagreement == Approx(0.4 * 2));  // x is 0.3 or 0.7 of a view that is twice the face
  const Always three{{0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f}};
  CHECK(faces::locate_points(three, {.points = 3}, photo, {30, 20, 40, 20}, 1).disagreement == 0);

  auto finder = untrained({.input_size = 32, .face_margin = 1});
  finder.face_finder.head.bias.detach().mutable_data()[0] = 2;
  answer_always(finder, 0.01f);
  nn::eval(finder);
  const auto faces = faces::find_landmarks(finder, photo);
  REQUIRE(!faces.empty());
  CHECK(faces[0].score == Approx(1 / (1 + std::exp(-2 + 20 * 0.02))).epsilon(1e-3));
  CHECK(faces::find_landmarks(finder, photo, {.threshold = 0.85}).empty());  // 0.88 without the mirror
}

TEST_CASE("A box without area has no landmarks") {
  const Always network{{0, 0}};
  CHECK_THROWS_AS(faces::locate_landmarks(network, {.points = 1}, vision::Image(9, 9, 1), {1, 1, 0, 4}), ValueError);
}

TEST_CASE("Every face that is found gets its landmarks, also by folded networks") {
  auto finder = untrained({.points = 58, .input_size = 32});
  finder.face_finder.head.bias.detach().mutable_data()[0] = 2;  // faces everywhere
  answer_always(finder);
  nn::eval(finder);
  const vision::Image photo(120, 80, 3, 99);
  const auto faces = faces::find_landmarks(finder, photo);
  const auto found = faces::find_faces(finder.face_finder, photo);
  REQUIRE(!faces.empty());
  REQUIRE(faces.size() <= found.size());
  for (const auto& face : faces) {
    CHECK(face.points.size() == 58);
    CHECK(face.box == vision::bounding_box(face.points));
    CHECK(face.score == Approx(found.front().score));
  }
  const auto fast = faces::find_landmarks(nn::fold_batch_norm(finder), photo);
  REQUIRE(fast.size() == faces.size());
  CHECK(fast[0].points[0].x == Approx(faces[0].points[0].x).epsilon(1e-4));
}
