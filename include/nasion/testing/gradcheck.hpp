#pragma once
// Gradients of autograd against central differences, in double, for every memory order of the inputs: the test of an
// operation of one's own, in whatever test framework.
//
//   CHECK(gradcheck([](const auto& x) { return x[0] * x[1]; }, {random({2, 3}), random({3})}) == "");

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <string>
#include <vector>

#include "nasion/core/autograd.hpp"
#include "nasion/core/parallel.hpp"
#include "nasion/core/random.hpp"
#include "nasion/core/tensor.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion::testing {

/// Inputs of the function that is checked.
using Tensors = std::vector<Tensord>;

/// How gradcheck() looks.
struct GradcheckOptions {
  double step = 1e-5;       ///< of the central differences; their error is about step^2 times the third derivative
  double tolerance = 1e-6;  ///< |difference| <= tolerance (1 + |gradient|)
  Index most = 96;          ///< elements tried per input; a seeded choice when there are more
  std::uint64_t seed = 1;   ///< of the choice and of the weights of the outputs
};

/// Normal numbers of any shape, that depend on its size and the seed alone.
template <class T = double>
Tensor<T> random(const Shape& shape, std::uint64_t seed = 7, MemoryOrder order = MemoryOrder::row_major) {
  Rng rng = Rng(seed).split(static_cast<std::uint64_t>(shape.size()));
  return to_order(Tensor<T>::normal(shape, rng), order);
}

/// The numbers 0, 1, 2, ... in row-major order, times `scale`, in random order: no two are equal or close, as maxima
/// need it.
template <class T = double>
Tensor<T> distinct(const Shape& shape, double scale = 0.1, std::uint64_t seed = 7) {
  std::vector<T> values(static_cast<std::size_t>(shape.size()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(scale * (static_cast<double>(i) + 0.5));
  Rng rng(seed);
  rng.shuffle(values.begin(), values.end());
  return Tensor<T>::from(shape, values);
}

namespace detail {

/// All numbers in row-major reading, whatever the order in memory.
template <class T>
std::vector<T> values(const Tensor<T>& x) {
  const auto dense = contiguous(x.detach());
  return {dense.values().begin(), dense.values().end()};
}

}  // namespace detail

/// Largest absolute difference; infinite for different shapes or when one has NaN where the other has not.
template <class T>
double max_difference(const Tensor<T>& a, const Tensor<T>& b) {
  if (a.shape() != b.shape()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  const auto p = detail::values(a), q = detail::values(b);
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (std::isnan(p[i]) && std::isnan(q[i])) continue;
    const double d = std::abs(static_cast<double>(p[i]) - static_cast<double>(q[i]));
    largest = d <= largest ? largest : std::isnan(d) ? std::numeric_limits<double>::infinity() : d;
  }
  return largest;
}

namespace detail {

/// The n-th element of x in memory, whatever its position.
inline double& element(const Tensord& x, Index n) { return nasion::detail::writable(x)[n]; }

inline double weighted_sum(const Tensord& y, const Tensord& weights) {
  double sum = 0;
  const auto p = values(y), w = values(weights);
  for (std::size_t i = 0; i < p.size(); ++i) sum += p[i] * w[i];
  return sum;
}

/// Compares gradients of `forward()` with respect to `leaves`, which it reads. Empty when they agree.
template <class F>
std::string compare(F&& forward, const Tensors& leaves, MemoryOrder gradient_order, const GradcheckOptions& options) {
  for (const auto& x : leaves) x.zero_grad();
  const Tensord y = forward();
  Rng rng(options.seed);
  auto weights = Tensord::normal(y.shape(), rng);
  if (y.rank() == 4) weights = to_order(weights, gradient_order);
  if (!y.requires_grad()) return "the result does not require a gradient although its inputs do";
  y.backward(weights);
  const NoGrad no_grad;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const auto& x = leaves[i];
    if (x.grad().defined() && x.grad().shape() != x.shape())
      return message("input ", i, " ", x.shape(), " has a gradient of shape ", x.grad().shape());
    const auto gradient = x.grad().defined() ? to_order(x.grad(), x.order()) : Tensord::zeros(x.shape(), x.order());
    std::vector<Index> tried(static_cast<std::size_t>(x.size()));
    for (std::size_t n = 0; n < tried.size(); ++n) tried[n] = static_cast<Index>(n);
    if (x.size() > options.most) {
      rng.shuffle(tried.begin(), tried.end());
      tried.resize(static_cast<std::size_t>(options.most));
    }
    for (const Index n : tried) {
      const double before = x.memory()[n], analytic = gradient.memory()[n];
      element(x, n) = before + options.step;
      const double above = weighted_sum(forward(), weights);
      element(x, n) = before - options.step;
      const double below = weighted_sum(forward(), weights);
      element(x, n) = before;
      const double numeric = (above - below) / (2 * options.step);
      if (!(std::abs(analytic - numeric) <= options.tolerance * (1 + std::abs(numeric))))
        return message("input ", i, " ", x.shape(), " (", x.order(), "), element ", n, " in memory: backward gives ",
                       analytic, ", central difference ", numeric);
    }
  }
  return "";
}

}  // namespace detail

/// Empty when the gradients that backward() gives for `f(inputs)` agree with central differences, otherwise what
/// differs and where. Inputs of rank 4 are tried in both memory orders, in all combinations, and the results must be
/// equal. An exception of `f` passes through, if all memory orders throw the same.
template <class F>
std::string gradcheck(F&& f, const Tensors& inputs, const GradcheckOptions& options = {}) {
  const SerialScope serial;  // many small evaluations
  std::vector<std::size_t> images;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].rank() == 4) images.push_back(i);
  Tensord first;
  std::exception_ptr first_error;
  std::string first_what;
  for (std::size_t variant = 0; variant < (std::size_t{1} << images.size()); ++variant) {
    Tensors leaves;
    for (const auto& x : inputs) leaves.push_back(contiguous(x.detach()).clone());
    std::string orders;
    for (std::size_t k = 0; k < images.size(); ++k)
      if (variant >> k & 1) {
        leaves[images[k]] = to_order(leaves[images[k]], MemoryOrder::channels_last).clone();
        orders += message(" input ", images[k], " channels-last:");
      }
    for (const auto& x : leaves) x.set_requires_grad();
    std::string what;
    try {
      const auto y = f(leaves).detach();
      if (!first.defined()) first = y;
      if (max_difference(y, first) > 1e-10) return orders + " the result differs from the one in row-major order";
    } catch (const std::exception& error) {
      what = error.what();
      if (variant == 0) first_error = std::current_exception();
    }
    if (variant == 0) first_what = what;
    if (what != first_what)
      return message(orders, " throws '", what, "' but '", first_what, "' when all inputs are row-major");
    if (first_error) continue;
    for (const auto order : {MemoryOrder::row_major, MemoryOrder::channels_last}) {
      if (first.rank() != 4 && order == MemoryOrder::channels_last) break;
      const auto difference = detail::compare([&] { return f(leaves); }, leaves, order, options);
      if (!difference.empty()) return orders + " " + difference;
    }
  }
  if (first_error) std::rethrow_exception(first_error);
  return "";
}

}  // namespace nasion::testing
