#pragma once
// What safe writing needs of a system and C++ has no words for: a file that was not there before, locks, flushing to
// the disk, replacing in one step. A half for POSIX, a half for Windows.

#ifdef _WIN32
#ifndef NOMINMAX
#define NOMINMAX
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <fcntl.h>
#include <io.h>
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace nasion::io::detail {

/// One open file of the system's. Closing it, which the destructor does, takes its lock away.
class SystemFile {
 public:
  /// A new, empty file, open to write; not open when that fails, with the reason: file_exists where there is one.
  static SystemFile create(const std::filesystem::path& path, std::error_code& error);
  /// A regular file that is there, open to lock; not open when that fails.
  static SystemFile open(const std::filesystem::path& path);

  SystemFile() = default;  ///< not open
  SystemFile(SystemFile&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  SystemFile& operator=(SystemFile&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~SystemFile();

  bool is_open() const { return descriptor_ >= 0; }
  /// False when another process has the lock. Some file systems know no locks: then true with `unknown`.
  bool lock(bool unknown) const;
  /// Whether somebody has removed it.
  bool is_removed() const;
  /// Whether the file has this name still: it may have been renamed.
  bool has_name(const std::filesystem::path& path) const;
  /// Seconds since it was written last.
  double age() const;
  /// All of `bytes`, or the reason why not.
  std::error_code write(std::string_view bytes) const;
  /// Waits until the disk has what was written.
  std::error_code flush() const;

 private:
  explicit SystemFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

/// `file`, which may be open, takes the name `target` in one step, whatever had that name.
std::error_code replace(const std::filesystem::path& file, const std::filesystem::path& target);
/// Removes a file, which may be open.
bool remove_open(const std::filesystem::path& file);
/// Waits until the disk has the names in a folder, where the system can do that.
std::error_code flush_names(const std::filesystem::path& folder);
/// The number of this process among those of this machine.
unsigned long process_number();
/// The name of the machine.
std::string machine_name();

#ifdef _WIN32

inline std::error_code last_error() { return {static_cast<int>(::GetLastError()), std::system_category()}; }
inline std::error_code last_errno() { return {errno, std::generic_category()}; }
inline HANDLE handle_of(int descriptor) { return reinterpret_cast<HANDLE>(::_get_osfhandle(descriptor)); }

/// Others may read, rename and remove the file while it is open, as under POSIX.
inline int open_shared(const std::filesystem::path& path, DWORD how) {
  const HANDLE handle =
      ::CreateFileW(path.c_str(), GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                    nullptr, how, FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, nullptr);
  if (handle == INVALID_HANDLE_VALUE) return -1;
  return ::_open_osfhandle(reinterpret_cast<intptr_t>(handle), _O_BINARY | _O_NOINHERIT);
}

inline SystemFile SystemFile::create(const std::filesystem::path& path, std::error_code& error) {
  SystemFile file(open_shared(path, CREATE_NEW));
  error = file.is_open() ? std::error_code() : last_error();
  return file;
}

inline SystemFile SystemFile::open(const std::filesystem::path& path) {
  return SystemFile(open_shared(path, OPEN_EXISTING));
}

inline SystemFile::~SystemFile() {
  if (is_open()) ::_close(descriptor_);
}

// Locks here keep others from reading, so it is a byte far behind the end that is locked.
inline bool SystemFile::lock(bool unknown) const {
  OVERLAPPED place{};
  place.Offset = place.OffsetHigh = 0x7FFFFFFF;
  constexpr DWORD flags = LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY;
  return ::LockFileEx(handle_of(descriptor_), flags, 0, 1, 0, &place) ||
         (unknown && ::GetLastError() != ERROR_LOCK_VIOLATION && ::GetLastError() != ERROR_IO_PENDING);
}

inline bool SystemFile::is_removed() const {
  FILE_STANDARD_INFO info{};
  return ::GetFileInformationByHandleEx(handle_of(descriptor_), FileStandardInfo, &info, sizeof info) &&
         info.DeletePending;
}

inline bool SystemFile::has_name(const std::filesystem::path& path) const {
  const SystemFile named = open(path);
  BY_HANDLE_FILE_INFORMATION here{}, there{};
  return named.is_open() && ::GetFileInformationByHandle(handle_of(descriptor_), &here) &&
         ::GetFileInformationByHandle(handle_of(named.descriptor_), &there) &&
         here.dwVolumeSerialNumber == there.dwVolumeSerialNumber && here.nFileIndexHigh == there.nFileIndexHigh &&
         here.nFileIndexLow == there.nFileIndexLow;
}

inline double SystemFile::age() const {
  const auto ticks = [](const FILETIME& t) { return double(t.dwHighDateTime) * 0x1p32 + double(t.dwLowDateTime); };
  FILETIME now{}, written{};
  ::GetSystemTimeAsFileTime(&now);
  return ::GetFileTime(handle_of(descriptor_), nullptr, nullptr, &written) ? (ticks(now) - ticks(written)) * 1e-7 : 0;
}

inline std::error_code SystemFile::write(std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto size = static_cast<unsigned>(std::min<std::size_t>(bytes.size(), INT_MAX));
    const int written = ::_write(descriptor_, bytes.data(), size);
    if (written < 0) return last_errno();
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

inline std::error_code SystemFile::flush() const {
  return ::_commit(descriptor_) == 0 ? std::error_code() : last_errno();
}

inline std::error_code replace(const std::filesystem::path& file, const std::filesystem::path& target) {
  constexpr DWORD flags = MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH;
  return ::MoveFileExW(file.c_str(), target.c_str(), flags) ? std::error_code() : last_error();
}

inline bool remove_open(const std::filesystem::path& file) { return ::DeleteFileW(file.c_str()); }

inline std::error_code flush_names(const std::filesystem::path&) { return {}; }  // replace() has waited for the name

inline unsigned long process_number() { return ::GetCurrentProcessId(); }

inline std::string machine_name() {
  char name[MAX_COMPUTERNAME_LENGTH + 1] = {};
  DWORD size = sizeof name;
  ::GetComputerNameA(name, &size);
  return name;
}

#else

inline std::error_code last_error() { return {errno, std::generic_category()}; }

inline SystemFile SystemFile::create(const std::filesystem::path& path, std::error_code& error) {
  SystemFile file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  error = file.is_open() ? std::error_code() : last_error();
  return file;
}

inline SystemFile SystemFile::open(const std::filesystem::path& path) {
  SystemFile file(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  return ::fstat(file.descriptor_, &status) == 0 && S_ISREG(status.st_mode) ? std::move(file) : SystemFile();
}

inline SystemFile::~SystemFile() {
  if (is_open()) ::close(descriptor_);
}

inline bool SystemFile::lock(bool unknown) const {
  return ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || (unknown && errno != EWOULDBLOCK);
}

inline bool SystemFile::is_removed() const {
  struct stat status {};
  return ::fstat(descriptor_, &status) == 0 && status.st_nlink == 0;
}

inline bool SystemFile::has_name(const std::filesystem::path& path) const {
  struct stat here {
  }, there{};
  return ::fstat(descriptor_, &here) == 0 && ::lstat(path.c_str(), &there) == 0 && here.st_ino == there.st_ino &&
         here.st_dev == there.st_dev;
}

inline double SystemFile::age() const {
  struct stat status {};
  return ::fstat(descriptor_, &status) == 0 ? std::difftime(std::time(nullptr), status.st_mtime) : 0;
}

inline std::error_code SystemFile::write(std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return last_error();
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

inline std::error_code SystemFile::flush() const {
  return ::fsync(descriptor_) == 0 ? std::error_code() : last_error();
}

inline std::error_code replace(const std::filesystem::path& file, const std::filesystem::path& target) {
  return std::rename(file.c_str(), target.c_str()) == 0 ? std::error_code() : last_error();
}

inline bool remove_open(const std::filesystem::path& file) { return ::unlink(file.c_str()) == 0; }

// Some file systems cannot flush a folder and say so with EINVAL; and a folder may allow writing but not reading. There
// is nothing more to do then.
inline std::error_code flush_names(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return {};
  const std::error_code error = ::fsync(descriptor) == 0 || errno == EINVAL ? std::error_code() : last_error();
  ::close(descriptor);
  return error;
}

inline unsigned long process_number() { return static_cast<unsigned long>(::getpid()); }

inline std::string machine_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

#endif

}  // namespace nasion::io::detail
