#pragma once
// ONNX files in the writing, by protozero.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <protozero/pbf_writer.hpp>

#include "nasion/core/tensor.hpp"

namespace nasion::io::detail::onnx {

/// An attribute to be written: a number, a list of integers, or a text.
class WrittenAttribute {
 public:
  WrittenAttribute(std::string_view name, Index value) {
    auto writer = begin(name, 2);
    writer.add_int64(3, value);
  }
  WrittenAttribute(std::string_view name, double value) {
    auto writer = begin(name, 1);
    writer.add_float(2, static_cast<float>(value));
  }
  WrittenAttribute(std::string_view name, const char* value) {
    auto writer = begin(name, 3);
    writer.add_string(4, value);
  }
  WrittenAttribute(std::string_view name, const std::vector<Index>& values) {
    auto writer = begin(name, 7);
    writer.add_packed_int64(8, values.begin(), values.end());
  }
  const std::string& bytes() const { return bytes_; }

 private:
  protozero::pbf_writer begin(std::string_view name, std::int32_t type) {
    protozero::pbf_writer writer(bytes_);
    writer.add_string(1, name.data(), name.size());
    writer.add_int32(20, type);
    return writer;
  }
  std::string bytes_;
};

/// A model, put together piece by piece.
class ModelWriter {
 public:
  void node(std::string_view type, const std::vector<std::string>& inputs, const std::string& output,
            const std::vector<WrittenAttribute>& attributes) {
    protozero::pbf_writer all(nodes_), writer(all, 1);
    for (const auto& input : inputs) writer.add_string(1, input);
    writer.add_string(2, output);
    writer.add_string(3, output);
    writer.add_string(4, type.data(), type.size());
    for (const auto& attribute : attributes) writer.add_message(5, attribute.bytes());
  }
  template <class T>
  void tensor(const std::string& name, const Shape& shape, const T* values) {
    protozero::pbf_writer all(initializers_), writer(all, 5);
    writer.add_packed_int64(1, shape.begin(), shape.end());
    writer.add_int32(2, element_type<T>);
    writer.add_string(8, name);
    writer.add_bytes(9, reinterpret_cast<const char*>(values), static_cast<std::size_t>(shape.size()) * sizeof(T));
  }
  /// An input or output of a graph, of float or double; the first dimension is named `batch`.
  template <class T>
  void value(bool is_input, const std::string& name, const Shape& shape) {
    protozero::pbf_writer all(is_input ? inputs_ : outputs_), writer(all, is_input ? 11 : 12);
    writer.add_string(1, name);
    protozero::pbf_writer type(writer, 2);
    protozero::pbf_writer tensor(type, 1);
    tensor.add_int32(1, element_type<T>);
    protozero::pbf_writer sizes(tensor, 2);
    for (int d = 0; d < shape.rank(); ++d) {
      protozero::pbf_writer dimension(sizes, 1);
      if (d == 0)
        dimension.add_string(2, "batch");
      else
        dimension.add_int64(1, shape[d]);
    }
  }
  /// The whole file.
  std::string bytes(std::int64_t opset) const {
    std::string graph = nodes_ + initializers_ + inputs_ + outputs_, all;
    protozero::pbf_writer(graph).add_string(2, "network");
    protozero::pbf_writer writer(all);
    writer.add_int64(1, 8);  // version of the format that opset 17 came with
    writer.add_string(2, "nasion");
    writer.add_message(7, graph);
    protozero::pbf_writer version(writer, 8);
    version.add_int64(2, opset);
    return all;
  }

 private:
  template <class T>
  static constexpr std::int32_t element_type = std::is_same_v<T, float>    ? 1
                                               : std::is_same_v<T, double> ? 11
                                                                           : 7;

  std::string nodes_, initializers_, inputs_, outputs_;
};

}  // namespace nasion::io::detail::onnx
