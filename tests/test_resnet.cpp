#include "nasion/models/resnet.hpp"

#include <bit>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "lab/src/process.hpp"
#include "nasion/io/safetensors.hpp"
#include "nasion/ops/loss.hpp"
#include "nasion/optim/sgd.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"
#include "support/torchvision.hpp"

using namespace nasion;
using test::Golden;
using test::hashed;

// -- One block, and the whole --------------------------------------------------------------------------------------

TEST_CASE("Blocks: shapes, names and gradients") {
  Rng rng(1);
  const auto x = test::random({2, 4, 5, 4});
  const test::GradcheckOptions options{.step = 1e-6, .tolerance = 1e-5, .most = 20};
  for (const Index stride : {1, 2}) {
    const models::BasicBlock<double> same(4, 4, stride, rng), wider(4, 3, stride, rng);
    CHECK(same.downsample.has_value() == (stride == 2));
    CHECK(wider.downsample.has_value());
    CHECK(wider(x).shape() == (stride == 1 ? Shape{2, 3, 5, 4} : Shape{2, 3, 3, 2}));
    CHECK(test::check_module(same, x, options) == "");
    CHECK(test::check_module(wider, x, options) == "");
    const models::Bottleneck<double> narrow(4, 1, stride, rng), wide(4, 2, stride, rng);
    CHECK(narrow.downsample.has_value() == (stride == 2));
    CHECK(wide(x).shape() == (stride == 1 ? Shape{2, 8, 5, 4} : Shape{2, 8, 3, 2}));
    CHECK(wide.conv2.options.stride == Size2(stride));
    CHECK(test::check_module(narrow, x, options) == "");
    CHECK(test::check_module(wide, x, options) == "");
  }
}

TEST_CASE("A block of a ResNet may start as the identity") {
  Rng rng(1);
  const auto net = models::resnet18<double>({.in_channels = 2, .outputs = 3, .zero_init_residual = true}, rng);
  const auto x = relu(test::random({2, 64, 4, 4}));
  CHECK(test::identical(contiguous(net.layer1[0](x)), x));
  for (const auto& p : nn::named_parameters(net)) {
    CHECK(p.tensor.requires_grad());
    if (p.name.ends_with("bn2.weight"))
      CHECK(max(abs(p.tensor)).item() == 0);
    else if (p.name.ends_with("bn1.weight") || p.name.ends_with("downsample.1.weight"))
      CHECK(min(p.tensor).item() == 1);
  }
}

TEST_CASE("A ResNet starts with Kaiming-normal convolutions, and refuses sizes that make no sense") {
  Rng rng(1);
  const auto net = models::resnet18<float>({.in_channels = 1, .outputs = 136}, rng);
  const auto& weight = net.layer4[1].conv2.weight;
  CHECK(std::sqrt(mean(square(weight)).item()) == Approx(std::sqrt(2.0 / (512 * 9))).epsilon(0.01));
  CHECK(max(abs(net.fc.weight)).item() <= Approx(1 / std::sqrt(512.0)));
  CHECK(min(net.layer4[1].bn2.weight).item() == 1);
  CHECK(net(Tensorf::zeros({2, 1, 33, 40})).shape() == Shape{2, 136});
  CHECK_THROWS_WITH(net(Tensorf::zeros({2, 3, 32, 32})),
                    ContainsSubstring("[conv2d]") && ContainsSubstring("[2, 3, 32, 32]"));
  CHECK_THROWS_WITH(net(Tensorf::zeros({1, 1, 32, 32})), ContainsSubstring("more than 1 value per channel"));
  CHECK_THROWS_AS(models::resnet18<float>({.in_channels = 0}, rng), ValueError);
  CHECK_THROWS_AS(models::resnet18<float>({.outputs = 0}, rng), ValueError);
  using Net = models::ResNet<models::BasicBlock<float>>;
  CHECK_THROWS_WITH(Net({1, 1, 0, 1}, {}, rng), ContainsSubstring("[ResNet]"));
}

