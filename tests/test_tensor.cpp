#include "nasion/core/tensor.hpp"

#include <limits>

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;

TEST_CASE("Tensors are made in several ways") {
  CHECK(Tensorf::zeros({2, 3}).values()[5] == 0);
  CHECK(Tensorf::ones({2, 3}).at({1, 2}) == 1);
  CHECK(Tensorf::full({2}, 7).at({1}) == 7);
  CHECK(Tensord::scalar(3).item() == 3);
  CHECK(Tensord::scalar(3).rank() == 0);
  const auto x = Tensord::from({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(x.at({1, 0}) == 4);
  CHECK(x.dim(-1) == 3);
  CHECK(x.strides() == Strides{3, 1});
  CHECK(Tensord::zeros({0, 5}).size() == 0);
  CHECK(Tensord::zeros({0, 5}).values().empty());
  const auto last = Tensorf::empty({2, 3, 4, 5}, MemoryOrder::channels_last);
  CHECK(last.order() == MemoryOrder::channels_last);
  CHECK(message(last.order()) == "channels-last");
  CHECK(reinterpret_cast<std::uintptr_t>(last.data()) % 64 == 0);
}

TEST_CASE("Random tensors depend on the generator alone and stay in their range") {
  Rng a(3), b(3);
  const auto x = Tensorf::uniform({1000}, a, -2, 3);
  CHECK(test::identical(x, Tensorf::uniform({1000}, b, -2, 3)));
  for (const float v : x.values()) REQUIRE((v >= -2 && v < 3));
  // Rounded to float, numbers just below the upper end must not become it.
  const auto narrow = Tensorf::uniform({100}, a, 1, 1 + 0x1p-23);
  for (const float v : narrow.values()) REQUIRE(v == 1);
  const auto normal = Tensord::normal({20000}, a, 5, 2);
  double sum = 0, squares = 0;
  for (const double v : normal.values()) sum += v, squares += (v - 5) * (v - 5);
  CHECK(sum / 20000 == Approx(5).margin(0.06));
  CHECK(squares / 20000 == Approx(4).margin(0.2));
}

TEST_CASE("Copies share memory, clones do not") {
  const auto x = Tensord::zeros({2, 2});
  const auto same = x, copy = x.clone(), alias = x.detach();
  x.set({0, 1}, 5);
  CHECK(same.same_as(x));
  CHECK(same.at({0, 1}) == 5);
  CHECK(alias.at({0, 1}) == 5);
  CHECK_FALSE(alias.same_as(x));
  CHECK(copy.at({0, 1}) == 0);
  x.fill(2);
  CHECK(alias.at({1, 1}) == 2);
  CHECK(x.clone().order() == x.order());
}

TEST_CASE("copy_from converts the memory order and copes with overlap") {
  const auto x = test::random({2, 3, 4, 5});
  const auto last = Tensord::zeros({2, 3, 4, 5}, MemoryOrder::channels_last);
  last.copy_from(x);
  CHECK(test::values(last) == test::values(x));
  x.copy_from(x);
  CHECK(test::values(last) == test::values(x));
  const auto y = Tensord::from({4}, {1, 2, 3, 4});
  slice(y, 0, 1, 4).copy_from(slice(y, 0, 0, 3));
  CHECK(test::values(y) == std::vector<double>{1, 1, 2, 3});
  CHECK_THROWS_WITH(x.copy_from(y),
                    ContainsSubstring("[copy_from]") && ContainsSubstring("[4]") && ContainsSubstring("[2, 3, 4, 5]"));
}

TEST_CASE("Wrong use of a tensor is an error") {
  const Tensord undefined;
  CHECK_FALSE(undefined.defined());
  CHECK_THROWS_AS(undefined.shape(), ValueError);
  CHECK_THROWS_AS(undefined.data(), ValueError);
  CHECK_THROWS_AS(undefined.clone(), ValueError);
  CHECK_THROWS_AS(undefined.detach(), ValueError);
  CHECK_THROWS_AS(undefined.backward(), ValueError);
  CHECK_THROWS_AS(undefined.requires_grad(), ValueError);
  CHECK_THROWS_WITH(undefined.size(), ContainsSubstring("undefined"));
  const auto x = Tensord::zeros({2, 3});
  CHECK_THROWS_WITH(x.item(), ContainsSubstring("[item]") && ContainsSubstring("[2, 3]"));
  CHECK_THROWS_WITH(x.at({1, 3}),
                    ContainsSubstring("index 3") && ContainsSubstring("dimension 1") && ContainsSubstring("[2, 3]"));
  CHECK_THROWS_AS(x.at({-1, 0}), ShapeError);
  CHECK_THROWS_AS(x.at({0}), ShapeError);
  CHECK_THROWS_AS(x.set({0, 0, 0}, 1), ShapeError);
  CHECK_THROWS_AS(x.dim(2), ShapeError);
  CHECK_THROWS_WITH(Tensord::from({2, 3}, {1, 2}), ContainsSubstring("2 values") && ContainsSubstring("[2, 3]"));
  CHECK_THROWS_WITH(Tensord::zeros({2, 3}, MemoryOrder::channels_last), ContainsSubstring("[2, 3]"));
  CHECK_THROWS_AS(x.set_grad(Tensord::zeros({3, 2})), ShapeError);
  // More than any machine has: an exception, not a crash.
  CHECK_THROWS_AS(Tensord::empty({Index{1} << 56}), std::bad_alloc);
}
