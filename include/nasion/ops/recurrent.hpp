#pragma once
// Whole sequences through one recurrent layer: what nn::LSTM and nn::GRU are made of. As one operation, so that the
// gradient goes back through time without a graph of small steps.

#include "nasion/kernels/math.hpp"
#include "nasion/ops/matmul.hpp"

namespace nasion::detail {

/// The step that comes k-th in time; backwards from the last.
inline Index time_step(Index k, Index steps, bool reverse) { return reverse ? steps - 1 - k : k; }

/// x[t] [N, width] of a sequence [steps, N, width], a view.
template <class T>
Tensor<T> at_step(const Tensor<T>& x, Index t) {
  return view(x, Shape{x.dim(1), x.dim(2)}, t * x.dim(1) * x.dim(2));
}

/// Calls f(row, j) for all rows and j < width, rows in parallel.
template <class F>
void for_units(Index rows, Index width, F f) {
  parallel_for(rows, std::max<Index>(1, 4096 / std::max<Index>(1, width)), [=](Index begin, Index end) {
    for (Index n = begin; n < end; ++n)
      for (Index j = 0; j < width; ++j) f(n, j);
  });
}

/// The states before each step, [steps, N, H], from those after it and the first.
template <class T>
Tensor<T> states_before(const Tensor<T>& after, const Tensor<T>& first, Index steps, bool reverse) {
  const auto before = Tensor<T>::empty({steps, first.dim(0), first.dim(1)});
  const Index size = first.size();
  for (Index k = 0; k < steps; ++k)
    std::copy_n(k == 0 ? first.data() : after.data() + time_step(k - 1, steps, reverse) * size, size,
                Op::writable(before) + time_step(k, steps, reverse) * size);
  return before;
}

/// The gradient of a [H', H] weight that is multiplied with states: sum over steps of gates^T states.
template <class T>
Tensor<T> recurrent_weight_gradient(const Tensor<T>& gates, const Tensor<T>& states) {
  using enum kernels::Factor;
  const auto rows = [](const Tensor<T>& x) { return view(x, Shape{x.dim(0) * x.dim(1), x.dim(2)}); };
  return product<transposed, plain>(rows(gates), rows(states));
}

/// LSTM (Hochreiter and Schmidhuber 1997; with a forget gate, Gers et al. 2000). x [steps, N, 4 H]: what the inputs add
/// to the gates i, f, g, o, biases included; weight [4 H, H], h0 and c0 [N, H] -> [steps + 1, N, H]: h after each step,
/// and c after the last.
template <class T>
Tensor<T> lstm_sequence(const Tensor<T>& input, const Tensor<T>& w, const Tensor<T>& h0, const Tensor<T>& c0,
                        bool reverse) {
  using enum kernels::Factor;
  const Op op("lstm");
  const auto x = contiguous(input), first_h = contiguous(h0), first_c = contiguous(c0), weight = contiguous(w);
  const Index steps = x.dim(0), rows = x.dim(1), hidden = x.dim(2) / 4, size = rows * hidden;
  const auto y = Tensor<T>::empty({steps + 1, rows, hidden});
  const auto gates = Tensor<T>::empty(x.shape()), cells = Tensor<T>::empty({steps, rows, hidden});
  auto h = first_h.detach();
  const T* before = first_c.data();
  for (Index k = 0; k < steps; ++k) {
    const Index t = time_step(k, steps, reverse);
    const auto recurrent = product<plain, transposed>(h, weight.detach());
    const T *from = x.data() + 4 * t * size, *add = recurrent.data(), *old = before;
    T *gate = Op::writable(gates) + 4 * t * size, *cell = Op::writable(cells) + t * size,
      *to = Op::writable(y) + t * size;
    for_units(rows, hidden, [=](Index n, Index j) {
      const Index at = 4 * n * hidden + j, own = n * hidden + j;
      const auto sum = [=](Index g) { return from[at + g * hidden] + add[at + g * hidden]; };
      const T i = kernels::sigmoid(sum(0)), f = kernels::sigmoid(sum(1));
      const T g = kernels::tanh(sum(2)), o = kernels::sigmoid(sum(3));
      gate[at] = i, gate[at + hidden] = f, gate[at + 2 * hidden] = g, gate[at + 3 * hidden] = o;
      cell[own] = f * old[own] + i * g;
      to[own] = o * kernels::tanh(cell[own]);
    });
    before = cell;
    h = at_step(y, t);
  }
  std::copy_n(before, size, Op::writable(y) + steps * size);
  return op.record(
      y, {x, weight, first_h, first_c},
      [=, y = save(y), weight = save(weight), h0 = save(first_h), c0 = save(first_c)](const Tensor<T>& grad) {
        const auto dy = contiguous(grad), dgates = Tensor<T>::empty(gates.shape());
        const auto before_c = states_before(cells, *c0, steps, reverse);
        Tensor<T> dh = Tensor<T>::zeros({rows, hidden});
        const auto dc = at_step(dy, steps).clone();
        for (Index k = steps; k-- > 0;) {
          const Index t = time_step(k, steps, reverse);
          const T *gate = gates.data() + 4 * t * size, *cell = cells.data() + t * size;
          const T *old = before_c.data() + t * size, *g_y = dy.data() + t * size, *g_h = dh.data();
          T *to = Op::writable(dgates) + 4 * t * size, *g_c = Op::writable(dc);
          for_units(rows, hidden, [=](Index n, Index j) {
            const Index at = 4 * n * hidden + j, own = n * hidden + j;
            const T i = gate[at], f = gate[at + hidden], g = gate[at + 2 * hidden], o = gate[at + 3 * hidden];
            const T c = kernels::tanh(cell[own]), d = g_y[own] + g_h[own], of_cell = g_c[own] + d * o * (1 - c * c);
            to[at] = of_cell * g * i * (1 - i);
            to[at + hidden] = of_cell * old[own] * f * (1 - f);
            to[at + 2 * hidden] = of_cell * i * (1 - g * g);
            to[at + 3 * hidden] = d * c * o * (1 - o);
            g_c[own] = of_cell * f;
          });
          dh = product<plain, plain>(at_step(dgates, t), *weight);
        }
        return Grads<T>{dgates, recurrent_weight_gradient(dgates, states_before(*y, *h0, steps, reverse)), dh, dc};
      });
}

/// GRU (Cho et al. 2014), as PyTorch defines it. x [steps, N, 3 H]: what the inputs add to the gates r, z, n; weight
/// [3 H, H], bias [3 H] or undefined, h0 [N, H] -> [steps, N, H].
template <class T>
Tensor<T> gru_sequence(const Tensor<T>& input, const Tensor<T>& w, const Tensor<T>& bias, const Tensor<T>& h0,
                       bool reverse) {
  using enum kernels::Factor;
  const Op op("gru");
  const auto x = contiguous(input), first = contiguous(h0), weight = contiguous(w);
  const Index steps = x.dim(0), rows = x.dim(1), hidden = x.dim(2) / 3, size = rows * hidden;
  const auto y = Tensor<T>::empty({steps, rows, hidden});
  // r, z, n, and what the state adds to n before r scales it.
  const auto gates = Tensor<T>::empty({steps, rows, 4 * hidden});
  const auto b = bias.defined() ? bias.detach() : Tensor<T>::zeros({3 * hidden});
  auto h = first.detach();
  for (Index k = 0; k < steps; ++k) {
    const Index t = time_step(k, steps, reverse);
    const auto recurrent = product<plain, transposed>(h, weight.detach());
    const T *from = x.data() + 3 * t * size, *add = recurrent.data(), *old = h.data(), *shift = b.data();
    T *gate = Op::writable(gates) + 4 * t * size, *to = Op::writable(y) + t * size;
    for_units(rows, hidden, [=](Index i, Index j) {
      const Index at = 3 * i * hidden + j, kept = 4 * i * hidden + j, own = i * hidden + j;
      const auto state = [=](Index g) { return add[at + g * hidden] + shift[j + g * hidden]; };
      const T r = kernels::sigmoid(from[at] + state(0)), z = kernels::sigmoid(from[at + hidden] + state(1));
      const T n = kernels::tanh(from[at + 2 * hidden] + r * state(2));
      gate[kept] = r, gate[kept + hidden] = z, gate[kept + 2 * hidden] = n, gate[kept + 3 * hidden] = state(2);
      to[own] = (1 - z) * n + z * old[own];
    });
    h = at_step(y, t);
  }
  return op.record(
      y, {x, weight, bias, first}, [=, y = save(y), weight = save(weight), h0 = save(first)](const Tensor<T>& grad) {
        const auto dy = contiguous(grad), dx = Tensor<T>::empty({steps, rows, 3 * hidden});
        const auto dstate = Tensor<T>::empty(dx.shape()), before = states_before(*y, *h0, steps, reverse);
        Tensor<T> dh = Tensor<T>::zeros({rows, hidden});
        for (Index k = steps; k-- > 0;) {
          const Index t = time_step(k, steps, reverse);
          const T *gate = gates.data() + 4 * t * size, *old = before.data() + t * size, *g_y = dy.data() + t * size;
          const auto through = Tensor<T>::empty({rows, hidden});  // what reaches h not by the weight
          const T* g_h = dh.data();
          T *to = Op::writable(dx) + 3 * t * size, *to_state = Op::writable(dstate) + 3 * t * size,
            *pass = Op::writable(through);
          for_units(rows, hidden, [=](Index i, Index j) {
            const Index at = 3 * i * hidden + j, kept = 4 * i * hidden + j, own = i * hidden + j;
            const T r = gate[kept], z = gate[kept + hidden], n = gate[kept + 2 * hidden];
            const T d = g_y[own] + g_h[own], of_n = d * (1 - z) * (1 - n * n);
            to_state[at] = to[at] = of_n * gate[kept + 3 * hidden] * r * (1 - r);
            to_state[at + hidden] = to[at + hidden] = d * (old[own] - n) * z * (1 - z);
            to[at + 2 * hidden] = of_n;
            to_state[at + 2 * hidden] = of_n * r;
            pass[own] = d * z;
          });
          dh = through + product<plain, plain>(at_step(dstate, t), *weight);
        }
        return Grads<T>{dx, recurrent_weight_gradient(dstate, before), dstate, dh};
      });
}

}  // namespace nasion::detail
