#pragma once
// Walking over dense memory whose dimensions are permuted, broadcast (stride 0) or summed away.

#include <algorithm>
#include <array>
#include <ostream>
#include <utility>
#include <vector>

#include "nasion/core/parallel.hpp"
#include "nasion/core/shape.hpp"
#include "nasion/core/simd.hpp"

namespace nasion {

/// How 4-D image batches lie in memory. The logical shape is always [N, C, H, W]; other ranks are row_major.
enum class MemoryOrder { row_major, channels_last };

/// Prints `row-major` or `channels-last`.
inline std::ostream& operator<<(std::ostream& out, MemoryOrder order) {
  return out << (order == MemoryOrder::row_major ? "row-major" : "channels-last");
}

/// Distance in elements between neighbours, per dimension.
using Strides = std::array<Index, max_rank>;

/// Strides of a dense tensor of this shape and order; channels_last is for rank 4 only.
inline Strides dense_strides(const Shape& shape, MemoryOrder order) {
  Strides strides{};
  if (order == MemoryOrder::channels_last) {
    const Index c = shape[1], h = shape[2], w = shape[3];
    return {c * h * w, 1, w * c, c};
  }
  Index step = 1;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    strides[static_cast<std::size_t>(d)] = step;
    step *= shape[d];
  }
  return strides;
}

/// Strides that read a dense tensor of shape `from` as if it had been broadcast to `to`: 0 where it is repeated.
inline Strides broadcast_strides(const Shape& from, MemoryOrder order, const Shape& to) {
  const Strides dense = dense_strides(from, order);
  Strides strides{};
  for (int d = 1; d <= from.rank(); ++d)
    if (from[-d] != 1)
      strides[static_cast<std::size_t>(to.rank() - d)] = dense[static_cast<std::size_t>(from.rank() - d)];
  return strides;
}

/// `count` operands walked together: loops from the outermost to the innermost, neighbours merged where all operands
/// allow.
template <int count>
struct Walk {
  /// How many steps, and how far each operand moves in one, in elements.
  struct Loop {
    Index size;
    std::array<Index, count> step;
  };
  std::array<Loop, max_rank> loops{};
  std::size_t depth = 0;  // loops in use, at least one

  /// Loops over `shape` in the order of decreasing strides of operand 0, which is thereby walked from front to back.
  Walk(const Shape& shape, const std::array<Strides, count>& strides) {
    for (int d = 0; d < shape.rank(); ++d) {
      if (shape[d] == 1) continue;
      Loop loop{shape[d], {}};
      for (std::size_t i = 0; i < count; ++i) loop.step[i] = strides[i][static_cast<std::size_t>(d)];
      std::size_t at = depth++;  // insertion sort, stable
      for (; at > 0 && loops[at - 1].step[0] < loop.step[0]; --at) loops[at] = loops[at - 1];
      loops[at] = loop;
    }
    std::size_t merged = 0;
    for (std::size_t l = 1; l < depth; ++l) {
      bool fits = true;
      for (std::size_t i = 0; i < count; ++i) fits = fits && loops[merged].step[i] == loops[l].step[i] * loops[l].size;
      if (fits)
        loops[merged] = {loops[merged].size * loops[l].size, loops[l].step};
      else
        loops[++merged] = loops[l];
    }
    depth = merged + 1;
    if (loops[0].size == 0) {  // a single element, or none
      loops[0].size = 1;
      loops[0].step.fill(1);
    }
  }

  /// The innermost loop, which is the caller's to run, from the offsets that for_runs() gives.
  const Loop& inner() const { return loops[depth - 1]; }
  /// Number of runs of the innermost loop.
  Index runs() const {
    Index n = 1;
    for (std::size_t l = 0; l + 1 < depth; ++l) n *= loops[l].size;
    return n;
  }
  /// Calls `f(offsets)` at the start of each run first .. last-1 of the innermost loop, in order.
  template <class F>
  void for_runs(Index first, Index last, F&& f) const {
    std::array<Index, max_rank> at{};
    std::array<Index, count> offset{};
    Index rest = first;
    for (std::size_t l = depth; l-- > 1;) {  // and not from depth - 1: the compiler does not know that it is no 0 - 1
      const Loop& loop = loops[l - 1];
      at[l] = rest % loop.size;
      rest /= loop.size;
      for (std::size_t i = 0; i < count; ++i) offset[i] += at[l] * loop.step[i];
    }
    for (Index run = first; run < last; ++run) {
      f(offset);
      for (std::size_t l = depth; l-- > 1;) {
        const Loop& loop = loops[l - 1];
        for (std::size_t i = 0; i < count; ++i) offset[i] += loop.step[i];
        if (++at[l] < loop.size) break;
        for (std::size_t i = 0; i < count; ++i) offset[i] -= loop.size * loop.step[i];
        at[l] = 0;
      }
    }
  }
};

