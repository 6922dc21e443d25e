// core/shape.hpp and ops/shape.hpp.

#include "nasion/ops/shape.hpp"

#include <limits>
#include <sstream>

#include "nasion/core/size2.hpp"
#include "nasion/ops/elementwise.hpp"
#include "support/catch.hpp"
#include "support/foreign_locale.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::gradcheck;
using test::random;
using test::values;

TEST_CASE("Shapes and sizes look alike in every locale") {
  CHECK(test::in_foreign_locale([] {
          std::ostringstream out;
          out << Shape{1024, 20} << " " << Size2(1024, 20);
          return out.str();
        }) == "[1024, 20] 1024x20");
}

TEST_CASE("Shape knows its sizes") {
  const Shape s{16, 3, 224, 224};
  CHECK(s.rank() == 4);
  CHECK(s.size() == Index{16} * 3 * 224 * 224);
  CHECK(s[1] == 3);
  CHECK(s[-1] == 224);
  CHECK(s[-4] == 16);
  CHECK(message(s) == "[16, 3, 224, 224]");
  CHECK(message(Shape{}) == "[]");
  CHECK(Shape{}.size() == 1);
  CHECK(Shape{3, 0, 2}.size() == 0);
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK(Shape{2, 3} != Shape{2, 3, 1});
  CHECK(Shape{2, 3} != Shape{3, 2});
  CHECK(s.with(-3, 5) == Shape{16, 5, 224, 224});
  CHECK(s.with(0, 0).size() == 0);
}

TEST_CASE("Shape refuses what it cannot hold") {
  const Index huge = std::numeric_limits<Index>::max();
  CHECK_THROWS_WITH((Shape{1, 1, 1, 1, 1, 1, 1}), ContainsSubstring("rank 7"));
  CHECK_THROWS_WITH((Shape{2, -1}), ContainsSubstring("negative size in [2, -1]"));
  CHECK_THROWS_WITH((Shape{huge, huge}), ContainsSubstring("too many elements"));
  CHECK_THROWS_AS((Shape{huge}), ShapeError);
  // Also where no element exists: strides are products of the sizes as well.
  CHECK_THROWS_WITH((Shape{0, huge / 64, 4}), ContainsSubstring("too many elements"));
  CHECK_THROWS_WITH((Shape{huge / 64, 4, 0}), ContainsSubstring("too many elements"));
  CHECK_THROWS_WITH((Shape{2, 3}[2]), ContainsSubstring("dimension 2 does not exist in [2, 3]"));
  CHECK_THROWS_AS((Shape{2, 3}[-3]), ShapeError);
  CHECK_THROWS_AS(Shape{}[0], ShapeError);
  CHECK_THROWS_AS((Shape{2, 3}.with(2, 1)), ShapeError);
  CHECK_THROWS_AS((Shape{2, 3}.with(0, -1)), ShapeError);
}

TEST_CASE("Shapes broadcast as in NumPy") {
  CHECK(broadcast_shape("add", {2, 1, 3}, {4, 1}) == Shape{2, 4, 3});
  CHECK(broadcast_shape("add", {}, {4, 1}) == Shape{4, 1});
  CHECK(broadcast_shape("add", {0, 3}, {1, 3}) == Shape{0, 3});
  CHECK(broadcasts_to({3}, {2, 3}));
  CHECK(broadcasts_to({2, 1}, {2, 3}));
  CHECK(broadcasts_to({}, {2, 3}));
  CHECK_FALSE(broadcasts_to({2}, {2, 3}));
  CHECK_FALSE(broadcasts_to({1, 3}, {3}));
  CHECK_THROWS_WITH(broadcast_shape("add", {2, 3}, {2, 4}), ContainsSubstring("[add]") && ContainsSubstring("[2, 3]") &&
                                                                ContainsSubstring("[2, 4]") &&
                                                                ContainsSubstring("dimension -1"));
  CHECK_THROWS_AS(broadcast_shape("add", {0, 3}, {2, 3}), ShapeError);
}

