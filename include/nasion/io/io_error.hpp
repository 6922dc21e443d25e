#pragma once
// The error of files, apart from the others: std::filesystem takes a compiler long, and operations need no files.

#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>

#include "nasion/core/error.hpp"

namespace nasion {

/// A file or folder that cannot be read or written as asked. The message starts with the path.
class IoError : public std::runtime_error {
 public:
  IoError(std::filesystem::path path, const std::string& what)
      : std::runtime_error(path.string() + ": " + what), path_(std::move(path)) {}
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace nasion