TEST_CASE("Many threads may use one ResNet in eval mode") {
  Rng rng(1);
  auto net = models::resnet18<float>({.outputs = 5}, rng);
  const auto x = test::random<float>({2, 3, 40, 36});
  net(x);
  nn::eval(net);
  const auto expected = net(x).detach();
  const auto state = nn::state_dict(nn::clone(net));
  std::vector<char> right(3, 0);
  {
    std::vector<std::jthread> threads;
    for (auto& ok : right)
      threads.emplace_back([&] {
        const NoGrad no_grad;
        ok = test::identical(net(x), expected) && test::identical(net(x), expected);
      });
  }
  CHECK(right == std::vector<char>(3, 1));
  const auto after = nn::state_dict(net);
  for (std::size_t i = 0; i < state.tensors.size(); ++i)
    CHECK(test::identical(state.tensors[i].tensor, after.tensors[i].tensor));
}

TEST_CASE("A step of a ResNet gives the same bits for any number of threads") {
  CHECK(test::same_for_all_thread_counts(
      [] {
        Rng rng(1);
        const auto net = models::resnet18<float>({.outputs = 5}, rng);
        const auto x = test::random<float>({3, 3, 40, 36}, 7, MemoryOrder::channels_last);
        optim::SGD<float> optimizer(nn::parameters(net), {.lr = 0.1, .momentum = 0.9});
        mean(square(net(x))).backward();
        optimizer.step();
        return nn::state_dict(net).tensors;
      },
      [](const auto& p, const auto& q) {
        return std::equal(p.begin(), p.end(), q.begin(),
                          [](const auto& a, const auto& b) { return test::identical(a.tensor, b.tensor); });
      }));
}

// -- Against PyTorch -----------------------------------------------------------------------------------------------

namespace {

/// Empty when x agrees with `summary` of generate.py of the tensor of this number: its sum, norm, sum weighted by
/// hashed numbers (in which each element counts by its place) and 13 elements. The tolerance is relative to the norm,
/// for single elements to their root mean square.
template <class T>
std::string differs(const Golden& golden, const std::string& name, std::uint32_t number, const Tensor<T>& x,
                    double tolerance) {
  const auto values = test::values(x);
  const auto weights = hashed<double>(x.size(), 1000 + number, 1);
  double sum = 0, squares = 0, weighted = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double v = static_cast<double>(values[i]);
    sum += v;
    squares += v * v;
    weighted += v * weights[i];
  }
  const auto all = golden[name];
  const auto expected = all.values();
  const double norm = expected[1], root_mean_square = norm / std::sqrt(static_cast<double>(values.size()));
  std::string wrong;
  const auto compare = [&](const char* what, double value, double right, double unit) {
    if (!(std::abs(value - right) <= tolerance * unit))
      wrong += message(name, ": ", what, " ", value, " instead of ", right, ". ");
  };
  compare("sum", sum, expected[0], norm);
  compare("norm", std::sqrt(squares), norm, norm);
  compare("weighted sum", weighted, expected[2], norm);
  for (std::size_t k = 0; k < 13; ++k)
    compare("element", static_cast<double>(values[k * (values.size() - 1) / 12]), expected[3 + k], root_mean_square);
  return wrong;
}

template <class T>
Tensor<T> images(MemoryOrder order) {
  return to_order(Tensor<T>::from({4, 3, 64, 64}, hashed<T>(4 * 3 * 64 * 64, 2000, 1)), order);
}

