#include "nasion/io/npz.hpp"

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;

namespace {

const std::filesystem::path golden = std::filesystem::path(NASION_GOLDEN_DIR) / "npy";

std::vector<float> values(const Tensorf& x) { return {x.values().begin(), x.values().end()}; }

}  // namespace

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

  changed = test::read_text(golden / "stored.npz");
  for (auto at = changed.find("labels.npy"); at != std::string::npos; at = changed.find("labels.npy"))
    changed.replace(at, 10, "labels.txt");
  test::write_text(file, changed);
  CHECK_THROWS_WITH(io::read_npz<float>(file), ContainsSubstring("\"labels.txt\" is no .npy file"));

  CHECK_THROWS_WITH(io::write_npz<float>(file, {{"", Tensorf::scalar(1)}}), ContainsSubstring("without a name"));
  CHECK_THROWS_WITH(io::write_npz<float>(file, {{"\xff", Tensorf::scalar(1)}}), ContainsSubstring("array \"?\""));
  CHECK_THROWS_AS(io::write_npz<float>(folder / "no" / "x.npz", {{"x", Tensorf::scalar(1)}}), IoError);
}
