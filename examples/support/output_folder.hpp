#pragma once
// The folder a run writes to. Nothing in it is ever deleted, and a finished run is not written over by mistake.

#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "nasion/core/error.hpp"
#include "nasion/io/atomic_file.hpp"

namespace support {

class OutputFolder {
 public:
  /// Opens the folder, created when missing. IoError when it cannot be written; when it holds a run and `resume` was
  /// not asked for; and when `resume` was asked for but there is no such folder, or only a model without its
  /// checkpoint. A folder without a run can be resumed: a run that stopped before its first checkpoint starts again.
  OutputFolder(std::filesystem::path path, bool resume) : path_(std::move(path)) {
    namespace fs = std::filesystem;
    std::error_code reason;
    const bool there = fs::exists(path_, reason);
    if (there && !fs::is_directory(path_, reason)) throw nasion::IoError(path_, "is not a folder");
    if (!there && resume) throw nasion::IoError(path_, "there is no such run to resume");
    if (!there && !fs::create_directories(path_, reason) && reason)
      throw nasion::IoError(path_, "cannot create this folder (" + reason.message() + ")");
    if (::access(path_.c_str(), R_OK | W_OK | X_OK) != 0) throw nasion::IoError(path_, "this folder cannot be written");

    const bool has_checkpoint = fs::exists(checkpoint(), reason), has_model = fs::exists(model(), reason);
    if (!resume && (has_checkpoint || has_model))
      throw nasion::IoError(path_, "already holds a run: go on with it by --resume, or choose another --out");
    if (resume && has_model && !has_checkpoint)
      throw nasion::IoError(path_, "holds a model but no checkpoint to resume from: choose another --out");
    resuming_ = resume && has_checkpoint;
  }

  /// Whether there is a checkpoint to go on from, and that was asked for.
  bool resuming() const noexcept { return resuming_; }

  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }
  std::filesystem::path checkpoint() const { return path_ / "checkpoint.safetensors"; }
  std::filesystem::path model() const { return path_ / "model.safetensors"; }

  /// Writes or replaces a file in one step.
  void write(const std::filesystem::path& name, std::string_view bytes) const {
    nasion::io::write_atomically(path_ / name, bytes);
  }

 private:
  std::filesystem::path path_;
  bool resuming_ = false;
};

}  // namespace support
