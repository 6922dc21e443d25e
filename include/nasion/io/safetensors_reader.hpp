#pragma once
// An open safetensors file: its header, checked, then its tensors one after another.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

#include "nasion/core/tensor.hpp"
#include "nasion/io/bytes.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/io/safetensors_header.hpp"
#include "nasion/io/xxh64.hpp"

namespace nasion::io {

/// How a safetensors file is read.
struct ReadOptions {
  bool verify = true;  ///< refuse a file whose checksum does not match; files without one are read either way
};

namespace detail {

class SafetensorsReader {
 public:
  SafetensorsReader(const std::filesystem::path& path, const ReadOptions& options) : path_(path) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (status.type() == std::filesystem::file_type::not_found) fail("no such file");
    if (!error && !std::filesystem::is_regular_file(status)) fail("is not a regular file");
    const std::uint64_t size = error ? 0 : std::filesystem::file_size(path, error);
    if (error) fail("cannot read (" + error.message() + ")");
    errno = 0;
    file_.open(path, std::ios::binary);
    if (!file_) fail("cannot open (" + std::generic_category().message(errno) + ")");

    std::uint64_t header_size = 0;
    if (size < sizeof header_size) fail(message("is ", size, " bytes long, too short for a safetensors file"));
    read(&header_size, sizeof header_size);
    if (header_size > SafetensorsHeader::max_size)
      fail(message("is not a safetensors file: its header would be ", header_size, " bytes long, the limit is ",
                   SafetensorsHeader::max_size));
    if (header_size > size - sizeof header_size)
      fail(message("its header is said to be ", header_size, " bytes long, but only ", size - sizeof header_size,
                   " bytes follow"));
    std::string text(static_cast<std::size_t>(header_size), '\0');
    read(text.data(), text.size());
    header = parse_header(path, text, size - sizeof header_size - header_size);
    sum_ = Xxh64();  // of the data
    checksum_ = take_checksum(path, header);
    if (!options.verify) checksum_.clear();
    if (!checksum_.empty() && !checksum_.starts_with(header_sum(path, header, data_part())))
      fail("the names or texts in it are not those that were written: " + damaged);
  }

  template <Real T>
  Tensor<T> read_tensor(const TensorInfo& info) {
    const auto x = Tensor<T>::empty(info.shape);
    T* to = nasion::detail::writable(x);
    if (info.dtype == Dtype::F64) convert<double>(to, x.size(), [](double v) { return v; });
    if (info.dtype == Dtype::F32) convert<float>(to, x.size(), [](float v) { return v; });
    if (info.dtype == Dtype::F16) convert<std::uint16_t>(to, x.size(), from_half);
    if (info.dtype == Dtype::BF16) convert<std::uint16_t>(to, x.size(), from_bfloat);
    return x;
  }

  std::vector<std::int64_t> read_integers(const TensorInfo& info) {
    std::vector<std::int64_t> values(static_cast<std::size_t>(info.shape.size()));
    const auto read_as = [&]<class Stored>(Stored) {
      convert<Stored>(values.data(), info.shape.size(), [](Stored v) { return v; });
    };
    if (info.dtype == Dtype::BOOL || info.dtype == Dtype::U8) read_as(std::uint8_t{});
    if (info.dtype == Dtype::I8) read_as(std::int8_t{});
    if (info.dtype == Dtype::I16) read_as(std::int16_t{});
    if (info.dtype == Dtype::U16) read_as(std::uint16_t{});
    if (info.dtype == Dtype::I32) read_as(std::int32_t{});
    if (info.dtype == Dtype::U32) read_as(std::uint32_t{});
    if (info.dtype == Dtype::I64) read_as(std::int64_t{});
    return values;
  }

  void skip(const TensorInfo& info) {
    std::array<char, 4096> block;
    for (auto left = info.end - info.begin; left > 0;) {
      const auto n = std::min<std::uint64_t>(left, block.size());
      read(block.data(), static_cast<std::size_t>(n));
      left -= n;
    }
  }

  /// To be called when all tensors have been read, in the order of the header, or skipped.
  void verify() const {
    if (!checksum_.empty() && sum_.text() != data_part()) fail("its data is not what was written: " + damaged);
  }

  SafetensorsHeader header;

 private:
  [[noreturn]] void fail(const std::string& what) const { throw IoError(path_, what); }

  void read(void* to, std::size_t size) {
    file_.read(static_cast<char*>(to), static_cast<std::streamsize>(size));
    if (static_cast<std::size_t>(file_.gcount()) != size) fail("cannot read to its end");
    sum_.update({static_cast<const char*>(to), size});
  }

  template <class Stored, class T, class F>
  void convert(T* to, Index count, F&& value) {
    if constexpr (std::is_same_v<Stored, T>) return read(to, static_cast<std::size_t>(count) * sizeof(T));
    std::array<Stored, 4096> block;
    while (count > 0) {
      const auto n = std::min(block.size(), static_cast<std::size_t>(count));
      read(block.data(), n * sizeof(Stored));
      to = std::transform(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(n), to,
                          [&](Stored v) { return static_cast<T>(value(v)); });
      count -= static_cast<Index>(n);
    }
  }

  std::string_view data_part() const { return std::string_view(checksum_).substr(checksum_.size() - 16); }

  inline static const std::string damaged =
      "it is damaged, or was changed by a program that kept the checksum in the metadata \"" +
      std::string(SafetensorsHeader::checksum_key) + "\"";

  std::filesystem::path path_;
  std::ifstream file_;
  Xxh64 sum_;
  std::string checksum_;  // as in the file; empty when there is none to compare with
};

}  // namespace detail
}  // namespace nasion::io
