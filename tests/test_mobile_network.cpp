#include "nasion/models/mobile_network.hpp"

#include "nasion/models/densenet.hpp"
#include "nasion/models/efficientnet.hpp"
#include "nasion/models/mobilenet_v2.hpp"
#include "nasion/models/mobilenet_v3.hpp"
#include "nasion/models/vgg.hpp"
#include "nasion/nn/fold_batch_norm.hpp"
#include "support/catch.hpp"
#include "support/torchvision.hpp"

using namespace nasion;

namespace {

/// Names and shapes are torchvision's, and so are results for the same weights, also with batch norm in the
/// convolutions.
template <class M>
void check_classifier(M net, const std::string& name, Index size, double tolerance) {
  using T = nn::ScalarOf<M>;
  INFO(name);
  auto expected = test::golden_state("classifiers_state.txt", name), own = test::state_lines(net);
  CHECK(own.size() == expected.size());
  std::sort(own.begin(), own.end());
  std::sort(expected.begin(), expected.end());
  CHECK(own == expected);

  test::fill(net);
  nn::eval(net);
  const auto y = test::Golden("classifiers")[name + ".y"];
  const auto images = Tensor<T>::from({2, 3, size, size}, test::hashed<T>(2 * 3 * size * size, 2000, 1));
  const NoGrad no_grad;
  const auto compare = [&](const Tensor<T>& result) {
    REQUIRE(result.shape() == y.shape());
    const double largest = max(abs(y)).item();
    for (std::size_t i = 0; i < 20; ++i)
      CHECK(static_cast<double>(result.values()[i]) == Approx(y.values()[i]).epsilon(0).margin(tolerance * largest));
  };
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) compare(net(to_order(images, order)));
  compare(nn::fold_batch_norm(net)(images));
}

}  // namespace

TEST_CASE("MobileNets and EfficientNet are torchvision's") {
  Rng rng(1);
  const models::MobileNetworkConfig config{.outputs = 10};
  check_classifier(models::mobilenet_v2<double>(config, rng), "mobilenet_v2", 64, 1e-11);
  check_classifier(models::mobilenet_v3_large<double>(config, rng), "mobilenet_v3_large", 64, 1e-11);
  check_classifier(models::mobilenet_v3_small<double>(config, rng), "mobilenet_v3_small", 64, 1e-11);
  check_classifier(models::efficientnet_b0<double>(config, rng), "efficientnet_b0", 64, 1e-11);
}

TEST_CASE("DenseNet-121 is torchvision's") {
  Rng rng(1);
  check_classifier(models::densenet121<double>({.outputs = 10}, rng), "densenet121", 64, 1e-11);
  CHECK_THROWS_WITH(models::DenseNet<float>({.growth = 0}, rng), ContainsSubstring("[DenseNet]"));
}

TEST_CASE("VGG is torchvision's", "[long]") {
  Rng rng(1);
  check_classifier(models::vgg11<float>({.outputs = 10}, rng), "vgg11", 32, 1e-4);
  check_classifier(models::vgg11<float>({.outputs = 10, .batch_norm = true}, rng), "vgg11_bn", 32, 1e-4);
}

TEST_CASE("Blocks of mobile networks and of DenseNet: gradients") {
  Rng rng(1);
  const test::GradcheckOptions options{.step = 1e-6, .tolerance = 1e-5, .most = 20};
  const auto x = test::random({2, 4, 5, 4});
  using Block = models::MobileBlock<double>;
  const auto curve = Activation::silu;
  const Block plain({.in = 4, .wide = 4, .out = 4, .activation = curve}, rng);
  const Block wide({.in = 4, .wide = 6, .out = 3, .kernel = 5, .stride = 2, .activation = curve, .flat_names = true},
                   rng);
  const Block excited({.in = 4,
                       .wide = 6,
                       .out = 4,
                       .activation = curve,
                       .excitation = models::SqueezeExcitation<double>::Config{.squeezed = 2, .activation = curve}},
                      rng);
  CHECK(plain.residual);
  CHECK_FALSE(wide.residual);
  CHECK(wide(x).shape() == Shape{2, 3, 3, 2});
  for (const auto* block : {&plain, &wide, &excited}) CHECK(test::check_module(*block, x, options) == "");
  CHECK(test::check_module(models::DenseLayer<double>(4, 2, rng), x, options) == "");
  CHECK(test::check_module(models::DenseTransition<double>(4, rng), x, options) == "");
}

TEST_CASE("Networks have the parameters that their papers count") {
  Rng rng(1);
  CHECK(nn::parameter_count(models::mobilenet_v2<float>({}, rng)) == 3504872);
  CHECK(nn::parameter_count(models::mobilenet_v3_large<float>({}, rng)) == 5483032);
  CHECK(nn::parameter_count(models::mobilenet_v3_small<float>({}, rng)) == 2542856);
  CHECK(nn::parameter_count(models::efficientnet_b0<float>({}, rng)) == 5288548);
  CHECK(nn::parameter_count(models::densenet121<float>({}, rng)) == 7978856);
}
