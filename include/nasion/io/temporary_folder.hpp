#pragma once
// Folders that are there whole, or not at all.

#include <filesystem>
#include <string>
#include <system_error>

#include "nasion/io/io_error.hpp"
#include "nasion/io/temporary_name.hpp"

namespace nasion::io {

/// A new folder next to `target`, removed with all that is in it unless it was renamed to what it is for.
class TemporaryFolder {
 public:
  /// Makes the folders that `target` is to be in, too. IoError when that fails.
  explicit TemporaryFolder(const std::filesystem::path& target) : target_(target) {
    std::error_code error;
    if (target.has_parent_path()) std::filesystem::create_directories(target.parent_path(), error);
    do {
      path_ = detail::temporary_path(target);
    } while (!std::filesystem::create_directory(path_, error) && !error);
    if (error) throw IoError(target, "cannot create a folder here (" + error.message() + ")");
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!renamed_) std::filesystem::remove_all(path_, ignored);
  }

  /// Where the files go until then.
  const std::filesystem::path& path() const { return path_; }

  /// Puts the folder in its place; an older one goes. IoError when that fails.
  void rename_to_target() {
    std::error_code error;
    std::filesystem::path old = path_;
    old += ".old";
    std::filesystem::rename(target_, old, error);
    const bool replaced = !error;
    std::filesystem::rename(path_, target_, error);
    if (error) throw IoError(target_, "cannot put the finished folder here (" + error.message() + ")");
    renamed_ = true;
    if (replaced) std::filesystem::remove_all(old, error);
  }

 private:
  std::filesystem::path target_, path_;
  bool renamed_ = false;
};

}  // namespace nasion::io
