#pragma once
// Batch norm of a trained network, put into its convolutions: in eval mode both are linear, and one pass over memory is
// saved for each.

#include "nasion/nn/module.hpp"

namespace nasion::nn {

/// A copy of `model` for inference only: in eval mode, frozen, and every batch norm that its visit() pairs with a
/// convolution (`f.conv_bn`, `f.conv_bn_residual`) is part of that one, together with its activation. It gives the same
/// results up to rounding.
///
///   const auto fast = nn::fold_batch_norm(model);
///
/// Its state dictionary is one of its own: convolutions have a bias, and what was folded has no names any more.
template <class M>
M fold_batch_norm(const M& model) {
  M copy = clone(model);
  for (const auto& fold : traverse(copy).folds) fold();
  eval(copy);
  freeze(copy);
  return copy;
}

}  // namespace nasion::nn
