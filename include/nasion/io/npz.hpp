#pragma once
// Several arrays by name in NumPy's .npz files: zip archives of .npy files. CMake target nasion::npz.

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
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

inline Zip open_zip(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) throw IoError(path, "no such file");
  if (!error && !std::filesystem::is_regular_file(status)) throw IoError(path, "is not a regular file");
  int code = 0;
  Zip archive(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (archive) return archive;
  zip_error_t why;
  zip_error_init_with_code(&why, code);
  const std::string text = zip_error_strerror(&why);
  zip_error_fini(&why);
  throw IoError(path, "is not a .npz file that can be opened (" + text + ")");
}

/// `x.npy` and `folder/x.npy`, but none of the files that macOS adds: `__MACOSX/._x.npy`, `._x.npy`.
inline bool is_array_name(std::string_view name) {
  const auto file = name.substr(name.rfind('/') + 1);
  return name.ends_with(npy_suffix) && !file.starts_with("._") && !name.starts_with("__MACOSX/");
}

}  // namespace detail

/// The arrays of a .npz file, each read when it is asked for: what one cannot be does not stand in the way of the
/// others. Members that are no arrays (folders, other files, what macOS adds under __MACOSX) are passed over.
class NpzFile {
 public:
  /// Opens the archive and lists its arrays. IoError when it is none, or holds files, but no array.
  explicit NpzFile(std::filesystem::path path, std::uint64_t max_bytes = max_npz_bytes)
      : path_(std::move(path)), archive_(detail::open_zip(path_)), max_bytes_(max_bytes) {
    const auto count = static_cast<std::uint64_t>(zip_get_num_entries(archive_.get(), 0));
    for (std::uint64_t i = 0; i < count; ++i) {
      const char* const member = zip_get_name(archive_.get(), i, 0);
      if (!member) throw IoError(path_, message("member ", i, " has no name (", zip_strerror(archive_.get()), ")"));
      const std::string_view name = member;
      if (!detail::is_array_name(name)) continue;
      const auto [at, is_new] = members_.emplace(name.substr(0, name.size() - detail::npy_suffix.size()), i);
      if (!is_new) at->second = std::nullopt;
    }
    if (members_.empty() && count > 0) throw IoError(path_, "holds no array (no file that ends in .npy)");
  }

  /// Of the arrays, whatever is in them: `x` for the member `x.npy`.
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& [name, index] : members_) names.push_back(name);
    return names;
  }

  /// An array of numbers, converted to T as by read_npy(). IoError naming file and member when there is no such array
  /// or two, when it cannot be read, or is longer than `max_bytes`.
  template <Real T>
  Tensor<T> tensor(std::string_view name) const {
    return detail::parse_npy_tensor<T>(place(name), bytes(name));
  }

  /// An array of integers or bools, exactly, as by read_npy_integers(). IoError as above, and for floating-point
  /// numbers.
  IntegerArray integers(std::string_view name) const { return detail::parse_npy_integers(place(name), bytes(name)); }

  /// Length of an array's file when unpacked. IoError as above.
  std::uint64_t size(std::string_view name) const { return stat(name).size; }

 private:
  static std::string member(std::string_view name) { return std::string(name) + std::string(detail::npy_suffix); }

  std::filesystem::path place(std::string_view name) const { return path_.string() + "/" + member(name); }

  zip_stat_t stat(std::string_view name) const {
    const auto fail = [&](const std::string& what) {
      throw IoError(path_, "member " + detail::printable(member(name)) + " " + what);
    };
    const auto found = members_.find(name);
    if (found == members_.end()) fail("is not there");
    if (!found->second) fail("is there twice");
    zip_stat_t stat;
    if (zip_stat_index(archive_.get(), *found->second, 0, &stat) != 0 || !(stat.valid & ZIP_STAT_SIZE))
      fail("cannot be found (" + std::string(zip_strerror(archive_.get())) + ")");
    if (stat.size > max_bytes_) fail(message("of ", stat.size, " bytes exceeds the limit of ", max_bytes_, " bytes"));
    return stat;
  }

  std::string bytes(std::string_view name) const { return detail::read_member(path_, archive_.get(), stat(name)); }

  std::filesystem::path path_;
  detail::Zip archive_;
  std::uint64_t max_bytes_;
  std::map<std::string, std::optional<std::uint64_t>, std::less<>> members_;  // nothing for a name that is there twice
};

/// Reads all arrays of numbers by name, each as read_npy() does; those that hold texts, objects, dates or records are
/// passed over (NpzFile::names() has them). IoError naming file and member for one that cannot be read, and for more
/// than `max_bytes` of all when unpacked.
template <Real T>
std::map<std::string, Tensor<T>> read_npz(const std::filesystem::path& path, std::uint64_t max_bytes = max_npz_bytes) {
  const NpzFile file(path, max_bytes);
  std::map<std::string, Tensor<T>> arrays;
  std::uint64_t left = max_bytes;
  for (const auto& name : file.names()) {
    const auto size = file.size(name);
    if (size > left)
      throw IoError(path, message("member ", detail::printable(name + std::string(detail::npy_suffix)), " of ", size,
                                  " bytes exceeds the limit of ", max_bytes, " bytes for all"));
    left -= size;
    try {
      arrays.emplace(name, file.tensor<T>(name));
    } catch (const detail::NotNumeric&) {}
  }
  return arrays;
}

/// Writes arrays as f4 or f8, in one step (see write_atomically); the same arrays give the same bytes. `compress` makes
/// files smaller (numpy.savez_compressed), and slower. The file is put together in memory. IoError when it cannot be
/// written, or for names that are empty or not UTF-8.
template <Real T>
void write_npz(const std::filesystem::path& path, const std::map<std::string, Tensor<T>>& arrays,
               bool compress = false) {
  if (arrays.empty()) {  // nothing but the end of an archive, which libzip does not write
    using namespace std::string_view_literals;
    return write_atomically(path, "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv);
  }
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
  if (zip_source_open(result.get()) != 0 || zip_source_stat(result.get(), &stat) != 0)
    throw IoError(path, "cannot be put together");
  std::string bytes(static_cast<std::size_t>(stat.size), '\0');
  const auto got = zip_source_read(result.get(), bytes.data(), bytes.size());
  zip_source_close(result.get());
  if (got < 0 || static_cast<std::uint64_t>(got) != stat.size) throw IoError(path, "cannot be put together");
  write_atomically(path, bytes);
}

}  // namespace nasion::io
