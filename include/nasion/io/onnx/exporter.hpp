#pragma once
// From a trace of a network's operations to an ONNX graph: which of them count, and what everything is called.

#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nasion/core/printable.hpp"
#include "nasion/core/trace.hpp"
#include "nasion/io/onnx/writer.hpp"
#include "nasion/nn/module.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion::io::detail::onnx {

/// One run of the network, or another of the same with twice the batch.
template <class T>
struct TracedRun {
  std::vector<Tensor<T>> inputs, outputs;
  std::vector<TracedOp<T>> operations;
};

/// Whether two handles show the same elements: detach() makes another handle.
template <class T>
bool same_memory(const Tensor<T>& a, const Tensor<T>& b) {
  const auto &p = nasion::detail::Access::impl(a), &q = nasion::detail::Access::impl(b);
  return p == q || (p->buffer == q->buffer && p->offset == q->offset && p->order == q->order && p->shape == q->shape);
}

/// What exporters of single operations are given: the operation, what its inputs are called, and a place for nodes.
template <class T>
class Exporter {
 public:
  Exporter(const nn::StateDict<T>& state, const TracedRun<T>& run, const TracedRun<T>& twin)
      : state_(state), run_(run), twin_(twin), names_(run.operations.size()) {
    check<ValueError>(run.operations.size() == twin.operations.size(), "[save_onnx] the network ran ",
                      run.operations.size(), " operations, and ", twin.operations.size(),
                      " for a batch of twice the size: what depends on the batch cannot be exported");
    for (std::size_t i = 0; i < run.inputs.size(); ++i) {
      input_names_.push_back(run.inputs.size() == 1 ? "input" : message("input_", i));
      writer_.template value<T>(true, input_names_.back(), run.inputs[i].shape());
    }
  }

  /// The file. `table(name)` is what exports operations of that name, or null.
  template <class Find>
  std::string bytes(Find find, std::int64_t opset) {
    const auto live = live_operations();
    for (at_ = 0; at_ < run_.operations.size(); ++at_) {
      if (!live[at_]) continue;
      const auto exports = find(op().name);
      check<ValueError>(exports != nullptr, "[save_onnx] operation ", op().name, " ", op().result.shape(),
                        " cannot be exported");
      check_twin();
      names_[at_] = exports(*this);
    }
    for (std::size_t i = 0; i < run_.outputs.size(); ++i) {
      const std::string name = run_.outputs.size() == 1 ? "output" : message("output_", i);
      const auto& output = run_.outputs[i];
      writer_.node("Identity", {name_of(output, twin_.outputs[i])}, name, {});
      writer_.template value<T>(false, name, output.shape());
    }
    return writer_.bytes(opset);
  }

  const TracedOp<T>& op() const { return run_.operations[at_]; }
  /// The same operation with twice the batch.
  const TracedOp<T>& twin() const { return twin_.operations[at_]; }
  const Tensor<T>& input(std::size_t i) const { return op().inputs.at(i); }
  bool has(std::size_t i) const { return i < op().inputs.size() && op().inputs[i].defined(); }
  std::string name(std::size_t i) { return name_of(op().inputs.at(i), twin().inputs.at(i)); }

  const std::vector<double>& option(std::string_view key) const {
    const auto* found = op().find(key);
    check<ValueError>(found != nullptr, "[save_onnx] operation ", op().name, " does not tell its ", std::string(key));
    return found->values;
  }
  std::vector<Index> integers(std::string_view key) const {
    std::vector<Index> list;
    for (const double v : option(key)) list.push_back(static_cast<Index>(v));
    return list;
  }
  Index integer(std::string_view key) const { return integers(key).at(0); }
  double number(std::string_view key) const { return option(key).at(0); }

