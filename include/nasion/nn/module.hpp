#pragma once
// What a module is: a struct with members, `operator()`, and a static `visit(self, f)` that names its children. From
// visit alone come parameters, state dictionaries, train/eval, clone and freezing.
//
//   struct Net {
//     nn::Conv2d<float> conv;
//     nn::Linear<float> fc;
//     Tensorf operator()(const Tensorf& x) const { return fc(flatten(relu(conv(x)))); }
//     static void visit(auto& self, auto&& f) { f("conv", self.conv); f("fc", self.fc); }
//   };
//
// A copy of a module is another handle on the same parameters and buffers, as with tensors, but has flags, counters and
// generators of its own; clone() copies all. Train a module or its clone, not a copy.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "nasion/core/autograd.hpp"

namespace nasion::nn {

template <class T>
struct NamedTensor {
  std::string name;
  Tensor<T> tensor;
};

struct NamedCounter {
  std::string name;
  std::int64_t value;
};

/// Everything a module has to keep, in the order of its visit: parameters and buffers, and counters (stored as I64).
template <class T>
struct StateDict {
  std::vector<NamedTensor<T>> tensors;
  std::vector<NamedCounter> counters;
};

/// The `f` of visit(): collects what the modules name, under names joined by dots.
///
/// `f("weight", tensor)` a parameter; `f("conv", module)` a child, also optional<> or vector<>; `f.buffer("mean",
/// tensor)` state that is no parameter; `f.counter("steps", int64)`; `f.rng("rng", rng)`; `f.training(flag)` the train
/// / eval switch; `f.sum_over_processes(function)` what a layer calls for a batch that processes share;
/// `f.conv_bn(conv, bn)` or `f.conv_bn_relu(conv, bn)` that bn is called (as bn.relu) with nothing but the result of
/// conv, so that fold_batch_norm may make them one. Undefined tensors (a bias that is left out) are skipped. Works on
/// const modules, for reading.
template <class T>
class Visitor {
 public:
  struct TensorEntry {
    std::string name;
    Tensor<T> tensor;
    Tensor<T>* slot;  // where the module keeps its handle; null on a const module
    bool is_parameter;
  };
  template <class V>
  struct Entry {
    std::string name;
    V value;
    V* slot;
  };

  std::vector<TensorEntry> tensors;
  std::vector<Entry<std::int64_t>> counters;
  std::vector<Entry<Rng>> rngs;
  std::vector<bool*> training_flags;
  std::vector<std::function<void(std::span<double>)>*> sums_over_processes;
  std::vector<std::function<void()>> folds;  // each makes a convolution and its batch norm one

  template <class Child>
  void operator()(std::string_view name, Child& child) {
    using C = std::remove_const_t<Child>;
    if constexpr (std::is_same_v<C, Tensor<T>>) {
      add(name, child, true);
    } else if constexpr (requires { child.has_value(); }) {
      if (child) (*this)(name, *child);
    } else if constexpr (requires { child.begin(); }) {
      const Level level(*this, name);
      std::size_t i = 0;
      for (auto& element : child) (*this)(std::to_string(i++), element);
    } else {
      const Level level(*this, name);
      C::visit(child, *this);
    }
  }
  void buffer(std::string_view name, Tensor<T>& tensor) { add(name, tensor, false); }
  void buffer(std::string_view name, const Tensor<T>& tensor) { add(name, tensor, false); }
  void counter(std::string_view name, std::int64_t& value) { counters.push_back({full(name), value, &value}); }
  void counter(std::string_view name, const std::int64_t& value) { counters.push_back({full(name), value, nullptr}); }
  void rng(std::string_view name, Rng& value) { rngs.push_back({full(name), value, &value}); }
  void rng(std::string_view name, const Rng& value) { rngs.push_back({full(name), value, nullptr}); }
  void training(bool& flag) { training_flags.push_back(&flag); }
  void training(const bool&) {}
  void sum_over_processes(std::function<void(std::span<double>)>& sum) { sums_over_processes.push_back(&sum); }
  void sum_over_processes(const std::function<void(std::span<double>)>&) {}
  template <class Conv, class Norm>
  void conv_bn(Conv& conv, Norm& bn) {
    add_fold(conv, bn, false);
  }
  template <class Conv, class Norm>
  void conv_bn_relu(Conv& conv, Norm& bn) {
    add_fold(conv, bn, true);
  }

 private:
  struct Level {
    Level(Visitor& v, std::string_view name) : visitor(v), length(v.prefix_.size()) { (v.prefix_ += name) += '.'; }
    ~Level() { visitor.prefix_.resize(length); }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    Visitor& visitor;
    std::size_t length;
  };

  std::string full(std::string_view name) const { return prefix_ + std::string(name); }
  void add(std::string_view name, Tensor<T>& tensor, bool is_parameter) {
    if (tensor.defined()) tensors.push_back({full(name), tensor, &tensor, is_parameter});
  }
  void add(std::string_view name, const Tensor<T>& tensor, bool is_parameter) {
    if (tensor.defined()) tensors.push_back({full(name), tensor, nullptr, is_parameter});
  }

  template <class Conv, class Norm>
  void add_fold(Conv& conv, Norm& bn, bool relu) {
    if constexpr (!std::is_const_v<Conv>) folds.push_back([&conv, &bn, relu] { bn.fold_into(conv, relu); });
  }

