#include "lab/run.hpp"

#include "nasion/io/io_error.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace fs = std::filesystem;
using lab::OutputFolder;
using nasion::IoError;

TEST_CASE("An output folder is created with its parents") {
  test::TemporaryFolder folder;
  const OutputFolder out(folder / "a" / "b", false);
  CHECK(fs::is_directory(folder / "a" / "b"));
  CHECK(!out.resuming());
  out.write("x.txt", "one");
  out.write("x.txt", "two");
  CHECK(test::read_text(out / "x.txt") == "two");
}

TEST_CASE("An existing folder without a run is used, and what is in it stays") {
  test::TemporaryFolder folder;
  test::write_text(folder / "notes.txt", "mine");
  CHECK_NOTHROW(OutputFolder(folder.path(), false));
  CHECK(!OutputFolder(folder.path(), true).resuming());
  CHECK(test::read_text(folder / "notes.txt") == "mine");
}

TEST_CASE("A run is not written over") {
  test::TemporaryFolder folder;
  test::write_text(folder / "checkpoint.safetensors", "weights");
  CHECK_THROWS_WITH(
      OutputFolder(folder.path(), false),
      folder.path().string() + ": already holds a run: go on with it by --resume, or choose another --out");
  CHECK(test::read_text(folder / "checkpoint.safetensors") == "weights");
}

TEST_CASE("Results without their checkpoint are neither written over nor resumed") {
  test::TemporaryFolder folder;
  const std::string name =
      GENERATE("model.safetensors", "metrics.json", "history.csv", "predictions.csv", "report.html");
  const bool resume = GENERATE(false, true);
  test::write_text(folder / name, "result");
  CHECK_THROWS_WITH(
      OutputFolder(folder.path(), resume),
      folder.path().string() + ": holds " + name + " of a run but no checkpoint to resume from: choose another --out");
  CHECK(test::read_text(folder / name) == "result");
  CHECK_FALSE(fs::exists(folder / "run.lock"));
}

TEST_CASE("A folder has one run at a time, of one or of several processes") {
  test::TemporaryFolder folder;
  {
    const OutputFolder out(folder.path(), false);
    const auto copy = out;
    CHECK_THROWS_WITH(OutputFolder(folder.path(), false), ContainsSubstring("another run is writing here (process "));
    CHECK_THROWS_WITH(OutputFolder(folder.path(), true), ContainsSubstring("another run is writing here (process "));
    CHECK_NOTHROW(OutputFolder(folder.path(), false, false));
  }
  CHECK_NOTHROW(OutputFolder(folder.path(), false));
}

TEST_CASE("A run is resumed from its checkpoint") {
  test::TemporaryFolder folder;
  test::write_text(folder / "checkpoint.safetensors", "state");
  const OutputFolder out(folder.path(), true);
  CHECK(out.resuming());
  CHECK(out.checkpoint() == folder / "checkpoint.safetensors");
}

TEST_CASE("What cannot be resumed says so") {
  test::TemporaryFolder folder;
  CHECK_THROWS_WITH(OutputFolder(folder / "none", true), ContainsSubstring("none: there is no such run to resume"));
  CHECK(!fs::exists(folder / "none"));
  test::write_text(folder / "model.safetensors", "weights");
  CHECK_THROWS_WITH(OutputFolder(folder.path(), true), ContainsSubstring("no checkpoint to resume from"));
}

TEST_CASE("What cannot be a folder says so") {
  test::TemporaryFolder folder;
  test::write_text(folder / "file", "text");
  CHECK_THROWS_WITH(OutputFolder(folder / "file", false), ContainsSubstring("file: is not a folder"));
  CHECK_THROWS_AS(OutputFolder(folder / "file" / "inner", false), IoError);
  CHECK_THROWS_AS(OutputFolder("/proc/none", false), IoError);
}
