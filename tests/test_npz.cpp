#include "nasion/io/npz.hpp"

#include "support/catch.hpp"
#include "support/io_error.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;

namespace {

const std::filesystem::path golden = std::filesystem::path(NASION_GOLDEN_DIR) / "npy";

std::vector<float> values(const Tensorf& x) { return {x.values().begin(), x.values().end()}; }

/// An archive with another name, of the same length, for a member.
std::string renamed(std::string archive, const std::string& from, const std::string& to) {
  for (auto at = archive.find(from); at != std::string::npos; at = archive.find(from))
    archive.replace(at, from.size(), to);
  return archive;
}

/// An archive of files, as they are.
void write_zip(const std::filesystem::path& path, const std::vector<std::pair<std::string, std::string>>& members) {
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  REQUIRE(archive);
  for (const auto& [name, bytes] : members) {
    if (name.ends_with('/'))
      REQUIRE(zip_dir_add(archive, name.c_str(), 0) >= 0);
    else
      REQUIRE(zip_file_add(archive, name.c_str(), zip_source_buffer(archive, bytes.data(), bytes.size(), 0), 0) >= 0);
  }
  REQUIRE(zip_close(archive) == 0);
}

/// A .npy file with this dtype for [2].
std::string npy(const std::string& descr, const std::string& bytes) {
  return io::detail::npy_header_text(descr, {2}) + bytes;
}

}  // namespace

TEST_CASE("An array is read whatever else is in the archive") {
  const test::TemporaryFolder folder;
  const auto file = folder / "x.npz";
  const std::string numbers(16, '\0'), records = test::replaced(npy("<f8", ""), "'<f8'", "[('a', '<f4')]");
  write_zip(file, {{"x.npy", npy("<f8", numbers)},
                   {"names.npy", npy("<U1", std::string("a\0\0\0b\0\0\0", 8))},
                   {"objects.npy", npy("|O", "pickled")},
                   {"dates.npy", npy("<M8[s]", numbers)},
                   {"records.npy", records},
                   {"sub/", ""},
                   {"sub/a.npy", npy("<f4", numbers.substr(8))},
                   {"notes.txt", "text"},
                   {"__MACOSX/._x.npy", std::string("\0\x05\x16\x07junk", 8)},
                   {"sub/._a.npy", "junk"}});
  const auto arrays = io::read_npz<float>(file);
  REQUIRE(arrays.size() == 2);
  CHECK(values(arrays.at("x")) == std::vector<float>{0, 0});
  CHECK(arrays.at("sub/a").shape() == Shape{2});
  const io::NpzFile npz(file);
  CHECK(npz.names() == std::vector<std::string>{"dates", "names", "objects", "records", "sub/a", "x"});
  CHECK_THROWS_WITH(npz.tensor<float>("names"), ContainsSubstring("x.npz/names.npy") && ContainsSubstring("<U1"));
  CHECK_THROWS_WITH(npz.tensor<float>("records"), ContainsSubstring("describes records"));
  CHECK_THROWS_WITH(npz.tensor<float>("y"), ContainsSubstring("\"y.npy\" is not there"));
}

TEST_CASE("An array that cannot be read does not stand in the way of the others") {
  const test::TemporaryFolder folder;
  const auto file = folder / "x.npz";
  write_zip(file, {{"big.npy", npy(">f4", std::string(8, '\0'))},
                   {"cut.npy", npy("<f4", "1234")},
                   {"x.npy", npy("<f4", std::string(8, '\0'))},
                   {"y.npy", npy("<f4", std::string(8, '\0'))}});
  CHECK_THROWS_WITH(io::read_npz<float>(file), ContainsSubstring("big-endian"));  // numbers are never left out
  const io::NpzFile npz(file);
  CHECK(values(npz.tensor<float>("x")) == std::vector<float>{0, 0});
  CHECK_THROWS_WITH(npz.tensor<float>("cut"), ContainsSubstring("cut.npy") && ContainsSubstring("4 bytes of numbers"));
  CHECK_THROWS_WITH(io::NpzFile(file, 100).tensor<float>("x"), ContainsSubstring("limit of 100 bytes"));

  test::write_text(file, renamed(test::read_text(file), "y.npy", "x.npy"));
  const io::NpzFile twice(file);
  CHECK_THROWS_WITH(twice.tensor<float>("x"), ContainsSubstring("\"x.npy\" is there twice"));
  CHECK_THROWS_WITH(twice.tensor<float>("big"), ContainsSubstring("big-endian"));
}

