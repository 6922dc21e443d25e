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
// operator() may be anything: take several tensors or other arguments, be overloaded, a template, or missing. The
// number type is found as ScalarOf says; where that is not it, `using Scalar = double;` in the module tells.
//
// A copy of a module is another handle on the same parameters and buffers, as with tensors, but has flags, counters and
// generators of its own; clone() copies all. Train a module or its clone, not a copy.

#include <algorithm>
#include <array>
#include <cmath>
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
#include "nasion/core/printable.hpp"

namespace nasion::nn {

/// A parameter or a buffer with its full name, such as `layer1.0.bn1.running_mean`.
template <class T>
struct NamedTensor {
  std::string name;
  Tensor<T> tensor;
};

/// A counter with its full name, such as `bn1.num_batches_tracked`.
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
/// tensor)` state that is no parameter; `f.optional_buffer("velocity", tensor, like)` the same where it may be
/// undefined, before or after a state is loaded, with the shape of `like`; `f.counter("steps", int64)`, which
/// load_state_dict() may miss and set to 0 after `f.counter("steps", int64, false)`; `f.rng("rng", rng)`;
/// `f.training(flag)` the train / eval switch; `f.sum_over_processes(function)` what a layer calls for a batch that
/// processes share; `f.conv_bn(conv, bn)` that bn is called with the result of conv alone, or `f.conv_bn_residual(conv,
/// bn)` with that and a residual, so that fold_batch_norm may make them one. Undefined tensors (a bias that is left
/// out) are skipped. Works on const modules, for reading.
template <class T>
class Visitor {
 public:
  /// A parameter or a buffer with its full name.
  struct TensorEntry {
    std::string name;
    Tensor<T> tensor;
    Tensor<T>* slot;  // where the module keeps its handle; null on a const module
    bool is_parameter;
  };
  /// A counter with its full name; `slot` as above. load_state_dict() may miss one that is not `required`.
  struct CounterEntry {
    std::string name;
    std::int64_t value;
    std::int64_t* slot;
    bool required;
  };
  /// A generator with its full name; `slot` as above.
  struct RngEntry {
    std::string name;
    Rng value;
    Rng* slot;
  };

  /// What is undefined now, and may have a value in a state that is loaded, or the other way round.
  struct OptionalEntry {
    std::string name;
    Tensor<T>* slot;
    Shape shape;
    MemoryOrder order;
  };

  std::vector<TensorEntry> tensors;
  std::vector<OptionalEntry> optional_tensors;
  std::vector<CounterEntry> counters;
  std::vector<RngEntry> rngs;
  std::vector<bool*> training_flags;
  std::vector<std::function<void(std::span<double>)>*> sums_over_processes;
  std::vector<std::function<void()>> folds;  // each makes a convolution and its batch norm one

  /// A parameter; a child with its visit(); an optional child, or a range of children, named "0", "1", ...
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
      static_assert(
          !requires { child.requires_grad(); },
          "a tensor of another number type than the module's: write `using Scalar = double;` (or float) in "
          "the module");
      static_assert(
          requires { C::visit(child, *this); }, "a child needs a static visit(self, f), as modules have");
      const Level level(*this, name);
      C::visit(child, *this);
    }
  }
  /// State that is no parameter, such as a running mean.
  void buffer(std::string_view name, Tensor<T>& tensor) { add(name, tensor, false); }
  void buffer(std::string_view name, const Tensor<T>& tensor) { add(name, tensor, false); }
  /// The same where it may be undefined, before or after a state is loaded; then with the shape of `like`.
  void optional_buffer(std::string_view name, Tensor<T>& tensor, const Tensor<T>& like) {
    optional_tensors.push_back({full(name), &tensor, like.shape(), like.order()});
    add(name, tensor, false);
  }
  void optional_buffer(std::string_view name, const Tensor<T>& tensor, const Tensor<T>&) { add(name, tensor, false); }
  /// A whole number, stored as I64.
  void counter(std::string_view name, std::int64_t& value, bool required = true) {
    counters.push_back({full(name), value, &value, required});
  }
  void counter(std::string_view name, const std::int64_t& value, bool required = true) {
    counters.push_back({full(name), value, nullptr, required});
  }
  /// A generator: part of checkpoints, but of no state dictionary.
  void rng(std::string_view name, Rng& value) { rngs.push_back({full(name), value, &value}); }
  void rng(std::string_view name, const Rng& value) { rngs.push_back({full(name), value, nullptr}); }
  /// The switch that train() and eval() set.
  void training(bool& flag) { training_flags.push_back(&flag); }
  void training(const bool&) {}
  /// What sync_batch_norm() sets.
  void sum_over_processes(std::function<void(std::span<double>)>& sum) { sums_over_processes.push_back(&sum); }
  void sum_over_processes(const std::function<void(std::span<double>)>&) {}
  /// Tells fold_batch_norm() that bn is called with the result of conv alone.
  template <class Conv, class Norm>
  void conv_bn(Conv& conv, Norm& bn) {
    add_fold(conv, bn, false);
  }
  /// Tells fold_batch_norm() that bn is called with the result of conv and a residual.
  template <class Conv, class Norm>
  void conv_bn_residual(Conv& conv, Norm& bn) {
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
  void add_fold(Conv& conv, Norm& bn, bool residual) {
    if constexpr (!std::is_const_v<Conv>) folds.push_back([&conv, &bn, residual] { bn.fold_into(conv, residual); });
  }

  std::string prefix_;
};

