#pragma once
// Several arrays by name in NumPy's .npz files: zip archives of .npy files. CMake target nasion::npz.

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <zip.h>

#include "nasion/io/io_error.hpp"
#include "nasion/io/npy.hpp"

namespace nasion::io {

/// Most bytes of arrays that a .npz file may unpack to unless told otherwise: a small file can hold a lot of zeros.
inline constexpr std::uint64_t max_npz_bytes = std::uint64_t{4} << 30;

namespace detail {

struct ZipCloser {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Zip = std::unique_ptr<zip_t, ZipCloser>;
using ZipFile = std::unique_ptr<zip_file_t, ZipCloser>;
using ZipSource = std::unique_ptr<zip_source_t, ZipCloser>;

inline constexpr std::string_view npy_suffix = ".npy";

/// The unpacked bytes of a member, checked against its sum. Memory grows with what there is, not with what is promised.
inline std::string read_member(const std::filesystem::path& path, zip_t* archive, const zip_stat_t& stat) {
  constexpr std::uint64_t block = std::uint64_t{1} << 20;
  const std::string member = "member " + printable(stat.name) + " ";
  const ZipFile file(zip_fopen_index(archive, stat.index, 0));
  if (!file) throw IoError(path, member + "cannot be read (" + zip_strerror(archive) + ")");
  std::string bytes;
  while (true) {
    const std::size_t have = bytes.size();
    bytes.resize(have + static_cast<std::size_t>(std::clamp<std::uint64_t>(stat.size - have, 1, block)));
    const auto got = zip_fread(file.get(), bytes.data() + have, bytes.size() - have);
    if (got < 0) throw IoError(path, member + "cannot be read (" + zip_file_strerror(file.get()) + ")");
    bytes.resize(have + static_cast<std::size_t>(got));
    if (got == 0) break;
    if (bytes.size() > stat.size) throw IoError(path, member + "is longer than it says");
  }
  if (bytes.size() != stat.size) throw IoError(path, member + "is shorter than it says");
  return bytes;
}

}  // namespace detail

/// Reads all arrays by name, each as read_npy() does. IoError naming file and member, also for a member that is no
/// array, and for more than `max_bytes` of them when unpacked.
template <std::floating_point T>
std::map<std::string, Tensor<T>> read_npz(const std::filesystem::path& path, std::uint64_t max_bytes = max_npz_bytes) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) throw IoError(path, "no such file");
  if (!error && !std::filesystem::is_regular_file(status)) throw IoError(path, "is not a regular file");
  int code = 0;
  const detail::Zip archive(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (!archive) {
    zip_error_t why;
    zip_error_init_with_code(&why, code);
    const std::string text = zip_error_strerror(&why);
    zip_error_fini(&why);
    throw IoError(path, "is not a .npz file that can be opened (" + text + ")");
  }

  std::map<std::string, Tensor<T>> arrays;
  std::uint64_t left = max_bytes;
  const auto count = static_cast<std::uint64_t>(zip_get_num_entries(archive.get(), 0));
  for (std::uint64_t i = 0; i < count; ++i) {
    zip_stat_t stat;
    if (zip_stat_index(archive.get(), i, 0, &stat) != 0 || !(stat.valid & ZIP_STAT_NAME) ||
        !(stat.valid & ZIP_STAT_SIZE))
      throw IoError(path, message("member ", i, " cannot be found (", zip_strerror(archive.get()), ")"));
    const std::string_view name = stat.name;
    if (!name.ends_with(detail::npy_suffix))
      throw IoError(path, "member " + detail::printable(name) + " is no .npy file");
    if (stat.size > left)
      throw IoError(path, message("member ", detail::printable(name), " of ", stat.size, " bytes exceeds the limit of ",
                                  max_bytes, " bytes for all"));
    left -= stat.size;
    const std::string bytes = detail::read_member(path, archive.get(), stat);
    const auto key = name.substr(0, name.size() - detail::npy_suffix.size());
    const auto [at, is_new] = arrays.emplace(key, Tensor<T>{});
    if (!is_new) throw IoError(path, "member " + detail::printable(name) + " is there twice");
    at->second = detail::parse_npy_tensor<T>(path / name, bytes);
  }
  return arrays;
}

/// Writes arrays as f4 or f8, in one step (see write_atomically); the same arrays give the same bytes. `compress` makes
/// files smaller (numpy.savez_compressed), and slower. The file is put together in memory. IoError when it cannot be
/// written, or for names that are empty or not UTF-8.
template <std::floating_point T>
void write_npz(const std::filesystem::path& path, const std::map<std::string, Tensor<T>>& arrays,
               bool compress = false) {
  zip_error_t error;
  zip_error_init(&error);
  const detail::ZipSource result(zip_source_buffer_create(nullptr, 0, 0, &error));
  if (!result) throw std::bad_alloc();
  zip_source_keep(result.get());  // the archive frees one reference, `result` the other
  detail::Zip archive(zip_open_from_source(result.get(), ZIP_TRUNCATE, &error));
  if (!archive) {
    zip_source_free(result.get());
    throw IoError(path, std::string("cannot be put together (") + zip_error_strerror(&error) + ")");
  }
  const auto must = [&](bool ok, const std::string& name) {
    if (!ok)
      throw IoError(
          path, "cannot be written with array " + detail::printable(name) + " (" + zip_strerror(archive.get()) + ")");
  };
  std::vector<std::string> members;  // read when the archive is closed
  members.reserve(arrays.size());
  for (const auto& [name, tensor] : arrays) {
    if (name.empty()) throw IoError(path, "cannot be written with an array without a name");
    const auto x = contiguous(tensor.detach());
    auto& bytes = members.emplace_back(detail::npy_header_text(detail::npy_descr<T>, x.shape()));
    bytes += detail::bytes_of(x.data(), x.size());
    detail::ZipSource source(zip_source_buffer(archive.get(), bytes.data(), bytes.size(), 0));
    must(source != nullptr, name);
    const auto file = name + std::string(detail::npy_suffix);
    const auto index = zip_file_add(archive.get(), file.c_str(), source.get(), ZIP_FL_ENC_UTF_8);
    must(index >= 0, name);
    source.release();  // the archive's now
    const auto at = static_cast<std::uint64_t>(index);
    must(zip_set_file_compression(archive.get(), at, compress ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0) == 0, name);
    constexpr std::uint16_t first_day = 1 << 5 | 1;  // 1980-01-01: the time of writing would change the bytes
    must(zip_file_set_dostime(archive.get(), at, 0, first_day, 0) == 0, name);
  }
  if (zip_close(archive.get()) != 0)
    throw IoError(path, std::string("cannot be put together (") + zip_strerror(archive.get()) + ")");
  archive.release();

  zip_stat_t stat;
  zip_source_open(result.get());
  zip_source_stat(result.get(), &stat);
  std::string bytes(static_cast<std::size_t>(stat.size), '\0');
  const auto got = zip_source_read(result.get(), bytes.data(), bytes.size());
  zip_source_close(result.get());
  if (got < 0 || static_cast<std::uint64_t>(got) != stat.size) throw IoError(path, "cannot be put together");
  write_atomically(path, bytes);
}

}  // namespace nasion::io
