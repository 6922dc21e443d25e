#pragma once
// Files that are either the old one or the new one, whole, whenever the machine stops.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "nasion/io/io_error.hpp"

namespace nasion::io {

namespace detail {

/// Eight digits for the machine that this process runs on.
inline std::string this_machine() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  char digits[9];
  std::snprintf(digits, sizeof digits, "%08x", static_cast<unsigned>(std::hash<std::string_view>{}(name)&0xFFFFFFFF));
  return digits;
}

/// What the names of temporary files of `target` begin with. Some are as long as a name may be.
inline std::string temporary_stem(const std::filesystem::path& target) {
  return target.filename().string().substr(0, 200) + '.';
}

/// A new, empty file next to `target`, removed again unless it was renamed into place: `NAME.MACHINE-PROCESS-N.tmp`.
/// While it is written it is locked, which tells it from what a killed process left behind.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target) : target_(target) {
    static std::atomic<unsigned> counter{0};
    do {  // a killed process of the same number may have left its file behind
      if (descriptor_ >= 0) ::close(descriptor_);
      path_ = target.parent_path() / (temporary_stem(target) + this_machine() + '-' + std::to_string(::getpid()) + '-' +
                                      std::to_string(counter++) + ".tmp");
      descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (descriptor_ < 0 ? errno == EEXIST : !lock());
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
    // Closed, and so unlocked, by the destructor only: under its temporary name nobody may take it for a leftover.
    if (std::rename(path_.c_str(), target_.c_str()) != 0) fail("cannot replace");
    renamed_ = true;
  }

 private:
  /// False when remove_leftovers() of another process was faster than the lock. Some file systems know no locks.
  bool lock() const {
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return false;
    struct stat status {};
    return ::fstat(descriptor_, &status) != 0 || status.st_nlink > 0;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw IoError(target_, what + " (" + std::generic_category().message(errno) + ")");
  }

  std::filesystem::path target_, path_;
  int descriptor_ = -1;
  bool renamed_ = false;
};

/// Whether `name` is that of a temporary file of a target whose stem is `stem`, or of any when that is empty.
inline bool is_temporary_name(std::string_view name, std::string_view stem) {
  const auto take_last = [&](std::string_view digits, std::size_t least, char before) {
    const auto end = name.find_last_not_of(digits);
    if (end == name.npos || name[end] != before || name.size() - end - 1 < least) return false;
    name = name.substr(0, end);
    return true;
  };
  constexpr std::string_view decimal = "0123456789", hexadecimal = "0123456789abcdef", ending = ".tmp";
  if (!name.ends_with(ending)) return false;
  name.remove_suffix(ending.size());
  return take_last(decimal, 1, '-') && take_last(decimal, 1, '-') && take_last(hexadecimal, 8, '.') &&
         (stem.empty() || name == stem.substr(0, stem.size() - 1));
}

/// Removes the temporary file unless a process is writing it.
inline bool remove_leftover(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return false;
  // Locks of another machine may be unknown here, but whoever writes does not pause for an hour.
  const bool local = file.filename().string().find('.' + this_machine() + '-') != std::string::npos;
  struct stat opened {
  }, named{};
  const bool left = ::flock(descriptor, LOCK_EX | LOCK_NB) == 0 && ::fstat(descriptor, &opened) == 0 &&
                    S_ISREG(opened.st_mode) && (local || std::time(nullptr) - opened.st_mtime > 3600) &&
                    ::lstat(file.c_str(), &named) == 0 &&  // it may have been renamed into place
                    named.st_ino == opened.st_ino && named.st_dev == opened.st_dev && ::unlink(file.c_str()) == 0;
  ::close(descriptor);
  return left;
}

/// Where a file is written that may be a symbolic link, also one to what does not exist yet.
inline std::filesystem::path link_target(std::filesystem::path path) {
  std::error_code ignored;
  for (int links = 0; std::filesystem::is_symlink(path, ignored); ++links) {
    if (links == 40) throw IoError(path, "is a symbolic link that leads in a circle");
    path = path.parent_path() / std::filesystem::read_symlink(path, ignored);
  }
  return path;
}

inline std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

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
  const auto target = detail::link_target(path);
  // Renaming onto a device such as /dev/null would replace the device.
  if (std::filesystem::exists(target, ignored) && !std::filesystem::is_regular_file(target, ignored))
    throw IoError(path, "is not a regular file");
  detail::TemporaryFile file(target);
  for (const auto part : parts) file.write(part);
  file.rename_to_target();
  detail::flush_folder(detail::folder_of(target), target);
}

/// The same for one piece of text or bytes.
inline void write_atomically(const std::filesystem::path& path, std::string_view bytes) {
  write_atomically(path, std::array{bytes});
}

/// Removes the temporary files that write_atomically() left when its process was killed: those of the file `path`, or,
/// of a folder, those of all files in it. What a process is writing stays. Tells how many were removed; what cannot be
/// removed stays, too.
inline int remove_leftovers(const std::filesystem::path& path) {
  std::error_code error;
  const bool all = std::filesystem::is_directory(path, error);
  const auto target = all ? path : detail::link_target(path);
  const std::string stem = all ? "" : detail::temporary_stem(target);
  int removed = 0;
  std::filesystem::directory_iterator entry(all ? path : detail::folder_of(target), error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error))
    if (detail::is_temporary_name(entry->path().filename().string(), stem)) removed += detail::remove_leftover(*entry);
  return removed;
}

}  // namespace nasion::io