/// Results of a network in eval mode, then in training.
template <class M>
void check_results(M&& net, int depth, double tolerance) {
  using T = nn::ScalarOf<std::remove_reference_t<M>>;
  const Golden golden("resnet");
  test::fill(net);
  for (const bool training : {false, true}) {
    nn::train(net, training);
    const auto expected = golden[message(training ? "train" : "eval", depth)];
    const double largest = max(abs(expected)).item();
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      INFO(depth << " layers, " << order << (training ? ", training" : ", eval"));
      const auto y = net(images<T>(order)).detach();
      REQUIRE(y.shape() == expected.shape());
      for (std::size_t i = 0; i < 40; ++i)
        CHECK(static_cast<double>(y.values()[i]) ==
              Approx(expected.values()[i]).epsilon(0).margin(tolerance * largest));
    }
  }
}

/// Three steps of a ResNet-18: loss, every gradient, running statistics, and at last all weights.
template <class T>
void check_training(MemoryOrder order, double tolerance) {
  INFO((sizeof(T) == 4 ? "float " : "double ") << order);
  const Golden golden("resnet");
  Rng rng(1);
  const auto net = models::resnet18<T>({.outputs = 10}, rng);
  test::fill(net);
  const auto target = Tensor<T>::from({4, 10}, hashed<T>(40, 2001, 1));
  const auto check_state = [&](const std::string& prefix, auto&& tensor_of) {
    std::uint32_t number = 0;
    Index compared = 0;
    for (const auto& entry : nn::state_dict(net).tensors) {
      const auto name = prefix + entry.name;
      if (golden.has(name)) {
        CHECK(differs(golden, name, number, tensor_of(entry.tensor), tolerance) == "");
        ++compared;
      }
      ++number;
    }
    return compared;
  };

  optim::SGD<T> optimizer(nn::parameters(net), {.lr = 0.001, .momentum = 0.9, .weight_decay = 0.01});
  for (Index step = 0; step < 3; ++step) {
    optimizer.zero_grad();
    const auto loss = mse_loss(net(images<T>(order)), target);
    loss.backward();
    CHECK(static_cast<double>(loss.item()) == Approx(golden["losses"].at({step})).epsilon(tolerance));
    if (step == 0) {
      CHECK(check_state("gradient.", [](const auto& x) { return x.grad(); }) == 62);
      CHECK(check_state("first.", [](const auto& x) { return x; }) == 40);
    }
    optimizer.step();
  }
  CHECK(check_state("last.", [](const auto& x) { return x; }) == 102);
  for (const auto& counter : nn::state_dict(net).counters) CHECK(counter.value == 3);
}

}  // namespace

TEST_CASE("Results of ResNets as in PyTorch") {
  // Sums of up to 4608 products in another order, through up to 53 layers.
  Rng rng(1);
  check_results(models::resnet18<double>({.outputs = 10}, rng), 18, 1e-11);
  check_results(models::resnet34<double>({.outputs = 10}, rng), 34, 1e-11);
  check_results(models::resnet50<double>({.outputs = 10}, rng), 50, 1e-11);
  check_results(models::resnet18<float>({.outputs = 10}, rng), 18, 1e-4);
}

TEST_CASE("Three steps of a ResNet-18 as in PyTorch") {
  // Sums of up to 4608 products in another order, through 20 layers and three steps, change the last 3 of 16 digits.
  check_training<double>(MemoryOrder::row_major, 1e-11);
  check_training<double>(MemoryOrder::channels_last, 1e-11);
  // In float the last 3 of 7 digits; and where a number is 0 up to rounding, ReLU may pass another gradient.
  check_training<float>(MemoryOrder::row_major, 1e-3);
  check_training<float>(MemoryOrder::channels_last, 1e-3);
}

// -- Files ---------------------------------------------------------------------------------------------------------

