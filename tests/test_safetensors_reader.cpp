#include "nasion/io/safetensors_reader.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include "nasion/io/safetensors.hpp"
#include "support/catch.hpp"
#include "support/safetensors_bytes.hpp"
#include "support/temporary_folder.hpp"

namespace fs = std::filesystem;
namespace io = nasion::io;
using nasion::IoError, nasion::Tensor, nasion::Tensorf;
using test::bytes_of, test::error_of, test::little_endian, test::same_bits;

namespace {

const io::SafetensorsFile<float> content{
    .state = {.tensors = {{"a", Tensorf::from({3}, {1, 2, 3})}, {"b", Tensorf::full({2, 5}, 0.5f)}},
              .counters = {{"n", 7}}},
    .integers = {{"ids", {{2}, {5, 6}}}},
    .metadata = {{"history", "epoch,train_loss\n1,0.5\n"}, {"zebra", ""}}};

std::string written(const fs::path& path) {
  io::write_safetensors(path, content);
  return test::read_text(path);
}

std::size_t data_begin(const std::string& bytes) {
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  return 8 + header;
}

}  // namespace

TEST_CASE("Any flipped bit of a file is noticed") {
  test::TemporaryFolder folder;
  const auto whole = written(folder / "x");
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    auto bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
    const auto error = error_of(folder / "flipped", bytes);
    if (error.empty() || error.find('\n') != error.npos)
      FAIL("bit " << bit % 8 << " of byte " << bit / 8 << ": " << error);
    if (bit / 8 >= data_begin(whole) && error.find("its data is not what was written: it is damaged") == error.npos)
      FAIL(error);
  }
}

TEST_CASE("Names and texts are checked without reading the data") {
  test::TemporaryFolder folder;
  auto bytes = written(folder / "x");
  CHECK(io::read_metadata(folder / "x") == content.metadata);
  bytes.replace(bytes.find("history"), 7, "hisuory");
  test::write_text(folder / "x", bytes);
  CHECK_THROWS_WITH(io::read_metadata(folder / "x"),
                    ContainsSubstring("x: the names or texts in it are not those that were written"));
  CHECK(io::read_metadata(folder / "x", {.verify = false}).contains("hisuory"));
}

TEST_CASE("A damaged file can be read on demand") {
  test::TemporaryFolder folder;
  auto bytes = written(folder / "x");
  bytes[data_begin(bytes) + 32 + 3] ^= 1;  // n, ids, and 4 bytes of a
  test::write_text(folder / "x", bytes);
  CHECK_THROWS_AS(io::read_safetensors<float>(folder / "x"), IoError);
  const auto file = io::read_safetensors<float>(folder / "x", {.verify = false});
  CHECK(file.metadata == content.metadata);
  CHECK(file.integers == content.integers);
  CHECK(file.tensor("b").at({1, 4}) == 0.5f);
}

TEST_CASE("Another program may write a file anew: order and layout of the header do not count, contents do") {
  test::TemporaryFolder folder;
  io::write_safetensors<float>(folder / "x",
                               {.state = {{{"w", Tensorf::full({1}, 1)}}, {}}, .metadata = {{"z", "\u00e9"}}});
  const auto bytes = test::read_text(folder / "x");
  const auto sums = bytes.substr(bytes.find("nasion.xxh64") + 15, 33);
  const auto anew = [&](const std::string& checksum, const std::string& name, const std::string& data) {
    std::string header = "{\"" + name + R"(": {"shape": [1], "data_offsets": [0, 4], "dtype": "F32"}, )" +
                         R"("__metadata__": {"z": "\u00e9", )" + checksum + "}}";
    const std::uint64_t size = header.size();
    return std::string(reinterpret_cast<const char*>(&size), 8) + header + data;
  };
  const auto kept = "\"nasion.xxh64\": \"" + sums + "\"", dropped = std::string("\"other\": \"\"");
  const std::string one("\0\0\x80\x3F", 4), two("\0\0\0\x40", 4);
  CHECK(error_of(folder / "y", anew(kept, "w", one)).empty());
  CHECK_THAT(error_of(folder / "y", anew(kept, "w", two)),
             ContainsSubstring("was changed by a program that kept the checksum in the metadata \"nasion.xxh64\""));
  CHECK_THAT(error_of(folder / "y", anew(kept, "v", one)), ContainsSubstring("the names or texts in it are not"));
  CHECK(error_of(folder / "y", anew(dropped, "v", two)).empty());
  CHECK_THAT(error_of(folder / "y", anew("\"nasion.xxh64\": \"\"", "w", one)),
             ContainsSubstring("its checksum is \"\""));
}

TEST_CASE("The checksum's name is reserved, with those that a flipped bit could make of it") {
  test::TemporaryFolder folder;
  for (const std::string name : {"nasion.xxh64", "nasion.xxh65"})
    CHECK_THROWS_WITH(io::write_safetensors<float>(folder / "x", {.state = {}, .metadata = {{name, ""}}}),
                      ContainsSubstring("\"" + name + "\", a name reserved for the checksum"));
  CHECK_NOTHROW(io::write_safetensors<float>(folder / "x", {.state = {}, .metadata = {{"nasion.version", ""}}}));
}

