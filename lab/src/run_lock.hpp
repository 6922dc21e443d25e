#pragma once
// One run at a time in a folder: two would write over each other's files.

#include <filesystem>

namespace lab {

/// Holds the folder for this process: a lock on its file `run.lock`, which says who has it, and which goes with the
/// lock. The kernel releases the lock of a process that is killed.
class RunLock {
 public:
  /// IoError, with the process that holds the lock, when one does. On file systems without locks nothing is held.
  explicit RunLock(const std::filesystem::path& folder);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  std::filesystem::path file_;
  int descriptor_ = -1;
};

}  // namespace lab
