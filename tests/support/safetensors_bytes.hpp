#pragma once
// Safetensors files byte by byte, and what reading them says.

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>

#include "nasion/io/safetensors.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace test {

/// A number as it lies in files.
inline std::string little_endian(std::uint64_t value, int bytes = 8) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xFF);
  return text;
}

/// The bytes of a file with this header and data.
inline std::string bytes_of(const std::string& header, const std::string& data = {}) {
  return little_endian(header.size()) + header + data;
}

/// The same numbers, bit for bit, and the same shape.
template <class T>
bool same_bits(const nasion::Tensor<T>& a, const nasion::Tensor<T>& b) {
  const auto p = contiguous(a.detach()), q = contiguous(b.detach());
  return p.shape() == q.shape() && std::memcmp(p.data(), q.data(), static_cast<std::size_t>(p.size()) * sizeof(T)) == 0;
}

/// What went wrong when reading a file of these bytes; empty when nothing did.
inline std::string error_of(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::remove(
      path);  // a file written anew is not flushed to disk, one that is overwritten is on some file systems
  write_text(path, bytes);
  try {
    nasion::io::read_safetensors<float>(path);
  } catch (const nasion::IoError& error) {
    CHECK(error.path() == path);
    return error.what();
  }
  return "";
}

}  // namespace test
