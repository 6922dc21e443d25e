#pragma once
// A whole file in memory, or an error that says why not.

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "nasion/io/io_error.hpp"

namespace nasion::io {

/// The bytes of a regular file. IoError when it is missing, a folder or device, unreadable, or larger than `max_bytes`.
inline std::string read_file(const std::filesystem::path& path, std::uintmax_t max_bytes) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) throw IoError(path, "no such file");
  if (std::filesystem::is_directory(status)) throw IoError(path, "is a folder, not a file");
  if (!error && !std::filesystem::is_regular_file(status)) throw IoError(path, "is not a regular file");
  const auto size = error ? 0 : std::filesystem::file_size(path, error);
  if (error) throw IoError(path, "cannot read (" + error.message() + ")");
  if (size > max_bytes)
    throw IoError(path, message("is ", size, " bytes long, more than the limit of ", max_bytes, " bytes"));

  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw IoError(path, "cannot open (" + std::generic_category().message(errno) + ")");
  std::string bytes(static_cast<std::size_t>(size), '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (static_cast<std::size_t>(file.gcount()) != bytes.size()) throw IoError(path, "cannot read to its end");
  return bytes;
}

}  // namespace nasion::io
