#include "nasion/io/save_onnx.hpp"

#include <cstdlib>
#include <functional>

#include "nasion/io/npy.hpp"
#include "nasion/models/resnet.hpp"
#include "nasion/models/unet.hpp"
#include "nasion/nn/batch_norm.hpp"
#include "nasion/nn/functions.hpp"
#include "nasion/nn/layers.hpp"
#include "nasion/nn/sequential.hpp"
#include "nasion/ops/norm.hpp"
#include "nasion/ops/statistics.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;

namespace {

/// A function as a network without parameters.
struct Function {
  using Scalar = float;
  std::function<Tensorf(const Tensorf&)> f;
  Tensorf operator()(const Tensorf& x) const { return f(x); }
  static void visit(auto&, auto&&) {}
};

/// A network of two inputs and two outputs.
struct Two {
  using Scalar = float;
  std::vector<Tensorf> operator()(const Tensorf& a, const Tensorf& b) const { return {a + b, a * b}; }
  static void visit(auto&, auto&&) {}
};

template <class M>
io::OnnxModule<float> round_trip(const M& model, const Tensorf& example) {
  const test::TemporaryFolder folder;
  io::save_onnx(folder / "net.onnx", model, example);
  return io::load_onnx<float>(folder / "net.onnx");
}

/// The largest difference between a network and what is read back of it, for a batch of another size.
template <class M>
float difference(const M& model, const Shape& shape) {
  Rng rng(7);
  const NoGrad no_grad;
  const auto again = round_trip(model, Tensorf::uniform(shape, rng, -1, 1));
  M copy = nn::clone(model);
  nn::eval(copy);
  const auto x = Tensorf::uniform(shape.with(0, 3), rng, -1, 1);
  const auto a = copy(x), b = again(x);
  REQUIRE(a.shape() == b.shape());
  return max(abs(a - b)).item();
}

}  // namespace

TEST_CASE("Networks are read back from ONNX files as they were written, under the same names") {
  Rng rng(1);
  const auto resnet = models::resnet18<float>({.outputs = 5}, rng);
  CHECK(difference(resnet, {2, 3, 32, 32}) < 1e-6);
  CHECK(difference(models::UNet<float>({.outputs = 3, .width = 4, .levels = 2}, rng), {1, 1, 16, 12}) < 1e-6);

  const auto again = nn::state_dict(round_trip(resnet, Tensorf::uniform({2, 3, 32, 32}, rng)));
  for (const auto& entry : nn::state_dict(resnet).tensors) {
    CAPTURE(entry.name);
    const auto found = nn::detail::find_name(again.tensors, entry.name);
    REQUIRE(found != again.tensors.end());
    CHECK(found->tensor.shape() == entry.tensor.shape());
    CHECK(max(abs(contiguous(found->tensor) - contiguous(entry.tensor))).item() == 0);
  }
  CHECK(again.tensors.size() == nn::state_dict(resnet).tensors.size());
}

TEST_CASE("Layers in ONNX files") {
  Rng rng(2);
  using nn::Sequential;
  const Sequential<float> net(nn::Conv2d<float>({.in = 3, .out = 4, .kernel = 3, .stride = 2, .padding = 1}, rng),
                              nn::BatchNorm2d<float>({.features = 4, .activation = Activation::silu}),
                              nn::ConvTranspose2d<float>({.in = 4, .out = 4, .kernel = 2, .stride = 2}, rng),
                              nn::AvgPool2d<float>{{.kernel = 3, .stride = 2, .padding = 1}},
                              nn::Dropout<float>(0.5, rng), nn::Flatten<float>{},
                              nn::Linear<float>({.in = 64, .out = 5}, rng));
  CHECK(difference(net, {2, 3, 8, 8}) < 1e-6);
}

