#include "nasion/io/load_onnx.hpp"

#include <iostream>

#include "nasion/io/safetensors.hpp"
#include "nasion/nn/fold_batch_norm.hpp"
#include "nasion/ops/loss.hpp"
#include "nasion/optim/sgd.hpp"
#include "nasion/testing/check_module.hpp"
#include "support/catch.hpp"
#include "support/data_dir.hpp"
#include "support/io_error.hpp"
#include "support/onnx_bytes.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
using test::onnx::node;

namespace {

std::vector<float> some_values(Index count, std::uint64_t seed) {
  Rng rng(seed);
  const auto x = Tensorf::uniform({count}, rng, -1, 1);
  return {x.values().begin(), x.values().end()};
}

template <class T = float>
io::OnnxModule<T> loaded(const test::onnx::Model& model) {
  const test::TemporaryFolder folder;
  test::write_text(folder / "net.onnx", test::onnx::bytes_of(model));
  return io::load_onnx<T>(folder / "net.onnx");
}

/// Two convolutions with batch norms, an activation after each, a sum, and a classifier.
test::onnx::Model small_network() {
  test::onnx::Model model;
  model.nodes = {node("Conv", {"x", "conv1.weight"}, {"a"}, {{.name = "pads", .integers = {1, 1, 1, 1}}}),
                 node("BatchNormalization", {"a", "bn1.weight", "bn1.bias", "bn1.mean", "bn1.var"}, {"b"}),
                 node("Relu", {"b"}, {"c"}),
                 node("Conv", {"c", "conv2.weight", "conv2.bias"}, {"d"}, {{.name = "pads", .integers = {1, 1, 1, 1}}}),
                 node("BatchNormalization", {"d", "bn2.weight", "bn2.bias", "bn2.mean", "bn2.var"}, {"e"}),
                 node("Sigmoid", {"e"}, {"f"}),
                 node("Mul", {"e", "f"}, {"g"}),
                 node("Add", {"g", "c"}, {"h"}),
                 node("Relu", {"h"}, {"i"}),
                 node("GlobalAveragePool", {"i"}, {"j"}),
                 node("Shape", {"j"}, {"shape"}),
                 node("Gather", {"shape", "first"}, {"n"}),
                 node("Concat", {"n", "rest"}, {"flat"}, {{.name = "axis", .integers = {0}}}),
                 node("Reshape", {"j", "flat"}, {"k"}),
                 node("Gemm", {"k", "fc.weight", "fc.bias"}, {"y"}, {{.name = "transB", .integers = {1}}})};
  const auto tensor = [&](const std::string& name, const std::vector<std::int64_t>& dims, float low = -1) {
    Index size = 1;
    for (const auto n : dims) size *= n;
    auto values = some_values(size, model.initializers.size() + 1);
    for (auto& v : values) v = low + (v + 1) / 2 * (1 - low);
    model.initializers.push_back(test::onnx::tensor(name, dims, values));
  };
  tensor("conv1.weight", {4, 3, 3, 3});
  tensor("conv2.weight", {4, 4, 3, 3});
  tensor("conv2.bias", {4});
  for (const std::string bn : {"bn1", "bn2"}) {
    tensor(bn + ".weight", {4}, 0.5f);
    tensor(bn + ".bias", {4});
    tensor(bn + ".mean", {4});
    tensor(bn + ".var", {4}, 0.5f);
  }
  tensor("fc.weight", {2, 4});
  tensor("fc.bias", {2});
  model.initializers.push_back(test::onnx::integers("first", {0}));
  model.initializers.push_back(test::onnx::integers("rest", {4}));
  return model;
}

template <class T>
Tensor<T> parameter(const io::OnnxModule<T>& model, const std::string& name) {
  for (const auto& entry : nn::state_dict(model).tensors)
    if (entry.name == name) return entry.tensor;
  FAIL("no tensor " + name);
  return {};
}

template <class T>
double largest_difference(const Tensor<T>& a, const Tensor<T>& b) {
  REQUIRE(a.shape() == b.shape());
  return a.size() == 0 ? 0 : double{max(abs(a - b)).item()};
}

/// The network in the library's own words.
template <class T>
Tensor<T> expected(const io::OnnxModule<T>& m, const Tensor<T>& x, bool training) {
  const auto p = [&](const char* name) { return parameter(m, name); };
  const auto norm = [&](const Tensor<T>& v, const std::string& bn) {
    return batch_norm(v, p((bn + ".mean").c_str()).clone(), p((bn + ".var").c_str()).clone(),
                      p((bn + ".weight").c_str()), p((bn + ".bias").c_str()), {.training = training});
  };
  const auto c = relu(norm(conv2d(x, p("conv1.weight"), {}, {.padding = 1}), "bn1"));
  const auto g = silu(norm(conv2d(c, p("conv2.weight"), p("conv2.bias"), {.padding = 1}), "bn2"));
  return linear(flatten(adaptive_avg_pool2d(relu(g + c), 1)), p("fc.weight"), p("fc.bias"));
}

}  // namespace

