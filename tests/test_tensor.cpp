#include "nasion/core/tensor.hpp"

#include <limits>
#include <memory>

#include "nasion/ops/activation.hpp"
#include "nasion/ops/conv2d.hpp"
#include "nasion/ops/pool.hpp"
#include "nasion/ops/reduce.hpp"
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
  CHECK(reinterpret_cast<std::uintptr_t>(last.memory()) % 64 == 0);
}

TEST_CASE("Pointers to channels-last numbers are refused: a loop would take them for the shape's order") {
  const auto last = Tensorf::zeros({2, 3, 4, 5}, MemoryOrder::channels_last);
  const auto message = ContainsSubstring("tensor [2, 3, 4, 5] lies in channels-last order; contiguous(x)");
  CHECK_THROWS_WITH(last.data(), ContainsSubstring("[data]") && message);
  CHECK_THROWS_WITH(last.values(), ContainsSubstring("[values]") && message);
  CHECK_THROWS_WITH(last.mutable_data(), ContainsSubstring("[mutable_data]") && message);
  CHECK_THROWS_AS(last.data(), ValueError);
  CHECK(last.memory() != nullptr);
  last.set({1, 2, 3, 4}, 7);
  CHECK(last.memory()[119] == 7);
  CHECK(last.memory()[2 * 4 * 5] == 0);
  for (const Shape& shape : {Shape{2, 1, 4, 5}, Shape{2, 3, 1, 1}, Shape{0, 3, 2, 2}}) {  // the same in both orders
    const auto x = Tensorf::zeros(shape, MemoryOrder::channels_last);
    CHECK(x.data() == x.memory());
    CHECK(x.values().size() == static_cast<std::size_t>(x.size()));
  }
  const auto row_major = Tensorf::zeros({2, 3});
  CHECK(row_major.data() == row_major.memory());
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

TEST_CASE("A tensor can lie in memory that others own") {
  std::vector<float> numbers(24);
  int freed = 0;
  {
    const auto x = Tensorf::from_external(numbers.data(), {1, 2, 3, 4}, MemoryOrder::channels_last, [&](float* data) {
      CHECK(data == numbers.data());
      ++freed;
    });
    const auto part = slice(x, 0, 0, 1);
    x.set({0, 1, 0, 2}, 5);
    CHECK(numbers[2 * 2 + 1] == 5);
    CHECK(freed == 0);
  }
  CHECK(freed == 1);
  CHECK(Tensorf::from_external(numbers.data(), {24}).data() == numbers.data());  // nobody to tell
  CHECK(Tensorf::from_external(nullptr, {0, 3}).size() == 0);

  const auto free = [&](float*) { ++freed; };
  CHECK_THROWS_WITH(Tensorf::from_external(nullptr, {2}, MemoryOrder::row_major, free),
                    ContainsSubstring("[Tensor::from_external]") && ContainsSubstring("null"));
  auto* const odd = reinterpret_cast<float*>(reinterpret_cast<char*>(numbers.data()) + 1);
  CHECK_THROWS_WITH(Tensorf::from_external(odd, {2}, MemoryOrder::row_major, free), ContainsSubstring("multiple of 4"));
  CHECK_THROWS_AS(Tensorf::from_external(numbers.data(), {24}, MemoryOrder::channels_last, free), ShapeError);
  CHECK(freed == 1);  // after an error the memory is still the caller's
}

TEST_CASE("Training works on memory of any alignment, and gives the same bits") {
  const auto step = [](auto place) {
    Rng rng(3);
    std::vector<Tensorf> grads;
    const auto x = place(Tensorf::uniform({2, 9, 11, 11}, rng, -1, 1));
    for (const Index kernel : {1, 3, 5}) {
      const auto w = place(Tensorf::uniform({10, 9, kernel, kernel}, rng, -1, 1));
      const auto b = place(Tensorf::uniform({10}, rng));
      for (const auto& leaf : {x, w, b}) leaf.set_requires_grad();
      for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
        mean(relu(max_pool2d(conv2d(to_order(x, order), w, b)))).backward();
        for (const auto& leaf : {x, w, b}) grads.push_back(leaf.grad().clone());
      }
    }
    return grads;
  };
  const auto aligned = step([](const Tensorf& x) { return x; });
  const auto shifted = step([](const Tensorf& x) {
    auto memory = std::make_shared<std::vector<float>>(static_cast<std::size_t>(x.size()) + 16);
    float* at = memory->data();
    while (reinterpret_cast<std::uintptr_t>(at) % 64 != 4) ++at;
    const auto y = Tensorf::from_external(at, x.shape(), x.order(), [memory](float*) {});
    y.copy_from(x);
    return y;
  });
  REQUIRE(aligned.size() == shifted.size());
  for (std::size_t i = 0; i < aligned.size(); ++i) CHECK(test::identical(aligned[i], shifted[i]));
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
