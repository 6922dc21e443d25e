#pragma once
// Parameters that are trained with different settings: a new head faster than the layers below it, norms without decay.

#include <cmath>

#include "nasion/nn/module.hpp"
#include "nasion/optim/pieces.hpp"

namespace nasion::optim {

/// One optimizer for each group of parameters, used as one:
///
///     optim::ParameterGroups<optim::AdamW<float>> optimizer(
///         {{nn::parameters(net.body), {.lr = 1e-4}}, {nn::parameters(net.head), {.lr = 1e-2, .weight_decay = 0}}});
template <class Optimizer>
class ParameterGroups {
 public:
  using Scalar = typename Optimizer::Scalar;
  /// The learning rate of the first group. Those of the others keep their ratio to it when it is changed, as
  /// training::fit() does by its schedule.
  struct {
    double lr;
  } options;
  std::vector<Optimizer> groups;

  /// ValueError for no groups, a first one whose learning rate is not positive, and a parameter that is in two groups.
  explicit ParameterGroups(std::vector<Optimizer> each) : options{0}, groups(std::move(each)) {
    check<ValueError>(!groups.empty(), "[ParameterGroups] needs at least one group");
    options.lr = groups[0].options.lr;
    check<ValueError>(options.lr > 0, "[ParameterGroups] the learning rate of the first group must be positive, got ",
                      options.lr);
    for (const auto& group : groups) ratios_.push_back(group.options.lr / options.lr);
    std::vector<Tensor<Scalar>> all;
    for (const auto& group : groups) all.insert(all.end(), group.parameters().begin(), group.parameters().end());
    detail::check_parameters("ParameterGroups", all);
  }

  /// Forgets the gradients of all parameters.
  void zero_grad() const {
    for (const auto& group : groups) group.zero_grad();
  }

  /// One update of all groups. ValueError for a learning rate that an optimizer refuses.
  void step() {
    for (std::size_t i = 0; i < groups.size(); ++i) {
      groups[i].options.lr = options.lr * ratios_[i];
      groups[i].step();
    }
  }

  static void visit(auto& self, auto&& f) { f("groups", self.groups); }

 private:
  std::vector<double> ratios_;  // of the learning rates, to that of the first group
};

}  // namespace nasion::optim
