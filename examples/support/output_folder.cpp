#include "support/output_folder.hpp"

#include <unistd.h>

#include <string>
#include <system_error>
#include <utility>

#include "nasion/io/atomic_file.hpp"
#include "nasion/io/io_error.hpp"

namespace support {

OutputFolder::OutputFolder(std::filesystem::path path, bool resume) : path_(std::move(path)) {
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

void OutputFolder::write(const std::filesystem::path& name, std::string_view bytes) const {
  nasion::io::write_atomically(path_ / name, bytes);
}

}  // namespace support
