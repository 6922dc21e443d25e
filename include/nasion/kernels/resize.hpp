#pragma once
// Resampling of images along rows and columns. Each axis is a small sparse matrix, so nearest and bilinear, enlarging
// and shrinking, are one loop, and a gradient is the same loop with both matrices transposed.

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "nasion/core/strided.hpp"
#include "nasion/kernels/scratch.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// Output position o is the sum of weight[t] times input position source[t], for t from begin[o] up to begin[o + 1].
/// At most two terms for each output here, but for a gradient as many as outputs that an input went to. Stored as
/// compressed sparse rows.
template <class T>
struct Resampling {
  // Rows of a sparse matrix, one after the other.
  std::vector<Index> begin{0}, source{};
  std::vector<T> weight{};

  Index outputs() const { return static_cast<Index>(begin.size()) - 1; }
  /// Adds a term to the output that is being made; end_output() goes on to the next.
  void add(Index position, double factor) {
    source.push_back(position);
    weight.push_back(static_cast<T>(factor));
  }
  void end_output() { begin.push_back(static_cast<Index>(source.size())); }
  Index terms(Index o) const { return begin[static_cast<std::size_t>(o) + 1] - begin[static_cast<std::size_t>(o)]; }
  /// Calls f(source, weight) for each term of output o.
  template <class F>
  void for_terms(Index o, F&& f) const {
    for (auto t = static_cast<std::size_t>(begin[static_cast<std::size_t>(o)]);
         t < static_cast<std::size_t>(begin[static_cast<std::size_t>(o) + 1]); ++t)
      f(source[t], weight[t]);
  }
};

/// Each output takes the input position below o `step`; the same size and twice the size are exact, as in PyTorch,
/// whatever the step.
template <class T>
Resampling<T> nearest_resampling(Index inputs, Index outputs, double step) {
  // Without a step of its own, step = inputs / outputs, which whole numbers divide exactly.
  const bool whole =
      outputs == inputs || outputs == 2 * inputs || step == static_cast<double>(inputs) / static_cast<double>(outputs);
  Resampling<T> r;
  for (Index o = 0; o < outputs; ++o) {
    const Index position = whole ? o * inputs / outputs : static_cast<Index>(std::floor(static_cast<double>(o) * step));
    r.add(std::min(position, inputs - 1), 1);
    r.end_output();
  }
  return r;
}

/// Each output lies between two input positions: at o `step` when the outermost centres coincide (`align_corners`),
/// otherwise at (o + 1/2) `step` - 1/2, but not before the first.
template <class T>
Resampling<T> linear_resampling(Index inputs, Index outputs, double step, bool align_corners) {
  Resampling<T> r;
  for (Index o = 0; o < outputs; ++o) {
    const double position = static_cast<double>(o);
    const double x = inputs == outputs ? position
                     : align_corners   ? position * step
                                       : std::max(0.0, (position + 0.5) * step - 0.5);
    const Index low = std::min(static_cast<Index>(x), inputs - 1);
    const double fraction = x - static_cast<double>(low);
    const bool between = fraction > 0 && low + 1 < inputs;
    r.add(low, between ? 1 - fraction : 1);
    if (between) r.add(low + 1, fraction);
    r.end_output();
  }
  return r;
}

/// The matrix of the gradient: the gradient of input position i is the weighted sum of those of the outputs it went to.
template <class T>
Resampling<T> transposed(const Resampling<T>& r, Index inputs) {
  // Terms of an input come in the order of the outputs, so that they are always summed alike.
  std::vector<std::vector<std::pair<Index, T>>> given(static_cast<std::size_t>(inputs));
  for (Index o = 0; o < r.outputs(); ++o)
    r.for_terms(o, [&](Index i, T factor) { given[static_cast<std::size_t>(i)].emplace_back(o, factor); });
  Resampling<T> t;
  for (const auto& terms : given) {
    for (const auto& [output, factor] : terms) t.add(output, static_cast<double>(factor));
    t.end_output();
  }
  return t;
}

namespace detail {

/// dst[0 .. n) = weighted sum of the rows that output o names, with stride n in x. Two rows at once: bilinear enlarging
/// is then a single pass over memory.
template <class T>
void blend_rows(const Resampling<T>& r, Index o, const T* __restrict x, Index n, T* __restrict dst) {
  auto t = static_cast<std::size_t>(r.begin[static_cast<std::size_t>(o)]);
  const auto end = static_cast<std::size_t>(r.begin[static_cast<std::size_t>(o) + 1]);
  // The first terms set what later ones add to: dst need not hold zeros, and is written once less.
  auto set_or_add = [&, fresh = true](auto&& term) mutable {
    if (std::exchange(fresh, false))
      for (Index i = 0; i < n; ++i) dst[i] = term(i);
    else
      for (Index i = 0; i < n; ++i) dst[i] += term(i);
  };
  const auto row = [&](std::size_t term) { return x + r.source[term] * n; };
  if (t == end) set_or_add([](Index) { return T{0}; });
  for (; t + 1 < end; t += 2)
    set_or_add([a = row(t), b = row(t + 1), weight_a = r.weight[t], weight_b = r.weight[t + 1]](Index i) {
      return weight_a * a[i] + weight_b * b[i];
    });
  if (t < end) set_or_add([a = row(t), weight = r.weight[t]](Index i) { return weight * a[i]; });
}

}  // namespace detail

/// y [n, c, rows.outputs(), columns.outputs()] = x [n, c, h, w] resampled along both axes. Every row of y is computed
/// alone: first its input rows are blended, then the columns of the blend.
template <class T>
void resize(Index n, Index c, Index h, Index w, MemoryOrder order, const Resampling<T>& rows,
            const Resampling<T>& columns, const T* x, T* y) {
  const auto [planes, lanes] = order == MemoryOrder::row_major ? std::pair{n * c, Index{1}} : std::pair{n, c};
  const Index oh = rows.outputs(), ow = columns.outputs();
  const Index in_row = w * lanes, out_row = ow * lanes;
  // Rows first, as a row of x is contiguous and the blend of two a loop that vectorises; columns, which gather, then
  // find the blend in the nearest cache.
  // A blend is one row of x and stays in L1 or L2 until its columns are blended.
  const auto resize_row = [&, l = lanes](Index row, T* blend) {
    T* out = y + row * out_row;
    detail::blend_rows(rows, row % oh, x + row / oh * h * in_row, in_row, blend);
    // Row-major, columns are blended one by one; channels-last, each is a row of channels.
    if (l == 1)
      for (Index o = 0; o < ow; ++o) {
        T sum{0};
        columns.for_terms(o, [&](Index i, T factor) { sum += factor * blend[i]; });
        out[o] = sum;
      }
    else
      for (Index o = 0; o < ow; ++o) detail::blend_rows(columns, o, blend, l, out + o * l);
  };
  // Pieces of 16384 elements that are read or written, so that a small row does not cost a thread.
  parallel_for(planes * oh, std::max<Index>(1, 16384 / std::max<Index>(1, in_row + out_row)),
               [&](Index begin, Index end) {
                 const Scratch<T> blend(in_row);
                 for (Index row = begin; row < end; ++row) resize_row(row, blend.data());
               });
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
