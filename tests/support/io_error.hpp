#pragma once
// What readers say about files that they cannot read, and texts for such files.

#include <filesystem>
#include <string>

#include "nasion/io/io_error.hpp"
#include "support/catch.hpp"

namespace test {

/// The IoError of `read()` without the folder it begins with, or "no error".
template <class Read>
std::string io_error(const std::filesystem::path& folder, Read&& read) {
  try {
    read();
  } catch (const nasion::IoError& error) {
    const std::string what = error.what(), prefix = folder.string() + "/";
    CHECK(what.starts_with(prefix));
    CHECK(what.find('\n') == what.npos);
    return what.substr(prefix.size());
  }
  return "no error";
}

/// The text with `from`, which must be in it, replaced by `to` where it comes first.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

}  // namespace test
