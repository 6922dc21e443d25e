#pragma once
// What operations did, for those who write it down elsewhere, as ONNX files. Autograd's graph is not enough for that:
// it has no options of operations, such as strides, and nothing of what needs no gradient. So Op::record(), which all
// operations end with, also tells a Trace, and Op::option() says before it what inputs and results do not show.

#include <string_view>
#include <utility>
#include <vector>

#include "nasion/core/tensor.hpp"

namespace nasion {

/// An option of an operation: one number or several.
struct TracedOption {
  const char* op;  // the name that the operation was made with
  const char* name;
  std::vector<double> values;
};

/// An operation that ran. Some inputs may be undefined.
template <class T>
struct TracedOp {
  const char* name;
  Tensor<T> result;
  std::vector<Tensor<T>> inputs;
  std::vector<TracedOption> options;

  /// Null when there is none of this name.
  const TracedOption* find(std::string_view option) const {
    for (const auto& o : options)
      if (option == o.name) return &o;
    return nullptr;
  }
};

namespace detail {
inline thread_local std::vector<TracedOption>* traced_options = nullptr;  // since the last operation
template <class T>
inline thread_local std::vector<TracedOp<T>>* trace = nullptr;

/// The options are those of the name's last Op; others belong to an operation around it.
template <class T>
[[gnu::noinline]] void add_to_trace(const char* op, const Tensor<T>& result, const std::vector<Tensor<T>>& inputs) {
  TracedOp<T> traced{op, result, inputs, {}};
  for (const auto& option : *traced_options)
    if (option.op == op) traced.options.push_back(option);
  std::erase_if(*traced_options, [op](const TracedOption& option) { return option.op == op; });
  trace<T>->push_back(std::move(traced));
}
}  // namespace detail

/// While alive, keeps what operations on this thread did, and so all of their tensors.
template <Real T>
class Trace {
 public:
  [[nodiscard]] Trace()
      : before_(std::exchange(detail::trace<T>, &operations_)),
        options_before_(std::exchange(detail::traced_options, &options_)) {}
  ~Trace() {
    detail::trace<T> = before_;
    detail::traced_options = options_before_;
  }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  /// In the order in which they ended; one that another was made of comes before it.
  const std::vector<TracedOp<T>>& operations() const { return operations_; }

 private:
  std::vector<TracedOp<T>> operations_;
  std::vector<TracedOption> options_;
  std::vector<TracedOp<T>>* before_;
  std::vector<TracedOption>* options_before_;
};

}  // namespace nasion
