#pragma once
// The messages of ONNX files that matter here, by the numbers of onnx.proto, read by protozero. They point into the
// bytes of the file.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <protozero/pbf_reader.hpp>

#include "nasion/io/io_error.hpp"

namespace nasion::io::detail::onnx {

/// Types of elements, of which the missing ones are not read.
enum class ElementType {
  none = 0,
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  string = 8,
  boolean = 9,
  float16 = 10,
  float64 = 11,
  uint32 = 12,
  uint64 = 13,
  bfloat16 = 16
};

struct TensorProto {
  std::string_view name;
  std::vector<std::int64_t> dims;
  ElementType type = ElementType::none;
  std::string_view raw;  // or one of these:
  std::vector<float> floats;
  std::vector<double> doubles;
  std::vector<std::int64_t> integers;  // int32_data, int64_data, uint64_data
  bool is_external = false;
  std::string_view external_file, external_offset, external_length;
};

struct AttributeProto {
  std::string_view name;
  float number = 0;
  std::int64_t integer = 0;
  std::string_view text;
  std::vector<float> numbers;
  std::vector<std::int64_t> integers;
  std::vector<TensorProto> tensors;  // one at most
  bool is_graph = false;
};

struct NodeProto {
  std::string_view name, type, domain;
  std::vector<std::string_view> inputs, outputs;
  std::vector<AttributeProto> attributes;
};

struct ValueInfoProto {
  std::string_view name;
  ElementType type = ElementType::none;
};

struct GraphProto {
  std::vector<NodeProto> nodes;
  std::vector<TensorProto> initializers;
  std::vector<ValueInfoProto> inputs, outputs;
  bool has_sparse = false;
};

struct ModelProto {
  std::int64_t opset = 0;  // of the domain of ONNX itself
  GraphProto graph;
};

using Reader = protozero::pbf_reader;

/// A field's number with the type of its encoding. Fields of another type than theirs are passed over, as unknown ones.
constexpr std::uint32_t field(protozero::pbf_tag_type number, protozero::pbf_wire_type type) {
  return protozero::tag_and_type(number, type);
}
constexpr std::uint32_t varint(protozero::pbf_tag_type number) {
  return field(number, protozero::pbf_wire_type::varint);
}
constexpr std::uint32_t bytes(protozero::pbf_tag_type number) {
  return field(number, protozero::pbf_wire_type::length_delimited);
}
constexpr std::uint32_t four(protozero::pbf_tag_type number) {
  return field(number, protozero::pbf_wire_type::fixed32);
}
constexpr std::uint32_t eight(protozero::pbf_tag_type number) {
  return field(number, protozero::pbf_wire_type::fixed64);
}

inline std::string_view text(Reader& reader) {
  const auto view = reader.get_view();
  return {view.data(), view.size()};
}

template <class List, class Range>
void append(List& list, Range range) {
  for (const auto value : range) list.push_back(static_cast<typename List::value_type>(value));
}

/// An empty message takes two bytes, and would take a hundred times as many here.
inline void check_named(std::string_view name, const char* what) {
  if (name.empty()) throw ValueError(std::string(what) + " without a name");
}

inline void read_external(Reader entry, TensorProto& tensor) {
  std::string_view key, value;
  while (entry.next()) switch (entry.tag_and_type()) {
      case bytes(1):
        key = text(entry);
        break;
      case bytes(2):
        value = text(entry);
        break;
      default:
        entry.skip();
    }
  if (key == "location") tensor.external_file = value;
  if (key == "offset") tensor.external_offset = value;
  if (key == "length") tensor.external_length = value;
}

inline TensorProto read_tensor(Reader reader) {
  TensorProto tensor;
  while (reader.next()) switch (reader.tag_and_type()) {
      case varint(1):
        tensor.dims.push_back(reader.get_int64());
        break;
      case bytes(1):
        append(tensor.dims, reader.get_packed_int64());
        break;
      case varint(2):
        tensor.type = static_cast<ElementType>(reader.get_int32());
        break;
      case four(4):
        tensor.floats.push_back(reader.get_float());
        break;
      case bytes(4):
        append(tensor.floats, reader.get_packed_float());
        break;
      case varint(5):
      case varint(7):
        tensor.integers.push_back(reader.get_int64());
        break;
      case bytes(5):
      case bytes(7):
        append(tensor.integers, reader.get_packed_int64());
        break;
      case bytes(8):
        tensor.name = text(reader);
        break;
      case bytes(9):
        tensor.raw = text(reader);
        break;
      case eight(10):
        tensor.doubles.push_back(reader.get_double());
        break;
      case bytes(10):
        append(tensor.doubles, reader.get_packed_double());
        break;
      case varint(11):
        tensor.integers.push_back(reader.get_int64());
        break;
      case bytes(11):
        append(tensor.integers, reader.get_packed_int64());
        break;
      case bytes(13):
        read_external(reader.get_message(), tensor);
        break;
      case varint(14):
        tensor.is_external = reader.get_int64() == 1;
        break;
      default:
        reader.skip();
    }
  return tensor;
}

inline AttributeProto read_attribute(Reader reader) {
  AttributeProto attribute;
  while (reader.next()) switch (reader.tag_and_type()) {
      case bytes(1):
        attribute.name = text(reader);
        break;
      case four(2):
        attribute.number = reader.get_float();
        break;
      case varint(3):
        attribute.integer = reader.get_int64();
        break;
      case bytes(4):
        attribute.text = text(reader);
        break;
      case bytes(5):
        attribute.tensors.assign(1, read_tensor(reader.get_message()));
        break;
      case four(7):
        attribute.numbers.push_back(reader.get_float());
        break;
      case bytes(7):
        append(attribute.numbers, reader.get_packed_float());
        break;
      case varint(8):
        attribute.integers.push_back(reader.get_int64());
        break;
      case bytes(8):
        append(attribute.integers, reader.get_packed_int64());
        break;
      case bytes(6):
      case bytes(11):
        attribute.is_graph = true;
        reader.skip();
        break;
      default:
        reader.skip();
    }
  check_named(attribute.name, "an attribute");
  return attribute;
}

inline NodeProto read_node(Reader reader) {
  NodeProto node;
  while (reader.next()) switch (reader.tag_and_type()) {
      case bytes(1):
        node.inputs.push_back(text(reader));
        break;
      case bytes(2):
        node.outputs.push_back(text(reader));
        break;
      case bytes(3):
        node.name = text(reader);
        break;
      case bytes(4):
        node.type = text(reader);
        break;
      case bytes(5):
        node.attributes.push_back(read_attribute(reader.get_message()));
        break;
      case bytes(7):
        node.domain = text(reader);
        break;
      default:
        reader.skip();
    }
  check_named(node.type, "an operator");
  return node;
}

inline ElementType read_element_type(Reader type) {
  ElementType element = ElementType::none;
  while (type.next(1, protozero::pbf_wire_type::length_delimited)) {
    auto tensor = type.get_message();
    while (tensor.next(1, protozero::pbf_wire_type::varint)) element = static_cast<ElementType>(tensor.get_int32());
  }
  return element;
}

inline ValueInfoProto read_value_info(Reader reader) {
  ValueInfoProto info;
  while (reader.next()) switch (reader.tag_and_type()) {
      case bytes(1):
        info.name = text(reader);
        break;
      case bytes(2):
        info.type = read_element_type(reader.get_message());
        break;
      default:
        reader.skip();
    }
  check_named(info.name, "an input or output");
  return info;
}

inline GraphProto read_graph(Reader reader) {
  GraphProto graph;
  while (reader.next()) switch (reader.tag_and_type()) {
      case bytes(1):
        graph.nodes.push_back(read_node(reader.get_message()));
        break;
      case bytes(5):
        graph.initializers.push_back(read_tensor(reader.get_message()));
        check_named(graph.initializers.back().name, "an initializer");
        break;
      case bytes(11):
        graph.inputs.push_back(read_value_info(reader.get_message()));
        break;
      case bytes(12):
        graph.outputs.push_back(read_value_info(reader.get_message()));
        break;
      case bytes(15):
        graph.has_sparse = true;
        reader.skip();
        break;
      default:
        reader.skip();
    }
  return graph;
}

inline void read_opset(Reader reader, ModelProto& model) {
  std::string_view domain;
  std::int64_t version = 0;
  while (reader.next()) switch (reader.tag_and_type()) {
      case bytes(1):
        domain = text(reader);
        break;
      case varint(2):
        version = reader.get_int64();
        break;
      default:
        reader.skip();
    }
  if (domain.empty() || domain == "ai.onnx") model.opset = version;
}

/// ValueError or an exception of protozero's for bytes that are no model.
inline ModelProto read_model(std::string_view file) {
  Reader reader(file.data(), file.size());
  ModelProto model;
  bool has_graph = false;
  while (reader.next()) switch (reader.tag_and_type()) {
      case bytes(7):
        if (has_graph) throw ValueError("there are two graphs");
        has_graph = true;
        model.graph = read_graph(reader.get_message());
        break;
      case bytes(8):
        read_opset(reader.get_message(), model);
        break;
      default:
        reader.skip();
    }
  if (!has_graph) throw ValueError("there is no graph");
  return model;
}

}  // namespace nasion::io::detail::onnx