namespace detail {
/// The number type of X, if it is a Tensor or has one among its template arguments, as std::vector<Tensor<T>> has;
/// otherwise void.
template <class X>
struct ScalarIn : std::type_identity<void> {};
/// That of the first type that has one.
template <class... Types>
struct FirstScalar : std::type_identity<void> {};
template <class First, class... Rest>
struct FirstScalar<First, Rest...>
    : std::conditional_t<std::is_void_v<typename ScalarIn<std::remove_cvref_t<First>>::type>, FirstScalar<Rest...>,
                         ScalarIn<std::remove_cvref_t<First>>> {};
template <class T>
struct ScalarIn<Tensor<T>> : std::type_identity<T> {};
template <template <class...> class Container, class... Types>
struct ScalarIn<Container<Types...>> : FirstScalar<Types...> {};
template <class X, std::size_t n>
struct ScalarIn<std::array<X, n>> : ScalarIn<X> {};

template <class M, class R, class... Args>
FirstScalar<R, Args...> scalar_of_call(R (M::*)(Args...));
template <class M, class R, class... Args>
FirstScalar<R, Args...> scalar_of_call(R (M::*)(Args...) const);

/// That of a module that is itself a template, such as Net<float>: its first argument.
template <class M>
struct ScalarOfTemplate : std::type_identity<void> {};
template <template <class, class...> class M, Real T, class... Rest>
struct ScalarOfTemplate<M<T, Rest...>> : std::type_identity<T> {};

template <class M>
auto scalar_of() {
  if constexpr (requires { typename M::Scalar; })
    return std::type_identity<typename M::Scalar>{};
  else if constexpr (requires { requires !std::is_void_v<typename decltype(scalar_of_call(&M::operator()))::type>; })
    return std::type_identity<typename decltype(scalar_of_call(&M::operator()))::type>{};
  else if constexpr (!std::is_void_v<typename ScalarOfTemplate<M>::type>)
    return std::type_identity<typename ScalarOfTemplate<M>::type>{};
  else
    return std::type_identity<float>{};
}
}  // namespace detail

/// The number type of a module: its member type `Scalar` if it has one; otherwise that of the tensors in the signature
/// of its operator(); for a template without that (because operator() is missing, overloaded or a template) its first
/// argument; otherwise float.
template <class M>
using ScalarOf = typename decltype(detail::scalar_of<std::remove_cv_t<M>>())::type;

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
// A loop, of which a compiler makes a third of the code of std::find_if, in as many places as there are lists.
template <class List>
auto find_name(List& list, const std::string& name) {
  auto entry = list.begin();
  while (entry != list.end() && entry->name != name) ++entry;
  return entry;
}
template <class List>
bool has_name(const List& list, const std::string& name) {
  return find_name(list, name) != list.end();
}