namespace detail {
inline namespace NASION_INSTRUCTION_SET {

/// out[j * out_step + i] = in[i * in_step + j] for a square of simd::lanes elements a side.
template <class T>
void transpose_tile(const T* in, Index in_step, T* out, Index out_step) {
  constexpr Index lanes = simd::lanes<T>;
  simd::Vector<T> rows[lanes];
  for (Index i = 0; i < lanes; ++i) rows[i] = simd::load(in + i * in_step);
  simd::transpose<T>(rows);
  for (Index j = 0; j < lanes; ++j) simd::store(out + j * out_step, rows[j]);
}

/// The same for m rows and n columns.
template <class T>
void transpose(Index m, Index n, const T* in, Index in_step, T* out, Index out_step) {
  constexpr Index lanes = simd::lanes<T>, block = 64;  // rows at once, so that short pieces of memory are used in full
  if (m < lanes || n < lanes) {
    for (Index j = 0; j < n; ++j)
      for (Index i = 0; i < m; ++i) out[j * out_step + i] = in[i * in_step + j];
    return;
  }
  for (Index begin = 0; begin < m; begin += block)
    for (Index j = 0; j < n; j += lanes)
      for (Index i = begin; i < std::min(m, begin + block); i += lanes) {
        // The last tile ends with the matrix, over elements that the one before it has copied too.
        const Index row = std::min(i, m - lanes), column = std::min(j, n - lanes);
        transpose_tile(in + row * in_step + column, in_step, out + column * out_step + row, out_step);
      }
}

/// strided_copy() when the innermost two loops are a matrix and its transpose: channels to pixels, or back.
template <class T>
void transposed_copy(const Walk<2>& walk, const T* in, T* out) {
  constexpr Index block = 256;
  const auto &columns = walk.loops[walk.depth - 2], &rows = walk.inner();
  const Index column_blocks = (columns.size + block - 1) / block, row_blocks = (rows.size + block - 1) / block;
  const Index size = std::min(columns.size, block) * std::min(rows.size, block);
  const Index matrices = walk.runs() / columns.size;
  parallel_for(matrices * column_blocks * row_blocks, std::max<Index>(1, 32768 / size), [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Index row = i % row_blocks * block, column = i / row_blocks % column_blocks * block;
      const Index run = i / row_blocks / column_blocks * columns.size + column;
      walk.for_runs(run, run + 1, [&](const std::array<Index, 2>& offset) {
        transpose(std::min(block, rows.size - row), std::min(block, columns.size - column),
                  in + offset[1] + row * rows.step[1], rows.step[1], out + offset[0] + row, columns.step[0]);
      });
    }
  });
}

/// n elements, each a step after the one before.
template <class T>
void copy_run(Index n, const T* __restrict in, Index in_step, T* __restrict out, Index out_step) {
  if (out_step == 1 && in_step == 1 && n < 256)  // too few to ask a library function
    for (Index i = 0; i < n; ++i) out[i] = in[i];
  else if (out_step == 1 && in_step == 1)
    std::copy(in, in + n, out);
  else if (out_step == 1 && in_step == 0)
    std::fill_n(out, n, *in);
  else
    for (Index i = 0; i < n; ++i) out[i * out_step] = in[i * in_step];
}

/// out += in, of n elements, each a step after the one before.
template <class T>
void add_run(Index n, const T* __restrict in, Index in_step, T* __restrict out, Index out_step) {
  if (out_step == 1 && in_step == 1)
    for (Index i = 0; i < n; ++i) out[i] += in[i];
  else
    for (Index i = 0; i < n; ++i) out[i * out_step] += in[i * in_step];
}

/// Calls f(n, in, in_step, out, out_step) for all runs of a walk over out and in, or pieces of them, in parallel.
template <class T, class F>
void for_runs(const Walk<2>& walk, const T* in, T* out, F&& f) {
  constexpr Index piece = 32768;
  const Index n = walk.inner().size, out_step = walk.inner().step[0], in_step = walk.inner().step[1];
  if (walk.depth == 1)
    return parallel_for(n, piece, [&](Index begin, Index end) {
      f(end - begin, in + begin * in_step, in_step, out + begin * out_step, out_step);
    });
  const auto& rows = walk.loops[walk.depth - 2];
  const Index block = std::clamp<Index>(piece / n, 1, rows.size), blocks = (rows.size + block - 1) / block;
  parallel_for(walk.runs() / rows.size * blocks, std::max<Index>(1, piece / (n * block)), [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Index first = i % blocks * block, run = i / blocks * rows.size + first;
      walk.for_runs(run, run + 1, [&](const std::array<Index, 2>& offset) {
        for (Index row = 0; row < std::min(block, rows.size - first); ++row)
          f(n, in + offset[1] + row * rows.step[1], in_step, out + offset[0] + row * rows.step[0], out_step);
      });
    }
  });
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace detail

/// Copies the elements of `in`, read with `in_strides`, to the same logical places of `out`, other memory.
template <class T>
void strided_copy(const Shape& shape, const T* in, const Strides& in_strides, T* out, const Strides& out_strides) {
  if (shape.size() == 0) return;
  const Walk<2> walk(shape, {out_strides, in_strides});
  const auto& inner = walk.inner().step;
  if (walk.depth > 1 && inner[0] == 1 && inner[1] > 1 && walk.loops[walk.depth - 2].step[1] == 1)
    return detail::transposed_copy(walk, in, out);
  detail::for_runs(walk, in, out, [](auto... run) { detail::copy_run<T>(run...); });
}

/// Adds the elements of `in`, read with `in_strides`, to the same logical places of `out`, other memory.
template <class T>
void strided_add(const Shape& shape, const T* in, const Strides& in_strides, T* out, const Strides& out_strides) {
  if (shape.size() == 0) return;
  const Walk<2> walk(shape, {out_strides, in_strides});
  detail::for_runs(walk, in, out, [](auto... run) { detail::add_run<T>(run...); });
}

/// Sum of the n elements term(begin), term(begin + 1), ... with an error that grows with log(n): in lanes, then halves.
template <class T, class Term>
T pairwise_sum_of(Index begin, Index n, Term term) {  // by value, which the compilers see through
  if (n <= 256) {
    constexpr Index lanes = 16;
    T lane[lanes] = {};
    Index i = 0;
    for (; i + lanes <= n; i += lanes)
      for (Index l = 0; l < lanes; ++l) lane[l] += term(begin + i + l);
    for (Index l = 0; i < n; ++i, ++l) lane[l] += term(begin + i);
    for (Index half = lanes / 2; half > 0; half /= 2)
      for (Index l = 0; l < half; ++l) lane[l] += lane[l + half];
    return lane[0];
  }
  const Index half = n / 2 / 16 * 16;
  return pairwise_sum_of<T>(begin, half, term) + pairwise_sum_of<T>(begin + half, n - half, term);
}

/// Sum of n neighbours, see pairwise_sum_of().
template <class T>
T pairwise_sum(const T* x, Index n) {
  return pairwise_sum_of<T>(0, n, [x](Index i) { return x[i]; });
}

namespace detail {

/// strided_sum(), with sums of another type than the elements.
template <class T, class Sum>
void strided_sum_as(const Shape& shape, const T* in, const Strides& in_strides, Sum* out, const Strides& out_strides,
                    Index out_size) {
  const Walk<2> walk(shape, {in_strides, out_strides});
  const auto inner = walk.inner();
  const auto sum_runs = [&](Index first, Index last, Sum* to) {
    walk.for_runs(first, last, [&](const std::array<Index, 2>& offset) {
      const T* x = in + offset[0];
      Sum* y = to + offset[1];
      if (inner.step[1] == 0)
        *y += pairwise_sum(x, inner.size);
      else
        for (Index i = 0; i < inner.size; ++i) y[i * inner.step[1]] += x[i];
    });
  };
  constexpr Index piece = 1 << 16;  // elements summed into one partial result
  const auto& outer = walk.loops[0];
  const Index inside = shape.size() / outer.size;  // elements per step of the outermost loop
  const Index runs_inside = walk.depth == 1 ? 0 : walk.runs() / outer.size;
  if (walk.depth == 1) {
    if (inner.step[1] != 0) {
      for (Index i = 0; i < inner.size; ++i) out[i * inner.step[1]] += in[i];
    } else {
      *out += parallel_reduce(
          inner.size, piece, Sum{0},
          [&](Index begin, Index end) -> Sum { return pairwise_sum(in + begin, end - begin); },
          [](Sum a, Sum b) { return a + b; });
    }
  } else if (outer.step[1] != 0) {  // steps of the outermost loop write to different places
    parallel_for(outer.size, std::max<Index>(1, piece / inside),
                 [&](Index begin, Index end) { sum_runs(begin * runs_inside, end * runs_inside, out); });
  } else {  // all steps add to the same places: partial sums, then combined in order
    const Index grain = std::max({Index{1}, piece / inside, (outer.size + 63) / 64});
    const Index parts = (outer.size + grain - 1) / grain;
    if (parts == 1) return sum_runs(0, walk.runs(), out);
    std::vector<Sum> partial(static_cast<std::size_t>(parts * out_size), Sum{0});
    parallel_for(outer.size, grain, [&](Index begin, Index end) {
      sum_runs(begin * runs_inside, end * runs_inside, partial.data() + begin / grain * out_size);
    });
    for (Index p = 0; p < parts; ++p)
      for (Index i = 0; i < out_size; ++i) out[i] += partial[static_cast<std::size_t>(p * out_size + i)];
  }
}

}  // namespace detail

/// out += in, summed over the dimensions where `out_strides` is 0. `in` is dense with `in_strides`; `out` must hold
/// zeros (or what is to be added to). The order of additions depends on the shape alone.
template <class T>
void strided_sum(const Shape& shape, const T* in, const Strides& in_strides, T* out, const Strides& out_strides,
                 Index out_size) {
  if (shape.size() == 0) return;
  if (shape.size() < 256 * out_size) return detail::strided_sum_as(shape, in, in_strides, out, out_strides, out_size);
  // Many elements for each place: in double, so that the error does not grow with how many they are.
  std::vector<double> sums(out, out + out_size);
  detail::strided_sum_as(shape, in, in_strides, sums.data(), out_strides, out_size);
  std::transform(sums.begin(), sums.end(), out, [](double v) { return static_cast<T>(v); });
}

}  // namespace nasion
