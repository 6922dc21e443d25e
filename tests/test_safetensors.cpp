#include "nasion/io/safetensors.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>

#include "nasion/nn/batch_norm.hpp"
#include "nasion/nn/layers.hpp"
#include "nasion/nn/sequential.hpp"
#include "support/catch.hpp"
#include "support/foreign_locale.hpp"
#include "support/safetensors_bytes.hpp"
#include "support/temporary_folder.hpp"

namespace fs = std::filesystem;
namespace io = nasion::io;
namespace nn = nasion::nn;
using nasion::Index;
using nasion::IoError;
using nasion::Rng;
using nasion::Shape;
using nasion::Tensor;
using test::bytes_of, test::error_of, test::little_endian, test::same_bits;

namespace {

/// The bytes of a file that we wrote, as they would be without its checksum.
std::string without_checksum(std::string bytes) {
  const std::string key = "\"nasion.xxh64\":", value(35 + 1, '.');  // and a comma: it is not the last text
  std::uint64_t header_size;
  std::memcpy(&header_size, bytes.data(), sizeof header_size);
  const auto at = bytes.find(key);
  REQUIRE(at < header_size);
  bytes.erase(at, key.size() + value.size());
  return bytes.replace(0, 8, little_endian(header_size - key.size() - value.size()));
}

template <class T>
io::SafetensorsFile<T> example() {
  Rng rng(3);
  const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  return {.state = {.tensors = {{"layer.weight", Tensor<T>::normal({2, 3, 2, 5}, rng)},
                                {"layer.bias", Tensor<T>::from({5}, {T(0.1), T(-0.0), infinity, -infinity, nan})},
                                {"empty", Tensor<T>::empty({3, 0})},
                                {"scale", Tensor<T>::scalar(std::numeric_limits<T>::denorm_min())}},
                    .counters = {{"steps", -7}, {"batches", std::numeric_limits<std::int64_t>::max()}}},
          .integers = {{"labels", {{2, 2}, {1, -2, 3, 1LL << 62}}}, {"none", {{0}, {}}}},
          .metadata = {{"a \"quoted\"\n\t\\ name", "value"}, {"empty", ""}, {"smile \xF0\x9F\x98\x80", "\x7F\x01"}}};
}

}  // namespace

TEMPLATE_TEST_CASE("A safetensors file gives back what was written", "", float, double) {
  using T = TestType;
  test::TemporaryFolder folder;
  const auto written = example<T>();
  io::write_safetensors(folder / "x", written);
  const auto read = io::read_safetensors<T>(folder / "x");
  CHECK(read.state.tensors.size() == written.state.tensors.size());
  for (const auto& [name, tensor] : written.state.tensors) {
    CAPTURE(name);
    CHECK(same_bits(read.tensor(name), tensor));
  }
  REQUIRE(read.state.counters.size() == 2);  // in the order of the file: by name
  CHECK(read.state.counters[0].name == "batches");
  CHECK(read.state.counters[0].value == std::numeric_limits<std::int64_t>::max());
  CHECK(read.state.counters[1].value == -7);
  CHECK(read.integers == written.integers);
  CHECK(read.metadata == written.metadata);
  CHECK(io::read_metadata(folder / "x") == written.metadata);
  CHECK_THROWS_WITH(read.tensor("weight"), ContainsSubstring("no tensor \"weight\""));
}

TEMPLATE_TEST_CASE("Both memory orders are the same file", "", float, double) {
  using T = TestType;
  test::TemporaryFolder folder;
  Rng rng(1);
  const auto x = Tensor<T>::normal({2, 3, 4, 5}, rng);
  const auto last = to_order(x, nasion::MemoryOrder::channels_last);
  io::write_safetensors<T>(folder / "first", {.state = {{{"x", x}}, {}}});
  io::write_safetensors<T>(folder / "last", {.state = {{{"x", last}}, {}}});
  CHECK(test::read_text(folder / "first") == test::read_text(folder / "last"));
  CHECK(same_bits(io::read_safetensors<T>(folder / "last").tensor("x"), x));
}