TEST_CASE("to_order moves memory, not meaning") {
  const auto x = test::distinct({2, 3, 4, 5});
  const auto last = to_order(x, MemoryOrder::channels_last);
  CHECK(last.order() == MemoryOrder::channels_last);
  CHECK(last.strides() == Strides{60, 1, 15, 3});
  CHECK(last.at({1, 2, 3, 4}) == x.at({1, 2, 3, 4}));
  CHECK(last.memory()[1] == x.at({0, 1, 0, 0}));
  CHECK(values(last) == values(x));
  CHECK(to_order(last, MemoryOrder::channels_last).same_as(last));
  CHECK(contiguous(x).same_as(x));
  for (const auto& same : {Tensord::ones({2, 1, 3, 4}), Tensord::ones({2, 5, 1, 1})}) {
    const auto seen = to_order(same, MemoryOrder::channels_last);
    CHECK(seen.order() == MemoryOrder::channels_last);
    CHECK(seen.data() == same.data());
  }
  CHECK(gradcheck([](const auto& t) { return to_order(t[0], MemoryOrder::channels_last); }, {random({2, 3, 2, 3})}) ==
        "");
  CHECK(gradcheck([](const auto& t) { return contiguous(t[0]); }, {random({2, 3, 2, 3})}) == "");
  CHECK_THROWS_WITH(to_order(random({2, 3}), MemoryOrder::channels_last), ContainsSubstring("[2, 3]"));
}

