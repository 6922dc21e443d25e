#pragma once
// A graph of an ONNX file as steps that can be run, one after the other: names become numbers, operators functions, and
// an activation after a convolution, a batch norm or a sum becomes part of it.

#include <filesystem>
#include <unordered_map>
#include <utility>

#include "nasion/io/onnx/operators_attention.hpp"
#include "nasion/io/onnx/operators_new.hpp"
#include "nasion/io/onnx/operators_resize.hpp"
#include "nasion/io/onnx/operators_scatter.hpp"
#include "nasion/io/onnx/tensor_data.hpp"

namespace nasion::io::detail::onnx {

/// A tensor of the file that has a name in the module's state.
struct NamedSlot {
  std::string name;
  int value;
  bool is_parameter;
};

template <class T>
struct Program {
  std::int64_t opset = 0;
  int value_count = 0;
  std::vector<std::string> input_names{}, output_names{};
  std::vector<int> inputs{}, outputs{};
  std::vector<Step<T>> steps{};
  std::vector<NamedSlot> slots{};
  std::vector<std::pair<int, OnnxValue<T>>> constants{};  // integers, and numbers without a name
};

template <class T>
Operator<T> find_operator(std::string_view type) {
  static const Table<T> table = [] {
    Table<T> all = arithmetic_operators<T>();
    for (auto more : {activation_operators<T>(), function_operators<T>(), shape_operators<T>(), new_operators<T>(),
                      attention_operators<T>(), scatter_operators<T>(), matrix_operators<T>(), image_operators<T>(),
                      resize_operators<T>()})
      all.merge(more);
    return all;
  }();
  const auto found = table.find(type);
  return found == table.end() ? nullptr : found->second;
}

/// Inputs that set an operator up, and are not learned.
inline bool is_setting(std::string_view type, std::size_t input) {
  if (type == "BatchNormalization") return input >= 3;
  if (type == "Clip" || type == "Pad" || type == "Resize" || type == "Upsample" || type == "Dropout" || type == "Pow" ||
      type == "OneHot")
    return input >= 1;
  return type == "Range" || type == "Cast" || type == "ConstantOfShape";
}

/// Makes a Program of a model. Errors are those of value_of(), and ValueErrors that name the node.
template <class T>
class Builder {
 public:
  Builder(const ModelProto& model, const std::filesystem::path& path) : model_(model), path_(path) {
    check<ValueError>(model.opset > 0, "the version of the operators is missing");
    check<ValueError>(!model.graph.has_sparse, "there are sparse initializers");
    program_.opset = model.opset;
    initial_values();
    for (const auto& input : model.graph.inputs) {
      if (ids_.contains(input.name)) continue;  // an initializer, which older files list as well
      program_.inputs.push_back(new_value(input.name));
      program_.input_names.emplace_back(input.name);
    }
    for (const auto& node : model.graph.nodes) add(node);
    for (const auto& output : model.graph.outputs) {
      const auto found = ids_.find(output.name);
      check<ValueError>(found != ids_.end(), "nothing computes output ", in_quotes(output.name));
      program_.outputs.push_back(found->second);
      program_.output_names.emplace_back(output.name);
    }
    check<ValueError>(!program_.outputs.empty(), "there is no output");
    name_slots();
  }

  Program<T> program() && { return std::move(program_); }
  /// By the slots' numbers.
  std::vector<Tensor<T>> tensors() && { return std::move(tensors_); }

 private:
  int new_value(std::string_view name) {
    check<ValueError>(ids_.emplace(name, program_.value_count).second, "there are two values ", in_quotes(name));
    return program_.value_count++;
  }

  void add_slot(std::string_view name, int id, const Tensor<T>& tensor) {
    slots_.emplace(id, tensors_.size());
    program_.slots.push_back({std::string(name), id, false});
    tensors_.push_back(tensor);
  }

  void constant(int id, OnnxValue<T> value) { program_.constants.emplace_back(id, std::move(value)); }

  void initial_values() {
    for (const auto& tensor : model_.graph.initializers) {
      auto value = value_of<T>(tensor, path_);
      const int id = new_value(tensor.name);
      if (value.is_integer() || value.shape().rank() == 0) {
        constant(id, std::move(value));
      } else {
        add_slot(tensor.name, id, value.tensor());
        read_ += value.shape().size();
      }
    }
  }

  static std::string called(const NodeProto& node) {
    return message("operator ", nasion::printable(node.type, 100),
                   node.name.empty() ? "" : " (node " + in_quotes(node.name) + ")");
  }

  void add(const NodeProto& node) {
    if (node.type == "Constant" && node.domain.empty()) return add_constant(node);
    const bool standard = node.domain.empty() || node.domain == "ai.onnx";
    if (node.type == "Identity" && standard && add_copy(node)) return;
    Step<T> step{.type = std::string(node.type), .name = std::string(node.name)};
    step.run = standard ? find_operator<T>(node.type) : nullptr;
    check<ValueError>(step.run != nullptr, called(node), " of opset ", program_.opset, " is not one that can be run",
                      standard ? "" : ", in domain " + in_quotes(node.domain));
    for (const auto name : node.inputs) {
      const auto found = ids_.find(name);
      check<ValueError>(name.empty() || found != ids_.end(), called(node), " needs ", in_quotes(name),
                        ", which nothing before it computes");
      step.inputs.push_back(name.empty() ? -1 : found->second);
    }
    for (const auto& a : node.attributes) add_attribute(step, node, a);
    for (const auto name : node.outputs) step.outputs.push_back(name.empty() ? -1 : new_value(name));
    check<ValueError>(!step.outputs.empty(), called(node), " has no output");
    while (step.outputs.size() > 1 && step.outputs.back() < 0) step.outputs.pop_back();
    program_.steps.push_back(std::move(step));
  }

