#pragma once
// Recurrent networks, with the parameters, names and defaults of PyTorch.

#include "nasion/nn/functions.hpp"
#include "nasion/nn/init.hpp"
#include "nasion/ops/linear.hpp"
#include "nasion/ops/recurrent.hpp"

namespace nasion::nn {

/// `in` numbers at each step, `hidden` of the state; `layers` one upon the other, with `dropout` between them while
/// training. `bidirectional`: each layer also reads from the end. `batch_first`: sequences are [N, steps, in] instead
/// of [steps, N, in]. Defaults of torch.nn.LSTM and GRU.
struct RecurrentConfig {
  Index in = 0, hidden = 0, layers = 1;
  bool bias = true, batch_first = false;
  double dropout = 0;
  bool bidirectional = false;
};

/// What an LSTM returns: h of the last layer at each step, [steps, N, directions hidden] (batch_first: [N, steps, ..]);
/// h and c of each layer and direction after its last step, [layers directions, N, hidden].
template <Real T>
struct LSTMResult {
  Tensor<T> output, h, c;
};

/// What a GRU returns: as LSTMResult.
template <Real T>
struct GRUResult {
  Tensor<T> output, h;
};

namespace detail {

/// Of one layer and direction. weight_ih [gates hidden, in], weight_hh [gates hidden, hidden], biases [gates hidden] or
/// undefined
template <class T>
struct RecurrentWeights {
  Tensor<T> weight_ih, weight_hh, bias_ih, bias_hh;
};

/// Layers of cells that have `gates` gates.
template <class T>
struct Recurrent {
  RecurrentConfig config;
  std::vector<RecurrentWeights<T>> weights;  // layer 0, backwards if bidirectional, layer 1, ..
  Dropout<T> dropout;
  Checker at;

  Recurrent(const Checker& name, Index gates, const RecurrentConfig& c, Rng& rng)
      : config(c), dropout(0, rng), at(name) {
    at.check<ValueError>(c.in > 0 && c.hidden > 0 && c.layers > 0, "in ", c.in, ", hidden ", c.hidden, " and layers ",
                         c.layers, " must be positive");
    at.check<ValueError>(c.dropout >= 0 && c.dropout <= 1, "dropout ", c.dropout, " must be in [0, 1]");
    dropout.p = c.dropout;
    const double bound = 1 / std::sqrt(static_cast<double>(c.hidden));
    for (Index i = 0; i < c.layers * directions(); ++i) {
      const Index in = i < directions() ? c.in : directions() * c.hidden, rows = gates * c.hidden;
      auto& w = weights.emplace_back();
      w.weight_ih = uniform_parameter<T>({rows, in}, bound, rng);
      w.weight_hh = uniform_parameter<T>({rows, c.hidden}, bound, rng);
      if (!c.bias) continue;
      w.bias_ih = uniform_parameter<T>({rows}, bound, rng);
      w.bias_hh = uniform_parameter<T>({rows}, bound, rng);
    }
  }

  Index directions() const { return config.bidirectional ? 2 : 1; }

  static void visit(auto& self, auto&& f) {
    for (std::size_t i = 0; i < self.weights.size(); ++i) {
      const auto both = static_cast<std::size_t>(self.directions());
      const auto name = [&](const char* what) { return message(what, "_l", i / both, i % both ? "_reverse" : ""); };
      f(name("weight_ih"), self.weights[i].weight_ih);
      f(name("weight_hh"), self.weights[i].weight_hh);
      f(name("bias_ih"), self.weights[i].bias_ih);
      f(name("bias_hh"), self.weights[i].bias_hh);
    }
    f("dropout", self.dropout);
  }

  /// State `number` [N, hidden] of the initial ones [layers directions, N, hidden], or zeros.
  Tensor<T> state(const Tensor<T>& initial, std::size_t number, Index rows) const {
    const auto i = static_cast<Index>(number);
    return initial.defined() ? squeeze(slice(initial, 0, i, i + 1), 0) : Tensor<T>::zeros({rows, config.hidden});
  }

