#include "lab/faces.hpp"

#include <sstream>

#include "nasion/faces/face_view.hpp"
#include "nasion/faces/synthetic.hpp"
#include "nasion/vision/draw.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using lab::FacePhoto;

namespace {

faces::SyntheticFace synthetic_face(int person, int view) {
  const Rng rng = Rng(11).split(static_cast<std::uint64_t>(person));
  return faces::render_face(faces::imm_view(faces::random_person(rng.split(0)), view, rng.split(9)), 200, 150);
}

faces::FaceFinder<float> train_finder(const std::vector<FacePhoto>& photos, const lab::FaceFinderTraining& options) {
  std::ostringstream nowhere;
  training::Progress progress(training::Progress::Style::quiet, nowhere);
  return lab::train_face_finder(photos, options, progress);
}

}  // namespace

TEST_CASE("The loss of a face finder, by hand") {
  const auto loss = [](std::vector<float> cells, std::vector<float> target) {
    const Index width = std::ssize(cells) / 4;
    return lab::face_finder_loss(Tensorf::from({1, 4, 1, width}, cells), Tensorf::from({1, 5, 1, width}, target))
        .item();
  };
  const double ln2 = std::log(2.0);
  CHECK(loss({0, 0, 0, 0}, {0, 1, 0, 0, 0}) == Approx(0.25 * ln2));  // half sure of nothing
  CHECK(loss({0, 9, 9, 9}, {0, 0, 0, 0, 0}) == 0);                   // does not count
  CHECK(loss({0, 0, 0, 0}, {1, 1, 0, 0, 0}) == Approx(0.25 * ln2));  // half sure of a face
  CHECK(loss({0, 0.5, 0, 0}, {1, 1, 0, 0, 0}) == Approx(0.25 * ln2 + 2 * (0.5 - 0.025)));
  CHECK(loss({0, 0, 0, 0, 0, 0, 0, 0}, {1, 1, 1, 1, 0, 0, 0, 0, 0, 0}) == Approx(0.25 * ln2));  // per face
  CHECK(loss({4, 0, 0, 0}, {1, 1, 0, 0, 0}) < 1e-4);                                            // sure, and right
}

TEST_CASE("Squares that look like faces are told apart by their score") {
  Rng rng(1);
  faces::FaceFinder<float> network(rng);
  network.head.bias.detach().mutable_data()[0] = 1;  // a face everywhere, with score 0.73
  nn::eval(network);
  const vision::Image photo(128, 128, 3, 60);
  std::vector<FacePhoto> photos{{photo, {{44, 44}, {84, 84}}}};
  lab::find_lookalikes(photos, network, 0.7);
  CHECK(photos[0].unlabelled.size() > 3);
  CHECK(photos[0].lookalikes.empty());
  for (const auto& box : photos[0].unlabelled) {  // the labelled face is none of them
    const double middle_x = box.x + box.width / 2, middle_y = box.y + box.height / 2;
    CHECK_FALSE((std::abs(middle_x - 64) < 8 && std::abs(middle_y - 64) < 8));
  }
  const auto count = photos[0].unlabelled.size();
  lab::find_lookalikes(photos, network, 0.8);
  CHECK(photos[0].unlabelled.empty());
  CHECK(photos[0].lookalikes.size() == count);
}

TEST_CASE("It learns to find synthetic people it has never seen") {
  std::vector<FacePhoto> photos;
  for (int person = 0; person < 12; ++person) {
    const auto face = synthetic_face(person, 1 + person % 6);
    photos.emplace_back(face.image, person % 2 ? face.points58 : face.points68);
  }
  const auto network = train_finder(photos, {.steps = 160, .batch = 8, .seed = 1});
  CHECK_FALSE(network.blocks[0].bn.is_training);
  int right = 0;
  for (int person = 20; person < 24; ++person) {
    const auto face = synthetic_face(person, 1);
    const auto found = faces::find_faces(network, face.image, {.threshold = 0.2});
    if (found.empty()) continue;
    const auto truth = faces::face_view(vision::bounding_box(face.points68), 1);
    const auto& box = found.front().box;
    const double off = std::hypot(box.x + box.width / 2 - truth.x - truth.width / 2,
                                  box.y + box.height / 2 - truth.y - truth.height / 2);
    right += off < 0.25 * truth.width && std::abs(std::log2(box.width / truth.width)) < 0.5;
  }
  CHECK(right >= 3);
}

TEST_CASE("A face finder depends on its seed, not on the number of threads") {
  const auto face = synthetic_face(3, 1);
  const std::vector<FacePhoto> photos{{face.image, face.points68}};
  const auto weights = [&](std::uint64_t seed) {
    return train_finder(photos, {.steps = 4, .batch = 4, .seed = seed}).head.weight;
  };
  CHECK(test::same_for_all_thread_counts([&] { return weights(1); }, test::identical<float>));
  CHECK_FALSE(test::identical(weights(1), weights(2)));
  CHECK_THROWS_AS(train_finder({}, {}), ValueError);
  CHECK_THROWS_AS(train_finder(photos, {.steps = 0}), ValueError);
}
