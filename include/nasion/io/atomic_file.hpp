#pragma once
// Files that are either the old one or the new one, whole, whenever the machine stops.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "nasion/io/io_error.hpp"

namespace nasion::io {

namespace detail {

/// A new, empty file next to `target`, removed again unless it was renamed into place.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target) : target_(target) {
    static std::atomic<unsigned> counter{0};
    do {  // a killed process of the same number may have left its file behind
      path_ = target;
      path_ += "." + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".tmp";
      descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (descriptor_ < 0 && errno == EEXIST);
    if (descriptor_ < 0) fail("cannot create a file here");
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!renamed_) ::unlink(path_.c_str());
  }

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("cannot write");
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  void rename_to_target() {
    if (::fsync(descriptor_) != 0) fail("cannot flush to disk");
    const int closed = ::close(descriptor_);
    descriptor_ = -1;
    if (closed != 0) fail("cannot close");
    if (std::rename(path_.c_str(), target_.c_str()) != 0) fail("cannot replace");
    renamed_ = true;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw IoError(target_, what + " (" + std::generic_category().message(errno) + ")");
  }

  std::filesystem::path target_, path_;
  int descriptor_ = -1;
  bool renamed_ = false;
};

// A rename is safe on disk only once the folder that records it is. Some file systems cannot flush a folder and say so
// with EINVAL; there is nothing more to do then.
inline void flush_folder(const std::filesystem::path& folder, const std::filesystem::path& file) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // a folder may allow writing but not reading
  const bool failed = ::fsync(descriptor) != 0 && errno != EINVAL;
  const int reason = errno;
  ::close(descriptor);
  if (failed) throw IoError(file, "cannot flush its folder (" + std::generic_category().message(reason) + ")");
}

}  // namespace detail

/// Writes the parts one after another as the file `path`, replacing what was there in one step: temporary file in the
/// same folder, fsync, rename, fsync of the folder. A symbolic link is followed. On failure the old file stays, the
/// temporary one is removed, and IoError is thrown; also when `path` exists and is no regular file.
inline void write_atomically(const std::filesystem::path& path, std::span<const std::string_view> parts) {
  std::error_code ignored;
  const auto target = std::filesystem::is_symlink(path, ignored) ? std::filesystem::weakly_canonical(path) : path;
  // Renaming onto a device such as /dev/null would replace the device.
  if (std::filesystem::exists(target, ignored) && !std::filesystem::is_regular_file(target, ignored))
    throw IoError(path, "is not a regular file");
  detail::TemporaryFile file(target);
  for (const auto part : parts) file.write(part);
  file.rename_to_target();
  detail::flush_folder(target.has_parent_path() ? target.parent_path() : ".", target);
}

/// The same for one piece of text or bytes.
inline void write_atomically(const std::filesystem::path& path, std::string_view bytes) {
  write_atomically(path, std::array{bytes});
}

}  // namespace nasion::io
