#include "nasion/io/atomic_file.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <csignal>
#include <string>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace fs = std::filesystem;
using nasion::IoError;
using nasion::io::write_atomically;

namespace {
auto files_in(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}
}  // namespace

TEST_CASE("write_atomically writes bytes as they are and replaces what was there") {
  test::TemporaryFolder folder;
  const std::string bytes("a\0b\r\n\xff", 6);
  write_atomically(folder / "x", "a much longer older text");
  write_atomically(folder / "x", bytes);
  CHECK(test::read_text(folder / "x") == bytes);
  write_atomically(folder / "empty", "");
  CHECK(test::read_text(folder / "empty").empty());
  CHECK(files_in(folder.path()) == 2);
}

TEST_CASE("write_atomically joins parts") {
  test::TemporaryFolder folder;
  write_atomically(folder / "x", std::array<std::string_view, 3>{"head", "", "body"});
  CHECK(test::read_text(folder / "x") == "headbody");
}

TEST_CASE("write_atomically gives the file ordinary permissions") {
  test::TemporaryFolder folder;
  const auto mask = ::umask(022);
  write_atomically(folder / "x", "text");
  ::umask(mask);
  struct stat status {};
  REQUIRE(::stat((folder / "x").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777u) == 0644u);
}

TEST_CASE("write_atomically follows a symbolic link") {
  test::TemporaryFolder folder;
  write_atomically(folder / "real", "old");
  fs::create_symlink("real", folder / "link");
  write_atomically(folder / "link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(test::read_text(folder / "real") == "new");
}

TEST_CASE("write_atomically fails with the path and leaves nothing behind") {
  test::TemporaryFolder folder;
  CHECK_THROWS_WITH(write_atomically(folder / "none" / "x", "text"),
                    ContainsSubstring("none/x: cannot create a file here (No such file"));
  fs::create_directory(folder / "inner");
  CHECK_THROWS_WITH(write_atomically(folder / "inner", "text"), ContainsSubstring("inner: is not a regular file"));
  CHECK_THROWS_AS(write_atomically("/dev/null", "text"), IoError);
  CHECK(fs::is_character_file("/dev/null"));
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("write_atomically that runs out of room keeps the old file") {
  test::TemporaryFolder folder;
  write_atomically(folder / "x", "old");
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit small = before;
  small.rlim_cur = 4096;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &small);
  std::string message;
  try {
    write_atomically(folder / "x", std::string(100'000, 'n'));
  } catch (const IoError& error) {
    message = error.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK_THAT(message, ContainsSubstring("x: cannot write (File too large)"));
  CHECK(test::read_text(folder / "x") == "old");
  CHECK(files_in(folder.path()) == 1);
}
