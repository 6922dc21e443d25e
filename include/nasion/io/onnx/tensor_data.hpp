#pragma once
// Tensors of ONNX files as values, from the file itself or one beside it.

#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "nasion/io/bytes.hpp"
#include "nasion/io/onnx/proto.hpp"
#include "nasion/io/onnx/value.hpp"

namespace nasion::io::detail::onnx {

inline std::size_t bytes_of_element(ElementType type) {
  switch (type) {
    case ElementType::uint8:
    case ElementType::int8:
    case ElementType::boolean:
      return 1;
    case ElementType::uint16:
    case ElementType::int16:
    case ElementType::float16:
    case ElementType::bfloat16:
      return 2;
    case ElementType::float32:
    case ElementType::int32:
    case ElementType::uint32:
      return 4;
    case ElementType::int64:
    case ElementType::uint64:
    case ElementType::float64:
      return 8;
    default:
      return 0;
  }
}

inline bool is_real(ElementType type) {
  using enum ElementType;
  return type == float32 || type == float64 || type == float16 || type == bfloat16;
}

/// Elements of type F in `raw`, each converted by `f`.
template <class F, class To, class Convert>
void convert_raw(std::string_view raw, To* to, Convert f) {
  for (std::size_t i = 0; i * sizeof(F) < raw.size(); ++i) {
    F value;
    std::memcpy(&value, raw.data() + i * sizeof(F), sizeof(F));
    to[i] = static_cast<To>(f(value));
  }
}

template <class To>
void convert_raw(ElementType type, std::string_view raw, To* to) {
  const auto as_is = [](auto v) { return v; };
  switch (type) {
    case ElementType::float32:
      return convert_raw<float>(raw, to, as_is);
    case ElementType::float64:
      return convert_raw<double>(raw, to, as_is);
    case ElementType::float16:
      return convert_raw<std::uint16_t>(raw, to, from_half);
    case ElementType::bfloat16:
      return convert_raw<std::uint16_t>(raw, to, from_bfloat);
    case ElementType::boolean:
    case ElementType::uint8:
      return convert_raw<std::uint8_t>(raw, to, as_is);
    case ElementType::int8:
      return convert_raw<std::int8_t>(raw, to, as_is);
    case ElementType::uint16:
      return convert_raw<std::uint16_t>(raw, to, as_is);
    case ElementType::int16:
      return convert_raw<std::int16_t>(raw, to, as_is);
    case ElementType::uint32:
      return convert_raw<std::uint32_t>(raw, to, as_is);
    case ElementType::int32:
      return convert_raw<std::int32_t>(raw, to, as_is);
    default:
      return convert_raw<std::int64_t>(raw, to, as_is);  // uint64: its upper half is refused afterwards
  }
}

/// Part of a file in the folder of the model: `size` bytes. ValueError for a file elsewhere, or one that is too short.
inline std::string read_external(const std::filesystem::path& model, const TensorProto& tensor, std::size_t size) {
  const std::filesystem::path name(tensor.external_file);
  const auto fail = [&](const std::string& what) {
    throw ValueError("external file " + in_quotes(tensor.external_file) + " " + what);
  };
  if (name.empty() || name.is_absolute()) fail("is not in the folder of the model");
  for (const auto& part : name)
    if (part == "..") fail("is not in the folder of the model");
  std::error_code error;
  const auto folder = std::filesystem::canonical(model.parent_path().empty() ? "." : model.parent_path(), error);
  const auto path = std::filesystem::canonical(folder / name, error);  // what links lead to
  if (error) fail("cannot be found");
  if (std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first != folder.end())
    fail("is not in the folder of the model");
  const auto number = [&](std::string_view text, std::uintmax_t otherwise) {
    std::uint64_t value = 0;
    if (text.empty()) return otherwise;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc{} || end != text.data() + text.size()) fail("has an offset or length that is no number");
    return std::uintmax_t{value};
  };
  const auto offset = number(tensor.external_offset, 0);
  if (number(tensor.external_length, size) != size) fail("holds another number of bytes than the shape says");
  if (!std::filesystem::is_regular_file(path, error)) fail("is not a regular file");
  const auto length = std::filesystem::file_size(path, error);
  if (error || offset > length || size > length - offset) fail("is too short");
  std::string bytes(size, '\0');
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(bytes.data(), static_cast<std::streamsize>(size));
  if (!file) fail("cannot be read");
  return bytes;
}

/// The tensor's value. `model`: the path of its file. ValueError when there is not one element for each place, or for
/// types of elements that are not read.
template <class T>
OnnxValue<T> value_of(const TensorProto& tensor, const std::filesystem::path& model) {
  const auto named = [&](const std::string& what) { return ValueError("tensor " + in_quotes(tensor.name) + what); };
  const std::size_t element = bytes_of_element(tensor.type);
  if (element == 0)
    throw named(message(" has elements of type ", static_cast<int>(tensor.type), ", which are not read"));
  if (tensor.dims.size() > max_rank) throw named(message(" has more than ", max_rank, " dimensions"));
  const Shape shape{std::span<const Index>(tensor.dims)};
  const auto size = static_cast<std::size_t>(shape.size());
  std::string outside;
  if (tensor.is_external) outside = read_external(model, tensor, size * element);
  const std::string_view raw = tensor.is_external ? outside : tensor.raw;
  const bool has_raw = !raw.empty() || size == 0;
  const std::size_t count = has_raw                               ? raw.size() / element
                            : tensor.type == ElementType::float32 ? tensor.floats.size()
                            : tensor.type == ElementType::float64 ? tensor.doubles.size()
                                                                  : tensor.integers.size();
  if (count != size || (has_raw && raw.size() % element != 0))
    throw named(message(" has ", count, " elements for shape ", shape));
  if (is_real(tensor.type)) {
    const auto x = Tensor<T>::empty(shape);
    T* to = nasion::detail::writable(x);
    const auto convert = [&](const auto& list, auto f) { std::transform(list.begin(), list.end(), to, f); };
    if (has_raw)
      convert_raw(tensor.type, raw, to);
    else if (tensor.type == ElementType::float32)
      convert(tensor.floats, [](float v) { return static_cast<T>(v); });
    else if (tensor.type == ElementType::float64)
      convert(tensor.doubles, [](double v) { return static_cast<T>(v); });
    else
      convert(tensor.integers, [&](Index v) {
        const auto bits = static_cast<std::uint16_t>(v);
        return static_cast<T>(tensor.type == ElementType::float16 ? from_half(bits) : from_bfloat(bits));
      });
    return x;
  }
  std::vector<Index> values(tensor.integers.begin(), tensor.integers.end());
  values.resize(size);
  if (has_raw) convert_raw(tensor.type, raw, values.data());
  if (tensor.type == ElementType::uint64 && std::any_of(values.begin(), values.end(), [](Index v) { return v < 0; }))
    throw named(" has integers of more than 63 bits");
  return IntegerArray(shape, std::move(values));
}

}  // namespace nasion::io::detail::onnx
