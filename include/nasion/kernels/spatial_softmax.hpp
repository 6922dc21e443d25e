#pragma once
// Softmax over the pixels of each map of a batch, and its cross-entropy, in both memory orders.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "nasion/core/buffer.hpp"
#include "nasion/core/strided.hpp"

namespace nasion::kernels {

/// n images of k maps of so many pixels.
struct MapSizes {
  Index n, k, pixels;
};

namespace detail {

/// The batch as pieces for one thread each: row-major a map, channels-last the k maps of an image, whose numbers take
/// turns. A piece is read in rows of `width` numbers, so that place j of every row belongs to map j % maps: sums and
/// maxima are kept per place, and the loops over a row vectorise in both orders.
struct MapRows {
  Index pieces, maps, size, width;

  MapRows(const MapSizes& s, MemoryOrder order)
      : pieces(order == MemoryOrder::row_major ? s.n * s.k : s.n),
        maps(order == MemoryOrder::row_major ? 1 : s.k),
        size(s.pixels * maps),
        width(maps) {
    while (width > 0 && width < 512) width *= 2;  // doubled only, so that combine() can halve
  }

  /// Calls f(start of the row, numbers in it).
  template <class F>
  void for_rows(Index piece, F&& f) const {
    for (Index at = piece * size; at < (piece + 1) * size; at += width) f(at, std::min(width, (piece + 1) * size - at));
  }
  /// One number per place, all equal.
  template <class T>
  std::vector<T> places(T value) const {
    return std::vector<T>(static_cast<std::size_t>(width), value);
  }
  /// One number per place, from one per map.
  template <class T>
  std::vector<T> places(const T* of_maps) const {
    auto x = places(T{0});
    for (Index j = 0; j < width; j += maps) std::copy_n(of_maps, maps, x.data() + j);
    return x;
  }
  /// Combines the places of each map; all of them get the result.
  template <class T, class F>
  void combine(std::vector<T>& x, F&& f) const {
    T* to = x.data();
    for (Index half = width / 2; half >= maps && half > 0; half /= 2)
      for (Index j = 0; j < half; ++j) to[j] = f(to[j], to[j + half]);
    for (Index j = maps; j < width; j += maps) std::copy_n(to, maps, to + j);
  }
  /// Calls f(piece) for all pieces, in parallel.
  template <class F>
  void for_pieces(F&& f) const {
    parallel_for(pieces, std::max<Index>(1, 4096 / std::max<Index>(1, size)), [&](Index begin, Index end) {
      for (Index piece = begin; piece < end; ++piece) f(piece);
    });
  }
};

/// The largest number of each map, per place.
template <class T>
std::vector<T> largest_of_maps(const MapRows& rows, Index piece, const T* x) {
  auto top = rows.places(-std::numeric_limits<T>::infinity());
  T* to = top.data();
  rows.for_rows(piece, [&](Index at, Index count) {
    for (Index j = 0; j < count; ++j) to[j] = x[at + j] > to[j] ? x[at + j] : to[j];
  });
  rows.combine(top, [](T a, T b) { return std::max(a, b); });
  return top;
}

/// exp of one row of numbers, each less that of its place, in aligned memory that is filled up to whole vectors: every
/// number goes through the same instructions wherever it lies.
template <class T>
class ExpRow {
 public:
  explicit ExpRow(Index width) : buffer_(static_cast<std::size_t>(whole(width)) * sizeof(T)) {}
  const T* operator()(const T* x, const T* less, Index count) {
    T* y = static_cast<T*>(buffer_.data());
    for (Index j = 0; j < count; ++j) y[j] = x[j] - less[j];
    std::fill(y + count, y + whole(count), T{0});
    Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>, Eigen::AlignedMax> row(y, whole(count));
    row = row.exp();
    // Eigen's exp never falls to 0, and numbers below the normal ones are slow.
    for (Index j = 0; j < count; ++j) y[j] = y[j] < std::numeric_limits<T>::min() ? T{0} : y[j];
    return y;
  }

 private:
  static Index whole(Index count) { return (count + 15) / 16 * 16; }
  Buffer buffer_;
};

}  // namespace detail

/// y = exp(x) / sum of exp(x) over each map, shifted by the maximum so that nothing overflows.
template <class T>
void spatial_softmax_forward(const MapSizes& s, MemoryOrder order, const T* x, T* y) {
  const detail::MapRows rows(s, order);
  rows.for_pieces([&](Index piece) {
    const auto top = detail::largest_of_maps(rows, piece, x);
    auto total = rows.places(T{0});
    T* sum = total.data();
    detail::ExpRow<T> exp(rows.width);
    rows.for_rows(piece, [&](Index at, Index count) {
      const T* e = exp(x + at, top.data(), count);
      for (Index j = 0; j < count; ++j) {
        sum[j] += e[j];
        y[at + j] = e[j];
      }
    });
    rows.combine(total, [](T a, T b) { return a + b; });
    rows.for_rows(piece, [&](Index at, Index count) {
      for (Index j = 0; j < count; ++j) y[at + j] /= sum[j];
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
    rows.for_rows(piece, [&](Index at, Index count) {
      for (Index j = 0; j < count; ++j) sum[j] += y[at + j] * dy[at + j];
    });
    rows.combine(total, [](T a, T b) { return a + b; });
    rows.for_rows(piece, [&](Index at, Index count) {
      for (Index j = 0; j < count; ++j) dx[at + j] = y[at + j] * (dy[at + j] - sum[j]);
    });
  });
}

/// Of each map [n, k]: largest logit, sum of exp(logit - largest), and sum of the target.
template <class T>
struct SpatialCrossEntropyState {
  std::vector<T> top, total, mass;
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
    auto total = rows.places(T{0}), mass = total, dot = total;
    T *sum = total.data(), *target_sum = mass.data(), *product = dot.data();
    const T* less = top.data();
    detail::ExpRow<T> exp(rows.width);
    rows.for_rows(piece, [&](Index at, Index count) {
      const T* e = exp(x + at, less, count);
      for (Index j = 0; j < count; ++j) sum[j] += e[j];
      for (Index j = 0; j < count; ++j) {
        target_sum[j] += target[at + j];
        product[j] += target[at + j] * (x[at + j] - less[j]);
      }
    });
    const auto add = [](T a, T b) { return a + b; };
    rows.combine(total, add);
    rows.combine(mass, add);
    rows.combine(dot, add);
    for (Index j = 0; j < rows.maps; ++j) {
      const Index map = piece * rows.maps + j;
      loss[map] = target_sum[j] * std::log(sum[j]) - product[j];
      state.top[static_cast<std::size_t>(map)] = less[j];
      state.total[static_cast<std::size_t>(map)] = sum[j];
      state.mass[static_cast<std::size_t>(map)] = target_sum[j];
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
    auto share = rows.places(state.mass.data() + map);
    for (std::size_t j = 0; j < share.size(); ++j) share[j] *= gradient[j] / total[j];
    const T *g = gradient.data(), *f = share.data();
    detail::ExpRow<T> exp(rows.width);
    rows.for_rows(piece, [&](Index at, Index count) {
      const T* e = exp(x + at, top.data(), count);
      for (Index j = 0; j < count; ++j) dx[at + j] = f[j] * e[j] - g[j] * target[at + j];
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
    rows.for_rows(piece, [&, to = top.data(), l = log_total.data(), g = gradient.data()](Index at, Index count) {
      for (Index j = 0; j < count; ++j) dtarget[at + j] = g[j] * (l[j] - (x[at + j] - to[j]));
    });
  });
}

}  // namespace nasion::kernels