  /// Adds a node, and returns its result's name.
  std::string node(std::string_view type, const std::vector<std::string>& inputs,
                   const std::vector<WrittenAttribute>& attributes = {}) {
    auto name = fresh(op().name);
    writer_.node(type, inputs, name, attributes);
    return name;
  }
  std::string constant(T value) {
    auto name = fresh("number");
    writer_.tensor(name, Shape{}, &value);
    return name;
  }
  std::string constant(const Tensor<T>& x, const std::string& wanted = "") {
    auto name = wanted.empty() ? fresh("constant") : wanted;
    if (written_.emplace(name, true).second) {
      const auto dense = contiguous(x.detach());
      writer_.tensor(name, dense.shape(), dense.data());
    }
    return name;
  }
  std::string constant(const std::vector<Index>& list) {
    auto name = fresh("list");
    writer_.tensor(name, Shape{static_cast<Index>(list.size())}, list.data());
    return name;
  }
  /// The name in the state dictionary beside that of input i: `bn1.running_mean` for `bn1.weight`. Empty when there is
  /// none.
  std::string beside(std::size_t i, const std::string& last) {
    if (!has(i)) return "";
    const auto given = name(i);
    const auto wanted = given.substr(0, given.rfind('.') + 1) + last;
    return nn::detail::has_name(state_.tensors, wanted) ? wanted : "";
  }
  /// The sizes of the result, as a Reshape wants them: -1 for what grows with the batch.
  std::vector<Index> sizes() const {
    const Shape &a = op().result.shape(), &b = twin().result.shape();
    check<ValueError>(a.rank() == b.rank(), "[save_onnx] the rank of ", op().name, " ", a, " depends on the batch");
    std::vector<Index> list;
    int open = 0;
    for (int d = 0; d < a.rank(); ++d) {
      list.push_back(a[d] == b[d] ? a[d] : -1);
      open += a[d] != b[d];
    }
    check<ValueError>(open <= 1, "[save_onnx] ", open, " dimensions of ", op().name, " ", a, " depend on the batch");
    return list;
  }

 private:
  std::string fresh(std::string_view kind) {
    while (true) {
      auto name = message(std::string(kind), "_", ++count_[std::string(kind)]);
      if (!nn::detail::has_name(state_.tensors, name)) return name;
    }
  }

  /// The operation before the present one, or before the end, that made x; none for what no operation made.
  static std::optional<std::size_t> producer(const TracedRun<T>& run, const Tensor<T>& x, std::size_t before) {
    while (before-- > 0)
      if (same_memory(run.operations[before].result, x)) return before;
    return std::nullopt;
  }

  std::vector<bool> live_operations() const {
    const std::size_t count = run_.operations.size();
    std::vector<bool> live(count, false);
    const auto need = [&](const Tensor<T>& x, std::size_t before) {
      if (const auto made = producer(run_, x, before)) live[*made] = true;
    };
    for (const auto& output : run_.outputs) need(output, count);
    for (std::size_t i = count; i-- > 0;)
      if (live[i])
        for (const auto& x : run_.operations[i].inputs)
          if (x.defined()) need(x, i);
    return live;
  }

  /// The name of x, which is an input of the network, the result of an operation, in the state, or a constant: then it
  /// is the same whatever the batch.
  std::string name_of(const Tensor<T>& x, const Tensor<T>& of_twin) {
    for (std::size_t i = 0; i < run_.inputs.size(); ++i)
      if (same_memory(run_.inputs[i], x)) return input_names_[i];
    if (const auto made = producer(run_, x, at_)) return names_[*made];
    for (const auto& entry : state_.tensors)
      if (same_memory(entry.tensor, x)) return constant(entry.tensor, entry.name);
    const auto a = contiguous(x.detach()), b = contiguous(of_twin.detach());
    check<ValueError>(a.shape() == b.shape() && std::equal(a.data(), a.data() + a.size(), b.data()),
                      "[save_onnx] operation ", at_ < run_.operations.size() ? op().name : "output", " reads a tensor ",
                      x.shape(), " that depends on the input, but that no operation which can be exported has made");
    return constant(a);
  }

  /// That both runs did the same.
  void check_twin() const {
    const auto &a = op(), &b = twin();
    bool same = a.name == std::string_view(b.name) && a.inputs.size() == b.inputs.size() &&
                a.options.size() == b.options.size();
    for (std::size_t i = 0; same && i < a.options.size(); ++i) same = a.options[i].values == b.options[i].values;
    check<ValueError>(same, "[save_onnx] operation ", a.name, " ", a.result.shape(),
                      " depends on the size of the batch");
  }

  const nn::StateDict<T>& state_;
  const TracedRun<T>&run_, &twin_;
  std::vector<std::string> names_;  // of the results of operations
  std::vector<std::string> input_names_;
  std::map<std::string, bool> written_;
  std::map<std::string, int> count_;
  std::size_t at_ = 0;
  ModelWriter writer_;
};

}  // namespace nasion::io::detail::onnx