TEST_CASE("A view is written as what it shows") {
  test::TemporaryFolder folder;
  const auto x = Tensor<float>::from({3, 2}, {0, 1, 2, 3, 4, 5});
  io::write_safetensors<float>(folder / "x", {.state = {{{"x", slice(x, 0, 1, 2)}}, {}}});
  CHECK(same_bits(io::read_safetensors<float>(folder / "x").tensor("x"), Tensor<float>::from({1, 2}, {2, 3})));
}

TEST_CASE("Bytes of a safetensors file: ordered, aligned, the same every time") {
  test::TemporaryFolder folder;
  const io::SafetensorsFile<float> content{
      .state = {.tensors = {{"b", Tensor<float>::from({2, 1}, {1.0f, -2.0f})}, {"a", Tensor<float>::scalar(0.5f)}},
                .counters = {{"n", 258}}},
      .metadata = {{"k2", "v"}, {"k1", "\"\n"}}};
  const std::string header =
      R"({"__metadata__":{"k1":"\"\n","k2":"v","nasion.xxh64":"012dc362ec8f7104 b3a4213a97d564dc"},"n":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
      R"("a":{"dtype":"F32","shape":[],"data_offsets":[8,12]},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[12,20]}})";
  const std::string padding((8 - header.size() % 8) % 8, ' ');
  const std::string expected =
      bytes_of(header + padding, little_endian(258) + little_endian(0x3F000000, 4) + little_endian(0x3F800000, 4) +
                                     little_endian(0xC0000000, 4));
  io::write_safetensors(folder / "x", content);
  CHECK(test::read_text(folder / "x") == expected);

  io::write_safetensors<float>(folder / "nothing", {});
  CHECK(test::read_text(folder / "nothing") ==
        bytes_of(R"({"__metadata__":{"nasion.xxh64":"af37c3ca872ddcc6 ef46db3751d8e999"}}   )"));
  const auto nothing = io::read_safetensors<float>(folder / "nothing");
  CHECK((nothing.state.tensors.empty() && nothing.state.counters.empty() && nothing.metadata.empty()));
}

TEST_CASE("A file by another writer: any order of keys and tensors, white space") {
  test::TemporaryFolder folder;
  test::write_text(folder / "x",
                   bytes_of("{ \"late\" : {\"data_offsets\":[4, 8],\n\t\"shape\":[1],\"dtype\":\"F32\"},\r\n"
                            "\"zero\":{\"dtype\":\"I64\",\"shape\":[0],\"data_offsets\":[4,4]},"
                            "\"\\u0065arly\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]},"
                            "\"__metadata__\":{} }  ",
                            little_endian(0x3F800000, 4) + little_endian(0x40000000, 4)));
  const auto file = io::read_safetensors<double>(folder / "x");
  CHECK(file.tensor("early").item() == 1);
  CHECK(file.tensor("late").item() == 2);
  CHECK(file.integers.at("zero") == nasion::IntegerArray{{0}, {}});
}

TEST_CASE("Numbers are converted between float and double") {
  test::TemporaryFolder folder;
  io::write_safetensors<double>(folder / "d", {.state = {{{"x", Tensor<double>::from({3}, {0.1, 1e300, -2})}}, {}}});
  const auto x = io::read_safetensors<float>(folder / "d").tensor("x");
  CHECK((x.at({0}) == 0.1f && std::isinf(x.at({1})) && x.at({2}) == -2));
  const auto many = Tensor<float>::full({5001}, 0.1f);  // more than one block
  io::write_safetensors<float>(folder / "f", {.state = {{{"x", many}}, {}}});
  const auto wide = io::read_safetensors<double>(folder / "f").tensor("x");
  CHECK(std::all_of(wide.values().begin(), wide.values().end(), [](double v) { return v == double{0.1f}; }));
}

