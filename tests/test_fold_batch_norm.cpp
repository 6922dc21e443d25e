#include "nasion/nn/fold_batch_norm.hpp"

#include "nasion/io/checkpoint.hpp"
#include "nasion/models/heatmap_fcn.hpp"
#include "nasion/models/resnet.hpp"
#include "nasion/models/soft_argmax_cnn.hpp"
#include "nasion/models/unet.hpp"
#include "support/activations.hpp"
#include "support/catch.hpp"
#include "support/gradcheck.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;

namespace {

/// Statistics and parameters as training leaves them: none is what the folding could forget.
template <class M>
void fill(const M& model) {
  const NoGrad no_grad;
  std::uint64_t seed = 1;
  for (const auto& entry : nn::traverse(model).tensors) {
    using T = nn::ScalarOf<M>;
    const auto numbers = test::random<T>(entry.tensor.shape(), seed++);
    if (entry.name.ends_with("running_var") || entry.name.ends_with("bn.weight"))
      entry.tensor.copy_from(square(numbers) + T{0.5});
    else if (entry.tensor.rank() == 1)
      entry.tensor.copy_from(numbers);
  }
}

/// Largest difference from the model in eval mode, relative to its largest number.
template <class M, class T>
double difference_when_folded(M& model, const Tensor<T>& x) {
  const NoGrad no_grad;
  fill(model);
  nn::eval(model);
  const auto before = nn::clone(model);
  const auto folded = nn::fold_batch_norm(model);
  const auto expected = model(x);
  CHECK(test::identical(expected, before(x)));  // the model itself has not changed
  return test::max_difference(folded(x), expected) / static_cast<double>(max(abs(expected)).item());
}

template <class T>
struct Pair {
  nn::Conv2d<T> conv;
  nn::BatchNorm2d<T> bn;
  Tensor<T> residual;  // or undefined
  Tensor<T> operator()(const Tensor<T>& x) const { return bn(conv(x), residual); }
  static void visit(auto& self, auto&& f) {
    f("conv", self.conv);
    f("bn", self.bn);
    if (self.residual.defined())
      f.conv_bn_residual(self.conv, self.bn);
    else
      f.conv_bn(self.conv, self.bn);
  }
};

}  // namespace

TEST_CASE("A convolution with its batch norm folded in gives the same numbers") {
  Rng rng(1);
  const auto x = test::random({2, 4, 7, 6});
  for (const bool bias : {true, false})
    for (const bool affine : {true, false})
      for (const Index groups : {1, 2})
        for (const auto activation : test::activations) {
          Pair<double> pair{{{.in = 4, .out = 6, .kernel = 3, .groups = groups, .bias = bias}, rng},
                            nn::BatchNorm2d<double>({.features = 6, .affine = affine, .activation = activation}),
                            {}};
          CHECK(difference_when_folded(pair, x) < 1e-13);
          pair.residual = test::random({2, 6, 5, 4}, 8);
          CHECK(difference_when_folded(pair, x) < 1e-13);
          pair.conv.weight = to_order(pair.conv.weight.detach(), MemoryOrder::channels_last);
          CHECK(difference_when_folded(pair, to_order(x, MemoryOrder::channels_last)) < 1e-13);
        }
}

TEST_CASE("Folded networks give the results of eval mode") {
  Rng rng(2);
  auto resnet18 = models::resnet18<float>({.in_channels = 3, .outputs = 10}, rng);
  CHECK(difference_when_folded(resnet18, test::random<float>({2, 3, 65, 64})) < 1e-5);
  auto resnet50 = models::resnet50<double>({.in_channels = 1, .outputs = 4}, rng);
  CHECK(difference_when_folded(resnet50, test::random({1, 1, 33, 32})) < 1e-12);
  auto soft = models::SoftArgmaxCnn<float>({.points = 3, .width = 16}, rng);
  CHECK(difference_when_folded(soft, test::random<float>({2, 1, 24, 32})) < 1e-5);
  auto unet = models::UNet<float>({.outputs = 3, .width = 8, .levels = 2}, rng);
  CHECK(difference_when_folded(unet, test::random<float>({2, 1, 19, 24})) < 1e-5);
  auto fcn =
      models::HeatmapFcn<float>({.points = 2, .maps = 16}, rng);  // its batch norm comes after ReLU: nothing to fold
  CHECK(difference_when_folded(fcn, test::random<float>({1, 1, 40, 40})) == 0);
}

TEST_CASE("A folded network is for inference, and has a state of its own") {
  Rng rng(3);
  auto net = models::resnet18<float>({.outputs = 5}, rng);
  auto folded = nn::fold_batch_norm(net);
  for (const auto& p : nn::parameters(folded)) CHECK_FALSE(p.requires_grad());
  CHECK(net.conv1.weight.requires_grad());
  const auto state = nn::state_dict(folded);
  CHECK(state.counters.empty());
  CHECK(state.tensors.size() == 2 * 20 + 2);
  CHECK(state.tensors[0].name == "conv1.weight");
  CHECK(state.tensors[1].name == "conv1.bias");

  const test::TemporaryFolder folder;
  const auto x = test::random<float>({1, 3, 32, 32});
  io::save(folder / "folded.safetensors", folded);
  auto other = nn::fold_batch_norm(models::resnet18<float>({.outputs = 5}, rng));
  CHECK_FALSE(test::identical(other(x), folded(x)));
  io::load(folder / "folded.safetensors", other);
  CHECK(test::identical(other(x), folded(x)));
  CHECK(test::identical(nn::clone(folded)(x), folded(x)));
  nn::train(folded);
  CHECK(test::identical(folded(x), other(x)));
  CHECK_THROWS_WITH(io::load(folder / "folded.safetensors", net),
                    ContainsSubstring("missing: bn1.weight") && ContainsSubstring("unexpected: conv1.bias"));
}

TEST_CASE("A batch norm that does not fit a convolution, or was folded, cannot be folded") {
  Rng rng(4);
  nn::Conv2d<float> conv({.in = 1, .out = 3}, rng);
  nn::BatchNorm2d<float> two({.features = 2}), three({.features = 3});
  CHECK_THROWS_WITH(two.fold_into(conv, false),
                    ContainsSubstring("[BatchNorm2d] of 2 features") && ContainsSubstring("weight [3, 1, 1, 1]"));
  three.fold_into(conv, true);
  CHECK_THROWS_WITH(three.fold_into(conv, true), ContainsSubstring("folded into a convolution already"));
  nn::Conv2d<float> active({.in = 1, .out = 3, .activation = Activation::relu}, rng);
  nn::BatchNorm2d<float> silu_after({.features = 3, .activation = Activation::silu});
  CHECK_THROWS_WITH(silu_after.fold_into(active, false), ContainsSubstring("an activation of its own"));

  const auto x = test::random<float>({2, 1, 3, 3}), residual = test::random<float>({2, 3, 3, 3}, 8);
  CHECK(test::identical(three(conv(x)), conv(x)));
  CHECK(test::identical(three(conv(x), residual), conv(x) + residual));
  nn::BatchNorm2d<float> relu_after({.features = 3, .activation = Activation::relu});
  relu_after.fold_into(conv, true);
  CHECK(test::identical(relu_after(conv(x)), relu(conv(x))));
  CHECK(test::identical(relu_after(conv(x), residual), relu(conv(x) + residual)));
  silu_after.fold_into(conv, false);
  CHECK(conv.options.activation == Activation::silu);
  CHECK(test::identical(silu_after(conv(x)), conv(x)));
  CHECK_THROWS_WITH(silu_after(conv(x), residual), ContainsSubstring("f.conv_bn_residual"));
}
