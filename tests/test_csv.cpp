#include "nasion/io/csv.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "nasion/core/random.hpp"
#include "support/catch.hpp"
#include "support/foreign_locale.hpp"
#include "support/io_error.hpp"
#include "support/temporary_folder.hpp"

using nasion::io::csv_field;
using nasion::io::csv_line;
using nasion::io::CsvReader;

namespace {

using Records = std::vector<std::vector<std::string>>;

/// Header and records of a file.
Records records(const std::filesystem::path& path) {
  CsvReader rows(path, 1 << 20);
  Records all{{rows.header().begin(), rows.header().end()}};
  while (rows.next()) all.emplace_back(rows.fields().begin(), rows.fields().end());
  return all;
}

Records records_of(const std::string& text) {
  test::TemporaryFolder folder;
  test::write_text(folder / "a.csv", text);
  return records(folder / "a.csv");
}

std::string error_of(const std::string& text) {
  test::TemporaryFolder folder;
  test::write_text(folder / "a.csv", text);
  return test::io_error(folder.path(), [&] { records(folder / "a.csv"); });
}

}  // namespace

TEST_CASE("Numbers are written in the shortest way that reads back exactly") {
  CHECK(csv_field(0.1) == "0.1");
  CHECK(csv_field(0.1f) == "0.1");
  CHECK(csv_field(1.0 / 3) == "0.3333333333333333");
  CHECK(csv_field(-7) == "-7");
  CHECK(csv_field(std::uint64_t{18446744073709551615u}) == "18446744073709551615");
}

TEST_CASE("Numbers that are not finite are written in words") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  CHECK(csv_line(nan, -nan, inf, -inf) == "nan,nan,inf,-inf\n");
}

TEST_CASE("Text is quoted only where it must be") {
  CHECK(csv_line("33-1m", 2, std::string("a b")) == "33-1m,2,a b\n");
  CHECK(csv_line("a,b", "say \"x\"", "two\nlines") == "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\"\n");
  CHECK(csv_line("") == "\n");
}

TEST_CASE("CsvReader reads what csv_line wrote") {
  const std::vector<std::string> fields{"a,b", "say \"x\"", "two\nlines", "\"", "", "r\r\n", " plain "};
  std::string line = csv_line(fields[0], fields[1], fields[2], fields[3], fields[4], fields[5], fields[6]);
  CHECK(records_of(line + line) == Records{fields, fields});
  CHECK(records_of(csv_line("\xEF\xBB\xBF"
                            "a",
                            "b\x1A")) == Records{{"\xEF\xBB\xBF"
                                                  "a",
                                                  "b\x1A"}});
}

TEST_CASE("CSV is written and read alike in every locale") {
  test::TemporaryFolder folder;
  const test::ForeignLocale foreign;
  const auto line = csv_line("a", 1234.5, 1'000'000);
  CHECK(line == "a,1234.5,1000000\n");
  test::write_text(folder / "a.csv", "a,b,c\n" + line);
  CsvReader rows(folder / "a.csv", 1 << 20);
  REQUIRE(rows.next());
  CHECK(rows.number<double>(1) == 1234.5);
}

TEST_CASE("CsvReader takes Windows lines, blank lines, a byte order mark and no last line end") {
  const Records expected{{"a", "b"}, {"1", ""}, {"2", "x"}};
  CHECK(records_of("a,b\n1,\n2,x\n") == expected);
  CHECK(records_of("a,b\r\n1,\r\n2,x\r\n") == expected);
  CHECK(records_of("\xEF\xBB\xBF\na,b\n\n1,\n\r\n2,\"x\"\n\n") == expected);
  CHECK(records_of("a,b\n1,\n2,x") == expected);
  CHECK(records_of("a,b\r\n1,\r\n2,x\r\n\x1A") == expected);
  CHECK(records_of("a\n") == Records{{"a"}});
}