TEST_CASE("What is no file to read is an error") {
  test::TemporaryFolder folder;
  CHECK_THROWS_WITH(io::read_safetensors<float>(folder / "none"), ContainsSubstring("none: no such file"));
  CHECK_THROWS_WITH(io::read_safetensors<float>(folder.path()), ContainsSubstring("is not a regular file"));
  CHECK_THROWS_WITH(io::read_metadata("/dev/zero"), ContainsSubstring("is not a regular file"));
}

TEST_CASE("A file cut off anywhere is an error") {
  test::TemporaryFolder folder;
  io::write_safetensors(folder / "x", example<float>());
  const auto whole = test::read_text(folder / "x");
  int accepted = 0;
  for (std::size_t size = 0; size < whole.size(); ++size)
    accepted += error_of(folder / "cut", whole.substr(0, size)).empty();
  CHECK(accepted == 0);
  CHECK_THAT(error_of(folder / "longer", whole + "x"), ContainsSubstring("belong to no tensor"));
}

TEST_CASE("A mutated file is read or refused, nothing else") {
  test::TemporaryFolder folder;
  io::write_safetensors(folder / "x", example<float>());
  const auto whole = without_checksum(test::read_text(folder / "x"));
  const std::string alphabet = "0123456789\"{}[],:-.eE\\ unlF3264I";
  Rng rng(20240229);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(rng.below(static_cast<Index>(n))); };
  int read = 0, refused = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string bytes = whole;
    for (auto changes = 1 + below(3); changes > 0; --changes) {
      const auto at = below(bytes.size());
      switch (below(6)) {
        case 0:
          bytes[at] = static_cast<char>(bytes[at] ^ 1 << below(8));
          break;
        case 1:
          bytes[at] = static_cast<char>(below(256));
          break;
        case 2:
          bytes[at] = alphabet[below(alphabet.size())];
          break;
        case 3:
          bytes.insert(at, 1, alphabet[below(alphabet.size())]);
          break;
        case 4:
          bytes.erase(at, 1 + below(4));
          break;
        default:
          bytes[below(8)] = static_cast<char>(below(256));
          break;
      }
      if (bytes.size() > 8 && rng.chance(0.5)) {  // a length that fits, so that the header is looked at
        const auto header = bytes.rfind('}');
        if (header != bytes.npos && header > 8) bytes.replace(0, 8, little_endian(header + 1 - 8));
      }
    }
    const auto error = error_of(folder / "mutated", bytes);
    ++(error.empty() ? read : refused);
    if (!error.empty() && error.find('\n') != error.npos) FAIL(error);
    if (!error.empty() || read % 16 != 0) continue;
    // What was accepted can be written, and then reads as the same. Not every time: writing waits for the disk.
    auto content = io::read_safetensors<float>(folder / "mutated");
    content.unread.clear();
    io::write_safetensors(folder / "again", content);
    const auto once = test::read_text(folder / "again");
    io::write_safetensors(folder / "again", io::read_safetensors<float>(folder / "again"));
    if (test::read_text(folder / "again") != once) FAIL("a second copy differs from the first");
  }
  CHECK(read > 100);
  CHECK(refused > 1000);
}

