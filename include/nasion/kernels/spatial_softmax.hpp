#pragma once
// Softmax over the pixels of each map of a batch, and its cross-entropy, in both memory orders.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "nasion/core/strided.hpp"
#include "nasion/kernels/math.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// n images of k maps of so many pixels, [n, k, pixels] or, channels-last, [n, pixels, k].
struct MapSizes {
  Index n, k, pixels;
};

namespace detail {

/// The batch as pieces for one thread each: row-major a map, channels-last the k maps of an image, whose elements are
/// interleaved. A piece is read in rows of `width` elements, so that place j of every row belongs to map j % maps: sums
/// and maxima are kept per place, and the loops over a row vectorise in both orders.
struct MapRows {
  Index pieces, maps, size, width;

  MapRows(const MapSizes& s, MemoryOrder order)
      : pieces(order == MemoryOrder::row_major ? s.n * s.k : s.n),
        maps(order == MemoryOrder::row_major ? 1 : s.k),
        size(s.pixels * maps),
        width(maps) {
    // At least 512 elements, 32 vectors of AVX-512, so that loops over a row pay: doubled only, so that combine() can
    // halve. The four arrays per place that a loss needs are 8 KiB of float, and stay in L1.
    while (width > 0 && width < 512) width *= 2;
  }

  /// Calls f(begin, count) for each row of elements.
  template <class F>
  void for_rows(Index piece, F&& f) const {
    for (Index begin = piece * size; begin < (piece + 1) * size; begin += width)
      f(begin, std::min(width, (piece + 1) * size - begin));
  }
  /// One element per place, all equal.
  template <class T>
  std::vector<T> places(T value) const {
    return std::vector<T>(static_cast<std::size_t>(width), value);
  }
  /// One element per place, from one per map.
  template <class T>
  std::vector<T> places(const T* of_maps) const {
    auto x = places(T{0});
    std::copy_n(of_maps, maps, x.data());
    repeat(x);
    return x;
  }
  /// Combines the places of each map; all of them get the result.
  template <class T, class F>
  void combine(std::vector<T>& x, F&& f) const {
    T* values = x.data();
    for (Index half = width / 2; half >= maps && half > 0; half /= 2)
      for (Index j = 0; j < half; ++j) values[j] = f(values[j], values[j + half]);
    repeat(x);
  }
  /// Calls f(piece) for all pieces, in parallel.
  template <class F>
  void for_pieces(F&& f) const {
    // At least 4096 elements for a thread: an exponential of each takes a few microseconds.
    parallel_for(pieces, std::max<Index>(1, 4096 / std::max<Index>(1, size)), [&](Index begin, Index end) {
      for (Index piece = begin; piece < end; ++piece) f(piece);
    });
  }

 private:
  /// Gives the elements of the first places to all.
  template <class T>
  void repeat(std::vector<T>& x) const {
    for (Index filled = maps; filled < width; filled *= 2) std::copy_n(x.data(), filled, x.data() + filled);
  }
};

/// e^x, for x <= 0, where it counts in a sum with e^0: below 2^-126 (2^-1022 for double) it is 0. Denormal elements
/// cost some processors a hundred cycles each, and most pixels of a peaked map would be such.
template <class T>
T exp_or_zero(T x) {
  const T e = kernels::exp(x);
  return e < std::numeric_limits<T>::min() ? T{0} : e;
}

/// The largest element of each map, per place.
template <class T>
std::vector<T> largest_of_maps(const MapRows& rows, Index piece, const T* x) {
  auto top = rows.places(-std::numeric_limits<T>::infinity());
  T* largest = top.data();
  rows.for_rows(piece, [&](Index begin, Index count) {
    for (Index j = 0; j < count; ++j) largest[j] = x[begin + j] > largest[j] ? x[begin + j] : largest[j];
  });
  rows.combine(top, [](T a, T b) { return std::max(a, b); });
  return top;
}

/// Sums over each map, per place.
template <class T>
struct MapSums {
  std::vector<T> total;  // of exp(x - top)
  std::vector<T> mass;   // of target
  std::vector<T> dot;    // of target (x - top)

  MapSums(const MapRows& rows, Index piece, const T* x, const std::vector<T>& top, const T* target)
      : total(rows.places(T{0})), mass(total), dot(total) {
    rows.for_rows(piece, [&](Index begin, Index count) {
      add(count, x + begin, top.data(), target + begin, total.data(), mass.data(), dot.data());
    });
    for (auto* sum : {&total, &mass, &dot}) rows.combine(*sum, [](T a, T b) { return a + b; });
  }

 private:
  // A function of its own, because only parameters can promise with __restrict that no two pointers alias, which
  // vectorising needs.
  static void add(Index count, const T* __restrict x, const T* __restrict top, const T* __restrict target,
                  T* __restrict total, T* __restrict mass, T* __restrict dot) {
    for (Index j = 0; j < count; ++j) {
      total[j] += exp_or_zero(x[j] - top[j]);
      mass[j] += target[j];
      dot[j] += target[j] * (x[j] - top[j]);
    }
  }
};

}  // namespace detail

