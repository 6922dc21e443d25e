#include "lab/run.hpp"

#include <unistd.h>

#include <string>
#include <system_error>
#include <utility>

#include "nasion/io/atomic_file.hpp"
#include "nasion/io/io_error.hpp"

namespace lab {

namespace {

/// A file of a run that is there, other than its checkpoint; empty when there is none.
std::string result_in(const std::filesystem::path& folder) {
  std::error_code unreadable;
  for (const auto* name : {"model.safetensors", "metrics.json", "history.csv", "predictions.csv", "report.html"})
    if (std::filesystem::exists(folder / name, unreadable)) return name;
  return {};
}

}  // namespace

OutputFolder::OutputFolder(std::filesystem::path path, bool resume, bool holds) : path_(std::move(path)) {
  namespace fs = std::filesystem;
  std::error_code reason;
  const bool there = fs::exists(path_, reason);
  if (there && !fs::is_directory(path_, reason)) throw nasion::IoError(path_, "is not a folder");
  if (!there && resume) throw nasion::IoError(path_, "there is no such run to resume");
  if (!there && !fs::create_directories(path_, reason) && reason)
    throw nasion::IoError(path_, "cannot create this folder (" + reason.message() + ")");
  if (::access(path_.c_str(), R_OK | W_OK | X_OK) != 0) throw nasion::IoError(path_, "this folder cannot be written");
  if (holds) {
    lock_ = std::make_shared<const RunLock>(path_);
    nasion::io::remove_leftovers(path_);  // of runs that were killed
  }

  const bool has_checkpoint = fs::exists(checkpoint(), reason);
  const auto result = result_in(path_);
  if (!resume && has_checkpoint)
    throw nasion::IoError(path_, "already holds a run: go on with it by --resume, or choose another --out");
  if (!has_checkpoint && !result.empty())
    throw nasion::IoError(path_,
                          "holds " + result + " of a run but no checkpoint to resume from: choose another --out");
  resuming_ = resume && has_checkpoint;
}

void OutputFolder::write(const std::filesystem::path& name, std::string_view bytes) const {
  nasion::io::write_atomically(path_ / name, bytes);
}

}  // namespace lab
