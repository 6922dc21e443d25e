#pragma once
// ONNX files of a few nodes, for tests.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <protozero/pbf_writer.hpp>

namespace test::onnx {

using Writer = protozero::pbf_writer;

/// A tensor of floats.
inline std::string tensor(std::string_view name, const std::vector<std::int64_t>& dims,
                          const std::vector<float>& values) {
  std::string bytes;
  Writer writer(bytes);
  writer.add_packed_int64(1, dims.begin(), dims.end());
  writer.add_int32(2, 1);
  writer.add_string(8, name.data(), name.size());
  writer.add_bytes(9, reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return bytes;
}

/// A list of 64-bit integers.
inline std::string integers(std::string_view name, const std::vector<std::int64_t>& values) {
  std::string bytes;
  Writer writer(bytes);
  writer.add_int64(1, static_cast<std::int64_t>(values.size()));
  writer.add_int32(2, 7);
  writer.add_packed_int64(7, values.begin(), values.end());
  writer.add_string(8, name.data(), name.size());
  return bytes;
}

/// An attribute: one of these.
struct Attribute {
  std::string name;
  std::vector<std::int64_t> integers{};
  std::string text{};
  std::string tensor{};
};

inline std::string node(std::string_view type, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, const std::vector<Attribute>& attributes = {},
                        std::string_view name = "") {
  std::string bytes;
  Writer writer(bytes);
  for (const auto& input : inputs) writer.add_string(1, input);
  for (const auto& output : outputs) writer.add_string(2, output);
  if (!name.empty()) writer.add_string(3, name.data(), name.size());
  writer.add_string(4, type.data(), type.size());
  for (const auto& a : attributes) {
    Writer attribute(writer, 5);
    attribute.add_string(1, a.name);
    if (!a.text.empty()) attribute.add_string(4, a.text);
    if (!a.tensor.empty()) attribute.add_message(5, a.tensor);
    if (a.integers.size() == 1) attribute.add_int64(3, a.integers[0]);
    if (!a.integers.empty()) attribute.add_packed_int64(8, a.integers.begin(), a.integers.end());
  }
  return bytes;
}

struct Model {
  std::vector<std::string> nodes, initializers{}, inputs{"x"}, outputs{"y"};
  std::int64_t opset = 17;
};

inline std::string bytes_of(const Model& model) {
  std::string bytes;
  Writer writer(bytes);
  writer.add_int64(1, 8);
  {
    Writer graph(writer, 7);
    for (const auto& node : model.nodes) graph.add_message(1, node);
    for (const auto& tensor : model.initializers) graph.add_message(5, tensor);
    for (const auto& [number, names] : {std::pair{11u, &model.inputs}, {12u, &model.outputs}})
      for (const auto& name : *names) {
        Writer info(graph, number);
        info.add_string(1, name);
      }
  }
  Writer opset(writer, 8);
  opset.add_int64(2, model.opset);
  return bytes;
}

}  // namespace test::onnx
