#pragma once
// Weights of another network, as far as they fit: where fine-tuning begins.

#include "nasion/nn/module.hpp"

namespace nasion::nn {

/// What load_fitting() took and left, by name.
struct LoadedNames {
  std::vector<std::string> loaded, missing, unexpected, mismatched;
};

/// Copies what fits of `state` into `module`, and leaves the rest of both as it is: PyTorch's `strict=False`, but
/// tensors of another shape are left, too, as those of a head for other classes. Names that only the module has are
/// `missing`, those that only the state has `unexpected`.
template <class M>
requires(!std::is_const_v<M>) LoadedNames load_fitting(M& module, const StateDict<ScalarOf<M>>& state) {
  LoadedNames names;
  auto all = state_dict(module);
  const auto take = [&](auto& own, const auto& given, const auto& fits, const auto& assign) {
    for (auto& entry : own) {
      const auto found = detail::find_name(given, entry.name);
      if (found == given.end()) {
        if (!detail::has_name(state.tensors, entry.name)) names.missing.push_back(entry.name);
        continue;
      }
      const bool taken = fits(entry, *found);
      if (taken) assign(entry, *found);
      (taken ? names.loaded : names.mismatched).push_back(entry.name);
    }
  };
  const auto same_shape = [](const auto& a, const auto& b) { return a.tensor.shape() == b.tensor.shape(); };
  for (auto& entry : all.tensors) entry.tensor = entry.tensor.detach().clone();
  take(all.tensors, state.tensors, same_shape, [](auto& to, const auto& from) { to.tensor = from.tensor; });
  take(
      all.counters, state.counters, [](const auto&, const auto&) { return true; },
      [](auto& to, const auto& from) { to.value = from.value; });
  // As in load_state_dict(), a counter may be a number in a tensor.
  for (auto& entry : all.counters)
    if (const auto given = detail::find_name(state.tensors, entry.name);
        given != state.tensors.end() && !detail::has_name(state.counters, entry.name)) {
      const auto count = detail::as_counter(given->tensor);
      entry.value = count.value_or(entry.value);
      (count ? names.loaded : names.mismatched).push_back(entry.name);
    }
  const auto add_unexpected = [&](const auto& given) {
    for (const auto& entry : given)
      if (!detail::has_name(all.tensors, entry.name) && !detail::has_name(all.counters, entry.name))
        names.unexpected.push_back(entry.name);
  };
  add_unexpected(state.tensors);
  add_unexpected(state.counters);
  load_state_dict(module, all);
  return names;
}

}  // namespace nasion::nn
