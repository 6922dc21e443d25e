#include "nasion/ops/pixel_shuffle.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;
using test::gradcheck;
using test::random;

TEST_CASE("pixel_shuffle moves channels to pixels, and pixel_unshuffle back") {
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last})
    for (const Index r : {1, 2, 3}) {
      const auto x = to_order(random({2, 2 * r * r, 3, 5}), order), y = pixel_shuffle(x, r);
      CHECK(y.shape() == Shape{2, 2, 3 * r, 5 * r});
      CHECK(y.order() == order);
      for (Index n = 0; n < 2; ++n)
        for (Index c = 0; c < 2; ++c)
          for (Index h = 0; h < 3 * r; ++h)
            for (Index w = 0; w < 5 * r; ++w)
              CHECK(y.at({n, c, h, w}) == x.at({n, (c * r + h % r) * r + w % r, h / r, w / r}));
      CHECK(test::identical(pixel_unshuffle(y, r), x));
    }
  CHECK(pixel_shuffle(Tensord::zeros({0, 4, 1, 1}), 2).shape() == Shape{0, 1, 2, 2});
  CHECK(gradcheck([](const auto& t) { return pixel_shuffle(t[0], 2); }, {random({2, 8, 1, 3})}) == "");
  CHECK(gradcheck([](const auto& t) { return pixel_unshuffle(t[0], 3); }, {random({2, 1, 3, 6})}) == "");
}

TEST_CASE("pixel_shuffle and pixel_unshuffle refuse what does not divide") {
  CHECK_THROWS_WITH(pixel_shuffle(random({2, 6, 3, 3}), 2),
                    ContainsSubstring("[pixel_shuffle] factor 2 squared") && ContainsSubstring("[2, 6, 3, 3]"));
  CHECK_THROWS_AS(pixel_shuffle(random({6, 3, 3}), 1), ShapeError);
  CHECK_THROWS_AS(pixel_shuffle(random({2, 4, 3, 3}), 0), ValueError);
  CHECK_THROWS_WITH(pixel_unshuffle(random({2, 1, 4, 3}), 2), ContainsSubstring("height and width of input"));
  CHECK_THROWS_AS(pixel_unshuffle(random({4, 3}), 1), ShapeError);
  CHECK_THROWS_AS(pixel_unshuffle(random({2, 4, 3, 3}), Index{1} << 40), ValueError);
}
