#pragma once
// The header of a safetensors file: what tensors there are and where. Format: https://huggingface.co/docs/safetensors

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "nasion/core/shape.hpp"
#include "nasion/io/io_error.hpp"

namespace nasion::io {

/// Texts by name, kept in a file next to its tensors.
using Metadata = std::map<std::string, std::string>;

namespace detail {

enum class Dtype { F16, BF16, F32, F64, I64 };
inline constexpr std::array<std::string_view, 5> dtype_names{"F16", "BF16", "F32", "F64", "I64"};
inline constexpr std::array<std::uint64_t, 5> dtype_sizes{2, 2, 4, 8, 8};

inline std::string_view name_of(Dtype dtype) { return dtype_names[static_cast<std::size_t>(dtype)]; }
inline std::uint64_t size_of(Dtype dtype) { return dtype_sizes[static_cast<std::size_t>(dtype)]; }

/// A tensor's place: bytes begin .. end-1 of the data, which follow the header.
struct TensorInfo {
  std::string name;
  Dtype dtype{};
  Shape shape;
  std::uint64_t begin = 0, end = 0;
};

struct SafetensorsHeader {
  static constexpr std::uint64_t max_size = 100'000'000;  // bytes; the limit of the format's own library
  static constexpr std::string_view metadata_key = "__metadata__";

  Metadata metadata;
  std::vector<TensorInfo> tensors;  // in the order of their data
};

/// Text from a file as part of an error message: in quotes, on one line, not too long.
std::string in_quotes(std::string_view text);

/// The header `text` of the file `path`, which has `data_size` bytes of data. IoError for anything that is not as the
/// format asks; then no tensor's place is outside the data, and every byte of data belongs to one tensor.
SafetensorsHeader parse_header(const std::filesystem::path& path, std::string_view text, std::uint64_t data_size);

/// The header as JSON text, padded with spaces so that the data after it is aligned to 8 bytes. IoError for a name that
/// is used twice or reserved, or texts that are not UTF-8.
std::string header_text(const std::filesystem::path& path, const SafetensorsHeader& header);

}  // namespace detail
}  // namespace nasion::io

#ifndef NASION_COMPILED_IO  // the CMake target nasion::compiled has it compiled
#include "nasion/io/safetensors_json.hpp"
#endif