TEST_CASE("Whole numbers of an archive are read exactly") {
  const test::TemporaryFolder folder;
  const std::int64_t large[] = {(std::int64_t{1} << 53) + 1, -7};
  write_zip(folder / "x.npz", {{"y.npy", npy("<i8", std::string(io::detail::bytes_of(large, 2)))},
                               {"x.npy", npy("<f8", std::string(16, '\0'))}});
  const io::NpzFile npz(folder / "x.npz");
  CHECK(npz.integers("y") == IntegerArray{{2}, {9007199254740993, -7}});
  CHECK_THROWS_WITH(npz.integers("x"), ContainsSubstring("x.npy") && ContainsSubstring("not integers"));
}

TEST_CASE("Archives that NumPy wrote are read") {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const auto arrays = io::read_npz<float>(golden / name);
    REQUIRE(arrays.size() == 2);
    CHECK(arrays.at("images").shape() == Shape{2, 3, 4});
    CHECK(arrays.at("images").values()[23] == 23.0F / 4);
    CHECK(values(arrays.at("labels")) == std::vector<float>{3, 1, 2});
  }
}

TEST_CASE("Archives come back, and the same arrays give the same bytes") {
  const test::TemporaryFolder folder;
  Rng rng(1);
  const std::map<std::string, Tensorf> arrays{
      {"images", to_order(Tensorf::uniform({2, 3, 4, 5}, rng), MemoryOrder::channels_last)},
      {"zeros", Tensorf::zeros({1000})},
      {"pixel/größe", Tensorf::scalar(2)}};
  io::write_npz(folder / "stored.npz", arrays);
  io::write_npz(folder / "deflated.npz", arrays, true);
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const auto read = io::read_npz<float>(folder / name);
    REQUIRE(read.size() == 3);
    for (const auto& [key, x] : arrays) {
      CHECK(read.at(key).shape() == x.shape());
      CHECK(values(read.at(key)) == values(contiguous(x)));
    }
  }
  CHECK(std::filesystem::file_size(folder / "deflated.npz") < std::filesystem::file_size(folder / "stored.npz"));
  io::write_npz(folder / "again.npz", arrays, true);
  CHECK(test::read_text(folder / "again.npz") == test::read_text(folder / "deflated.npz"));
}

TEST_CASE("No arrays are an archive, too") {
  const test::TemporaryFolder folder;
  io::write_npz<float>(folder / "x.npz", {});
  CHECK(io::read_npz<float>(folder / "x.npz").empty());
  CHECK(io::NpzFile(folder / "x.npz").names().empty());
}

TEST_CASE("What is no archive of arrays is an error that says why") {
  const test::TemporaryFolder folder;
  const auto file = folder / "x.npz";
  CHECK_THROWS_WITH(io::read_npz<float>(file), ContainsSubstring("no such file"));
  CHECK_THROWS_WITH(io::read_npz<float>(folder.path()), ContainsSubstring("not a regular file"));
  CHECK_THROWS_WITH(io::read_npz<float>(golden / "f4.npy"), ContainsSubstring("is not a .npz file"));

  const auto whole = test::read_text(golden / "deflated.npz");
  test::write_text(file, whole.substr(0, whole.size() / 2));
  CHECK_THROWS_AS(io::read_npz<float>(file), IoError);
  CHECK_THROWS_WITH(io::read_npz<float>(golden / "stored.npz", 300),
                    ContainsSubstring("\"labels.npy\"") && ContainsSubstring("limit of 300 bytes"));

  auto changed = test::read_text(golden / "stored.npz");
  changed[changed.find("\x93NUMPY") + 140] ^= 1;  // one of the numbers
  test::write_text(file, changed);
  CHECK_THROWS_WITH(io::read_npz<float>(file), ContainsSubstring("\"images.npy\"") && ContainsSubstring("CRC"));

  test::write_text(file, renamed(renamed(test::read_text(golden / "stored.npz"), "images.npy", "images.txt"),
                                 "labels.npy", "labels.txt"));
  CHECK_THROWS_WITH(io::read_npz<float>(file), ContainsSubstring("x.npz: holds no array"));

  CHECK_THROWS_WITH(io::write_npz<float>(file, {{"", Tensorf::scalar(1)}}), ContainsSubstring("without a name"));
  CHECK_THROWS_WITH(io::write_npz<float>(file, {{"\xff", Tensorf::scalar(1)}}), ContainsSubstring("array \"?\""));
  CHECK_THROWS_AS(io::write_npz<float>(folder / "no" / "x.npz", {{"x", Tensorf::scalar(1)}}), IoError);
}