/// The number as a counter; nothing unless it is a single whole one.
template <class T>
std::optional<std::int64_t> as_counter(const Tensor<T>& x) {
  if (x.shape() != Shape{} && x.shape() != Shape{1}) return std::nullopt;
  const T value = x.item();
  if (!(std::abs(value) < T(1LL << 62)) || value != std::floor(value)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

/// What keeps a state from a module.
struct Misfits {
  FirstFew missing, unexpected, mismatched;

  void check() const {
    const auto list = [](const char* title, const FirstFew& names) {
      return names.empty() ? "" : title + names.text();
    };
    nasion::check<ValueError>(missing.empty() && unexpected.empty() && mismatched.empty(),
                              "[load_state_dict] keys do not fit the module;", list(" missing:", missing),
                              list(" unexpected:", unexpected), list(" mismatched:", mismatched));
  }
};

inline std::string short_name(const std::string& name) { return printable(name, 100); }

/// Values for the counters of a module, in their order.
template <class T>
std::vector<std::int64_t> find_counts(const Visitor<T>& visited, const StateDict<T>& state, Misfits& misfits) {
  std::vector<std::int64_t> counts;
  for (const auto& own : visited.counters) {
    std::optional<std::int64_t> count;
    if (const auto given = find_name(state.counters, own.name); given != state.counters.end()) {
      count = given->value;
    } else if (const auto tensor = find_name(state.tensors, own.name); tensor != state.tensors.end()) {
      count = as_counter(tensor->tensor);
      if (!count)
        misfits.mismatched.add(short_name(own.name), " ", tensor->tensor.shape(), " (expected a whole number)");
    } else if (own.required) {
      misfits.missing.add(short_name(own.name));
    }
    counts.push_back(count.value_or(0));
  }
  return counts;
}

/// The tensors that a module has after this state was loaded: optional ones as far as the state has them.
template <class T>
auto tensors_to_load(const Visitor<T>& visited, const StateDict<T>& state) {
  auto tensors = visited.tensors;
  for (const auto& own : visited.optional_tensors) {
    const bool given = has_name(state.tensors, own.name);
    if (given && !own.slot->defined())
      tensors.push_back({own.name, Tensor<T>::empty(own.shape, own.order), own.slot, false});
    else if (!given)
      std::erase_if(tensors, [&](const auto& entry) { return entry.name == own.name; });
  }
  return tensors;
}

/// What load_state_dict() does with all that a module has, of whatever type it is. `unexpected` is what else was found.
template <class T>
void load_state(const Visitor<T>& visited, const StateDict<T>& state, FirstFew unexpected) {
  Misfits misfits{{}, std::move(unexpected), {}};
  const auto tensors = tensors_to_load(visited, state);
  for (const auto& own : tensors) {
    const auto given = find_name(state.tensors, own.name);
    if (given == state.tensors.end())
      misfits.missing.add(short_name(own.name));
    else if (const Shape shape = given->tensor.shape(), expected = own.tensor.shape();
             shape != expected && !(expected == Shape{} && shape == Shape{1}))
      misfits.mismatched.add(short_name(own.name), " ", shape, " (expected ", expected, ")");
  }
  const auto counts = find_counts(visited, state, misfits);
  const auto find_unexpected = [&](const auto& given, const auto& is_known) {
    for (auto entry = given.begin(); entry != given.end(); ++entry)  // also a name that was given before
      if (!is_known(entry->name) || find_name(given, entry->name) != entry)
        misfits.unexpected.add(short_name(entry->name));
  };
  const auto is_counter = [&](const auto& name) { return has_name(visited.counters, name); };
  find_unexpected(state.tensors, [&](const auto& name) { return has_name(tensors, name) || is_counter(name); });
  find_unexpected(state.counters, is_counter);
  misfits.check();

  const NoGrad no_grad;
  for (const auto& own : tensors) {
    const auto& given = find_name(state.tensors, own.name)->tensor;
    if (own.tensor.rank() == 0)
      own.tensor.fill(given.item());
    else
      own.tensor.copy_from(given);
  }
  for (const auto& own : visited.optional_tensors) {
    const auto loaded = find_name(tensors, own.name);
    *own.slot = loaded == tensors.end() ? Tensor<T>{} : loaded->tensor;
  }
  for (std::size_t i = 0; i < counts.size(); ++i) *visited.counters[i].slot = counts[i];
}
}  // namespace detail

/// Copies `state` into `module`, strictly: one ValueError lists missing, unexpected and mismatched keys, the first few
/// of each, and then nothing has been changed. As in PyTorch, a counter may be a whole number in a tensor of shape []
/// or [1].
template <class M>
requires(!std::is_const_v<M>) void load_state_dict(M& module, const StateDict<ScalarOf<M>>& state) {
  detail::load_state(traverse(module), state, FirstFew());
}

/// Switches dropout and the like on (training) or off (inference).
template <class M>
requires(!std::is_const_v<M>) void train(M& module, bool on = true) {
  for (bool* flag : traverse(module).training_flags) *flag = on;
}
/// Switches to inference: train(module, false).
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
