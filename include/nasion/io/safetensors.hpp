#pragma once
// Tensors by name in a file, in the safetensors format that other deep-learning libraries read, too: the length of the
// header (8 bytes, little-endian), the header (JSON), the numbers.

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "nasion/core/integer_array.hpp"
#include "nasion/io/atomic_file.hpp"
#include "nasion/io/bytes.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/io/safetensors_reader.hpp"
#include "nasion/io/xxh64.hpp"
#include "nasion/nn/module.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion::io {

/// What a file holds: numbers (F64, F32, F16 or BF16), single integers (rank 0) as counters, other integers (BOOL, I8
/// to I64, U8 to U32), texts.
template <Real T>
struct SafetensorsFile {
  nn::StateDict<T> state;
  std::map<std::string, IntegerArray> integers{};
  Metadata metadata{};
  std::map<std::string, std::string> unread{};  ///< tensors of other dtypes: `F8_E4M3 [2, 3]` by name

  /// The tensor of this name. ValueError when there is none, or it is one of integers, or unread.
  const Tensor<T>& tensor(const std::string& name) const {
    for (const auto& entry : state.tensors)
      if (entry.name == name) return entry.tensor;
    if (const auto found = unread.find(name); found != unread.end())
      throw ValueError("[SafetensorsFile] tensor " + in_quotes(name) + " is " + found->second +
                       ", a dtype that is not read");
    if (integers.contains(name) || nn::detail::has_name(state.counters, name))
      throw ValueError("[SafetensorsFile] tensor " + in_quotes(name) +
                       " is one of integers, among `integers` or, of rank 0, `state.counters`");
    throw ValueError("[SafetensorsFile] there is no tensor " + in_quotes(name));
  }
};

namespace detail {

/// The integers as what `visited` has under this name, if they fit: a counter (also of shape [1]) or a tensor.
template <Real T>
bool add_integers(const nn::Visitor<T>& visited, const std::string& name, const IntegerArray& array,
                  nn::StateDict<T>& state) {
  if (array.shape == Shape{1} && nn::detail::has_name(visited.counters, name)) {
    state.counters.push_back({name, array.values[0]});
    return true;
  }
  if (!nn::detail::has_name(visited.tensors, name)) return false;
  const auto numbers = Tensor<T>::empty(array.shape);
  std::transform(array.values.begin(), array.values.end(), nasion::detail::writable(numbers),
                 [](std::int64_t v) { return static_cast<T>(v); });
  state.tensors.push_back({name, numbers});
  return true;
}

/// Strict: every error names the file, and then nothing in the module that was visited has been changed.
template <Real T>
void restore(const std::filesystem::path& path, const nn::Visitor<T>& visited, const SafetensorsFile<T>& file) {
  FirstFew unreadable, unexpected;
  for (const auto& [name, what] : file.unread) {
    const bool needed = nn::detail::has_name(visited.tensors, name) || nn::detail::has_name(visited.counters, name);
    (needed ? unreadable : unexpected).add(printable(name, 100), " ", what);
  }
  if (!unreadable.empty()) throw IoError(path, "holds in dtypes that are not read:" + unreadable.text());
  auto state = file.state;
  for (const auto& [name, array] : file.integers)
    if (!add_integers(visited, name, array, state)) unexpected.add(printable(name, 100), " ", array.shape);
  try {
    nn::detail::load_state(visited, state, std::move(unexpected));
  } catch (const ValueError& error) {
    throw IoError(path, error.what());
  }
}

}  // namespace detail