TEST_CASE("A network from an ONNX file computes what its operators say") {
  auto model = loaded(small_network());
  CHECK(model.input_names() == std::vector<std::string>{"x"});
  CHECK(model.output_names() == std::vector<std::string>{"y"});
  Rng rng(1);
  for (const Index n : {1, 3})
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      const auto x = to_order(Tensorf::uniform({n, 3, 7, 6}, rng), order);
      CHECK(largest_difference(model(x), expected(model, x, false)) < 1e-6);
    }
  nn::train(model);
  const auto x = Tensorf::uniform({4, 3, 7, 6}, rng);
  const auto before = parameter(model, "bn1.mean").clone();
  const auto y = expected(model, x, true);
  CHECK(largest_difference(model(x), y) < 1e-6);
  CHECK(largest_difference(parameter(model, "bn1.mean"), before) > 1e-3);
}

TEST_CASE("A network from an ONNX file is a module: parameters, state, clone, freezing, training") {
  auto model = loaded(small_network());
  std::vector<std::string> names;
  for (const auto& p : nn::named_parameters(model)) names.push_back(p.name);
  CHECK(names == std::vector<std::string>{"conv1.weight", "conv2.weight", "conv2.bias", "bn1.weight", "bn1.bias",
                                          "bn2.weight", "bn2.bias", "fc.weight", "fc.bias"});
  CHECK(nn::state_dict(model).tensors.size() == 13);

  const auto other = nn::clone(model);
  Rng rng(2);
  const auto x = Tensorf::uniform({4, 3, 8, 8}, rng), target = Tensorf::uniform({4, 2}, rng);
  const auto before = other(x);
  nn::train(model);
  optim::SGD<float> optimizer(nn::parameters(model), {.lr = 0.05});
  float first = 0, last = 0;
  for (int step = 0; step < 30; ++step) {
    optimizer.zero_grad();
    const auto loss = mse_loss(model(x), target);
    last = loss.item();
    if (step == 0) first = last;
    loss.backward();
    optimizer.step();
  }
  CHECK(last < first / 2);
  CHECK(largest_difference(other(x), before) == 0);  // a clone has weights of its own

  const test::TemporaryFolder folder;
  io::save(folder / "net.safetensors", model);
  auto again = loaded(small_network());
  io::load(folder / "net.safetensors", again);
  nn::eval(model);
  CHECK(largest_difference(again(x), model(x)) == 0);
  nn::freeze(model);
  CHECK_FALSE(model(x).requires_grad());
}

TEST_CASE("Gradients of a network from an ONNX file") {
  const auto model = loaded<double>(small_network());
  Rng rng(3);
  CHECK(testing::check_module(model, Tensord::uniform({2, 3, 4, 5}, rng)) == "");
}

