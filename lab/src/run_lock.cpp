#include "lab/src/run_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <string>
#include <string_view>
#include <system_error>

#include "nasion/core/error.hpp"
#include "nasion/io/io_error.hpp"

namespace lab {

namespace {

/// Who this process is, for whoever finds the folder taken.
std::string own_name() {
  std::array<char, 256> host{}, time{};
  ::gethostname(host.data(), host.size() - 1);
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::strftime(time.data(), time.size(), "%Y-%m-%d %H:%M:%S UTC", &utc);
  return nasion::message("process ", std::to_string(::getpid()), " on ", host.data(), ", since ", time.data());
}

std::string holder_of(int descriptor) {
  std::array<char, 400> text{};
  const auto length = ::pread(descriptor, text.data(), text.size(), 0);
  const std::string_view name(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  return name.empty() ? "another process" : std::string(name.substr(0, name.find('\n')));
}

/// Whether the file of this name is still the one that was opened, and not removed by who had it before.
bool is_current(int descriptor, const std::filesystem::path& file) {
  struct stat opened {
  }, named{};
  return ::fstat(descriptor, &opened) == 0 && ::stat(file.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

}  // namespace

RunLock::RunLock(const std::filesystem::path& folder) : file_(folder / "run.lock") {
  while (true) {
    descriptor_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    const int reason = errno;
    if (descriptor_ < 0)
      throw nasion::IoError(file_, "cannot be opened (" + std::generic_category().message(reason) + ")");
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      const bool taken = errno == EWOULDBLOCK;
      const auto holder = taken ? holder_of(descriptor_) : std::string();
      ::close(descriptor_);
      descriptor_ = -1;
      if (!taken) return;
      throw nasion::IoError(folder,
                            "another run is writing here (" + holder + "): wait for it, or choose another --out");
    }
    if (is_current(descriptor_, file_)) break;
    ::close(descriptor_);
  }
  const auto name = own_name() + "\n";
  if (::ftruncate(descriptor_, 0) != 0 || ::pwrite(descriptor_, name.data(), name.size(), 0) < 0) return;  // no matter
}

RunLock::~RunLock() {
  if (descriptor_ < 0) return;
  ::unlink(file_.c_str());  // while nobody else can have the lock
  ::close(descriptor_);
}

}  // namespace lab
