#include "nasion/faces/synthetic_faces.hpp"

#include "support/catch.hpp"

using namespace nasion;
using namespace nasion::faces;

namespace {

std::vector<float> numbers(const Tensor<float>& x) { return {x.data(), x.data() + x.size()}; }

/// Inputs and targets of one epoch.
std::vector<float> epoch(const SyntheticFaces& faces, int workers, std::uint64_t number) {
  auto loader = data::make_loader(faces, {.batch_size = 2, .shuffle = true, .workers = workers, .seed = 3});
  loader.set_epoch(number);
  std::vector<float> all;
  for (const auto& batch : loader)
    for (const auto* x : {&batch.input, &batch.target})
      for (const float v : numbers(*x)) all.push_back(v);
  return all;
}

}  // namespace

TEST_CASE("drawn faces stream to a loader, the same for any number of threads", "[synthetic]") {
  const SyntheticFaces faces({.width = 32, .height = 24, .count = 5});
  const auto first = epoch(faces, 0, 0);
  CHECK(first.size() == 5 * (32 * 24 + 136));
  CHECK(first == epoch(faces, 3, 0));
  CHECK(first != epoch(faces, 1, 1));  // another epoch, other faces

  Rng rng(1), again(1);
  const auto a = faces.get(2, rng), b = faces.get(2, again);
  CHECK(a.input.shape() == Shape{1, 24, 32});
  CHECK(a.target.shape() == Shape{136});
  CHECK(numbers(a.input) == numbers(b.input));
  CHECK(numbers(a.target) == numbers(b.target));
  CHECK(SyntheticFaces({.points = 58}).get(0, rng).target.shape() == Shape{116});
}

TEST_CASE("without other faces in each epoch only the view changes", "[synthetic]") {
  const SyntheticFaces faces({.width = 32, .height = 32, .shift = 0, .zoom = 0, .endless = false});
  Rng one(1), two(2);
  CHECK(numbers(faces.get(3, one).input) == numbers(faces.get(3, two).input));
  CHECK(numbers(faces.get(3, one).input) != numbers(faces.get(4, two).input));
  const SyntheticFaces moved({.width = 32, .height = 32, .shift = 0.1, .endless = false});
  CHECK(numbers(moved.get(3, one).target) != numbers(moved.get(3, two).target));
}

TEST_CASE("points of the view lie where margin, shift and zoom allow", "[synthetic]") {
  const SyntheticFaces faces({.width = 32, .height = 32, .margin = 1.6, .shift = 0.05, .zoom = 0.1});
  Rng rng(4);
  for (Index i = 0; i < 10; ++i)
    for (const float v : numbers(faces.get(i, rng).target)) CHECK((v > 0.05f && v < 0.95f));
}

TEST_CASE("what a dataset of drawn faces cannot be is refused", "[synthetic]") {
  CHECK_THROWS_WITH(SyntheticFaces({.points = 5}), "[SyntheticFaces] points must be 68 or 58, got 5");
  CHECK_THROWS_AS(SyntheticFaces({.width = 8}), ValueError);
  CHECK_THROWS_AS(SyntheticFaces({.count = 0}), ValueError);
  CHECK_THROWS_AS(SyntheticFaces({.margin = 0}), ValueError);
  CHECK_THROWS_AS(SyntheticFaces({.shift = 2}), ValueError);
  CHECK_THROWS_AS(SyntheticFaces({.zoom = 1}), ValueError);
  Rng rng(1);
  CHECK_THROWS_WITH(SyntheticFaces({.count = 3}).get(3, rng), "[SyntheticFaces] face 3 is not one of 3");
}