TEST_CASE("reshape is a view where it can be") {
  const auto x = Tensord::from({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(reshape(x, {3, 2}).data() == x.data());
  CHECK(reshape(x, {3, 2}).at({2, 0}) == 5);
  CHECK(reshape(x, {-1}).shape() == Shape{6});
  CHECK(reshape(x, {3, -1, 1}).shape() == Shape{3, 2, 1});
  CHECK(reshape(Tensord::scalar(4), {1, 1}).at({0, 0}) == 4);
  CHECK(reshape(Tensord::zeros({0, 3}), {0, 7}).shape() == Shape{0, 7});
  const auto image = random({2, 3, 2, 2});
  CHECK(values(reshape(to_order(image, MemoryOrder::channels_last), {6, 4})) == values(image));
  CHECK(gradcheck(
            [](const auto& t) {
              return reshape(t[0], {3, -1}) * reshape(t[0], {3, 8});
            },
            {random({2, 3, 2, 2})}) == "");
  CHECK(gradcheck([](const auto& t) { return reshape(t[0], {2, 3, 2, 2}); }, {random({4, 6})}) == "");
}

TEST_CASE("reshape refuses sizes that do not fit") {
  const auto x = random({2, 3});
  CHECK_THROWS_WITH(reshape(x, {4, 2}),
                    ContainsSubstring("[reshape]") && ContainsSubstring("[2, 3]") && ContainsSubstring("[4, 2]"));
  CHECK_THROWS_WITH(reshape(x, {4, -1}), ContainsSubstring("[reshape]") && ContainsSubstring("[2, 3]"));
  CHECK_THROWS_WITH(reshape(x, {-1, -1}), ContainsSubstring("more than one"));
  CHECK_THROWS_AS(reshape(x, {-2, -3}), ShapeError);
  CHECK_THROWS_AS(reshape(x, {-2, -1}), ShapeError);
  CHECK_THROWS_AS(reshape(Tensord::zeros({0}), {0, -1}), ShapeError);
  const Index huge = std::numeric_limits<Index>::max();
  CHECK_THROWS_AS(reshape(x, {huge, huge, -1}), ShapeError);
  CHECK_THROWS_AS(reshape(x, {1, 1, 1, 1, 1, 6, -1}), ShapeError);
}

TEST_CASE("flatten joins trailing dimensions") {
  CHECK(flatten(random({2, 3, 4, 5})).shape() == Shape{2, 60});
  CHECK(flatten(random({2, 3, 4, 5}), 0).shape() == Shape{120});
  CHECK(flatten(random({2, 3, 4, 5}), -2).shape() == Shape{2, 3, 20});
  CHECK(flatten(Tensord::scalar(1), 0).shape() == Shape{1});
  CHECK(flatten(Tensord::zeros({0, 3, 4})).shape() == Shape{0, 12});
  CHECK_THROWS_AS(flatten(random({2, 3}), 2), ShapeError);
  CHECK(gradcheck([](const auto& t) { return flatten(t[0]); }, {random({2, 3, 2, 2})}) == "");
}

TEST_CASE("permute and transpose") {
  const auto x = random({2, 3, 4});
  const auto y = permute(x, {2, 0, -2});
  CHECK(y.shape() == Shape{4, 2, 3});
  CHECK(y.at({3, 1, 2}) == x.at({1, 2, 3}));
  CHECK(transpose(x).shape() == Shape{2, 4, 3});
  CHECK(transpose(x, 0, 2).at({3, 2, 1}) == x.at({1, 2, 3}));
  const auto image = random({2, 3, 4, 5});
  CHECK(values(permute(to_order(image, MemoryOrder::channels_last), {3, 1, 0, 2})) ==
        values(permute(image, {3, 1, 0, 2})));
  CHECK(gradcheck([](const auto& t) { return permute(t[0], {1, 3, 0, 2}); }, {random({2, 3, 2, 3})}) == "");
  CHECK(gradcheck([](const auto& t) { return transpose(t[0], 0, -1); }, {random({2, 3, 2, 3})}) == "");
  CHECK_THROWS_WITH(permute(x, {0, 1}), ContainsSubstring("[permute]") && ContainsSubstring("[2, 3, 4]"));
  CHECK_THROWS_WITH(permute(x, {0, 1, 1}), ContainsSubstring("twice"));
  CHECK_THROWS_WITH(permute(x, {0, 1, -2}), ContainsSubstring("twice"));
  CHECK_THROWS_AS(permute(x, {0, 1, 3}), ShapeError);
  CHECK_THROWS_AS(transpose(x, 0, 3), ShapeError);
  CHECK_THROWS_AS(transpose(Tensord::scalar(1)), ShapeError);
}

TEST_CASE("slice") {
  const auto x = random({4, 3, 2});
  CHECK(slice(x, 0, 1, 3).data() == x.data() + 6);
  CHECK(slice(x, 0, 1, 3).shape() == Shape{2, 3, 2});
  CHECK(slice(x, 1, 2, 3).at({3, 0, 1}) == x.at({3, 2, 1}));
  CHECK(slice(x, -1, 1, 1).shape() == Shape{4, 3, 0});
  const auto last = to_order(random({3, 4, 2, 5}), MemoryOrder::channels_last);
  for (int d = 0; d < 4; ++d) {
    const auto part = slice(last, d, 1, 2);
    CHECK(part.order() == MemoryOrder::channels_last);
    CHECK(values(part) == values(slice(contiguous(last), d, 1, 2)));
    CHECK(gradcheck([d](const auto& t) { return slice(t[0], d, 1, 2); }, {random({3, 4, 2, 3})}) == "");
  }
  CHECK(gradcheck([](const auto& t) { return slice(t[0], 0, 1, 3) * slice(t[0], 0, 0, 2); }, {random({4, 3})}) == "");
  CHECK_THROWS_WITH(slice(x, 0, 3, 5),
                    ContainsSubstring("[slice]") && ContainsSubstring("3 .. 5") && ContainsSubstring("[4, 3, 2]"));
  CHECK_THROWS_AS(slice(x, 0, -1, 2), ShapeError);
  CHECK_THROWS_AS(slice(x, 0, 2, 1), ShapeError);
  CHECK_THROWS_AS(slice(x, 3, 0, 1), ShapeError);
}

TEST_CASE("concat") {
  const auto a = random({2, 3, 2}), b = random({2, 1, 2}, 8);
  const auto y = concat<double>({a, b}, 1);
  CHECK(y.shape() == Shape{2, 4, 2});
  CHECK(y.at({1, 3, 1}) == b.at({1, 0, 1}));
  CHECK(y.at({1, 2, 1}) == a.at({1, 2, 1}));
  CHECK(concat<double>({a, Tensord::zeros({2, 0, 2})}, -2).shape() == a.shape());
  for (int d = 0; d < 4; ++d)
    CHECK(gradcheck(
              [d](const auto& t) {
                return concat<double>({t[0], t[1], t[0]}, d);
              },
              {random({2, 2, 2, 2}), random({2, 2, 2, 2}, 8)}) == "");
  CHECK_THROWS_WITH(concat<double>({a, random({2, 3, 3})}, 1),
                    ContainsSubstring("[concat]") && ContainsSubstring("[2, 3, 3]") && ContainsSubstring("[2, 3, 2]"));
  CHECK_THROWS_AS(concat<double>({a, random({2, 3})}, 1), ShapeError);
  CHECK_THROWS_AS(concat<double>({a, b}, 3), ShapeError);
  CHECK_THROWS_WITH(concat<double>({}, 0), ContainsSubstring("[concat] needs at least one"));
}

TEST_CASE("Gradients of concat meet others of the same tensor, before and after them") {
  const auto order = GENERATE(MemoryOrder::row_major, MemoryOrder::channels_last);
  for (const Shape& shape : {Shape{2, 3, 4, 5}, Shape{1, 1, 3, 2}, Shape{2, 40, 1, 1}, Shape{3, 1, 2, 33}})
    for (const int dim : {0, 1, 2, 3}) {
      INFO(shape << " " << order << " along " << dim);
      const auto a = random(shape, 1, order).set_requires_grad(), b = random(shape, 2).set_requires_grad();
      const auto dy = random(shape.with(dim, 3 * shape[dim]), 3, order);
      const auto part = [&](Index i) { return slice(dy, dim, i * shape[dim], (i + 1) * shape[dim]); };
      const auto run = [&](auto&& f) {
        a.zero_grad(), b.zero_grad();
        f();
      };
      run([&] { concat<double>({a, b, a}, dim).backward(dy); });  // straight to leaves
      CHECK(test::identical(a.grad(), part(0) + part(2)));
      CHECK(test::identical(b.grad(), part(1)));
      run([&] {  // of results: the gradient of concat comes first, then that of the older operation
        const auto x = a * 2.0, y = b * 2.0;
        const auto older = x * 3.0;
        (sum(concat<double>({x, y, x}, dim) * dy) + sum(older)).backward();
      });
      CHECK(test::max_difference(a.grad(), (part(0) + part(2) + 3.0) * 2.0) < 1e-12);
      CHECK(test::identical(b.grad(), part(1) * 2.0));
      run([&] {  // last
        const auto x = a * 2.0;
        const auto joined = concat<double>({x, b, b}, dim);
        (sum(joined * dy) + sum(x * 3.0)).backward();
      });
      CHECK(test::max_difference(a.grad(), (part(0) + 3.0) * 2.0) < 1e-12);
      CHECK(test::identical(b.grad(), part(1) + part(2)));
      const auto x = a * 2.0;
      const auto found = grad<double>({concat<double>({x, b, b}, dim)}, {x, a, b}, {dy});  // of a result itself
      CHECK(test::identical(found[0], part(0)));
      CHECK(test::identical(found[1], part(0) * 2.0));
      dy.fill(0);  // nothing kept its memory
      CHECK(sum(abs(found[0])).item() > 0);
    }
}

TEST_CASE("pad") {
  const auto x = Tensord::from({2, 2}, {1, 2, 3, 4});
  CHECK(values(pad(x, {0, 1}, {1, 2}, 9)) == std::vector<double>{9, 1, 2, 9, 9, 9, 3, 4, 9, 9, 9, 9, 9, 9, 9});
  CHECK(values(pad(x, {0, 0}, {0, 0})) == values(x));
  CHECK(pad(Tensord::zeros({0, 2}), {1, 0}, {0, 0}, 5).at({0, 1}) == 5);
  CHECK(gradcheck(
            [](const auto& t) {
              return pad(t[0], {1, 0, 2, 0}, {0, 1, 1, 3}, 0.5);
            },
            {random({1, 2, 2, 3})}) == "");
  CHECK_THROWS_WITH(pad(x, {1}, {1}), ContainsSubstring("[pad]") && ContainsSubstring("[2, 2]"));
  CHECK_THROWS_AS(pad(x, {1, 1}, {1}), ShapeError);
  CHECK_THROWS_WITH(pad(x, {1, -1}, {0, 0}), ContainsSubstring("negative amount -1"));
  const Index huge = std::numeric_limits<Index>::max();
  CHECK_THROWS_AS(pad(x, {huge, 0}, {huge, 0}), ShapeError);
}

TEST_CASE("Dimensions of size 1 come and go") {
  const auto x = Tensord::from({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(unsqueeze(x, 0).shape() == Shape{1, 2, 3});
  CHECK(unsqueeze(x, 2).shape() == Shape{2, 3, 1});
  CHECK(unsqueeze(x, -1).shape() == Shape{2, 3, 1});
  CHECK(unsqueeze(x, -3).shape() == Shape{1, 2, 3});
  CHECK(squeeze(random({1, 2, 1, 3})).shape() == Shape{2, 3});
  CHECK(squeeze(random({1, 2, 1, 3}), -2).shape() == Shape{1, 2, 3});
  CHECK(squeeze(random({1, 2, 1, 3}), 1).shape() == Shape{1, 2, 1, 3});
  CHECK_THROWS_WITH(unsqueeze(x, 3), ContainsSubstring("[unsqueeze]") && ContainsSubstring("[2, 3]"));
  CHECK_THROWS_AS(unsqueeze(x, -4), ShapeError);
  CHECK_THROWS_AS(squeeze(x, 2), ShapeError);
}

TEST_CASE("stack, split and chunk") {
  const auto x = Tensord::from({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(stack<double>({x, x + 6}).shape() == Shape{2, 2, 3});
  CHECK(values(stack<double>({x, x + 6}, 1)) == std::vector<double>{1, 2, 3, 7, 8, 9, 4, 5, 6, 10, 11, 12});
  CHECK(stack<double>({x, x, x, x}, -1).shape() == Shape{2, 3, 4});
  CHECK(gradcheck(
            [](const auto& t) {
              return stack<double>({t[0], t[1]}, 2);
            },
            {random({2, 3, 4}), random({2, 3, 4})}) == "");
  CHECK_THROWS_WITH(stack<double>({x, random({3, 2})}), ContainsSubstring("[stack] part [3, 2]"));
  CHECK_THROWS_AS(stack<double>({}), ValueError);

  CHECK(split(x, 2, 1).size() == 2);
  CHECK(values(split(x, 2, 1)[1]) == std::vector<double>{3, 6});
  CHECK(values(split(x, {1, 0, 2}, 1)[2]) == std::vector<double>{2, 3, 5, 6});
  CHECK(split(x, 7)[0].shape() == x.shape());
  const auto f = [](const auto& t) { return concat(split(t[0], {2, 1, 1}, -1), 0 - 1); };
  CHECK(gradcheck(f, {random({2, 3, 2, 4})}) == "");
  CHECK_THROWS_WITH(split(x, {1, 1}, 1), ContainsSubstring("[split] sizes") && ContainsSubstring("[2, 3]"));
  CHECK_THROWS_AS(split(x, {2, 2}, 1), ShapeError);
  CHECK_THROWS_AS(split(x, {-1, 4}, 1), ShapeError);
  CHECK_THROWS_AS(split(x, 0, 1), ValueError);

  const auto pieces = chunk(random({10, 2}), 4);
  CHECK(pieces.size() == 4);
  CHECK(pieces[0].shape() == Shape{3, 2});
  CHECK(pieces[3].shape() == Shape{1, 2});
  CHECK(chunk(x, 5, 1).size() == 3);
  CHECK_THROWS_WITH(chunk(x, 0), ContainsSubstring("[chunk]"));
}
