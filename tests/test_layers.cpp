#include "nasion/nn/layers.hpp"

#include "support/catch.hpp"
#include "support/gradcheck.hpp"

using namespace nasion;

TEST_CASE("Conv2d") {
  Rng rng(1);
  const nn::Conv2d<double> conv(
      {.in = 4, .out = 6, .kernel = {3, 2}, .stride = 2, .padding = 1, .dilation = {1, 2}, .groups = 2}, rng);
  CHECK(conv.weight.shape() == Shape{6, 2, 3, 2});
  CHECK(conv.bias.shape() == Shape{6});
  const auto x = test::random({2, 4, 5, 6});
  CHECK(test::identical(
      conv(x), conv2d(x, conv.weight, conv.bias, {.stride = 2, .padding = 1, .dilation = {1, 2}, .groups = 2})));
  CHECK(test::check_module(conv, x) == "");
  const nn::Conv2d<double> plain({.in = 4, .out = 1, .bias = false, .algorithm = Conv2dAlgorithm::naive}, rng);
  CHECK_FALSE(plain.bias.defined());
  CHECK(plain.options.algorithm == Conv2dAlgorithm::naive);
  CHECK(nn::parameters(plain).size() == 1);
  CHECK(test::check_module(plain, x) == "");
}

TEST_CASE("Linear") {
  Rng rng(1);
  const nn::Linear<double> fc({.in = 3, .out = 2}, rng), plain({.in = 3, .out = 2, .bias = false}, rng);
  const auto x = test::random({4, 3});
  CHECK(test::identical(fc(x), linear(x, fc.weight, fc.bias)));
  CHECK(test::check_module(fc, x) == "");
  CHECK_FALSE(plain.bias.defined());
  CHECK(test::check_module(plain, x) == "");
  CHECK_THROWS_AS(fc(test::random({4, 2})), ShapeError);
}

TEST_CASE("Conv1d") {
  Rng rng(1);
  const nn::Conv1d<double> conv({.in = 4, .out = 6, .kernel = 3, .stride = 2, .padding = 1, .groups = 2}, rng);
  CHECK(conv.weight.shape() == Shape{6, 2, 3});
  CHECK(conv.bias.shape() == Shape{6});
  const auto x = test::random({2, 4, 9});
  CHECK(test::identical(conv(x), conv1d(x, conv.weight, conv.bias, {.stride = 2, .padding = 1, .groups = 2})));
  CHECK(test::check_module(conv, x) == "");
  const nn::Conv1d<double> plain({.in = 4, .out = 1, .kernel = 2, .bias = false}, rng);
  CHECK(nn::parameters(plain).size() == 1);
  CHECK(test::check_module(plain, x) == "");
  CHECK_THROWS_WITH(nn::Conv1d<float>({.in = 0, .out = 3}, rng), ContainsSubstring("[Conv1d] in 0"));
  CHECK_THROWS_AS(nn::Conv1d<float>({.in = 4, .out = 6, .groups = 4}, rng), ValueError);
  CHECK_THROWS_WITH(nn::Conv1d<float>({.in = 4, .out = 6, .stride = 0}, rng), ContainsSubstring("[Conv1d] stride"));
}

namespace {
/// An embedding as a module of tensors: it weights what is in its rows.
struct Words {
  nn::Embedding<double> embedding;
  IntegerArray indices;
  Tensord operator()(const Tensord& x) const { return embedding(indices) * x; }
  static void visit(auto& self, auto&& f) { f("embedding", self.embedding); }
};
}  // namespace

TEST_CASE("Embedding") {
  Rng rng(1);
  const Words words{nn::Embedding<double>({.words = 5, .features = 3}, rng), {{2, 2}, {4, 0, 1, 4}}};
  CHECK(words.embedding(words.indices).shape() == Shape{2, 2, 3});
  CHECK(test::identical(words.embedding(IntegerArray({3})), slice(words.embedding.weight.detach(), 0, 3, 4)));
  CHECK(test::check_module(words, test::random({2, 2, 3})) == "");
  const nn::Embedding<double> padded({.words = 5, .features = 3, .padding = 2}, rng);
  CHECK(test::values(padded(IntegerArray({2}))) == std::vector<double>(3, 0));
  sum(padded(IntegerArray({2, 1}))).backward();
  CHECK(test::values(slice(padded.weight.grad(), 0, 1, 3)) == std::vector<double>{1, 1, 1, 0, 0, 0});
  CHECK_THROWS_WITH(padded(IntegerArray({5})), ContainsSubstring("[embedding] index 5"));
  CHECK_THROWS_WITH(nn::Embedding<float>({.words = 0, .features = 3}, rng), ContainsSubstring("[Embedding] words 0"));
  CHECK_THROWS_AS(nn::Embedding<float>({.words = 4, .features = 3, .padding = 4}, rng), ValueError);
}

TEST_CASE("PReLU") {
  const auto x = test::random({2, 3, 4, 5});
  const nn::PReLU<double> one, three({.features = 3, .initial = 0.1});
  CHECK(test::identical(one(x), leaky_relu(x, 0.25)));
  CHECK(three.weight.shape() == Shape{3});
  CHECK(test::check_module(one, x) == "");
  CHECK(test::check_module(three, x) == "");
  CHECK_THROWS_AS(three(test::random({2, 4})), ShapeError);
  CHECK_THROWS_WITH(nn::PReLU<float>({.features = 0}), ContainsSubstring("[PReLU] features 0"));
}

TEST_CASE("Layers refuse sizes that make no sense") {
  Rng rng(1);
  CHECK_THROWS_WITH(nn::Conv2d<float>({.in = 0, .out = 3}, rng), ContainsSubstring("[Conv2d] in 0"));
  CHECK_THROWS_WITH(nn::Conv2d<float>({.in = 4, .out = 6, .groups = 4}, rng),
                    ContainsSubstring("groups 4 must divide"));
  CHECK_THROWS_AS(nn::Conv2d<float>({.in = 4, .out = -1}, rng), ValueError);
  CHECK_THROWS_AS(nn::Conv2d<float>({.in = 4, .out = 1, .kernel = {0, 3}}, rng), ValueError);
  CHECK_THROWS_AS(nn::Conv2d<float>({.in = 4, .out = 1, .kernel = 3, .stride = 0}, rng), ValueError);
  CHECK_THROWS_AS(nn::Conv2d<float>({.in = 4, .out = 1, .kernel = 3, .padding = -1}, rng), ValueError);
  CHECK_THROWS_AS(nn::Conv2d<float>({.in = 4, .out = 1, .kernel = 3, .dilation = 0}, rng), ValueError);
  CHECK_THROWS_WITH(nn::Linear<float>({.in = 3, .out = 0}, rng),
                    ContainsSubstring("[Linear]") && ContainsSubstring("out 0"));
}
