#include "nasion/training/history_file.hpp"

#include <sys/stat.h>

#include <cmath>
#include <limits>

#include "support/catch.hpp"
#include "support/foreign_locale.hpp"
#include "support/temporary_folder.hpp"

using nasion::IoError;
using namespace nasion::training;

namespace {
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();
const std::string header = "epoch,train_loss,val_loss,lr,seconds\n";
}  // namespace

TEST_CASE("A history is written in the documented columns") {
  test::TemporaryFolder folder;
  History history;
  history.add({1, 0.5, 0.25, 0.02, 1.5});
  history.add({2, inf, not_a_number, 0.02, 1.25});
  write_history(folder / "history.csv", history);
  CHECK(test::read_text(folder / "history.csv") == header + "1,0.5,0.25,0.02,1.5\n2,inf,nan,0.02,1.25\n");
}

TEST_CASE("A history reads back exactly, losses that are not finite included") {
  test::TemporaryFolder folder;
  History history;
  history.add({1, 1.0 / 3, 5e-324, 0.02, 12.345});
  history.add({2, inf, -inf, 1e-5, 0});
  history.add({5, 0.1, not_a_number, 0, 1});
  write_history(folder / "h.csv", history);
  const auto back = read_history(folder / "h.csv");
  REQUIRE(back.rows().size() == 3);
  CHECK(back.rows()[0] == history.rows()[0]);
  CHECK(back.rows()[1] == history.rows()[1]);
  CHECK(back.rows()[2].train_loss == 0.1);
  CHECK(std::isnan(back.rows()[2].val_loss));
  CHECK(back.last_epoch() == 5);

  write_history(folder / "none.csv", History());
  CHECK(read_history(folder / "none.csv").empty());
}

TEST_CASE("A history names the file and the line it cannot read") {
  test::TemporaryFolder folder;
  const auto path = folder / "h.csv";
  const auto [text, expected] = GENERATE_REF(table<std::string, std::string>({
      {"", "line 1: expected the header epoch,train_loss,val_loss,lr,seconds"},
      {"epoch,loss\n", "line 1: expected the header"},
      {header + "1,2,3,4,5\n1,2,3,4\n", "line 3: expected 5 numbers, lr is not one"},
      {header + "1,2,3,4,5,6\n", "line 2: expected 5 numbers, seconds is not one"},
      {header + "one,2,3,4,5\n", "line 2: expected 5 numbers, epoch is not one"},
      {header + "1,,3,4,5\n", "line 2: expected 5 numbers, train_loss is not one"},
      {header + "1,2,3x,4,5\n", "line 2: expected 5 numbers, val_loss is not one"},
      {header + "1,2,3,4,5\n\n", "line 3: expected 5 numbers, epoch is not one"},
      {header + "1,2,3,4,5\r\n", "line 2: expected 5 numbers, seconds is not one"},
      {header + "99999999999,2,3,4,5\n", "line 2: expected 5 numbers, epoch is not one"},
      {header + "2,2,3,4,5\n2,2,3,4,5\n", "line 3: epochs must count upwards from 1"},
      {header + "0,2,3,4,5\n", "line 2: epochs must count upwards from 1"},
      {header + "1,2,3,4,5", "line 2: is cut off"},
  }));
  test::write_text(path, text);
  CHECK_THROWS_AS(read_history(path), IoError);
  CHECK_THROWS_WITH(read_history(path), ContainsSubstring("h.csv: " + expected));
}

TEST_CASE("A history that is not there is an IoError") {
  CHECK_THROWS_WITH(read_history("/nowhere/h.csv"), "/nowhere/h.csv: no such file");
}

TEST_CASE("A history that is no file, such as a pipe, is an IoError at once") {
  test::TemporaryFolder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_WITH(read_history(folder / "pipe"), ContainsSubstring("pipe: is not a regular file"));
  CHECK_THROWS_AS(read_history(folder.path()), IoError);
  CHECK_THROWS_AS(read_history("/dev/zero"), IoError);
}

TEST_CASE("A history is the same bytes in every locale, and reads back in every one") {
  test::TemporaryFolder folder;
  History history;
  history.add({1000, 1234.5, 0.25, 0.02, 1500.5});
  const auto text = history_csv(history);
  const test::ForeignLocale foreign;
  CHECK(history_csv(history) == text);
  write_history(folder / "h.csv", history);
  CHECK(read_history(folder / "h.csv").rows()[0] == history.rows()[0]);
}
