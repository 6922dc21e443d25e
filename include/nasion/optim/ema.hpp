#pragma once
// Exponential moving average of the weights of a model (Polyak and Juditsky 1992): often better than the last weights.

#include <algorithm>

#include "nasion/nn/module.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion::optim {

/// How slowly the average follows.
struct EmaOptions {
  double decay = 0.999;  ///< of the average, at each update
  bool warm_up = true;   ///< at most (1 + t) / (10 + t) after t updates: the first weights are soon forgotten
};

/// A second model whose parameters follow those of the first: average = decay average + (1 - decay) parameter. Its
/// buffers and counters are copies. To be updated after each step of the optimizer; model() is for evaluation.
template <class M>
class Ema {
 public:
  using Scalar = nn::ScalarOf<M>;
  EmaOptions options;

  /// Starts from the weights that `model` has. ValueError unless 0 <= decay <= 1.
  explicit Ema(const M& model, const EmaOptions& o = {}) : options(o), model_(nn::clone(model)) {
    check<ValueError>(o.decay >= 0 && o.decay <= 1, "[Ema] decay must be in [0, 1], got ", o.decay);
    nn::freeze(model_);
    nn::eval(model_);
  }
  Ema(const Ema&) = delete;  // a copy would share the average
  Ema& operator=(const Ema&) = delete;
  Ema(Ema&&) noexcept = default;
  Ema& operator=(Ema&&) noexcept = default;

  /// Moves the average towards `model`. ValueError when that does not have the parameters of the first one.
  void update(const M& model) {
    const NoGrad no_grad;
    const auto from = nn::traverse(model), to = nn::traverse(model_);
    const auto same = [](const auto& a, const auto& b) {
      return a.name == b.name && a.tensor.shape() == b.tensor.shape();
    };
    check<ValueError>(std::equal(from.tensors.begin(), from.tensors.end(), to.tensors.begin(), to.tensors.end(), same),
                      "[Ema] the model does not have the parameters of the one that is averaged");
    const double t = static_cast<double>(updates_++);
    const double decay = options.warm_up ? std::min(options.decay, (1 + t) / (10 + t)) : options.decay;
    for (std::size_t i = 0; i < to.tensors.size(); ++i) {
      const auto& average = to.tensors[i].tensor;
      const auto is_this = [&](const auto& entry) { return entry.tensor.same_as(average); };
      const auto first = std::find_if(to.tensors.begin(), to.tensors.end(), is_this);
      if (first != to.tensors.begin() + static_cast<std::ptrdiff_t>(i)) continue;  // has several names
      if (to.tensors[i].is_parameter)
        mix(average, from.tensors[i].tensor, decay);
      else
        average.copy_from(from.tensors[i].tensor);
    }
    for (std::size_t i = 0; i < to.counters.size(); ++i) *to.counters[i].slot = from.counters[i].value;
  }

  /// The average: a frozen model in eval mode.
  const M& model() const { return model_; }
  M& model() { return model_; }

  static void visit(auto& self, auto&& f) {
    f("model", self.model_);
    f.counter("updates", self.updates_);
  }

 private:
  static void mix(const Tensor<Scalar>& average, const Tensor<Scalar>& parameter, double decay) {
    const auto addend = to_order(parameter, average.order());
    const auto keep = static_cast<Scalar>(decay), share = static_cast<Scalar>(1 - decay);
    const Scalar* from = addend.memory();
    Scalar* to = nasion::detail::writable(average);
    parallel_for(average.size(), 65536, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) to[i] = keep * to[i] + share * from[i];
    });
  }

  M model_;
  std::int64_t updates_ = 0;
};

}  // namespace nasion::optim