TEST_CASE("What cannot be written is an error and leaves the old file") {
  test::TemporaryFolder folder;
  const auto x = Tensor<float>::scalar(1);
  test::write_text(folder / "x", "old");
  using File = io::SafetensorsFile<float>;
  const auto write = [&](const File& file) { io::write_safetensors(folder / "x", file); };
  CHECK_THROWS_WITH(write({.state = {{{"a", x}}, {{"a", 1}}}}),
                    ContainsSubstring("x: cannot be written with the name \"a\""));
  CHECK_THROWS_WITH(write({.state = {{{"__metadata__", x}}, {}}}),
                    ContainsSubstring("\"__metadata__\" twice or reserved"));
  CHECK_THROWS_WITH(write({.state = {{{"\xFF", x}}, {}}}), ContainsSubstring("not valid UTF-8"));
  CHECK_THROWS_AS(write({.state = {}, .metadata = {{"a", "\xC0\x80"}}}), IoError);
  nasion::IntegerArray torn({3}, {1, 2, 3});
  torn.values.pop_back();
  CHECK_THROWS_WITH(write({.state = {}, .integers = {{"a", torn}}}),
                    ContainsSubstring("2 integers do not fill \"a\" [3]"));
  CHECK(test::read_text(folder / "x") == "old");
  CHECK_THROWS_WITH(io::write_safetensors(folder / "none" / "x", File{}), ContainsSubstring("none/x: cannot create"));
  if (::geteuid() != 0) {
    ::chmod(folder.path().c_str(), 0500);
    CHECK_THROWS_AS(write({}), IoError);
    ::chmod(folder.path().c_str(), 0700);
    CHECK(test::read_text(folder / "x") == "old");
  }
}

namespace {
using Net = nn::Sequential<float>;
Net net(std::uint64_t seed, Index hidden = 3) {
  Rng rng(seed);
  return Net(nn::Conv2d<float>({.in = 2, .out = 4, .kernel = 3}, rng),
             nn::Linear<float>({.in = 4, .out = hidden}, rng));
}
std::vector<Tensor<float>> copies(const Net& module) {
  std::vector<Tensor<float>> tensors;
  for (const auto& p : parameters(module)) tensors.push_back(p.clone());
  return tensors;
}
bool all_same(const std::vector<Tensor<float>>& a, const std::vector<Tensor<float>>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_bits<float>);
}
}  // namespace

TEST_CASE("A module is saved and loaded, in place") {
  test::TemporaryFolder folder;
  const Net a = net(1);
  Net b = net(2);
  const auto handles = parameters(b);
  io::save(folder / "model", a, {{"model", "net"}});
  CHECK(io::load(folder / "model", b) == io::Metadata{{"model", "net"}});
  CHECK(all_same(copies(a), copies(b)));
  CHECK(all_same(handles, parameters(b)));
  CHECK(handles[0].requires_grad());
  CHECK(handles[0].is_leaf());
}

TEST_CASE("Loading a module is strict, and all or nothing") {
  test::TemporaryFolder folder;
  Net module = net(2);
  const auto before = copies(module);
  auto file = io::SafetensorsFile<float>{.state = nn::state_dict(net(1, 5))};
  file.state.tensors.erase(file.state.tensors.begin());
  file.state.tensors.push_back({"ex\ntra", Tensor<float>::scalar(1)});
  io::write_safetensors(folder / "model", file);
  std::string error;
  try {
    io::load(folder / "model", module);
  } catch (const IoError& e) {
    error = e.what();
  }
  CHECK_THAT(error, ContainsSubstring((folder / "model").string() + ": "));
  CHECK_THAT(error, ContainsSubstring("missing: 0.weight") && ContainsSubstring("unexpected: ex\\ntra") &&
                        ContainsSubstring("1.weight [5, 4] (expected [3, 4])"));
  CHECK(all_same(copies(module), before));

  auto with_integers =
      io::SafetensorsFile<float>{.state = nn::state_dict(net(1)), .integers = {{"ids", {{2}, {1, 2}}}}};
  io::write_safetensors(folder / "model", with_integers);
  CHECK_THROWS_WITH(io::load(folder / "model", module), ContainsSubstring("unexpected: ids [2]"));
  CHECK(all_same(copies(module), before));
}

