#include "nasion/io/npy.hpp"

#include <cstdlib>

#include "support/catch.hpp"
#include "support/foreign_locale.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;

namespace {

const std::filesystem::path golden = std::filesystem::path(NASION_GOLDEN_DIR) / "npy";

template <class T>
std::vector<T> values(const Tensor<T>& x) {
  return {x.values().begin(), x.values().end()};
}

/// 0, 1, .. 23 over `divisor`.
template <class T>
std::vector<T> counting(T divisor) {
  std::vector<T> numbers;
  for (int i = 0; i < 24; ++i) numbers.push_back(static_cast<T>(i) / divisor);
  return numbers;
}

/// A file of version 1.0 with this header.
std::string npy(const std::string& header, const std::string& data = "") {
  const char size[] = {static_cast<char>(header.size() & 0xFF), static_cast<char>(header.size() >> 8)};
  return std::string("\x93NUMPY\x01\0", 8) + std::string(size, 2) + header + data;
}

}  // namespace

TEST_CASE("Arrays that NumPy wrote are read") {
  const auto f4 = io::read_npy<float>(golden / "f4.npy");
  CHECK(f4.shape() == Shape{2, 3, 4});
  CHECK(values(f4) == counting<float>(4));
  CHECK(values(io::read_npy<double>(golden / "f8.npy")) == counting<double>(3));
  CHECK(values(io::read_npy<double>(golden / "f4.npy")) == counting<double>(4));
  CHECK(values(io::read_npy<float>(golden / "fortran.npy")) == counting<float>(4));
  CHECK(io::read_npy<float>(golden / "fortran.npy").shape() == Shape{2, 3, 4});
  for (const char* version : {"version2.npy", "version3.npy"})
    CHECK(values(io::read_npy<float>(golden / version)) == counting<float>(4));
  CHECK(values(io::read_npy<float>(golden / "f2.npy")) ==
        std::vector<float>{0, 1, -2.5F, 65504, 0x1p-24F, std::numeric_limits<float>::infinity()});
  CHECK(values(io::read_npy<float>(golden / "u1.npy")) == std::vector<float>{0, 1, 255, 128, 7, 9});
  CHECK(values(io::read_npy<double>(golden / "i4.npy")) == std::vector<double>{-0x1p31, -1, 0, 0x1p31 - 1});
  CHECK(values(io::read_npy<float>(golden / "bool.npy")) == std::vector<float>{1, 0});
  CHECK(io::read_npy<float>(golden / "scalar.npy").item() == 1.5F);
  CHECK(io::read_npy<float>(golden / "empty.npy").shape() == Shape{0, 5});
}

TEST_CASE("Integers are read exactly") {
  using Limits = std::numeric_limits<std::int64_t>;
  CHECK(io::read_npy_integers(golden / "i8.npy") == IntegerArray{{2, 2}, {Limits::min(), -1, 0, Limits::max()}});
  CHECK(io::read_npy_integers(golden / "u1.npy") == IntegerArray{{2, 3}, {0, 1, 255, 128, 7, 9}});
  CHECK_THROWS_WITH(io::read_npy_integers(golden / "u8_large.npy"), ContainsSubstring("9223372036854775808"));
  CHECK_THROWS_WITH(io::read_npy_integers(golden / "f4.npy"), ContainsSubstring("floating-point"));
}

TEST_CASE("Arrays are written as NumPy writes them") {
  const test::TemporaryFolder folder;
  const auto file = folder / "x.npy";
  for (const char* name : {"f4.npy", "empty.npy"}) {
    io::write_npy(file, io::read_npy<float>(golden / name));
    CHECK(test::read_text(file) == test::read_text(golden / name));
  }
  for (const char* name : {"f8.npy", "scalar.npy"}) {
    io::write_npy(file, io::read_npy<double>(golden / name));
    CHECK(test::read_text(file) == test::read_text(golden / name));
  }
  io::write_npy(file, io::read_npy_integers(golden / "i8.npy"));
  CHECK(test::read_text(file) == test::read_text(golden / "i8.npy"));

  Rng rng(1);
  const auto image = to_order(Tensorf::uniform({2, 3, 4, 5}, rng), MemoryOrder::channels_last);
  io::write_npy(file, image);
  CHECK(values(io::read_npy<float>(file)) == values(contiguous(image)));

  CHECK_THROWS_AS(io::write_npy(folder / "no" / "x.npy", image), IoError);
  CHECK_THROWS_AS(io::write_npy(file, IntegerArray{{2}, {1}}), ShapeError);
}