TEST_CASE("Batch norms of a network from an ONNX file are folded into its convolutions") {
  const auto model = loaded(small_network());
  const auto fast = nn::fold_batch_norm(model);
  CHECK(nn::state_dict(fast).tensors.size() == 6);
  Rng rng(4);
  const auto x = Tensorf::uniform({2, 3, 9, 9}, rng);
  CHECK(largest_difference(fast(x), model(x)) < 1e-6);
  CHECK(nn::state_dict(model).tensors.size() == 13);
}

TEST_CASE("Equal tensors that were written once are parameters of their own") {
  test::onnx::Model model;
  model.nodes = {node("Identity", {"first.weight"}, {"second.weight"}), node("Mul", {"x", "first.weight"}, {"a"}),
                 node("Mul", {"a", "second.weight"}, {"y"})};
  model.initializers = {test::onnx::tensor("first.weight", {2}, {2, 3})};
  const auto net = loaded(model);
  const auto parameters = nn::named_parameters(net);
  REQUIRE(parameters.size() == 2);
  CHECK(parameters[1].name == "second.weight");
  sum(net(Tensorf::from({2}, {1, 1}))).backward();
  parameters[0].tensor.set_requires_grad(false).set({0}, 5);
  CHECK(net(Tensorf::from({2}, {1, 1})).at({0}) == 10);
}

TEST_CASE("Networks of several inputs and outputs, integers among them") {
  test::onnx::Model model;
  model.nodes = {node("Gather", {"table", "words"}, {"e"}), node("Add", {"e", "x"}, {"y"}),
                 node("Shape", {"y"}, {"shape"}), node("ArgMax", {"y"}, {"best"})};
  model.initializers = {test::onnx::tensor("table", {3, 2}, {1, 2, 3, 4, 5, 6})};
  model.inputs = {"x", "words"};
  model.outputs = {"y", "shape", "best"};
  const auto net = loaded(model);
  const auto results = net({Tensorf::from({2}, {10, 20}), IntegerArray({2, 0})});
  REQUIRE(results.size() == 3);
  CHECK(largest_difference(results[0].tensor(), Tensorf::from({2, 2}, {15, 26, 11, 22})) == 0);
  CHECK(results[1].integers() == IntegerArray({2, 2}));
  CHECK(results[2].integers() == IntegerArray(Shape{1, 2}, {0, 0}));
  CHECK_THROWS_WITH(net(Tensorf::zeros({2})), ContainsSubstring("2 inputs and 3 outputs"));
  CHECK_THROWS_WITH(net(std::vector<io::OnnxValue<float>>{Tensorf::zeros({2})}),
                    ContainsSubstring("1 inputs for a network of 2"));
  CHECK_THROWS_WITH(net({Tensorf::zeros({3}), IntegerArray({2, 0})}),
                    ContainsSubstring("[OnnxModule] Add: ") && ContainsSubstring("[2, 2]") && ContainsSubstring("[3]"));
}