  /// PyTorch writes equal tensors once, and an Identity under the name of each other. They are trained apart. False
  /// when there would be far more of them than there is in the file.
  bool add_copy(const NodeProto& node) {
    if (node.inputs.size() != 1 || node.outputs.size() != 1) return false;
    const auto found = ids_.find(node.inputs[0]);
    const auto slot = found == ids_.end() ? slots_.end() : slots_.find(found->second);
    if (slot == slots_.end()) return false;
    const auto tensor = tensors_[slot->second];
    if (copied_ + tensor.size() > 8 * read_) return false;
    copied_ += tensor.size();
    add_slot(node.outputs[0], new_value(node.outputs[0]), tensor.clone());
    return true;
  }

  void add_attribute(Step<T>& step, const NodeProto& node, const AttributeProto& a) {
    check<ValueError>(!a.is_graph, called(node), " has a graph of its own in attribute ", in_quotes(a.name));
    if (!a.tensors.empty()) {  // as another input
      step.inputs.push_back(program_.value_count++);
      constant(step.inputs.back(), value_of<T>(a.tensors[0], path_));
      return;
    }
    step.attributes.push_back({.name = std::string(a.name),
                               .number = double{a.number},
                               .integer = a.integer,
                               .text = std::string(a.text),
                               .numbers = a.numbers,
                               .integers = a.integers});
  }

  void add_constant(const NodeProto& node) {
    check<ValueError>(node.outputs.size() == 1 && node.attributes.size() == 1, called(node), " is not one constant");
    const auto& a = node.attributes[0];
    OnnxValue<T> value;
    if (a.name == "value" && !a.tensors.empty())
      value = value_of<T>(a.tensors[0], path_);
    else if (a.name == "value_float")
      value = Tensor<T>::scalar(static_cast<T>(a.number));
    else if (a.name == "value_int")
      value = IntegerArray(Shape{}, {a.integer});
    else if (a.name == "value_ints")
      value = IntegerArray(a.integers);
    else if (a.name == "value_floats")
      value =
          Tensor<T>::from({static_cast<Index>(a.numbers.size())}, std::vector<T>(a.numbers.begin(), a.numbers.end()));
    check<ValueError>(value.defined(), called(node), " has a value of a kind that is not read");
    constant(new_value(node.outputs[0]), std::move(value));
  }

  /// What an operator computes with is learned; the statistics of batch norms are kept, too; what only sets operators
  /// up has no place in the state.
  void name_slots() {
    enum Role { setting, kept, learned };
    std::vector<Role> roles(static_cast<std::size_t>(program_.value_count), setting);
    for (const auto& step : program_.steps)
      for (std::size_t i = 0; i < step.inputs.size(); ++i) {
        if (step.inputs[i] < 0) continue;
        auto& role = roles[static_cast<std::size_t>(step.inputs[i])];
        role = std::max(role, !is_setting(step.type, i) ? learned : step.type == "BatchNormalization" ? kept : setting);
      }
    std::vector<NamedSlot> slots;
    std::vector<Tensor<T>> tensors;
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      const Role role = roles[static_cast<std::size_t>(program_.slots[i].value)];
      if (role == setting) {
        constant(program_.slots[i].value, tensors_[i]);
        continue;
      }
      slots.push_back({program_.slots[i].name, program_.slots[i].value, role == learned});
      tensors.push_back(tensors_[i].set_requires_grad(role == learned));
    }
    program_.slots = std::move(slots);
    tensors_ = std::move(tensors);
  }

  const ModelProto& model_;
  const std::filesystem::path& path_;
  Program<T> program_;
  std::vector<Tensor<T>> tensors_;
  std::unordered_map<int, std::size_t> slots_;  // by values
  Index read_ = 0, copied_ = 0;                 // elements of tensors
  std::unordered_map<std::string_view, int> ids_;
};

/// Notes with each step which values nothing needs after it.
template <class T>
void note_last_uses(Program<T>& program) {
  std::vector<char> needed(static_cast<std::size_t>(program.value_count), false);
  const auto need = [&](int id) { return id >= 0 && !std::exchange(needed[static_cast<std::size_t>(id)], true); };
  for (const int id : program.outputs) need(id);
  for (auto step = program.steps.rbegin(); step != program.steps.rend(); ++step) {
    step->last_uses.clear();
    for (const int id : step->outputs)
      if (need(id)) step->last_uses.push_back(id);
    for (const int id : step->inputs)
      if (need(id)) step->last_uses.push_back(id);
  }
}

}  // namespace nasion::io::detail::onnx
