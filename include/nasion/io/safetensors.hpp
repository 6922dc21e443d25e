#pragma once
// Tensors by name in a file, in the safetensors format that other deep-learning libraries read, too: the length of the
// header (8 bytes, little-endian), the header (JSON), the numbers.

#include <bit>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "nasion/io/atomic_file.hpp"
#include "nasion/io/bytes.hpp"
#include "nasion/io/integer_array.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/io/safetensors_header.hpp"
#include "nasion/nn/module.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion::io {

/// What a file holds: numbers (F64, F32, F16 or BF16), single integers (I64, rank 0) as counters, other integers,
/// texts.
template <std::floating_point T>
struct SafetensorsFile {
  nn::StateDict<T> state;
  std::map<std::string, IntegerArray> integers{};
  Metadata metadata{};

  /// The tensor of this name. ValueError when there is none.
  const Tensor<T>& tensor(std::string_view name) const {
    for (const auto& entry : state.tensors)
      if (entry.name == name) return entry.tensor;
    throw ValueError("[SafetensorsFile] there is no tensor " + detail::in_quotes(name));
  }
};

namespace detail {

/// An open file whose header has been read and checked.
class SafetensorsReader {
 public:
  explicit SafetensorsReader(const std::filesystem::path& path) : path_(path) {
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
  }

  /// Copies the next `size` bytes. Tensors are read in the order of their data, which has no gaps.
  void read(void* to, std::size_t size) {
    file_.read(static_cast<char*>(to), static_cast<std::streamsize>(size));
    if (static_cast<std::size_t>(file_.gcount()) != size) fail("cannot read to its end");
  }

  template <class T>
  Tensor<T> read_tensor(const TensorInfo& info) {
    const auto x = Tensor<T>::empty(info.shape);
    T* to = x.mutable_data();
    switch (info.dtype) {
      case Dtype::F64:
        convert<double>(to, x.size(), [](double v) { return v; });
        break;
      case Dtype::F32:
        convert<float>(to, x.size(), [](float v) { return v; });
        break;
      case Dtype::F16:
        convert<std::uint16_t>(to, x.size(), from_half);
        break;
      case Dtype::BF16:
        convert<std::uint16_t>(to, x.size(), from_bfloat);
        break;
      case Dtype::I64:
        convert<std::int64_t>(to, x.size(), [](std::int64_t v) { return v; });
        break;
    }
    return x;
  }

  SafetensorsHeader header;

 private:
  [[noreturn]] void fail(const std::string& what) const { throw IoError(path_, what); }

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

  std::filesystem::path path_;
  std::ifstream file_;
};

/// Strict: every error names the file, and then nothing in the module that was visited has been changed.
template <std::floating_point T>
void restore(const std::filesystem::path& path, const nn::Visitor<T>& visited, const SafetensorsFile<T>& file) {
  std::string unexpected;
  for (const auto& [name, array] : file.integers) unexpected += message(" ", in_quotes(name), " ", array.shape);
  if (!unexpected.empty()) throw IoError(path, "holds arrays of integers, which no module has:" + unexpected);
  try {
    nn::detail::load_state(visited, file.state);
  } catch (const ValueError& error) {
    std::string what = error.what();  // names from the file; keep it one line
    std::replace_if(
        what.begin(), what.end(), [](unsigned char c) { return c < ' '; }, '?');
    throw IoError(path, what);
  }
}

}  // namespace detail