  std::string prefix_;
};

namespace detail {
template <class M, class T>
T scalar_of_call(Tensor<T> (M::*)(const Tensor<T>&) const);
template <class M, class T>
T scalar_of_call(Tensor<T> (M::*)(const Tensor<T>&));

template <class M>
auto scalar_of() {
  if constexpr (requires { typename M::Scalar; })
    return typename M::Scalar{};
  else
    return decltype(scalar_of_call(&M::operator())){};
}
}  // namespace detail

/// The number type of a module: its member type `Scalar` if it has one, otherwise that of its operator().
template <class M>
using ScalarOf = decltype(detail::scalar_of<std::remove_const_t<M>>());

/// All that `module` names, in order.
template <class M>
Visitor<ScalarOf<M>> traverse(M& module) {
  Visitor<ScalarOf<M>> visitor;
  std::remove_const_t<M>::visit(module, visitor);
  return visitor;
}

/// Parameters with their names, such as `layer1.0.conv1.weight`.
template <class M>
auto named_parameters(const M& module) {
  std::vector<NamedTensor<ScalarOf<M>>> named;
  for (auto& entry : traverse(module).tensors)
    if (entry.is_parameter) named.push_back({std::move(entry.name), std::move(entry.tensor)});
  return named;
}

/// Parameters, for an optimizer: each once, also when it has several names.
template <class M>
auto parameters(const M& module) {
  std::vector<Tensor<ScalarOf<M>>> tensors;
  for (auto& entry : traverse(module).tensors) {
    const auto is_this = [&](const auto& known) { return known.same_as(entry.tensor); };
    if (entry.is_parameter && std::none_of(tensors.begin(), tensors.end(), is_this))
      tensors.push_back(std::move(entry.tensor));
  }
  return tensors;
}

/// Number of numbers in all parameters.
template <class M>
Index parameter_count(const M& module) {
  Index count = 0;
  for (const auto& p : parameters(module)) count += p.size();
  return count;
}

/// Handles on all parameters, buffers and counters. What changes the module changes its tensors here: clone() to keep
/// them.
template <class M>
StateDict<ScalarOf<M>> state_dict(const M& module) {
  StateDict<ScalarOf<M>> state;
  auto visited = traverse(module);
  for (auto& entry : visited.tensors) state.tensors.push_back({std::move(entry.name), std::move(entry.tensor)});
  for (auto& entry : visited.counters) state.counters.push_back({std::move(entry.name), entry.value});
  return state;
}

namespace detail {
/// What load_state_dict() does with all that a module has, of whatever type it is.
template <class T>
void load_state(const Visitor<T>& visited, const StateDict<T>& state) {
  std::string missing, unexpected, mismatched;
  const auto find = [](auto& list, const std::string& name) {
    return std::find_if(list.begin(), list.end(), [&](const auto& entry) { return entry.name == name; });
  };
  for (const auto& own : visited.tensors) {
    const auto given = find(state.tensors, own.name);
    if (given == state.tensors.end())
      missing += " " + own.name;
    else if (given->tensor.shape() != own.tensor.shape())
      mismatched += message(" ", own.name, " ", given->tensor.shape(), " (expected ", own.tensor.shape(), ")");
  }
  for (const auto& own : visited.counters)
    if (find(state.counters, own.name) == state.counters.end()) missing += " " + own.name;
  const auto find_unexpected = [&](const auto& given, const auto& own) {
    for (auto entry = given.begin(); entry != given.end(); ++entry)  // also a name that was given before
      if (find(own, entry->name) == own.end() || find(given, entry->name) != entry) unexpected += " " + entry->name;
  };
  find_unexpected(state.tensors, visited.tensors);
  find_unexpected(state.counters, visited.counters);
  check<ValueError>(missing.empty() && unexpected.empty() && mismatched.empty(),
                    "[load_state_dict] keys do not fit the module;", missing.empty() ? "" : " missing:", missing,
                    unexpected.empty() ? "" : " unexpected:", unexpected,
                    mismatched.empty() ? "" : " mismatched:", mismatched);
  const NoGrad no_grad;
  for (const auto& own : visited.tensors) own.tensor.copy_from(find(state.tensors, own.name)->tensor);
  for (const auto& own : visited.counters) *own.slot = find(state.counters, own.name)->value;
}
}  // namespace detail

/// Copies `state` into `module`, strictly: one ValueError lists every missing, unexpected and mismatched key, and then
/// nothing has been changed.
template <class M>
requires(!std::is_const_v<M>) void load_state_dict(M& module, const StateDict<ScalarOf<M>>& state) {
  detail::load_state(traverse(module), state);
}

/// Switches dropout and the like on (training) or off (inference).
template <class M>
requires(!std::is_const_v<M>) void train(M& module, bool on = true) {
  for (bool* flag : traverse(module).training_flags) *flag = on;
}
template <class M>
void eval(M& module) {
  train(module, false);
}

/// Lets gradients reach the parameters, or not: frozen parameters are not trained.
template <class M>
void freeze(const M& module, bool frozen = true) {
  for (const auto& p : parameters(module)) p.set_requires_grad(!frozen);
}

/// A module with parameters and buffers of its own, equal to those of `module`. What was shared inside stays so.
template <class M>
M clone(const M& module) {
  M copy = module;
  const auto tensors = traverse(copy).tensors;
  for (auto entry = tensors.begin(); entry != tensors.end(); ++entry) {
    const auto first =
        std::find_if(tensors.begin(), entry, [&](const auto& before) { return before.tensor.same_as(entry->tensor); });
    *entry->slot =
        first == entry ? entry->tensor.clone().set_requires_grad(entry->tensor.requires_grad()) : *first->slot;
  }
  return copy;
}

}  // namespace nasion::nn