  /// The last layer's states at each step, where `layer(x, number, backwards)` gives those of one, [steps, N, hidden].
  template <class Layer>
  Tensor<T> run(const Tensor<T>& x, const std::vector<Tensor<T>>& initial, Layer&& layer) const {
    at.check(x.rank() == 3 && x.dim(2) == config.in, "input ", x.shape(), " must be ",
             config.batch_first ? "[N, steps, " : "[steps, N, ", config.in, "]");
    auto y = config.batch_first ? transpose(x, 0, 1) : x;
    at.check(y.dim(0) > 0, "input ", x.shape(), " has no steps");
    const Shape states{static_cast<Index>(weights.size()), y.dim(1), config.hidden};
    for (const auto& s : initial)
      at.check(!s.defined() || s.shape() == states, "state ", s.defined() ? s.shape() : Shape{}, " must be ", states,
               " for input ", x.shape());
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (i > 0 && i % static_cast<std::size_t>(directions()) == 0) y = dropout(y);
      if (config.bidirectional) {
        const auto forwards = layer(y, i, false);
        y = concat<T>({forwards, layer(y, i + 1, true)}, 2);
        ++i;
      } else {
        y = layer(y, i, false);
      }
    }
    return config.batch_first ? transpose(y, 0, 1) : y;
  }

  /// The state of a layer after its last step, [1, N, hidden].
  static Tensor<T> last(const Tensor<T>& states, Index steps, bool backwards) {
    const Index t = backwards ? 0 : steps - 1;
    return slice(states, 0, t, t + 1);
  }
};

}  // namespace detail

/// Long short-term memory: [steps, N, in] -> output [steps, N, hidden], with h and c.
/// `const auto [output, h, c] = LSTM<float>({.in = 8, .hidden = 32}, rng)(x);`
template <Real T>
struct LSTM : detail::Recurrent<T> {
  /// Draws parameters uniformly within 1 / sqrt(hidden). ValueError for sizes that are not positive, or a dropout
  /// outside [0, 1].
  LSTM(const RecurrentConfig& c, Rng& rng) : detail::Recurrent<T>(Checker("LSTM"), 4, c, rng) {}

  /// h and c [layers directions, N, hidden]: the state at first, zeros when undefined.   ShapeError when they do not
  /// fit, or there are no steps.
  LSTMResult<T> operator()(const Tensor<T>& x, const Tensor<T>& h = {}, const Tensor<T>& c = {}) const {
    std::vector<Tensor<T>> last_h, last_c;
    const auto output = this->run(x, {h, c}, [&](const Tensor<T>& in, std::size_t i, bool backwards) {
      const auto& w = this->weights[i];
      const Index steps = in.dim(0), rows = in.dim(1);
      const auto bias = w.bias_ih.defined() ? w.bias_ih + w.bias_hh : Tensor<T>{};
      const auto all = nasion::detail::lstm_sequence(linear(in, w.weight_ih, bias), w.weight_hh,
                                                     this->state(h, i, rows), this->state(c, i, rows), backwards);
      last_h.push_back(this->last(all, steps, backwards));
      last_c.push_back(slice(all, 0, steps, steps + 1));
      return slice(all, 0, 0, steps);
    });
    return {output, concat(last_h, 0), concat(last_c, 0)};
  }
};

/// Gated recurrent units: [steps, N, in] -> output [steps, N, hidden], with h.
template <Real T>
struct GRU : detail::Recurrent<T> {
  /// As LSTM.
  GRU(const RecurrentConfig& c, Rng& rng) : detail::Recurrent<T>(Checker("GRU"), 3, c, rng) {}

  /// h [layers directions, N, hidden]: the state at first, zeros when undefined.   Errors as of LSTM.
  GRUResult<T> operator()(const Tensor<T>& x, const Tensor<T>& h = {}) const {
    std::vector<Tensor<T>> last_h;
    const auto output = this->run(x, {h}, [&](const Tensor<T>& in, std::size_t i, bool backwards) {
      const auto& w = this->weights[i];
      const auto states = nasion::detail::gru_sequence(linear(in, w.weight_ih, w.bias_ih), w.weight_hh, w.bias_hh,
                                                       this->state(h, i, in.dim(1)), backwards);
      last_h.push_back(this->last(states, in.dim(0), backwards));
      return states;
    });
    return {output, concat(last_h, 0)};
  }
};

}  // namespace nasion::nn
