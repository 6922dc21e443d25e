#include "nasion/io/temporary_folder.hpp"

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace fs = std::filesystem;
using nasion::io::TemporaryFolder;

TEST_CASE("A temporary folder goes with its scope") {
  const test::TemporaryFolder parent;
  fs::path path;
  {
    const TemporaryFolder folder(parent / "deep" / "target"), other(parent / "deep" / "target");
    path = folder.path();
    CHECK(fs::is_directory(path));
    CHECK(path != other.path());
    CHECK(path.parent_path() == parent / "deep");
    test::write_text(path / "x", "text");
  }
  CHECK(fs::is_empty(parent / "deep"));
}

TEST_CASE("A temporary folder replaces what has the name that it takes") {
  const test::TemporaryFolder parent;
  for (const auto* text : {"first", "second"}) {
    TemporaryFolder folder(parent / "target");
    test::write_text(folder.path() / text, text);
    folder.rename_to_target();
    CHECK(test::read_text(parent / "target" / text) == text);
  }
  CHECK_FALSE(fs::exists(parent / "target" / "first"));
  CHECK(std::distance(fs::directory_iterator(parent.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("A temporary folder that cannot be made says so") {
  const test::TemporaryFolder parent;
  test::write_text(parent / "file", "text");
  CHECK_THROWS_WITH(TemporaryFolder(parent / "file" / "target"), ContainsSubstring("cannot create a folder here ("));
}