/// Writes the file in one step (see write_atomically), with a checksum, after what earlier writers of it left when they
/// were killed has been removed (see remove_leftovers). The same content gives the same bytes. Numbers have T's own
/// precision; tensors in channels-last order are written row-major. IoError when it cannot be written, or for names
/// that are used twice, reserved or not UTF-8. ValueError when there are unread tensors, which would be lost.
template <Real T>
void write_safetensors(const std::filesystem::path& path, const SafetensorsFile<T>& file) {
  check<ValueError>(file.unread.empty(), "[write_safetensors] tensors that were not read cannot be written, such as ",
                    file.unread.empty() ? "" : in_quotes(file.unread.begin()->first));
  detail::SafetensorsHeader header{file.metadata, {}};
  std::vector<std::string_view> data;
  const auto add = [&](const std::string& name, detail::Dtype dtype, const Shape& shape, std::string_view bytes) {
    header.tensors.push_back({name, dtype, shape, data.size(), 0});
    data.push_back(bytes);
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
          " integers do not fill ", in_quotes(name), " ", array.shape);
    add(name, detail::Dtype::I64, array.shape, detail::bytes_of(array.values.data(), array.shape.size()));
  }
  // Largest numbers first, so that all are aligned; then by name. So does the format's own library.
  detail::sort_tensors(header.tensors, [](const detail::TensorInfo& a, const detail::TensorInfo& b) {
    return std::tie(b.dtype, a.name) < std::tie(a.dtype, b.name);
  });

  std::vector<std::string_view> pieces(2);
  detail::Xxh64 sum;
  std::uint64_t at = 0;
  for (auto& info : header.tensors) {
    const auto bytes = data[static_cast<std::size_t>(info.begin)];  // until here the number of its piece
    info.begin = at;
    info.end = at += bytes.size();
    pieces.push_back(bytes);
    sum.update(bytes);
  }
  detail::add_checksum(path, header, sum.text());
  const std::string text = detail::header_text(path, header);
  const std::uint64_t text_size = text.size();
  pieces[0] = detail::bytes_of(&text_size, 1);
  pieces[1] = text;
  remove_leftovers(path);
  write_atomically(path, pieces);
}

/// Reads a whole file, numbers converted to T. IoError naming file and tensor unless it is a valid safetensors file of
/// rank <= 6, to its last byte, and what its checksum says, if it has one.
template <Real T>
SafetensorsFile<T> read_safetensors(const std::filesystem::path& path, const ReadOptions& options = {}) {
  detail::SafetensorsReader reader(path, options);
  SafetensorsFile<T> file{.state = {}, .integers = {}, .metadata = std::move(reader.header.metadata)};
  for (const auto& info : reader.header.tensors) {
    const auto& [dtype, bits, becomes] = detail::info_of(info.dtype);
    if (becomes == detail::DtypeInfo::number) {
      file.state.tensors.push_back({info.name, reader.template read_tensor<T>(info)});
    } else if (becomes == detail::DtypeInfo::unread) {
      file.unread.emplace(info.name, message(dtype, " ", info.shape));
      reader.skip(info);
    } else if (auto values = reader.read_integers(info); info.shape.rank() == 0) {
      file.state.counters.push_back({info.name, values[0]});
    } else {
      file.integers.emplace(info.name, IntegerArray{info.shape, std::move(values)});
    }
  }
  reader.verify();
  return file;
}

/// Only the texts of a file. The numbers are not read, but the header is checked as always. IoError as above.
inline Metadata read_metadata(const std::filesystem::path& path, const ReadOptions& options = {}) {
  return std::move(detail::SafetensorsReader(path, options).header.metadata);
}

/// Writes all parameters, buffers and counters of `module`, under their names. Errors as for write_safetensors.
template <class M>
void save(const std::filesystem::path& path, const M& module, const Metadata& metadata = {}) {
  write_safetensors<nn::ScalarOf<M>>(path, {.state = nn::state_dict(module), .integers = {}, .metadata = metadata});
}

/// Reads them back; returns the metadata. IoError for a file that read_safetensors() does not read, and listing every
/// missing, unexpected and mismatched name; then nothing in `module` has been changed. As PyTorch does, it takes other
/// dtypes for numbers and counters, counters of shape [1], and batch norms without a counter, which then starts at 0.
template <class M>
Metadata load(const std::filesystem::path& path, M& module, const ReadOptions& options = {}) {
  auto file = read_safetensors<nn::ScalarOf<M>>(path, options);
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
extern template SafetensorsFile<float> read_safetensors(const std::filesystem::path&, const ReadOptions&);
extern template SafetensorsFile<double> read_safetensors(const std::filesystem::path&, const ReadOptions&);
#endif

}  // namespace nasion::io
