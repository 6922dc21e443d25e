#include "nasion/models/conv_block.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;

TEST_CASE("A ConvBlock keeps the image's size, for any odd kernel and dilation") {
  Rng rng(1);
  const auto x = test::random({2, 3, 7, 9});
  for (const Index kernel : {1, 3, 5})
    for (const Index dilation : {1, 2, 4})
      CHECK(models::ConvBlock<double>(3, 4, rng, kernel, dilation)(x).shape() == Shape{2, 4, 7, 9});
  CHECK_THROWS_WITH(models::ConvBlock<double>(3, 4, rng, 2), ContainsSubstring("kernel 2 must be odd"));
}

TEST_CASE("A ConvBlock: names, values above 0, gradients") {
  Rng rng(2);
  const models::ConvBlock<double> block(2, 3, rng);
  std::vector<std::string> names;
  for (const auto& p : nn::named_parameters(block)) names.push_back(p.name);
  CHECK(names == std::vector<std::string>{"conv.weight", "bn.weight", "bn.bias"});
  const auto x = test::random({2, 2, 5, 4});
  const auto result = block(x);
  for (const double v : test::values(result)) CHECK(v >= 0);
  CHECK(test::check_module(block, x) == "");
}
