#include "nasion/io/atomic_file.hpp"

#ifndef _WIN32
#include <sys/resource.h>
#include <sys/stat.h>

#include "support/child.hpp"
#endif

#include <array>
#include <chrono>
#include <csignal>
#include <string>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace fs = std::filesystem;
using nasion::IoError;
using nasion::io::remove_leftovers, nasion::io::write_atomically;

namespace {
auto files_in(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}
void make_old(const fs::path& file) {
  fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(2));
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

TEST_CASE("write_atomically fails with the path and leaves nothing behind") {
  test::TemporaryFolder folder;
  CHECK_THROWS_WITH(write_atomically(folder / "none" / "x", "text"),
                    ContainsSubstring((fs::path("none") / "x").string() + ": cannot create a file here ("));
  fs::create_directory(folder / "inner");
  CHECK_THROWS_WITH(write_atomically(folder / "inner", "text"), ContainsSubstring("inner: is not a regular file"));
#ifndef _WIN32
  CHECK_THROWS_AS(write_atomically("/dev/null", "text"), IoError);
  CHECK(fs::is_character_file("/dev/null"));
#endif
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("remove_leftovers leaves alone what is being written") {
  test::TemporaryFolder folder;
  nasion::io::detail::TemporaryFile file(folder / "x");
  for (const auto& entry : fs::directory_iterator(folder.path())) make_old(entry);
  CHECK(remove_leftovers(folder / "x") == 0);
#ifndef _WIN32
  CHECK(test::holds_in_child([&] { return remove_leftovers(folder / "x") == 0; }));
#endif
  file.write("whole");
  file.rename_to_target();
  CHECK(remove_leftovers(folder / "x") == 0);
  CHECK(test::read_text(folder / "x") == "whole");
}

TEST_CASE("remove_leftovers gives the files of another machine an hour") {
  test::TemporaryFolder folder;
  const auto file = folder / "x.01234567-1-2.tmp";
  test::write_text(file, "half");
  CHECK(remove_leftovers(folder / "x") == 0);
  make_old(file);
  CHECK(remove_leftovers(folder / "x") == 1);
}

#ifndef _WIN32  // what only POSIX has, and processes that are killed

namespace {
/// A temporary file of `target` whose writer, a process of its own, was killed.
void leave_behind(const fs::path& target) {
  if (const pid_t child = ::fork(); child == 0) {
    nasion::io::detail::TemporaryFile file(target);
    file.write("half of it");
    ::kill(::getpid(), SIGKILL);
  } else {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
  }
}
}  // namespace

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

  fs::create_symlink("link", folder / "longer");
  fs::remove(folder / "real");
  write_atomically(folder / "longer", "newer");
  CHECK(test::read_text(folder / "real") == "newer");
  CHECK(files_in(folder.path()) == 3);
  fs::create_symlink("circle", folder / "circle");
  CHECK_THROWS_WITH(write_atomically(folder / "circle", "text"), ContainsSubstring("leads in a circle"));
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

TEST_CASE("remove_leftovers removes what killed writers of a file left, and nothing else") {
  test::TemporaryFolder folder;
  for (int i = 0; i < 3; ++i) leave_behind(folder / "x");
  leave_behind(folder / "x.y");
  for (const auto* name :
       {"x", "x.tmp", "x.1-2.tmp", "x.0123456-1-2.tmp", "x.0123456g-1-2.tmp", "x.01234567-1-2.tmp.gz"})
    test::write_text(folder / name, "mine");
  REQUIRE(files_in(folder.path()) == 10);
  CHECK(remove_leftovers(folder / "x") == 3);
  CHECK(files_in(folder.path()) == 7);
  test::write_text(folder / "x.y", "target");
  fs::create_symlink("x.y", folder / "link");
  CHECK(remove_leftovers(folder / "link") == 1);
  CHECK(files_in(folder.path()) == 8);
  CHECK(remove_leftovers(folder / "none" / "x") == 0);
}

TEST_CASE("remove_leftovers of a folder serves all files in it") {
  test::TemporaryFolder folder;
  for (const auto* name : {"x", "y.safetensors", "z"}) leave_behind(folder / name);
  fs::create_directory(folder / "w.01234567-1-2.tmp");
  REQUIRE(::mkfifo((folder / "v.01234567-1-2.tmp").c_str(), 0600) == 0);
  CHECK(remove_leftovers(folder.path()) == 3);
  CHECK(files_in(folder.path()) == 2);
}

TEST_CASE("A file whose name is as long as names may be is written, and cleaned up after") {
  test::TemporaryFolder folder;
  const auto longest = folder / std::string(255, 'n');
  leave_behind(longest);
  write_atomically(longest, "text");
  CHECK(test::read_text(longest) == "text");
  CHECK(remove_leftovers(longest) == 1);
  CHECK(files_in(folder.path()) == 1);
}

#endif