/// Writes the file in one step (see write_atomically). The same content gives the same bytes. Numbers have T's own
/// precision; tensors in channels-last order are written row-major. IoError when it cannot be written, or for names
/// that are used twice or not UTF-8.
template <std::floating_point T>
void write_safetensors(const std::filesystem::path& path, const SafetensorsFile<T>& file) {
  struct Part {
    detail::TensorInfo info;
    std::string_view bytes;
  };
  std::vector<Part> parts;
  const auto add = [&](const std::string& name, detail::Dtype dtype, const Shape& shape, std::string_view bytes) {
    parts.push_back({{name, dtype, shape}, bytes});
  };
  std::vector<Tensor<T>> row_major;  // keeps the copies until they are written
  for (const auto& [name, tensor] : file.state.tensors) {
    const auto& x = row_major.emplace_back(contiguous(tensor.detach()));
    add(name, sizeof(T) == 4 ? detail::Dtype::F32 : detail::Dtype::F64, x.shape(),
        detail::bytes_of(x.data(), x.size()));
  }
  for (const auto& [name, value] : file.state.counters) add(name, detail::Dtype::I64, {}, detail::bytes_of(&value, 1));
  for (const auto& [name, array] : file.integers) {
    check(static_cast<Index>(array.values.size()) == array.shape.size(), "[write_safetensors] ", array.values.size(),
          " integers do not fill ", detail::in_quotes(name), " ", array.shape);
    add(name, detail::Dtype::I64, array.shape, detail::bytes_of(array.values.data(), array.shape.size()));
  }
  // Largest numbers first, so that all are aligned; then by name. So does the format's own library.
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return std::tie(b.info.dtype, a.info.name) < std::tie(a.info.dtype, b.info.name);
  });

  detail::SafetensorsHeader header{file.metadata, {}};
  std::vector<std::string_view> pieces(2);
  std::uint64_t at = 0;
  for (auto& [info, bytes] : parts) {
    info.begin = at;
    info.end = at += bytes.size();
    header.tensors.push_back(std::move(info));
    pieces.push_back(bytes);
  }
  const std::string text = detail::header_text(path, header);
  const std::uint64_t text_size = text.size();
  pieces[0] = detail::bytes_of(&text_size, 1);
  pieces[1] = text;
  write_atomically(path, pieces);
}

/// Reads a whole file, numbers converted to T. IoError naming file and tensor unless it is a valid safetensors file of
/// rank <= 6 and the dtypes above, to its last byte.
template <std::floating_point T>
SafetensorsFile<T> read_safetensors(const std::filesystem::path& path) {
  detail::SafetensorsReader reader(path);
  SafetensorsFile<T> file{.state = {}, .integers = {}, .metadata = std::move(reader.header.metadata)};
  for (const auto& info : reader.header.tensors) {
    if (info.dtype != detail::Dtype::I64) {
      file.state.tensors.push_back({info.name, reader.read_tensor<T>(info)});
      continue;
    }
    std::vector<std::int64_t> values(static_cast<std::size_t>(info.shape.size()));
    reader.read(values.data(), values.size() * sizeof(std::int64_t));
    if (info.shape.rank() == 0)
      file.state.counters.push_back({info.name, values[0]});
    else
      file.integers.emplace(info.name, IntegerArray{info.shape, std::move(values)});
  }
  return file;
}

/// Only the texts of a file. The numbers are not read, but the header is checked as always.
inline Metadata read_metadata(const std::filesystem::path& path) {
  return std::move(detail::SafetensorsReader(path).header.metadata);
}

/// Writes all parameters, buffers and counters of `module`, under their names.
template <class M>
void save(const std::filesystem::path& path, const M& module, const Metadata& metadata = {}) {
  write_safetensors<nn::ScalarOf<M>>(path, {.state = nn::state_dict(module), .integers = {}, .metadata = metadata});
}

/// Reads them back; returns the metadata. IoError listing every missing, unexpected and mismatched name; then nothing
/// in `module` has been changed.
template <class M>
Metadata load(const std::filesystem::path& path, M& module) {
  auto file = read_safetensors<nn::ScalarOf<M>>(path);
  detail::restore(path, nn::traverse(module), file);
  return std::move(file.metadata);
}

#ifdef NASION_COMPILED_IO  // the CMake target nasion::compiled has them compiled
extern template void write_safetensors(const std::filesystem::path&, const SafetensorsFile<float>&);
extern template void write_safetensors(const std::filesystem::path&, const SafetensorsFile<double>&);
extern template void detail::restore(const std::filesystem::path&, const nn::Visitor<float>&,
                                     const SafetensorsFile<float>&);
extern template void detail::restore(const std::filesystem::path&, const nn::Visitor<double>&,
                                     const SafetensorsFile<double>&);
extern template SafetensorsFile<float> read_safetensors(const std::filesystem::path&);
extern template SafetensorsFile<double> read_safetensors(const std::filesystem::path&);
#endif

}  // namespace nasion::io
