#pragma once
// One parallel loop over the numbers of many parameters, large and small.

#include <algorithm>
#include <functional>
#include <vector>

#include "nasion/core/autograd.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion::optim::detail {

/// ValueError when a parameter is no leaf, or when two share memory, which would be changed twice at a time.
template <class T>
void check_parameters(const char* optimizer, const std::vector<Tensor<T>>& parameters) {
  for (const auto& p : parameters)
    check<ValueError>(p.is_leaf(), "[", optimizer, "] parameter ", p.shape(),
                      " is the result of an operation, not a leaf");
  std::vector<const Tensor<T>*> sorted;
  for (const auto& p : parameters) sorted.push_back(&p);
  std::sort(sorted.begin(), sorted.end(),
            [](const auto* a, const auto* b) { return std::less<const T*>()(a->memory(), b->memory()); });
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    const auto &a = *sorted[i - 1], &b = *sorted[i];
    check<ValueError>(a.size() == 0 || b.size() == 0 || !std::less<const T*>()(b.memory(), a.memory() + a.size()), "[",
                      optimizer, "] parameters ", a.shape(), " and ", b.shape(), " share memory, or are the same");
  }
}

/// Calls f(item, begin, end) for pieces begin .. end-1 of 0 .. item.size - 1 of all items, in parallel. Their cut
/// depends on the sizes alone.
template <class Item, class F>
void for_pieces(const std::vector<Item>& items, F&& f) {
  constexpr Index grain = 16384;
  std::vector<Index> first;  // piece of each item, counted through all items
  Index pieces = 0;
  for (const auto& item : items) {
    first.push_back(pieces);
    pieces += (item.size + grain - 1) / grain;
  }
  parallel_for(pieces, 1, [&](Index piece, Index) {
    const auto at = std::upper_bound(first.begin(), first.end(), piece) - first.begin() - 1;
    const auto& item = items[static_cast<std::size_t>(at)];
    const Index begin = (piece - first[static_cast<std::size_t>(at)]) * grain;
    f(item, begin, std::min(item.size, begin + grain));
  });
}

/// Calls f(number, gradient, parameter) for the parameters that have a gradient, which lies as the parameter does.
/// Nothing is recorded.
template <class T, class F>
void for_gradients(const std::vector<Tensor<T>>& parameters, F&& f) {
  const NoGrad no_grad;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (const auto grad = parameters[i].grad(); grad.defined())
      f(i, to_order(grad, parameters[i].order()), parameters[i]);
}

}  // namespace nasion::optim::detail