namespace {

struct Entry {
  std::string name, shape;  // shape as `[64, 3, 7, 7]`
  bool is_counter() const { return name.ends_with("num_batches_tracked"); }
  bool operator==(const Entry&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Entry& e) { return out << e.name << ' ' << e.shape; }
};

/// Everything in the state dict of torchvision's ResNet of this depth, in its order.
std::vector<Entry> torchvision_state(int depth) {
  std::ifstream file(std::filesystem::path(NASION_GOLDEN_DIR) / "resnet_state.txt");
  std::vector<Entry> entries;
  std::string name, shape;
  for (int d = 0; file >> d >> name && std::getline(file >> std::ws, shape);)
    if (d == depth) entries.push_back({name, shape});
  return entries;
}

template <class M>
void check_names(const M& net, int depth, std::size_t size) {
  auto expected = torchvision_state(depth);
  CHECK(expected.size() == size);
  const auto counters =
      std::stable_partition(expected.begin(), expected.end(), [](auto& e) { return !e.is_counter(); });
  const auto state = nn::state_dict(net);
  std::vector<Entry> tensors, integers;
  for (const auto& entry : state.tensors) tensors.push_back({entry.name, message(entry.tensor.shape())});
  for (const auto& entry : state.counters) integers.push_back({entry.name, "[]"});
  CHECK(tensors == std::vector(expected.begin(), counters));
  CHECK(integers == std::vector(counters, expected.end()));
}

std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xFF);
  return text;
}

/// Tensor `number` of a file: multiples of 1/128 in [-1, 1), exact in every dtype.
std::vector<float> exact_numbers(Index size, std::uint32_t number) {
  auto values = hashed<float>(size, number, 1);
  for (float& v : values) v = std::floor(v * 128) / 128;
  return values;
}

std::string encoded(float value, const std::string& dtype) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (dtype == "F32") return little_endian(bits, 4);
  if (dtype == "BF16") return little_endian(bits >> 16, 2);
  const std::uint32_t sign = bits >> 31, exponent = bits >> 23 & 0xFF, mantissa = bits & 0x7FFFFF;
  return little_endian(value == 0 ? 0 : sign << 15 | (exponent - 127 + 15) << 10 | mantissa >> 13, 2);
}

Index size_of(const std::string& shape) {
  Index size = 1;
  std::string text = shape;
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < '0' || c > '9'; }, ' ');
  std::istringstream sizes(text);
  for (Index n = 0; sizes >> n;) size *= n;
  return size;
}

/// A safetensors file of these entries, byte by byte; counters are 100 and following.
std::string file_of(const std::vector<Entry>& entries, const std::string& dtype) {
  std::string header, data;
  std::uint32_t number = 0;
  std::uint64_t counter = 100;
  for (const auto& entry : entries) {
    const auto begin = data.size();
    if (entry.is_counter())
      data += little_endian(counter++, 8);
    else
      for (const float v : exact_numbers(size_of(entry.shape), number++)) data += encoded(v, dtype);
    header +=
        message(header.empty() ? "{" : ",", '"', entry.name, R"(":{"dtype":")", entry.is_counter() ? "I64" : dtype,
                R"(","shape":)", entry.shape, R"(,"data_offsets":[)", begin, ",", data.size(), "]}");
  }
  header += "}";
  return little_endian(header.size(), 8) + header + data;
}

}  // namespace

TEST_CASE("ResNets have torchvision's names, shapes and sizes") {
  Rng rng(1);
  const auto net18 = models::resnet18<float>({}, rng);
  check_names(net18, 18, 122);
  CHECK(nn::parameter_count(net18) == 11'689'512);
  const auto net34 = models::resnet34<float>({}, rng);
  check_names(net34, 34, 218);
  CHECK(nn::parameter_count(net34) == 21'797'672);
  const auto net50 = models::resnet50<float>({}, rng);
  check_names(net50, 50, 320);
  CHECK(nn::parameter_count(net50) == 25'557'032);
  CHECK(net50(Tensorf::ones({2, 3, 32, 32})).shape() == Shape{2, 1000});
}

