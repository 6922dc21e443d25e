#pragma once
// The folder a run writes to, alone. What a run has left there is neither deleted nor written over by mistake.

#include <filesystem>
#include <memory>
#include <string_view>

#include "support/run_lock.hpp"

namespace support {

class OutputFolder {
 public:
  /// Opens the folder, created when missing, holds it until the last copy of this is gone (see RunLock), and removes
  /// the unfinished files of runs that were killed. IoError
  /// when it cannot be written; when another run holds it; when it has what a run wrote and `resume` was not asked for;
  /// and when `resume` was asked for but there is no such folder, or results without their checkpoint. A folder
  /// without a run can be resumed: a run that stopped before its first checkpoint starts again.
  ///
  /// Of several processes of one run only the first `holds` the folder.
  OutputFolder(std::filesystem::path path, bool resume, bool holds = true);

  /// Whether there is a checkpoint to go on from, and that was asked for.
  bool resuming() const noexcept { return resuming_; }

  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }
  std::filesystem::path checkpoint() const { return path_ / "checkpoint.safetensors"; }
  std::filesystem::path model() const { return path_ / "model.safetensors"; }

  /// Writes or replaces a file in one step.
  void write(const std::filesystem::path& name, std::string_view bytes) const;

 private:
  std::filesystem::path path_;
  std::shared_ptr<const RunLock> lock_;
  bool resuming_ = false;
};

}  // namespace support
