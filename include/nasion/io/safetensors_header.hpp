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

/// All dtypes of the format, in the order of its own library: larger ones come first in the data.
enum class Dtype {  // clang-format off
  F4, F6_E2M3, F6_E3M2, BOOL, U8, I8, F8_E5M2, F8_E4M3, F8_E8M0, F8_E4M3FNUZ, F8_E5M2FNUZ, I16, U16, F16, BF16, I32,
  U32, F32, C64, F64, I64, U64
};  // clang-format on
struct DtypeInfo {
  std::string_view name;
  std::uint64_t bits;  // of one element
  enum { number, integer, unread } becomes;
};
inline constexpr std::array<DtypeInfo, 22> dtypes{
    {{"F4", 4, DtypeInfo::unread},          {"F6_E2M3", 6, DtypeInfo::unread},     {"F6_E3M2", 6, DtypeInfo::unread},
     {"BOOL", 8, DtypeInfo::integer},       {"U8", 8, DtypeInfo::integer},         {"I8", 8, DtypeInfo::integer},
     {"F8_E5M2", 8, DtypeInfo::unread},     {"F8_E4M3", 8, DtypeInfo::unread},     {"F8_E8M0", 8, DtypeInfo::unread},
     {"F8_E4M3FNUZ", 8, DtypeInfo::unread}, {"F8_E5M2FNUZ", 8, DtypeInfo::unread}, {"I16", 16, DtypeInfo::integer},
     {"U16", 16, DtypeInfo::integer},       {"F16", 16, DtypeInfo::number},        {"BF16", 16, DtypeInfo::number},
     {"I32", 32, DtypeInfo::integer},       {"U32", 32, DtypeInfo::integer},       {"F32", 32, DtypeInfo::number},
     {"C64", 64, DtypeInfo::unread},        {"F64", 64, DtypeInfo::number},        {"I64", 64, DtypeInfo::integer},
     {"U64", 64, DtypeInfo::unread}}};

inline constexpr const DtypeInfo& info_of(Dtype dtype) { return dtypes[static_cast<std::size_t>(dtype)]; }
static_assert(info_of(Dtype::U64).name == "U64" && info_of(Dtype::F16).name == "F16");

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
  static constexpr std::string_view checksum_key = "nasion.xxh64";  // among the texts, where callers do not see it

  Metadata metadata;
  std::vector<TensorInfo> tensors;  // in the order of their data
};

/// The header `text` of the file `path`, which has `data_size` bytes of data. IoError for anything that is not as the
/// format asks; then no tensor's place is outside the data, and every byte of data belongs to one tensor.
SafetensorsHeader parse_header(const std::filesystem::path& path, std::string_view text, std::uint64_t data_size);

/// Into the order in which each comes `before` the next.
void sort_tensors(std::vector<TensorInfo>& tensors, bool (*before)(const TensorInfo&, const TensorInfo&));

/// The header as JSON text, padded with spaces so that the data after it is aligned to 8 bytes. IoError for a name that
/// is used twice or reserved, or texts that are not UTF-8.
std::string header_text(const std::filesystem::path& path, const SafetensorsHeader& header);

/// The sum of a header, without the checksum, and of the sum of the data.
std::string header_sum(const std::filesystem::path& path, const SafetensorsHeader& header, std::string_view data_sum);

/// Puts the checksum among the texts, with this sum of the data. IoError when that would leave one for the caller's.
void add_checksum(const std::filesystem::path& path, SafetensorsHeader& header, const std::string& data_sum);

/// Takes the checksum out of the texts: sum of the header, a space, sum of the data; empty when there is none. IoError
/// for what is not two sums, and for a name that is one letter off: a damaged file must not count as one without.
std::string take_checksum(const std::filesystem::path& path, SafetensorsHeader& header);

}  // namespace detail
}  // namespace nasion::io

#ifndef NASION_COMPILED_IO  // the CMake target nasion::compiled has it compiled
#include "nasion/io/safetensors_json.hpp"
#endif