TEST_CASE("A file with torchvision's ResNet-18 loads, in every precision") {
  const test::TemporaryFolder folder;
  Rng rng(1);
  auto net = models::resnet18<float>({}, rng);
  for (const std::string dtype : {"F32", "F16", "BF16"}) {
    INFO(dtype);
    const auto path = folder / (dtype + ".safetensors");
    test::write_text(path, file_of(torchvision_state(18), dtype));
    test::fill(net);
    io::load(path, net);
    const auto state = nn::state_dict(net);
    std::uint32_t number = 0;
    for (const auto& entry : state.tensors)
      if (test::values(entry.tensor) != exact_numbers(entry.tensor.size(), number++)) FAIL(entry.name);
    std::int64_t counter = 100;
    for (const auto& entry : state.counters) CHECK(entry.value == counter++);
  }
}

TEST_CASE("A key that a ResNet's file lacks or has too much is named") {
  const test::TemporaryFolder folder;
  Rng rng(1);
  auto net = models::resnet18<float>({}, rng);
  auto entries = torchvision_state(18);
  const auto remove = [&](const std::string& name) {
    std::erase_if(entries, [&](const Entry& entry) { return entry.name == name; });
  };
  remove("layer2.0.downsample.1.running_var");
  remove("layer3.1.bn2.num_batches_tracked");
  entries.push_back({"fc.scale", "[2]"});
  entries.push_back({"bn2.num_batches_tracked", "[]"});
  test::write_text(folder / "other.safetensors", file_of(entries, "BF16"));
  const auto before = net.conv1.weight.clone();
  CHECK_THROWS_WITH(
      io::load(folder / "other.safetensors", net),
      ContainsSubstring("missing: layer2.0.downsample.1.running_var unexpected: fc.scale bn2.num_batches_tracked"));
  CHECK(test::identical(net.conv1.weight, before));

  auto other = models::resnet18<float>({.outputs = 10}, rng);
  test::write_text(folder / "imagenet.safetensors", file_of(torchvision_state(18), "BF16"));
  CHECK_THROWS_WITH(io::load(folder / "imagenet.safetensors", other),
                    ContainsSubstring("mismatched: fc.weight [1000, 512] (expected [10, 512]) fc.bias"));
}

TEST_CASE("A ResNet-18 that was saved reads back in Python", "[python]") {
  const test::TemporaryFolder folder;
  const auto path = folder / "resnet18.safetensors";
  Rng rng(1);
  const auto net = models::resnet18<float>({}, rng);
  net(test::random<float>({2, 3, 32, 32}));
  io::save(path, net, {{"made by", "a test"}});
  // Sums of the numbers' bits, of all and of every seventh, are exact in both languages.
  const std::string script = R"(
import array, json, struct, sys
with open(sys.argv[1], "rb") as file:
    header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    data = file.read()
for name, entry in header.items():
    if name != "__metadata__":
        begin, end = entry["data_offsets"]
        bits = array.array({"F32": "I", "I64": "q"}[entry["dtype"]], data[begin:end])
        print(name, entry["dtype"], entry["shape"], sum(bits), sum(bits[::7]))
)";
  const auto python = lab::run_process({"python3", "-c", script, path.string()}, "");
  REQUIRE(python.started);
  CHECK(python.err == "");
  REQUIRE(python.code == 0);
  std::set<std::string> expected, found;
  const auto state = nn::state_dict(net);
  for (const auto& [name, x] : state.tensors) {
    std::uint64_t sum = 0, seventh = 0;
    for (std::size_t i = 0; i < x.values().size(); ++i) {
      const auto bits = std::bit_cast<std::uint32_t>(x.values()[i]);
      sum += bits;
      if (i % 7 == 0) seventh += bits;
    }
    expected.insert(message(name, " F32 ", x.shape(), " ", sum, " ", seventh));
  }
  for (const auto& counter : state.counters) expected.insert(message(counter.name, " I64 [] 1 1"));
  std::istringstream lines(python.out);
  for (std::string line; std::getline(lines, line);) found.insert(line);
  CHECK(expected.size() == 122);
  CHECK(found == expected);
}
