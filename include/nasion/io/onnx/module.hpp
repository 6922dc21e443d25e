#pragma once
// A network from an ONNX file as a module.

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "nasion/io/onnx/fusion.hpp"
#include "nasion/nn/module.hpp"

namespace nasion::io {

/// What load_onnx() makes of a file: a module like any other, with the file's initializers as parameters and buffers
/// under their names. It is in eval mode at first; nn::train() makes its batch norms and dropouts those of training.
template <Real T>
class OnnxModule {
 public:
  using Values = std::vector<OnnxValue<T>>;

  OnnxModule(detail::onnx::Program<T> program, std::vector<Tensor<T>> tensors)
      : program_(std::make_shared<const detail::onnx::Program<T>>(std::move(program))), tensors_(std::move(tensors)) {}

  /// The result of a network of one input and one output, both tensors. ValueError for another network; otherwise the
  /// error of the operation, with the name of the node before it.
  Tensor<T> operator()(const Tensor<T>& x) const {
    check<ValueError>(program_->inputs.size() == 1 && program_->outputs.size() == 1, "[OnnxModule] the network has ",
                      program_->inputs.size(), " inputs and ", program_->outputs.size(),
                      " outputs: call it with a list");
    return (*this)(Values{x})[0].tensor();
  }
  /// All outputs for all inputs, each a tensor or integers, in the order of input_names() and output_names().
  Values operator()(const Values& inputs) const {
    const auto& p = *program_;
    check<ValueError>(inputs.size() == p.inputs.size(), "[OnnxModule] ", inputs.size(), " inputs for a network of ",
                      p.inputs.size());
    Values values(static_cast<std::size_t>(p.value_count));
    const auto at = [&](int id) -> OnnxValue<T>& { return values[static_cast<std::size_t>(id)]; };
    for (std::size_t i = 0; i < inputs.size(); ++i) at(p.inputs[i]) = inputs[i];
    for (const auto& [id, value] : p.constants) at(id) = value;
    for (std::size_t i = 0; i < tensors_.size(); ++i)
      if (tensors_[i].defined()) at(p.slots[i].value) = tensors_[i];
    for (const auto& step : p.steps) {
      auto results = run(step, values);
      for (std::size_t i = 0; i < step.outputs.size(); ++i)
        if (step.outputs[i] >= 0) at(step.outputs[i]) = std::move(results[i]);
      for (const int id : step.last_uses) at(id) = {};
    }
    Values outputs;
    for (const int id : p.outputs) outputs.push_back(at(id));
    return outputs;
  }

  /// Names of the file, in the order of arguments.
  const std::vector<std::string>& input_names() const { return program_->input_names; }
  /// Names of the file, in the order of results.
  const std::vector<std::string>& output_names() const { return program_->output_names; }

  static void visit(auto& self, auto&& f) {
    for (std::size_t i = 0; i < self.tensors_.size(); ++i) {
      const auto& slot = self.program_->slots[i];
      if (slot.is_parameter)
        f(slot.name, self.tensors_[i]);
      else
        f.buffer(slot.name, self.tensors_[i]);
    }
    f.training(self.is_training_);
    f.rng("rng", self.rng_);
    if constexpr (requires { self.fold(); }) f.folds.push_back([&self] { self.fold(); });
  }

 private:
  detail::onnx::Values<T> run(const detail::onnx::Step<T>& step, const Values& values) const {
    detail::onnx::Call<T> call{step, program_->opset, is_training_, rng_};
    for (const int id : step.inputs)
      call.inputs.push_back(id < 0 ? OnnxValue<T>{} : values[static_cast<std::size_t>(id)]);
    const auto where = [&](const std::exception& error) {
      return message("[OnnxModule] ", nasion::printable(step.type, 100),
                     step.name.empty() ? "" : " " + in_quotes(step.name), ": ", error.what());
    };
    try {
      auto results = step.run(call);
      check<ValueError>(results.size() >= step.outputs.size(), "only ", results.size(), " of its results are computed");
      return results;
    } catch (const ShapeError& error) {
      throw ShapeError(where(error));
    } catch (const ValueError& error) {
      throw ValueError(where(error));
    } catch (const std::out_of_range& error) {  // of a list that should have had an element
      throw ValueError(where(error));
    }
  }

  /// For nn::fold_batch_norm().
  void fold() {
    auto folded = *program_;
    detail::onnx::fold_batch_norms(folded, tensors_);
    detail::onnx::note_last_uses(folded);
    program_ = std::make_shared<const detail::onnx::Program<T>>(std::move(folded));
  }

  std::shared_ptr<const detail::onnx::Program<T>> program_;
  std::vector<Tensor<T>> tensors_;  // by the program's slots
  bool is_training_ = false;
  mutable Rng rng_{0};  // advances with every dropout in training
};

}  // namespace nasion::io
