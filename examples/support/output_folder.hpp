#pragma once
// The folder a run writes to. Nothing in it is ever deleted, and a finished run is not written over by mistake.

#include <filesystem>
#include <string_view>

namespace support {

class OutputFolder {
 public:
  /// Opens the folder, created when missing. IoError when it cannot be written; when it holds a run and `resume` was
  /// not asked for; and when `resume` was asked for but there is no such folder, or only a model without its
  /// checkpoint. A folder without a run can be resumed: a run that stopped before its first checkpoint starts again.
  OutputFolder(std::filesystem::path path, bool resume);

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
  bool resuming_ = false;
};

}  // namespace support
