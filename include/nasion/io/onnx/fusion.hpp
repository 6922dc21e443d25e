#pragma once
// Steps of an ONNX graph that become part of the one before: activations in any case, batch norms for inference.

#include <cmath>

#include "nasion/io/onnx/program.hpp"

namespace nasion::io::detail::onnx {

/// Which steps use each value, and how often.
template <class T>
class Uses {
 public:
  explicit Uses(const Program<T>& program) : users_(static_cast<std::size_t>(program.value_count)) {
    for (std::size_t s = 0; s < program.steps.size(); ++s)
      for (const int id : program.steps[s].inputs)
        if (id >= 0) users_[static_cast<std::size_t>(id)].push_back(s);
    for (const int id : program.outputs) users_[static_cast<std::size_t>(id)].push_back(program.steps.size());
  }
  /// Numbers of steps; that beyond the last for the caller.
  const std::vector<std::size_t>& of(int id) const { return users_[static_cast<std::size_t>(id)]; }

 private:
  std::vector<std::vector<std::size_t>> users_;
};

/// The activation that this step is, of its first input; none for other steps.
template <class T>
Activation activation_of(const Program<T>& program, const Step<T>& step) {
  if (step.type == "Relu") return Activation::relu;
  if (step.type == "HardSwish") return Activation::hardswish;
  if (step.type != "Clip") return Activation::none;
  const auto limit = [&](std::size_t input, const char* attribute) {
    if (const auto* found = step.find(attribute)) return found->number;
    for (const auto& [id, value] : program.constants)
      if (input < step.inputs.size() && id == step.inputs[input] && value.shape().size() == 1)
        return double{to_tensor(value).item()};
    return std::nan("");
  };
  return limit(1, "min") == 0 && limit(2, "max") == 6 ? Activation::relu6 : Activation::none;
}

/// The activation x g(x) that these two steps are, for g in `gate` and the product of x and its result.
template <class T>
Activation gated_activation(const Step<T>& gate, const Step<T>& product, int x) {
  const bool is_product = product.type == "Mul" && product.inputs.size() == 2 &&
                          ((product.inputs[0] == x && product.inputs[1] == gate.outputs[0]) ||
                           (product.inputs[1] == x && product.inputs[0] == gate.outputs[0]));
  if (!is_product) return Activation::none;
  if (gate.type == "Sigmoid") return Activation::silu;
  const auto real = [&](const char* name, double otherwise) {
    const auto* found = gate.find(name);
    return found ? found->number : otherwise;
  };
  const bool sixth = std::abs(real("alpha", 0.2) - 1.0 / 6) < 1e-6 && real("beta", 0.5) == 0.5;
  return gate.type == "HardSigmoid" && sixth ? Activation::hardswish : Activation::none;
}

template <class T>
void erase_steps(Program<T>& program, const std::vector<bool>& dead) {
  std::vector<Step<T>> kept;
  for (std::size_t s = 0; s < program.steps.size(); ++s)
    if (!dead[s]) kept.push_back(std::move(program.steps[s]));
  program.steps = std::move(kept);
}

/// Activations become part of the convolution, batch norm or sum before them, where nothing else needs its result.
template <class T>
void fuse_activations(Program<T>& program) {
  const Uses<T> uses(program);
  auto& steps = program.steps;
  std::vector<bool> dead(steps.size(), false);
  for (auto& step : steps) {
    const bool takes_all = step.type == "Conv" || (step.type == "BatchNormalization" && step.outputs.size() == 1);
    if (!(takes_all || step.type == "Add") || step.outputs[0] < 0) continue;
    const int x = step.outputs[0];
    const auto& users = uses.of(x);
    if (users.size() == 1 && users[0] < steps.size() && steps[users[0]].inputs[0] == x) {
      step.activation = activation_of(program, steps[users[0]]);
      if (!takes_all && step.activation != Activation::relu) step.activation = Activation::none;
      if (step.activation == Activation::none) continue;
      step.outputs = steps[users[0]].outputs;
      dead[users[0]] = true;
    } else if (takes_all && users.size() == 2 && users[1] < steps.size() && users[0] != users[1]) {
      const auto &gate = steps[users[0]], &product = steps[users[1]];
      if (gate.outputs[0] < 0 || uses.of(gate.outputs[0]).size() != 1) continue;
      step.activation = gated_activation(gate, product, x);
      if (step.activation == Activation::none) continue;
      step.outputs = product.outputs;
      dead[users[0]] = dead[users[1]] = true;
    }
  }
  erase_steps(program, dead);
}

/// weight / sqrt(variance + epsilon)
template <class T>
Tensor<T> norm_scale(const Step<T>& norm, const Tensor<T>& weight, const Tensor<T>& variance) {
  const auto* found = norm.find("epsilon");
  const NoGrad no_grad;
  return weight.detach() / sqrt(variance.detach() + static_cast<T>(found ? found->number : 1e-5));
}

/// Slots of a convolution's weight, of the four tensors of the norm after it, and of its bias if there is one. Empty
/// when they are not all tensors of the file, of fitting shapes, that nothing else uses.
template <class T>
std::vector<std::size_t> foldable_slots(const Program<T>& program, const std::vector<Tensor<T>>& tensors,
                                        const Uses<T>& uses, const Step<T>& conv, const Step<T>& norm) {
  const auto* training = norm.find("training_mode");
  if (norm.type != "BatchNormalization" || norm.inputs.size() != 5 || norm.outputs.size() != 1 ||
      norm.inputs[0] != conv.outputs[0] || conv.inputs.size() < 2 || conv.inputs.size() > 3 ||
      (training && training->integer != 0))
    return {};
  std::vector<int> ids{conv.inputs[1], norm.inputs[1], norm.inputs[2], norm.inputs[3], norm.inputs[4]};
  if (conv.inputs.size() == 3 && conv.inputs[2] >= 0) ids.push_back(conv.inputs[2]);
  std::vector<std::size_t> slots;
  for (const int id : ids) {
    std::size_t slot = 0;
    while (slot < tensors.size() && program.slots[slot].value != id) ++slot;
    if (slot == tensors.size() || !tensors[slot].defined() || uses.of(id).size() != 1) return {};
    const bool fits = slots.empty() || tensors[slot].shape() == Shape{tensors[slots[0]].dim(0)};
    if (!fits) return {};
    slots.push_back(slot);
  }
  return slots;
}

/// Batch norms become part of the convolution before them, where nothing else needs its result or its weight. The bias
/// of the norm becomes that of the convolution.
template <class T>
void fold_batch_norms(Program<T>& program, std::vector<Tensor<T>>& tensors) {
  const NoGrad no_grad;
  const Uses<T> uses(program);
  std::vector<bool> dead(program.steps.size(), false);
  for (auto& conv : program.steps) {
    if (conv.type != "Conv" || conv.activation != Activation::none || conv.outputs[0] < 0) continue;
    const auto& users = uses.of(conv.outputs[0]);
    if (users.size() != 1 || users[0] >= program.steps.size()) continue;
    const auto& norm = program.steps[users[0]];
    const auto slots = foldable_slots(program, tensors, uses, conv, norm);
    if (slots.empty()) continue;
    auto& weight = tensors[slots[0]];
    const auto scale = norm_scale(norm, tensors[slots[1]], tensors[slots[4]]);
    std::vector<Index> sizes(static_cast<std::size_t>(weight.rank()), 1);
    sizes[0] = scale.size();
    weight = contiguous(weight.detach()) * reshape(scale, shape_of(sizes));
    const auto &mean = tensors[slots[3]], shifted = slots.size() == 6 ? tensors[slots[5]] - mean : -mean;
    tensors[slots[2]] = tensors[slots[2]] + shifted * scale;
    for (std::size_t i = 1; i < slots.size(); ++i)
      if (i != 2) tensors[slots[i]] = {};
    conv.inputs = {conv.inputs[0], conv.inputs[1], norm.inputs[2]};
    conv.outputs = norm.outputs;
    conv.activation = norm.activation;
    dead[users[0]] = true;
  }
  erase_steps(program, dead);
}

}  // namespace nasion::io::detail::onnx
