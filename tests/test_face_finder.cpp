#include "nasion/faces/face_finder.hpp"

#include "nasion/nn/fold_batch_norm.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using faces::FaceFinder;
using faces::FoundFace;

namespace {

/// In eval mode, its last layer made by `head`.
FaceFinder<float> network_with(const std::vector<float>& bias, double weight = 0) {
  Rng rng(3);
  FaceFinder<float> network(rng);
  network.head.bias.detach().copy_from(Tensorf::from({4}, bias));
  network.head.weight.detach().copy_from(Tensorf::normal({4, 64, 1, 1}, rng) * static_cast<float>(weight));
  nn::eval(network);
  return network;
}

vision::Image noise(int width, int height, int channels, std::uint64_t seed = 1) {
  vision::Image image(width, height, channels);
  Rng rng(seed);
  for (auto& value : image.pixels) value = static_cast<std::uint8_t>(rng.below(256));
  return image;
}

}  // namespace

TEST_CASE("A FaceFinder: shapes, gradients, and no face before it has learned") {
  Rng rng(1);
  FaceFinder<double> network(rng);
  const auto x = test::random({2, 1, 25, 40});
  const auto cells = network(x);
  CHECK(cells.shape() == Shape{2, 4, 4, 5});
  const auto logits = slice(cells, 1, 0, 1);
  for (const double logit : logits.values()) CHECK(logit == -4);
  network.head.weight.detach().copy_from(Tensord::normal(network.head.weight.shape(), rng));
  // So small a step that no ReLU of these numbers changes sides within it.
  CHECK(test::check_module(network, x, {.step = 1e-7, .tolerance = 1e-4, .most = 12}) == "");
  CHECK_THROWS_AS(network(test::random({2, 3, 25, 40})), ShapeError);
}

TEST_CASE("A cell's code of a face is read back as that face") {
  const auto code = FaceFinder<float>::code_of({20, 28, 64, 64}, 40.5, 64.5);
  CHECK(code[0] == Approx(11.5 / 32));
  CHECK(code[1] == Approx(-4.5 / 32));
  CHECK(code[2] == Approx(std::log(2.0)));
  const auto face = FaceFinder<float>::face_of(code, 40.5, 64.5);
  CHECK(face.x == Approx(20));
  CHECK(face.y == Approx(28));
  CHECK(face.width == Approx(64));
  CHECK(face.height == face.width);
  CHECK(FaceFinder<float>::place(0) == 0.5);
  CHECK(FaceFinder<float>::place(5) == 40.5);
  // What a network says need not make sense.
  const auto far = FaceFinder<float>::face_of({1e30, -1e30, 1e30}, 0, 0);
  CHECK(far.width == Approx(32 * std::exp(2.0)));
  CHECK(std::isfinite(far.x + far.y));
}

TEST_CASE("Of boxes that cover each other, the one with the highest score is kept") {
  const auto kept = [](std::vector<FoundFace> faces, double overlap = 0.4) {
    std::string order;
    for (const auto& face : faces::non_maximum_suppression(std::move(faces), overlap))
      order += message(face.score, " ");
    return order;
  };
  const vision::Box box{0, 0, 10, 10};
  CHECK(kept({}) == "");
  CHECK(kept({{box, 0.5}, {{2, 0, 10, 10}, 0.9}}) == "0.9 ");
  CHECK(kept({{box, 0.5}, {{20, 0, 10, 10}, 0.9}}) == "0.9 0.5 ");  // apart
  CHECK(kept({{box, 0.9}, {{6, 0, 10, 10}, 0.5}}) == "0.9 0.5 ");   // exactly 0.4 covers no more than that ...
  CHECK(kept({{box, 0.9}, {{4, 4, 2, 2}, 0.5}}) == "0.9 ");         // one inside the other
  CHECK(kept({{box, 0.5}, {{4, 4, 2, 2}, 0.9}}) == "0.9 ");
  // B is covered by A, C by B only: C stays.
  CHECK(kept({{box, 0.9}, {{5, 0, 10, 10}, 0.8}, {{10, 0, 10, 10}, 0.7}}) == "0.9 0.7 ");
}

TEST_CASE("Where a network sees faces everywhere, they are found in all sizes and on the photo only") {
  const auto network = network_with({2, 0, 0, 0});
  const auto photo = noise(150, 90, 3);
  const auto faces = faces::find_faces(network, photo, {.smallest = 20});
  REQUIRE(faces.size() > 4);
  double smallest = 1e9;
  for (const auto& face : faces) {
    CHECK(face.score == Approx(1 / (1 + std::exp(-2.0))));
    CHECK(face.box.width == Approx(face.box.height));
    const double x = face.box.x + face.box.width / 2, y = face.box.y + face.box.height / 2;
    CHECK((x >= 0 && y >= 0 && x < 150 && y < 90));
    smallest = std::min(smallest, face.box.width);
  }
  CHECK(smallest == Approx(20));
  // Centres of cells, 8 pixels of the smaller copy apart.
  const auto& first = faces.front().box;
  const double place = (first.x + first.width / 2) * 32 / 20 + 32 - 0.5;
  CHECK(place / 8 == Approx(std::round(place / 8)));

  CHECK(faces::find_faces(network, photo, {.threshold = 0.9}).empty());
  const auto larger = faces::find_faces(network, photo, {.smallest = 20, .smallest_part = 0.5});
  CHECK(std::all_of(larger.begin(), larger.end(), [](const auto& f) { return f.box.width > 74; }));
}

TEST_CASE("A photo smaller than any face, and one of a single row") {
  const auto network = network_with({2, 0, 0, 0});
  CHECK_NOTHROW(faces::find_faces(network, noise(3, 3, 1)));
  CHECK_NOTHROW(faces::find_faces(network, noise(200, 1, 3)));
}

TEST_CASE("Faces do not depend on the number of threads") {
  const auto network = network_with({-1, 0, 0, 0}, 0.5);
  const auto photo = noise(300, 200, 1);
  CHECK(test::same_for_all_thread_counts(
      [&] { return faces::find_faces(network, photo, {.threshold = 0.1}); },
      [](const auto& a, const auto& b) {
        return !a.empty() && std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& p, const auto& q) {
          return p.box == q.box && p.score == q.score;
        });
      }));
}

TEST_CASE("find_faces refuses what makes no sense") {
  const auto network = network_with({2, 0, 0, 0});
  CHECK_THROWS_AS(faces::find_faces(network, vision::Image{}), ValueError);
  CHECK_THROWS_WITH(faces::find_faces(network, noise(9, 9, 1), {.threshold = 0}), ContainsSubstring("[find_faces]"));
  CHECK_THROWS_AS(faces::find_faces(network, noise(9, 9, 1), {.smallest = 0}), ValueError);
  CHECK_THROWS_AS(faces::find_faces(network, noise(9, 9, 1), {.smallest_part = -1}), ValueError);
}