TEST_CASE("CsvReader gives numbers, and names file, line and column of what is none") {
  test::TemporaryFolder folder;
  test::write_text(folder / "a.csv", "name,\"x\"\n\"two\nlines\",-2.5\nb,7\nc,nan\n");
  CsvReader rows(folder / "a.csv", 100);
  rows.expect_header({"name", "x"});
  CHECK_THROWS_WITH(rows.expect_header({"name", "x,y"}),
                    (folder / "a.csv").string() + ":1: expected the header name,\"x,y\"");
  REQUIRE(rows.next());
  CHECK(rows.number<double>(1) == -2.5);
  REQUIRE(rows.next());
  CHECK(rows.number<int>(1) == 7);
  REQUIRE(rows.next());
  CHECK_THROWS_WITH(rows.number<double>(1), (folder / "a.csv").string() + ":5: x is 'nan', not a number");
  CHECK_THROWS_WITH(rows.fail("so ", 1), (folder / "a.csv").string() + ":5: so 1");
  CHECK_FALSE(rows.next());
  CHECK_FALSE(rows.next());
}

TEST_CASE("CsvReader refuses what is no CSV") {
  CHECK(error_of("") == "a.csv:1: the file is empty");
  CHECK(error_of("\n\n") == "a.csv:3: the file is empty");
  CHECK(error_of("a,b\n1\n") == "a.csv:2: expected 2 fields as in the header, got 1");
  CHECK(error_of("a,b\n\n1,2,3\n") == "a.csv:3: expected 2 fields as in the header, got 3");
  CHECK(error_of("a,b\n1,\"2\n3,4\n") == "a.csv:2: the quotes around '2\\n3,4\\n' do not end");
  CHECK(error_of("a,b\n1,2\"\n") == "a.csv:2: expected a comma or the end of the line before '\"\\n'");
  CHECK(error_of("a,b\n1,\"2\"3\n") == "a.csv:2: expected a comma or the end of the line before '3\\n'");
  CHECK(error_of("a,b\r1,2\n") == "a.csv:1: expected a comma or the end of the line before '\\r1,2\\n'");
  test::TemporaryFolder folder;
  CHECK(test::io_error(folder.path(), [&] { records(folder / "b.csv"); }) == "b.csv: no such file");
  test::write_text(folder / "large.csv", std::string((1 << 20) + 1, 'a'));
  CHECK_THROWS_WITH(records(folder / "large.csv"), ContainsSubstring("more than the limit"));
}

TEST_CASE("CsvReader keeps a number within its bounds, and says which") {
  test::TemporaryFolder folder;
  test::write_text(folder / "a.csv", "x," + std::string(100, 'y') + "\n2,1e308\n");
  CsvReader rows(folder / "a.csv", 1000);
  REQUIRE(rows.next());
  CHECK(rows.number_within(0, 1, 2) == 2);
  CHECK_THROWS_WITH(rows.number_within(0, 3, 4), ContainsSubstring("a.csv:2: x is '2', but must be within 3 and 4"));
  CHECK_THROWS_WITH(rows.number_within(1, -1e9, 1e9),
                    ContainsSubstring(":2: " + std::string(32, 'y') + "... is '1e308', but must be within"));
}

TEST_CASE("CsvReader bounds what a file costs: 100,000 columns, and one text for all fields") {
  CHECK(error_of(std::string(CsvReader::max_columns, ',')) == "a.csv:1: more than 100000 columns");
  CHECK(error_of("a,b\n" + std::string(CsvReader::max_columns, ',')) == "a.csv:2: more than 100000 columns");
  CHECK(records_of(std::string(CsvReader::max_columns - 1, ',')).front().size() == CsvReader::max_columns);
}

TEST_CASE("random damage to a CSV file gives records or an IoError") {
  test::TemporaryFolder folder;
  nasion::Rng rng(5);
  for (int i = 0; i < 500; ++i) {
    std::string text = "a,b\r\n1,\"two \"\"x\"\"\"\n\n3,4\n";
    for (int n = 0; n < 2; ++n)
      text[static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(text.size())))] =
          ",\"\r\n\xEF z"[static_cast<std::size_t>(rng.below(7))];
    test::write_text(folder / "a.csv", text);
    try {
      const auto all = records(folder / "a.csv");
      for (const auto& record : all) REQUIRE(record.size() == all[0].size());
    } catch (const nasion::IoError&) {}
  }
}