TEST_CASE("What an ONNX file cannot be") {
  const test::TemporaryFolder folder;
  const auto error_of = [&](const test::onnx::Model& model) {
    test::write_text(folder / "net.onnx", test::onnx::bytes_of(model));
    return test::io_error(folder.path(), [&] { io::load_onnx<float>(folder / "net.onnx"); });
  };
  test::onnx::Model model;
  model.nodes = {node("Frobnicate", {"x"}, {"y"}, {}, "/net/odd")};
  CHECK_THAT(error_of(model), ContainsSubstring("operator Frobnicate (node \"/net/odd\") of opset 17"));
  model.nodes = {node("Relu", {"z"}, {"y"})};
  CHECK_THAT(error_of(model), ContainsSubstring("needs \"z\", which nothing before it computes"));
  model.nodes = {node("Relu", {"x"}, {"z"})};
  CHECK_THAT(error_of(model), ContainsSubstring("nothing computes output \"y\""));
  model.nodes = {node("Relu", {"x"}, {"y"}), node("Relu", {"x"}, {"y"})};
  CHECK_THAT(error_of(model), ContainsSubstring("two values \"y\""));
  model.nodes = {node("Add", {"x", "w"}, {"y"})};
  model.initializers = {test::onnx::tensor("w", {2, 3}, {1, 2, 3})};
  CHECK_THAT(error_of(model), ContainsSubstring("tensor \"w\" has 3 elements for shape [2, 3]"));
  model.initializers = {test::onnx::tensor("w", {std::int64_t{1} << 40, std::int64_t{1} << 40}, {})};
  CHECK_THAT(error_of(model), ContainsSubstring("too many elements"));
  model.initializers = {test::onnx::tensor("w", {1, 1, 1, 1, 1, 1, 1}, {1})};
  CHECK_THAT(error_of(model), ContainsSubstring("more than 6 dimensions"));
  model.initializers = {test::onnx::tensor("w", {1}, {1})};
  CHECK(error_of(model) == "no error");
  model.opset = 0;
  CHECK_THAT(error_of(model), ContainsSubstring("version of the operators is missing"));

  const auto whole = test::onnx::bytes_of(small_network());
  for (std::size_t size = 0; size < whole.size(); size += 1 + size / 50) {
    test::write_text(folder / "net.onnx", whole.substr(0, size));
    CHECK(test::io_error(folder.path(), [&] { io::load_onnx<float>(folder / "net.onnx"); }) != "no error");
  }
}

TEST_CASE("Weights of an ONNX file may be beside it, and nowhere else") {
  const test::TemporaryFolder folder;
  std::filesystem::create_directory(folder / "net");
  const std::vector<float> weights{0, 1, 2, 3};
  const std::string bytes(reinterpret_cast<const char*>(weights.data()), 16);
  test::write_text(folder / "net" / "weights.bin", bytes);
  test::write_text(folder / "elsewhere.bin", bytes);
  std::filesystem::create_symlink(folder / "elsewhere.bin", folder / "net" / "link.bin");
  const auto load = [&](const std::string& file, const std::string& offset, std::int64_t size) {
    std::string tensor;
    test::onnx::Writer writer(tensor);
    writer.add_int64(1, size);
    writer.add_int32(2, 1);
    writer.add_string(8, "w");
    for (const auto& [key, value] : {std::pair<std::string, std::string>{"location", file}, {"offset", offset}}) {
      test::onnx::Writer entry(writer, 13);
      entry.add_string(1, key);
      entry.add_string(2, value);
    }
    writer.add_int32(14, 1);
    test::onnx::Model model;
    model.nodes = {node("Add", {"x", "w"}, {"y"})};
    model.initializers = {tensor};
    test::write_text(folder / "net" / "net.onnx", test::onnx::bytes_of(model));
    return test::io_error(folder / "net", [&] {
      const auto net = io::load_onnx<float>(folder / "net" / "net.onnx");
      CHECK(net(Tensorf::zeros({2})).at({1}) == 3);
    });
  };
  CHECK(load("weights.bin", "8", 2) == "no error");
  CHECK_THAT(load("weights.bin", "12", 2), ContainsSubstring("\"weights.bin\" is too short"));
  CHECK_THAT(load("weights.bin", "99999999999999999999", 2), ContainsSubstring("no number"));
  CHECK_THAT(load("../elsewhere.bin", "0", 2), ContainsSubstring("is not in the folder of the model"));
  CHECK_THAT(load((folder / "elsewhere.bin").string(), "0", 2), ContainsSubstring("is not in the folder of the model"));
  CHECK_THAT(load("link.bin", "0", 2), ContainsSubstring("is not in the folder of the model"));
  CHECK_THAT(load("missing.bin", "0", 2), ContainsSubstring("cannot be found"));
}

// -- The backend test data of ONNX --------------------------------------------------------------------------------

