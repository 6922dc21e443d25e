#pragma once
// gradcheck for a module: for its input and all its parameters.

#include <algorithm>
#include <string>
#include <vector>

#include "nasion/nn/module.hpp"
#include "nasion/testing/gradcheck.hpp"

namespace nasion::testing {

namespace detail {

/// Leaves that backward() from `y` would reach.
inline Tensors reached_leaves(const Tensord& y) {
  using Node = nasion::detail::Node<double>;
  Tensors leaves;
  std::vector<const Node*> waiting, seen;
  const auto visit = [&](const Node* node) {
    if (!node || std::find(seen.begin(), seen.end(), node) != seen.end()) return;
    seen.push_back(node);
    waiting.push_back(node);
  };
  visit(nasion::detail::Access::impl(y)->node.get());
  while (!waiting.empty()) {
    const Node* node = waiting.back();
    waiting.pop_back();
    for (const auto& edge : node->inputs) {
      visit(edge.node.get());
      if (edge.leaf) leaves.push_back(nasion::detail::Access::tensor(edge.leaf));
    }
  }
  return leaves;
}

}  // namespace detail

/// gradcheck of `module(x)` for x, in both memory orders when of rank 4, and for all parameters. Also not empty when
/// backward() reaches a leaf that nn::parameters(module) does not name: a line that visit() lacks.
template <class M>
std::string check_module(const M& module, const Tensord& x, const GradcheckOptions& options = {}) {
  const SerialScope serial;
  const auto parameters = nn::parameters(module);
  for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
    if (x.rank() != 4 && order == MemoryOrder::channels_last) break;
    const auto input = to_order(x.detach(), order).clone().set_requires_grad();
    for (const auto& leaf : detail::reached_leaves(module(input)))
      if (!leaf.same_as(input) && std::none_of(parameters.begin(), parameters.end(),
                                               [&](const auto& parameter) { return parameter.same_as(leaf); }))
        return message("a leaf ", leaf.shape(), " gets a gradient but is no parameter: visit() does not name it");
    Tensors leaves = parameters;
    leaves.push_back(input);
    const auto difference = detail::compare([&] { return module(input); }, leaves, order, options);
    for (const auto& leaf : parameters) leaf.zero_grad();
    if (!difference.empty()) return message("x ", order, ": ", difference);
  }
  return "";
}

}  // namespace nasion::testing