TEST_CASE("Arrays are the same bytes in every locale, and are read in every one") {
  const test::TemporaryFolder folder;
  const auto array = Tensorf::full({1234, 10}, 0.5f);
  io::write_npy(folder / "classic.npy", array);
  const test::ForeignLocale foreign;
  io::write_npy(folder / "foreign.npy", array);
  CHECK(test::read_text(folder / "foreign.npy") == test::read_text(folder / "classic.npy"));
  CHECK(io::read_npy<float>(folder / "foreign.npy").shape() == array.shape());
}

TEST_CASE("What is no valid .npy file is an error that says why") {
  const test::TemporaryFolder folder;
  const auto file = folder / "x.npy";
  const auto error = [&](const std::string& bytes) -> std::string {
    test::write_text(file, bytes);
    try {
      io::read_npy<float>(file);
    } catch (const IoError& e) {
      return e.what();
    }
    return "";
  };
  const auto header_error = [&](const std::string& header) { return error(npy(header)); };
  const std::string eight(8, '\0');

  CHECK(error(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", eight)).empty());
  CHECK(error(npy("{\"shape\":(2,),\"descr\":\"<f4\",\"fortran_order\":True,} \n", eight)).empty());
  CHECK_THAT(error(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", eight + "x")),
             ContainsSubstring("holds 9 bytes of numbers") && ContainsSubstring("[2] of f4 are 8") &&
                 ContainsSubstring("x.npy"));
  CHECK_THAT(error(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", eight)), ContainsSubstring("are 12"));
  CHECK_THAT(error(""), ContainsSubstring("not a .npy file"));
  CHECK_THAT(error("PK\x03\x04 something else"), ContainsSubstring("not a .npy file"));
  CHECK_THAT(error("\x93NUMPY\x04"
                   "\0\0\0\0\0"),
             ContainsSubstring("not a .npy file"));
  CHECK_THAT(error(std::string("\x93NUMPY\x04\0\0\0\0\0", 12)), ContainsSubstring("version 4.0"));
  CHECK_THAT(error(std::string("\x93NUMPY\x02\0\0\0", 10)), ContainsSubstring("within its header"));
  CHECK_THAT(error(std::string("\x93NUMPY\x01\0\xff\xff{}", 12)), ContainsSubstring("within its header"));
  CHECK_THAT(error(std::string("\x93NUMPY\x02\0\0\0\x02\0", 12) + std::string(1 << 18, ' ')),
             ContainsSubstring("the limit is 65536"));
  CHECK_THAT(header_error(""), ContainsSubstring("lacks '{'"));
  CHECK_THAT(header_error("{}"), ContainsSubstring("does not have descr"));
  CHECK_THAT(header_error("{'descr': '<f4', 'fortran_order': False}"), ContainsSubstring("does not have descr"));
  CHECK_THAT(header_error("{'descr': '<f4', 'descr': '<f4'}"), ContainsSubstring("\"descr\" twice"));
  CHECK_THAT(header_error("{'other': 1}"), ContainsSubstring("unknown key \"other\""));
  CHECK_THAT(header_error("{'descr': '<f4'"), ContainsSubstring("lacks ','"));
  CHECK_THAT(header_error("{'descr"), ContainsSubstring("without an end"));
  CHECK_THAT(header_error("{'fortran_order': 1"), ContainsSubstring("True or False"));
  CHECK_THAT(header_error("{'descr': '<f4', 'fortran_order': False, 'shape': ()} x"), ContainsSubstring("\"x\""));
  for (const char* descr : {"<f16", "f4", "=f4", "|f4", "<c8", "", "<", "<U3", "|O", "<f4\n"})
    CHECK_THAT(header_error("{'descr': '" + std::string(descr) + "'}"), ContainsSubstring("has the dtype"));
  for (const char* shape : {"2", "(2)", "(2 3)", "(-1,)", "(x,)", "(2,,)", "(99999999999999999999,)",
                            "(9223372036854775807, 2)", "(1,1,1,1,1,1,1)", "("})
    CHECK_THAT(header_error("{'shape': " + std::string(shape) + "}"), ContainsSubstring("header"));
  CHECK_THROWS_WITH(io::read_npy<float>(golden / "big_endian.npy"), ContainsSubstring("big-endian"));
  CHECK_THROWS_WITH(io::read_npy<float>(golden / "complex.npy"), ContainsSubstring("<c16"));
  CHECK_THROWS_WITH(io::read_npy<float>(golden / "record.npy"), ContainsSubstring("records"));
  CHECK_THROWS_AS(io::read_npy<float>(folder / "missing.npy"), IoError);
  CHECK_THROWS_AS(io::read_npy<float>(folder.path()), IoError);
}
