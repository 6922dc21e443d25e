#pragma once
// Files that are either the old one or the new one, whole, whenever the machine stops.

#include <array>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "nasion/io/io_error.hpp"
#include "nasion/io/system_file.hpp"
#include "nasion/io/temporary_name.hpp"

namespace nasion::io {

namespace detail {

/// A new, empty file next to `target`, removed again unless it was renamed into place. While it is written it is
/// locked, which tells it from what a killed process left behind.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target) : target_(target), path_(temporary_path(target)) {
    std::error_code error;
    // False when remove_leftovers() of another process was faster than the lock.
    const auto created = [&] {
      file_ = SystemFile::create(path_, error);
      return file_.is_open() ? file_.lock(true) && !file_.is_removed() : error != std::errc::file_exists;
    };
    while (!created()) path_ = temporary_path(target);
    if (error) fail("cannot create a file here", error);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (file_.is_open() && !renamed_) remove_open(path_);
  }

  void write(std::string_view bytes) {
    if (const auto error = file_.write(bytes)) fail("cannot write", error);
  }

  void rename_to_target() {
    if (const auto error = file_.flush()) fail("cannot flush to disk", error);
    // Closed, and so unlocked, by the destructor only: under its temporary name nobody may take it for a leftover.
    if (const auto error = replace(path_, target_)) fail("cannot replace", error);
    renamed_ = true;
  }

 private:
  [[noreturn]] void fail(const std::string& what, const std::error_code& error) const {
    throw IoError(target_, what + " (" + error.message() + ")");
  }

  std::filesystem::path target_, path_;
  SystemFile file_;
  bool renamed_ = false;
};

/// Removes the temporary file unless a process is writing it.
inline bool remove_leftover(const std::filesystem::path& path) {
  const SystemFile file = SystemFile::open(path);
  // Locks of another machine may be unknown here, but whoever writes does not pause for an hour.
  const bool local = path.filename().string().find('.' + this_machine() + '-') != std::string::npos;
  return file.is_open() && file.lock(false) && (local || file.age() > 3600) &&
         file.has_name(path) &&  // it may have been renamed into place
         remove_open(path);
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

/// A rename is safe on disk only once the folder that records it is.
inline void flush_folder(const std::filesystem::path& folder, const std::filesystem::path& file) {
  if (const auto error = flush_names(folder)) throw IoError(file, "cannot flush its folder (" + error.message() + ")");
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
