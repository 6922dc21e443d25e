#pragma once
// What an operation is written with. Its name is said once: it times the operation, begins its messages, and is that of
// its node in the graph.

#include <algorithm>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "nasion/core/autograd.hpp"
#include "nasion/core/trace.hpp"

namespace nasion {

/// The name of an operation. Only a string literal will do: profiles and graphs keep the pointer.
class OpName {
 public:
  consteval OpName(const char* literal) : text_(literal) {}
  /// As written.
  constexpr const char* text() const { return text_; }

 private:
  const char* text_;
};

namespace detail {

/// Tells a profile what an operation read and wrote; nothing for a view.
template <class T>
void count_bytes(const Tensor<T>& result, const std::vector<Tensor<T>>& inputs) {
  double total = bytes<T>(result.shape());
  for (const auto& x : inputs) {
    if (!x.defined()) continue;
    if (Access::impl(x)->buffer == Access::impl(result)->buffer) return;
    total += bytes<T>(x.shape());
  }
  count_cost(0, total);
}

/// The node of `result`, for record(); null when nothing is recorded. Apart from it, to be compiled once for all
/// operations.
template <class T>
[[gnu::noinline]] Node<T>* new_node(const char* op, const Tensor<T>& result, const std::vector<Tensor<T>>& inputs) {
  if (profile) count_bytes(result, inputs);
  if (trace<T>) add_to_trace(op, result, inputs);
  if (!nasion::grad_enabled() ||
      std::none_of(inputs.begin(), inputs.end(), [](const auto& x) { return x.defined() && x.requires_grad(); }))
    return nullptr;
  const auto node = std::make_shared<Node<T>>(op, result.shape());
  node->inputs.reserve(inputs.size());
  for (const auto& x : inputs) {
    auto& edge = node->inputs.emplace_back();
    if (!x.defined()) continue;
    const auto& impl = Access::impl(x);
    edge.node = impl->node;
    if (impl->requires_grad) edge.leaf = impl;
    edge.shape = impl->shape;
  }
  return (Access::impl(result)->node = node).get();
}

}  // namespace detail

/// An operation while it runs: the first thing in its function. It makes the operation a row of a Profile, from here to
/// the end of the scope, and names it where a tensor turns out to be undefined.
///
///     const Op op("scale");
///     op.check<ValueError>(std::isfinite(s), "factor ", s, " must be finite");  // "[scale] factor inf must be finite"
///     const auto y = map_elements(x, [s](T v) { return s * v; });
///     return op.record(y, {x}, [s](const Tensor<T>& dy) -> Grads<T> { return {dy * s}; });
class Op : public Checker {
 public:
  [[nodiscard]] explicit Op(OpName name)
      : Checker(name.text()), outer_(std::exchange(detail::running_op, name.text())), timer_(name.text()) {}
  ~Op() { detail::running_op = outer_; }
  Op(const Op&) = delete;
  Op& operator=(const Op&) = delete;

  /// Tells a profile how many additions and multiplications the operation takes that runs: this one, or, in the closure
  /// given to record(), its gradient.
  static void flops(double count) { detail::count_cost(count); }
  /// The elements of a fresh tensor, in memory order, for writing until the function or closure ends. (A pointer that
  /// is kept for longer must be from mutable_data().)
  template <Real T>
  static T* writable(const Tensor<T>& x) {
    return detail::writable(x);
  }

  /// Tells a Trace what inputs and result do not show: numbers, or one thing with a begin() and an end().
  template <class... Values>
  void option(const char* key, const Values&... values) const {
    if (!detail::traced_options) return;
    TracedOption traced{name(), key, {}};
    const auto add = [&](const auto& value) {
      if constexpr (requires { value.begin(); })
        traced.values.insert(traced.values.end(), value.begin(), value.end());
      else
        traced.values.push_back(static_cast<double>(value));
    };
    (add(values), ...);
    detail::traced_options->push_back(std::move(traced));
  }

  /// Makes the fresh tensor `result` the result of this operation on `inputs`, of which some may be undefined, and
  /// returns it. `backward` maps the gradient of the result to the gradients of the inputs, in their order; it must
  /// hold tensors only through save().
  template <class T, class Backward>
  Tensor<T> record(const Tensor<T>& result, const std::type_identity_t<std::vector<Tensor<T>>>& inputs,
                   Backward&& backward) const {
    if (const auto node = detail::new_node(name(), result, inputs)) node->backward = std::forward<Backward>(backward);
    return result;
  }

 private:
  const char* outer_;  // the operation that this one is a part of
  detail::Timer timer_;
};

}  // namespace nasion