/// y = exp(x) / sum of exp(x) over each map, shifted by the maximum so that nothing overflows.
template <class T>
void spatial_softmax_forward(const MapSizes& s, MemoryOrder order, const T* x, T* y) {
  const detail::MapRows rows(s, order);
  rows.for_pieces([&](Index piece) {
    const auto top = detail::largest_of_maps(rows, piece, x);
    auto total = rows.places(T{0});
    // Two loops over a row, which is in L1 for the second: each keeps fewer pointers, and vectorises.
    rows.for_rows(piece, [&, shift = top.data(), sum = total.data()](Index begin, Index count) {
      for (Index j = 0; j < count; ++j) y[begin + j] = detail::exp_or_zero(x[begin + j] - shift[j]);
      for (Index j = 0; j < count; ++j) sum[j] += y[begin + j];
    });
    rows.combine(total, [](T a, T b) { return a + b; });
    for (T& t : total) t = 1 / t;  // one division per map instead of one per pixel
    rows.for_rows(piece, [&, share = total.data()](Index begin, Index count) {
      for (Index j = 0; j < count; ++j) y[begin + j] *= share[j];
    });
  });
}

/// dx = y (dy - sum of y dy over each map), for y = softmax(x).
template <class T>
void spatial_softmax_backward(const MapSizes& s, MemoryOrder order, const T* y, const T* dy, T* dx) {
  const detail::MapRows rows(s, order);
  rows.for_pieces([&](Index piece) {
    auto total = rows.places(T{0});
    T* sum = total.data();
    rows.for_rows(piece, [&](Index begin, Index count) {
      for (Index j = 0; j < count; ++j) sum[j] += y[begin + j] * dy[begin + j];
    });
    rows.combine(total, [](T a, T b) { return a + b; });
    rows.for_rows(piece, [&](Index begin, Index count) {
      for (Index j = 0; j < count; ++j) dx[begin + j] = y[begin + j] * (dy[begin + j] - sum[j]);
    });
  });
}

/// Of each map [n, k]: largest logit, sum of exp(logit - largest), and sum of the target.
template <class T>
struct SpatialCrossEntropyState {
  std::vector<T> top, total, mass;  // [n, k], kept for the gradients
  explicit SpatialCrossEntropyState(const MapSizes& s)
      : top(static_cast<std::size_t>(s.n * s.k)), total(top), mass(top) {}
};

/// loss [n, k] = -sum of target log(softmax(x)) over each map.
template <class T>
void spatial_cross_entropy_forward(const MapSizes& s, MemoryOrder order, const T* x, const T* target, T* loss,
                                   SpatialCrossEntropyState<T>& state) {
  const detail::MapRows rows(s, order);
  rows.for_pieces([&](Index piece) {
    const auto top = detail::largest_of_maps(rows, piece, x);
    const detail::MapSums<T> sums(rows, piece, x, top, target);
    for (Index j = 0; j < rows.maps; ++j) {
      const auto place = static_cast<std::size_t>(j), map = static_cast<std::size_t>(piece * rows.maps + j);
      loss[map] = sums.mass[place] * std::log(sums.total[place]) - sums.dot[place];
      state.top[map] = top[place];
      state.total[map] = sums.total[place];
      state.mass[map] = sums.mass[place];
    }
  });
}

/// dx = dloss (softmax(x) sum of target - target).
template <class T>
void spatial_cross_entropy_backward(const MapSizes& s, MemoryOrder order, const T* x, const T* target,
                                    const SpatialCrossEntropyState<T>& state, const T* dloss, T* dx) {
  const detail::MapRows rows(s, order);
  rows.for_pieces([&](Index piece) {
    const Index map = piece * rows.maps;
    const auto top = rows.places(state.top.data() + map), total = rows.places(state.total.data() + map),
               gradient = rows.places(dloss + map);
    // What does not depend on the pixel is one factor per map.
    auto share = rows.places(state.mass.data() + map);
    for (std::size_t j = 0; j < share.size(); ++j) share[j] *= gradient[j] / total[j];
    rows.for_rows(piece, [&, shift = top.data(), g = gradient.data(), f = share.data()](Index begin, Index count) {
      for (Index j = 0; j < count; ++j)
        dx[begin + j] = f[j] * detail::exp_or_zero(x[begin + j] - shift[j]) - g[j] * target[begin + j];
    });
  });
}

/// dtarget = -dloss log(softmax(x)).
template <class T>
void spatial_cross_entropy_backward_target(const MapSizes& s, MemoryOrder order, const T* x,
                                           const SpatialCrossEntropyState<T>& state, const T* dloss, T* dtarget) {
  const detail::MapRows rows(s, order);
  rows.for_pieces([&](Index piece) {
    const Index map = piece * rows.maps;
    const auto top = rows.places(state.top.data() + map), gradient = rows.places(dloss + map);
    auto log_total = rows.places(state.total.data() + map);
    for (T& t : log_total) t = std::log(t);
    rows.for_rows(piece, [&, shift = top.data(), l = log_total.data(), g = gradient.data()](Index begin, Index count) {
      for (Index j = 0; j < count; ++j) dtarget[begin + j] = g[j] * (l[j] - (x[begin + j] - shift[j]));
    });
  });
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