TEST_CASE("Every F16 is read exactly") {
  test::TemporaryFolder folder;
  std::string data;
  for (std::uint64_t bits = 0; bits < 65536; ++bits) data += little_endian(bits, 2);
  test::write_text(folder / "x", bytes_of(R"({"x":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}})", data));
  const auto x = io::read_safetensors<float>(folder / "x").tensor("x");
  const auto wide = io::read_safetensors<double>(folder / "x").tensor("x");
  int wrong = 0;
  for (int bits = 0; bits < 65536; ++bits) {
    const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    const double sign = bits >> 15 ? -1 : 1;
    const float value = x.values()[static_cast<std::size_t>(bits)];
    const double as_double = wide.values()[static_cast<std::size_t>(bits)];
    const double expected = sign * (exponent == 31  ? std::numeric_limits<double>::infinity()
                                    : exponent == 0 ? std::ldexp(mantissa, -24)
                                                    : std::ldexp(1024 + mantissa, exponent - 25));
    const bool is_nan = exponent == 31 && mantissa != 0;
    const bool right =
        is_nan ? std::isnan(value) && std::isnan(as_double)
               : std::bit_cast<std::uint64_t>(static_cast<double>(value)) == std::bit_cast<std::uint64_t>(expected) &&
                     as_double == expected;
    wrong += !right || std::signbit(value) != (sign < 0);
  }
  CHECK(wrong == 0);
  CHECK(x.at({0x0001}) == 0x1p-24f);
  CHECK(x.at({0x3C00}) == 1.0f);
  CHECK(x.at({0x7BFF}) == 65504.0f);
}

TEST_CASE("BF16 is the upper half of a float") {
  test::TemporaryFolder folder;
  std::string data;
  for (const std::uint64_t bits : {0x0000, 0x8000, 0x3F80, 0xC049, 0x7F80, 0xFF80, 0x7FC0, 0x0001})
    data += little_endian(bits, 2);
  test::write_text(folder / "x", bytes_of(R"({"x":{"dtype":"BF16","shape":[2,4],"data_offsets":[0,16]}})", data));
  const auto file = io::read_safetensors<float>(folder / "x");
  const auto tensor = file.tensor("x");
  const auto x = tensor.values();
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK((x[0] == 0 && !std::signbit(x[0]) && x[1] == 0 && std::signbit(x[1])));
  CHECK((x[2] == 1 && x[3] == -3.140625f && x[4] == infinity && x[5] == -infinity));
  CHECK((std::isnan(x[6]) && x[7] == 0x1p-133f));
}

TEST_CASE("Tensors of other dtypes do not block the rest of a file") {
  test::TemporaryFolder folder;
  const auto [dtype, bytes, becomes] = GENERATE(table<std::string, int, std::string>({
      {"BOOL", 1, "integers"},
      {"U8", 1, "integers"},
      {"I8", 1, "integers"},
      {"I16", 2, "integers"},
      {"U16", 2, "integers"},
      {"I32", 4, "integers"},
      {"U32", 4, "integers"},
      {"U64", 8, "unread"},
      {"C64", 8, "unread"},
      {"F8_E4M3", 1, "unread"},
      {"F8_E5M2", 1, "unread"},
      {"F8_E8M0", 1, "unread"},
  }));
  const auto end = std::to_string(8 + 2 * bytes);
  test::write_text(folder / "x",
                   bytes_of(R"({"__metadata__":{"k":"v"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                            R"("x":{"dtype":")" +
                                dtype + R"(","shape":[2],"data_offsets":[8,)" + end + "]}}",
                            little_endian(0x3F800000, 4) + little_endian(0x40000000, 4) + little_endian(1, bytes) +
                                little_endian(~std::uint64_t{0} >> 1, bytes)));
  CHECK(io::read_metadata(folder / "x") == io::Metadata{{"k", "v"}});
  const auto file = io::read_safetensors<float>(folder / "x");
  CHECK(same_bits(file.tensor("w"), Tensor<float>::from({2}, {1, 2})));
  if (becomes == "integers") {
    const std::map<std::string, std::int64_t> last{{"BOOL", 255},  {"U8", 255}, {"I8", -1},         {"I16", -1},
                                                   {"U16", 65535}, {"I32", -1}, {"U32", 0xFFFFFFFF}};
    CHECK(file.integers.at("x") == nasion::IntegerArray{{2}, {1, last.at(dtype)}});
    CHECK_THROWS_WITH(file.tensor("x"), ContainsSubstring("\"x\" is one of integers"));
    io::write_safetensors(folder / "y", file);
    CHECK(io::read_safetensors<float>(folder / "y").integers == file.integers);
  } else {
    CHECK(file.unread == std::map<std::string, std::string>{{"x", dtype + " [2]"}});
    CHECK_THROWS_WITH(file.tensor("x"), ContainsSubstring("\"x\" is " + dtype + " [2], a dtype that is not read"));
    CHECK_THROWS_WITH(io::write_safetensors(folder / "y", file), ContainsSubstring("cannot be written, such as \"x\""));
  }
}

TEST_CASE("Elements of less than a byte are counted in bits") {
  test::TemporaryFolder folder;
  const auto file = [](const char* dtype, const char* end) {
    return bytes_of(std::string(R"({"x":{"dtype":")") + dtype + R"(","shape":[8],"data_offsets":[0,)" + end + "]}}",
                    std::string(static_cast<std::size_t>(std::stoi(end)), '\1'));
  };
  CHECK(error_of(folder / "x", file("F4", "4")).empty());
  CHECK(error_of(folder / "x", file("F6_E2M3", "6")).empty());
  CHECK_THAT(error_of(folder / "x", file("F4", "8")), ContainsSubstring("takes 4 bytes but its data_offsets span 8"));
}
