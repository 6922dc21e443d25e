#include "lab/src/run_lock.hpp"

#include <unistd.h>

#include <optional>

#include "nasion/io/io_error.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace fs = std::filesystem;
using lab::RunLock;

TEST_CASE("A folder is held by one, who is named, until the lock is gone") {
  const test::TemporaryFolder folder;
  std::optional<RunLock> first(folder.path());
  // Another open file is what another process would have.
  CHECK_THROWS_WITH(RunLock(folder.path()),
                    ContainsSubstring(folder.path().string() + ": another run is writing here (process " +
                                      std::to_string(::getpid()) + " on ") &&
                        ContainsSubstring("since 2") && ContainsSubstring("choose another --out"));
  first.reset();
  CHECK(fs::is_empty(folder.path()));
  const RunLock again(folder.path());
  CHECK_THROWS_AS(RunLock(folder.path()), nasion::IoError);
}

TEST_CASE("The lock file of a process that was killed is in nobody's way") {
  const test::TemporaryFolder folder;
  test::write_text(folder / "run.lock", std::string(5000, 'x'));
  {
    const RunLock lock(folder.path());
    CHECK(test::read_text(folder / "run.lock").starts_with("process "));
  }
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("A lock that cannot be made says where") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_WITH(RunLock(folder / "none"), ContainsSubstring("none/run.lock: cannot be opened"));
  fs::create_symlink(folder / "elsewhere", folder / "run.lock");
  CHECK_THROWS_AS(RunLock(folder.path()), nasion::IoError);
  CHECK_FALSE(fs::exists(folder / "elsewhere"));
}