namespace {

/// What is wrong with the results of a model, compared as ONNX's own tests do; empty when nothing is.
std::string failure(const std::filesystem::path& folder) try {
  const NoGrad no_grad;
  const auto model = io::load_onnx<double>(folder / "model.onnx");
  for (int set = 0; std::filesystem::exists(folder / message("test_data_set_", set)); ++set) {
    const auto value = [&](const char* kind, std::size_t i) {
      return io::load_onnx_tensor<double>(folder / message("test_data_set_", set) / message(kind, i, ".pb"));
    };
    std::vector<io::OnnxValue<double>> inputs;
    for (std::size_t i = 0; i < model.input_names().size(); ++i) inputs.push_back(value("input_", i));
    const auto outputs = model(inputs);
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      const auto expected = value("output_", o);
      if (expected.shape() != outputs[o].shape() || expected.is_integer() != outputs[o].is_integer())
        return message("output ", o, " is ", outputs[o].shape(), ", not ", expected.shape());
      const auto a = contiguous(io::detail::onnx::to_tensor(outputs[o])),
                 b = contiguous(io::detail::onnx::to_tensor(expected));
      for (Index i = 0; i < a.size(); ++i) {
        const double p = a.data()[i], q = b.data()[i];
        const bool same = p == q || (std::isnan(p) && std::isnan(q)) || std::abs(p - q) <= 1e-7 + 1e-3 * std::abs(q);
        if (!same) return message("output ", o, " has ", p, ", not ", q, ", at ", i);
      }
    }
  }
  return "";
} catch (const std::exception& error) {
  return error.what();
}

struct Tally {
  int passed = 0, all = 0;
  std::string failures{};
};

/// Of the models in `folder` but those whose names begin with one of `left_out`.
Tally run_backend_tests(const std::filesystem::path& folder, const std::vector<std::string>& left_out = {}) {
  Tally tally;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (std::any_of(left_out.begin(), left_out.end(),
                    [&](const auto& start) { return name.starts_with("test_" + start); }))
      continue;
    const auto wrong = failure(entry.path());
    ++tally.all;
    tally.passed += wrong.empty();
    if (!wrong.empty()) tally.failures += name + ": " + wrong + "\n";
  }
  return tally;
}

}  // namespace

TEST_CASE("ONNX's own models of PyTorch's operators", "[data]") {
  const auto data = test::data_dir();
  if (!data || !std::filesystem::exists(*data / "onnx")) return;
  for (const char* group : {"pytorch-operator", "pytorch-converted"}) {
    const auto tally = run_backend_tests(*data / "onnx" / group);
    CAPTURE(tally.failures);
    CHECK(tally.all > 0);
    CHECK(tally.passed == tally.all);
  }
}

TEST_CASE("ONNX's own tests of single operators", "[data]") {
  const auto data = test::data_dir();
  if (!data || !std::filesystem::exists(*data / "onnx")) return;
  // docs/onnx.md has the table.
  const std::vector<std::string> left_out{"quantizelinear",
                                          "dequantizelinear",
                                          "dynamicquantizelinear",
                                          "qlinear",
                                          "convinteger",  // quantised numbers
                                          "image_decoder",
                                          "tfidf",  // files and texts
                                          "if",
                                          "loop",
                                          "scan",
                                          "optional",  // graphs in graphs
                                          "dft",
                                          "stft",
                                          "blackman",
                                          "hannwindow",  // signals
                                          "nonmaxsuppression",
                                          "roialign",
                                          "basic_deform_conv",
                                          "deform_conv",  // detection
                                          "bernoulli",
                                          "dropout_random",
                                          "training_dropout",  // random numbers of others
                                          "bitshift",
                                          "bitwise",
                                          "unique",
                                          "top_k_uint64"};  // integers alone
  const auto tally = run_backend_tests(*data / "onnx" / "node", left_out);
  CAPTURE(tally.failures);
  CHECK(tally.all > 500);
  CHECK(tally.passed >= 0.85 * tally.all);
}
