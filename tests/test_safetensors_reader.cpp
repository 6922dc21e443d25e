#include "nasion/io/safetensors_reader.hpp"

#include <cstring>

#include "nasion/io/safetensors.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace fs = std::filesystem;
namespace io = nasion::io;
using nasion::IoError, nasion::Tensorf;

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

/// What reading a file of these bytes says; empty when nothing.
std::string error_of(const fs::path& path, const std::string& bytes) {
  fs::remove(path);
  test::write_text(path, bytes);
  try {
    io::read_safetensors<float>(path);
  } catch (const IoError& error) {
    return error.what();
  }
  return "";
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