TEST_CASE("Operations in ONNX files") {
  const auto channel = Tensorf::from({3}, {0.5f, -1, 2});
  const auto weight = Tensorf::from({3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const std::pair<const char*, std::function<Tensorf(const Tensorf&)>> functions[] = {
      {"arithmetic",
       [](const auto& x) { return (x + 1.5f) * 2 - x / 3 + 1 / (x + 4) + x * x - maximum(x, -x) * minimum(x, x); }},
      {"functions",
       [](const auto& x) {
         return exp(x) + log(x + 3) + sqrt(x + 2) + square(x) + pow(x, 3) + abs(x) + clamp(x, -0.5f, 0.25f);
       }},
      {"activations",
       [](const auto& x) {
         return relu(x) + relu6(9 * x) + leaky_relu(x, 0.1f) + elu(x) + selu(x) + softplus(x) + sigmoid(x) +
                hardsigmoid(x) + silu(x) + hardswish(x) + gelu(x) + tanh(x);
       }},
      {"reductions",
       [](const auto& x) {
         return sum(x, {2}, true) + mean(x, {-1}, true) + stddev(x, {1, 3}, true);
       }},
      {"softmax", [](const auto& x) { return softmax(x, 1) + log_softmax(x, -1); }},
      {"shapes",
       [](const auto& x) {
         return concat<float>({permute(x, {0, 2, 3, 1}), slice(permute(x, {0, 2, 3, 1}), 2, 1, 3)}, 2);
       }},
      {"reshape",
       [](const auto& x) {
         return reshape(x, {-1, 4, 12});
       }},
      {"pad",
       [](const auto& x) {
         return pad(x, {0, 0, 1, 2}, {0, 1, 0, 3}, 0.5f);
       }},
      {"flip",
       [](const auto& x) {
         return flip(x, {3}) + pad(slice(x, 3, 0, 3), {0, 0, 0, 1}, {0, 0, 0, 0}, PadMode::reflect);
       }},
      {"matmul",
       [&](const auto& x) {
         return matmul(permute(x, {0, 2, 3, 1}), weight) + channel;
       }},
      {"linear",
       [&](const auto& x) {
         return linear(permute(x, {0, 2, 3, 1}), weight, channel);
       }},
      {"pools",
       [](const auto& x) {
         return max_pool2d(x, {.kernel = 3, .stride = 1, .padding = 1}) + adaptive_avg_pool2d(x, 1) +
                interpolate(adaptive_max_pool2d(x, 2), {.size = 4});
       }},
      {"bilinear", [](const auto& x) { return interpolate(x, {.scale_factor = 2, .mode = Interpolation::bilinear}); }},
      {"corners",
       [](const auto& x) {
         return interpolate(x, {.size = {7, 9}, .mode = Interpolation::bilinear, .align_corners = true});
       }},
      {"norms",
       [&](const auto& x) {
         return layer_norm(x, {4, 4}) + group_norm(x, 3, channel, channel) + instance_norm(x);
       }},
      {"convolution",
       [&](const auto& x) {
         return conv2d(x, reshape(weight, {3, 3, 1, 1}), channel, {.padding = 1, .activation = Activation::relu6});
       }},
  };
  for (const auto& [name, f] : functions) {
    CAPTURE(name);
    CHECK(difference(Function{f}, {2, 3, 4, 4}) < 1e-5);
  }
}

TEST_CASE("Networks of several inputs in ONNX files") {
  const test::TemporaryFolder folder;
  io::save_onnx(folder / "net.onnx", Two{}, Tensorf::ones({2, 3}), Tensorf::ones({2, 3}));
  const auto again = io::load_onnx<float>(folder / "net.onnx");
  CHECK(again.input_names() == std::vector<std::string>{"input_0", "input_1"});
  const auto y = again({Tensorf::full({1, 3}, 2), Tensorf::full({1, 3}, 5)});
  REQUIRE(y.size() == 2);
  CHECK(y[0].tensor().at({0, 2}) == 7);
  CHECK(y[1].tensor().at({0, 2}) == 10);
}

TEST_CASE("What cannot be written as ONNX is named") {
  const auto x = Tensorf::from({2, 3}, {1, 2, 3, 6, 5, 4});
  const auto refused = [&](std::function<Tensorf(const Tensorf&)> f) {
    const test::TemporaryFolder folder;
    try {
      io::save_onnx(folder / "net.onnx", Function{f}, x);
    } catch (const ValueError& error) {
      CHECK_FALSE(std::filesystem::exists(folder / "net.onnx"));
      return std::string(error.what());
    }
    return std::string("no error");
  };
  CHECK_THAT(refused([](const auto& t) {
               return elementwise(
                   t, [](float v) { return v; }, [](float) { return 1.0f; });
             }),
             ContainsSubstring("operation elementwise [2, 3] cannot be exported"));
  CHECK_THAT(refused([](const auto& t) { return max(t, 1); }), ContainsSubstring("operation gather"));
  CHECK_THAT(refused([](const auto& t) { return t * eq(t, 2.0f); }), ContainsSubstring("depends on the input"));
  CHECK_THAT(refused([](const auto& t) { return slice(t, 0, 0, t.dim(0) - 1); }),
             ContainsSubstring("depends on the size of the batch"));
  // A choice by the numbers is in no operation.
  CHECK_THAT(refused([](const auto& t) {
               return t.at({t.dim(0) - 1, 0}) > 5 ? t * 2 : t * 3;
             }),
             ContainsSubstring("depends on the size of the batch"));
}

// NASION_PYTHON may name a Python that has onnxruntime.
TEST_CASE("ONNX Runtime computes the same", "[onnxruntime]") {
  const char* const chosen = std::getenv("NASION_PYTHON");
  const std::string python = chosen ? chosen : "python3";
  const test::TemporaryFolder folder;
  Rng rng(3);
  const auto write = [&](const std::string& name, auto model, const Shape& shape) {
    nn::eval(model);
    const NoGrad no_grad;
    const auto x = Tensorf::uniform(shape.with(0, 3), rng, -1, 1);
    io::save_onnx(folder / (name + ".onnx"), model, Tensorf::uniform(shape, rng, -1, 1));
    io::write_npy(folder / (name + ".in.npy"), x);
    io::write_npy(folder / (name + ".out.npy"), contiguous(model(x)));
  };
  auto resnet = models::resnet18<float>({.outputs = 10}, rng);
  resnet(Tensorf::uniform({4, 3, 64, 64}, rng, -1, 1));  // in training: moves the running statistics
  write("resnet18", resnet, {2, 3, 64, 64});
  write("unet", models::UNet<float>({.outputs = 3, .width = 8, .levels = 3}, rng), {1, 1, 32, 24});
  write("functions", Function{[](const Tensorf& x) {
          return hardswish(x) + silu(x) + gelu(x) + softplus(x) + relu6(x * 5) + selu(x) + elu(x) +
                 layer_norm(x, {6, 6}) + interpolate(max_pool2d(x), {.size = 6, .mode = Interpolation::bilinear}) +
                 avg_pool2d(x, {.kernel = 3, .stride = 1, .padding = 1}) + softmax(x, 1) + instance_norm(x);
        }},
        {2, 4, 6, 6});
  CHECK(std::system(
            (python + " '" + NASION_GOLDEN_DIR + "/../onnx_runtime.py' '" + folder.path().string() + "'").c_str()) ==
        0);
}