TEST_CASE("A list of a million misfits is a message of a few names") {
  test::TemporaryFolder folder;
  std::string header = "{";
  for (int i = 0; i < 20'000; ++i)
    header += (i ? ",\"t" : "\"t") + std::to_string(i) + R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
  test::write_text(folder / "x", bytes_of(header + "}"));
  Net module = net(1);
  std::string error;
  try {
    io::load(folder / "x", module);
  } catch (const IoError& e) {
    error = e.what();
  }
  CHECK(error.size() < 600);
  CHECK_THAT(error, ContainsSubstring("missing: 0.weight") && ContainsSubstring(" and 19988 more"));

  std::string integers = "{";
  for (int i = 0; i < 1000; ++i)
    integers += (i ? ",\"t" : "\"t") + std::to_string(i) + R"(":{"dtype":"U64","shape":[0],"data_offsets":[0,0]})";
  test::write_text(folder / "x", bytes_of(integers + "}"));
  CHECK_THROWS_WITH(io::load(folder / "x", module), ContainsSubstring(" U64 [0] and 988 more"));
}

namespace {
/// A file of a batch norm of three features but for its counter, which is `counter`, with `data` before the others'.
std::string batch_norm_file(const std::string& counter, const std::string& data) {
  std::string header = "{" + counter, numbers;
  for (const auto* name : {"weight", "bias", "running_mean", "running_var"}) {
    const auto begin = data.size() + numbers.size();
    header += (header.size() > 1 ? ",\"" : "\"") + std::string(name) +
              R"(":{"dtype":"F32","shape":[3],"data_offsets":[)" + std::to_string(begin) + "," +
              std::to_string(begin + 12) + "]}";
    for (int i = 0; i < 3; ++i) numbers += little_endian(0x3F800000, 4);
  }
  return bytes_of(header + "}", data + numbers);
}
std::string counter_entry(const std::string& dtype, const std::string& shape, std::size_t bytes) {
  return R"("num_batches_tracked":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":[0,)" +
         std::to_string(bytes) + "]}";
}
}  // namespace

TEST_CASE("A batch norm's counter may be missing, of shape [1], or of another dtype") {
  test::TemporaryFolder folder;
  const auto count = [&](const std::string& bytes) {
    test::write_text(folder / "x", bytes);
    nn::BatchNorm2d<float> norm({.features = 3});
    norm.num_batches_tracked = 77;
    io::load(folder / "x", norm);
    CHECK(norm.running_mean.at({0}) == 1);
    return norm.num_batches_tracked;
  };
  CHECK(count(batch_norm_file("", "")) == 0);
  CHECK(count(batch_norm_file(counter_entry("I64", "[1]", 8), little_endian(5))) == 5);
  CHECK(count(batch_norm_file(counter_entry("F32", "[]", 4), little_endian(0x40A00000, 4))) == 5);
  CHECK(count(batch_norm_file(counter_entry("F32", "[1]", 4), little_endian(0x40A00000, 4))) == 5);
  CHECK(count(batch_norm_file(counter_entry("I32", "[]", 4), little_endian(5, 4))) == 5);
  CHECK(count(batch_norm_file(counter_entry("U8", "[1]", 1), "\5")) == 5);
  CHECK(count(batch_norm_file(counter_entry("F16", "[]", 2), little_endian(0x4500, 2))) == 5);

  CHECK_THROWS_WITH(count(batch_norm_file(counter_entry("F32", "[]", 4), little_endian(0x40A80000, 4))),
                    ContainsSubstring("mismatched: num_batches_tracked [] (expected a whole number)"));
  CHECK_THROWS_WITH(count(batch_norm_file(counter_entry("F32", "[]", 4), little_endian(0x7FC00000, 4))),
                    ContainsSubstring("(expected a whole number)"));
  CHECK_THROWS_WITH(count(batch_norm_file(counter_entry("F32", "[2]", 8), little_endian(0))),
                    ContainsSubstring("mismatched: num_batches_tracked [2]"));
  CHECK_THROWS_WITH(count(batch_norm_file(counter_entry("I64", "[2]", 16), std::string(16, '\0'))),
                    ContainsSubstring("unexpected: num_batches_tracked [2]"));
  CHECK_THROWS_WITH(count(batch_norm_file(counter_entry("F8_E4M3", "[]", 1), "\5")),
                    ContainsSubstring("holds in dtypes that are not read: num_batches_tracked F8_E4M3 []"));
}

TEST_CASE("Integers are taken for the numbers of a module") {
  test::TemporaryFolder folder;
  Rng rng(1);
  nn::Linear<float> linear({.in = 1, .out = 2, .bias = false}, rng);
  test::write_text(folder / "x", bytes_of(R"({"weight":{"dtype":"I8","shape":[2,1],"data_offsets":[0,2]}})", "\3\xFE"));
  io::load(folder / "x", linear);
  CHECK((linear.weight.at({0, 0}) == 3 && linear.weight.at({1, 0}) == -2));
  test::write_text(folder / "x", bytes_of(R"({"weight":{"dtype":"I8","shape":[2],"data_offsets":[0,2]}})", "\3\xFE"));
  CHECK_THROWS_WITH(io::load(folder / "x", linear), ContainsSubstring("mismatched: weight [2] (expected [2, 1])"));
}

TEST_CASE("Files are the same bytes in every locale, and read back in every one") {
  test::TemporaryFolder folder;
  Net module = net(1, 1200);
  io::save(folder / "classic", module, {{"n", "1000"}});
  const test::ForeignLocale foreign;
  io::save(folder / "foreign", module, {{"n", "1000"}});
  CHECK(test::read_text(folder / "foreign") == test::read_text(folder / "classic"));
  CHECK_NOTHROW(io::load(folder / "classic", module));
}

TEST_CASE("Writing removes what killed writers of the same file left") {
  test::TemporaryFolder folder;
  const auto leftover = folder / "x.01234567-1-2.tmp";  // of another machine, long ago
  test::write_text(leftover, "half");
  fs::last_write_time(leftover, fs::file_time_type::clock::now() - std::chrono::hours(2));
  io::write_safetensors<float>(folder / "x", {});
  CHECK_FALSE(fs::exists(leftover));
}

TEST_CASE("A few lines of Python read what we write") {
  const std::string python = "/usr/bin/python3";
  if (!fs::exists(python)) {
    WARN("no " + python + " here");
    return;
  }
  test::TemporaryFolder folder;
  io::write_safetensors<float>(folder / "x",
                               {.state = {{{"b", Tensor<float>::from({2, 2}, {1, -2.5f, 0, 1e30f})}}, {{"n", -3}}},
                                .integers = {{"ids", {{3}, {7, 8, -9}}}},
                                .metadata = {{"note", "two\nlines, \xC3\xA9"}}});
  test::write_text(folder / "read.py", R"(
import json, struct, sys
raw = open(sys.argv[1], 'rb').read()
size, = struct.unpack('<Q', raw[:8])
assert size % 8 == 0
header = json.loads(raw[8:8 + size].decode('utf-8'))
texts = header.pop('__metadata__')
assert len(texts.pop('nasion.xxh64')) == 33
print(ascii(texts))
for name, info in sorted(header.items()):
    begin, end = info['data_offsets']
    code, width = {'F32': ('f', 4), 'I64': ('q', 8)}[info['dtype']]
    data = raw[8 + size + begin:8 + size + end]
    print(name, info['shape'], *struct.unpack('<%d%s' % (len(data) // width, code), data))
)");
  const auto command = python + " '" + (folder / "read.py").string() + "' '" + (folder / "x").string() + "' > '" +
                       (folder / "out").string() + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  CHECK(test::read_text(folder / "out") ==
        "{'note': 'two\\nlines, \\xe9'}\nb [2, 2] 1.0 -2.5 0.0 1.0000000150474662e+30\nids [3] 7 8 -9\nn [] -3\n");
}
