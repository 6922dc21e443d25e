#include "nasion/ops/index.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/threads.hpp"

using namespace nasion;
using test::gradcheck;
using test::random;
using test::values;
using Vector = std::vector<double>;
using List = std::vector<Index>;

TEST_CASE("index_select picks along any dimension, in the order of the input") {
  const auto x = Tensord::from({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(values(index_select(x, 1, {2, 0, 2})) == Vector{3, 1, 3, 6, 4, 6});
  CHECK(values(index_select(x, -2, {1})) == Vector{4, 5, 6});
  CHECK(index_select(x, 0, {}).shape() == Shape{0, 3});
  CHECK(index_select(Tensord::zeros({2, 0}), 0, {1, 1, 1}).shape() == Shape{3, 0});
  const List picked{1, 0, 1, 1};
  for (int dim = 0; dim < 4; ++dim) {
    const auto image = random({2, 3, 4, 5}), last = to_order(image, MemoryOrder::channels_last);
    CHECK(index_select(last, dim, picked).order() == MemoryOrder::channels_last);
    CHECK(values(index_select(last, dim, picked)) == values(index_select(image, dim, picked)));
    CHECK(gradcheck([&](const auto& t) { return index_select(t[0], dim, picked); }, {image}) == "");
  }
  CHECK_THROWS_WITH(index_select(x, 1, {3}),
                    ContainsSubstring("[index_select] index 3") && ContainsSubstring("[2, 3]"));
  CHECK_THROWS_AS(index_select(x, 1, {-1}), ValueError);
  CHECK_THROWS_AS(index_select(x, 2, {0}), ShapeError);
}

TEST_CASE("gather picks an element of each line") {
  const auto x = Tensord::from({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(values(gather(x, 1, {{2, 2}, {2, 0, 1, 1}})) == Vector{3, 1, 5, 5});
  CHECK(values(gather(x, 0, {{1, 2}, {1, 0}})) == Vector{4, 2});
  CHECK(gather(x, 1, {{2, 0}, {}}).shape() == Shape{2, 0});
  for (int dim = 0; dim < 4; ++dim)
    CHECK(gradcheck(
              [&](const auto& t) {
                return gather(t[0], dim, {{2, 1, 2, 2}, {1, 1, 0, 1, 0, 0, 1, 1}});
              },
              {random({2, 2, 3, 2})}) == "");
  CHECK_THROWS_WITH(gather(x, 1, {{3, 1}, {0, 0, 0}}),
                    ContainsSubstring("[gather] indices [3, 1] do not fit") && ContainsSubstring("[2, 3]"));
  CHECK_THROWS_AS(gather(x, 1, List{0, 1}), ShapeError);
  CHECK_THROWS_AS(gather(x, 1, {{2, 1}, {0, 3}}), ValueError);
  IntegerArray torn({2, 1}, {0, 0});
  torn.values.pop_back();
  CHECK_THROWS_WITH(gather(x, 1, torn), ContainsSubstring("[gather] 1 indices do not fill [2, 1]"));
  CHECK_THROWS_AS(IntegerArray({2}, {0}), ShapeError);
}

TEST_CASE("embedding looks rows up") {
  const auto w = Tensord::from({3, 2}, {1, 2, 3, 4, 5, 6});
  CHECK(values(embedding(List{2, 0}, w)) == Vector{5, 6, 1, 2});
  CHECK(embedding({{2, 3}, {0, 1, 2, 0, 1, 2}}, w).shape() == Shape{2, 3, 2});
  CHECK(gradcheck([](const auto& t) { return embedding(List{2, 0, 2, 2}, t[0]); }, {random({3, 2})}) == "");
  const auto leaf = w.clone().set_requires_grad();
  embedding(List{0, 1, 1}, leaf, 1).backward(Tensord::ones({3, 2}));
  CHECK(values(leaf.grad()) == Vector{1, 1, 0, 0, 0, 0});
  CHECK_THROWS_WITH(embedding(List{3}, w), ContainsSubstring("[embedding] index 3") && ContainsSubstring("[3, 2]"));
  CHECK_THROWS_AS(embedding(List{0}, random({3})), ShapeError);
  CHECK_THROWS_AS(embedding(List{0}, w, 3), ValueError);
  IntegerArray torn(List{0, 0});
  torn.values.clear();
  CHECK_THROWS_AS(embedding(torn, w), ShapeError);
}

TEST_CASE("The gradient of many equal words is the same bits for any number of threads") {
  List words(50000);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<Index>(i * i % 11);
  const auto w = random<float>({11, 96}), dy = random<float>({50000, 96}, 8);
  CHECK(test::same_for_all_thread_counts(
      [&] {
        const auto leaf = w.clone().set_requires_grad();
        embedding(words, leaf).backward(dy);
        return leaf.grad();
      },
      [](const auto& a, const auto& b) { return test::identical(a, b); }));
}

TEST_CASE("one_hot") {
  CHECK(values(one_hot<double>(List{2, 0}, 3)) == Vector{0, 0, 1, 1, 0, 0});
  CHECK(one_hot<float>({{2, 2}, {0, 1, 1, 0}}, 2).shape() == Shape{2, 2, 2});
  CHECK_THROWS_WITH(one_hot<float>(List{3}, 3), ContainsSubstring("[one_hot] index 3 is no class of 3"));
  CHECK_THROWS_AS(one_hot<float>(List{-1}, 3), ValueError);
  CHECK_THROWS_AS(one_hot<float>(List{}, 0), ValueError);
}

TEST_CASE("flip") {
  const auto x = Tensord::from({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(values(flip(x, {1})) == Vector{3, 2, 1, 6, 5, 4});
  CHECK(values(flip(x, {0, -1})) == Vector{6, 5, 4, 3, 2, 1});
  CHECK(gradcheck([](const auto& t) { return flip(t[0], {3, 1}); }, {random({2, 3, 2, 3})}) == "");
  CHECK_THROWS_AS(flip(x, {2}), ShapeError);
}

TEST_CASE("Padding with what is there") {
  const auto x = Tensord::from({3}, {1, 2, 3});
  CHECK(values(pad(x, {2}, {2}, PadMode::reflect)) == Vector{3, 2, 1, 2, 3, 2, 1});
  CHECK(values(pad(x, {2}, {1}, PadMode::replicate)) == Vector{1, 1, 1, 2, 3, 3});
  CHECK(values(pad(x, {0}, {0}, PadMode::reflect)) == Vector{1, 2, 3});
  for (const auto mode : {PadMode::reflect, PadMode::replicate})
    CHECK(gradcheck(
              [&](const auto& t) {
                return pad(t[0], {0, 0, 2, 1}, {0, 0, 1, 2}, mode);
              },
              {random({2, 3, 3, 4})}) == "");
  CHECK_THROWS_WITH(pad(x, {3}, {0}, PadMode::reflect),
                    ContainsSubstring("[pad] amounts 3 and 0") && ContainsSubstring("[3] need 4 elements"));
  CHECK_THROWS_AS(pad(Tensord::zeros({0}), {1}, {0}, PadMode::replicate), ShapeError);
  CHECK_THROWS_AS(pad(x, {-1}, {0}, PadMode::replicate), ShapeError);
  CHECK_THROWS_AS(pad(x, {1, 1}, {0}, PadMode::replicate), ShapeError);
  CHECK_THROWS_AS(pad(x, {std::numeric_limits<Index>::max()}, {1}, PadMode::replicate), ShapeError);
}
