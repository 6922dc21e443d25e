#pragma once
// The error of files, apart from the others: std::filesystem takes a compiler long, and operations need no files.

#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>

#include "nasion/core/printable.hpp"

namespace nasion {

/// A file or folder that cannot be read or written as asked. The message starts with the path and is one
/// line, whatever the path and the file have in them.
class IoError : public std::runtime_error {
 public:
  IoError(std::filesystem::path path, const std::string& what)
      : std::runtime_error(printable(path.string()) + ": " + printable(what)), path_(std::move(path)) {}
  /// The file or folder.
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace nasion
