#pragma once
// What an operator of an ONNX graph is given: its node's attributes and the values of its inputs.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nasion/core/printable.hpp"
#include "nasion/core/random.hpp"
#include "nasion/core/size2.hpp"
#include "nasion/io/onnx/value.hpp"
#include "nasion/ops/activation.hpp"

namespace nasion::io::detail::onnx {

template <class T>
using Values = std::vector<OnnxValue<T>>;

struct Attribute {
  std::string name;
  double number = 0;
  std::int64_t integer = 0;
  std::string text;
  std::vector<float> numbers;
  std::vector<Index> integers;
};

template <class T>
struct Call;
template <class T>
using Operator = Values<T> (*)(const Call<T>&);

/// A node that is ready to run. Values are known by numbers, and -1 is what is left out.
template <class T>
struct Step {
  std::string type, name;
  Operator<T> run = nullptr;
  std::vector<Attribute> attributes{};
  std::vector<int> inputs{}, outputs{}, last_uses{};
  Activation activation = Activation::none;  // of the result, from a node that followed

  const Attribute* find(std::string_view wanted) const {
    for (const auto& attribute : attributes)
      if (attribute.name == wanted) return &attribute;
    return nullptr;
  }
};

template <class T>
struct Call {
  const Step<T>& step;
  std::int64_t opset;
  bool training;
  Rng& rng;
  Values<T> inputs{};

  bool has(std::size_t i) const { return i < inputs.size() && inputs[i].defined(); }
  const OnnxValue<T>& value(std::size_t i) const {
    check<ValueError>(has(i), "input ", i, " is missing");
    return inputs[i];
  }
  /// Whole numbers where an operator computes become floating-point ones.
  Tensor<T> tensor(std::size_t i) const { return to_tensor(value(i)); }
  /// Undefined where it is left out.
  Tensor<T> tensor_or_none(std::size_t i) const { return has(i) ? tensor(i) : Tensor<T>{}; }
  const std::vector<Index>& integers(std::size_t i) const { return value(i).integers().values; }
  T number(std::size_t i, T otherwise) const { return has(i) ? to_tensor(inputs[i]).detach().item() : otherwise; }

  bool has_attribute(std::string_view name) const { return step.find(name) != nullptr; }
  Index integer(std::string_view name, Index otherwise) const {
    const auto* found = step.find(name);
    return found ? found->integer : otherwise;
  }
  double real(std::string_view name, double otherwise) const {
    const auto* found = step.find(name);
    return found ? found->number : otherwise;
  }
  std::string_view text(std::string_view name, std::string_view otherwise) const {
    const auto* found = step.find(name);
    return found ? std::string_view(found->text) : otherwise;
  }
  std::vector<Index> list(std::string_view name, std::vector<Index> otherwise = {}) const {
    const auto* found = step.find(name);
    return found ? found->integers : otherwise;
  }
  /// What older versions have as an attribute and newer ones as an input.
  std::vector<Index> list(std::string_view name, std::size_t input, std::vector<Index> otherwise = {}) const {
    return has(input) ? to_integers(inputs[input]).values : list(name, std::move(otherwise));
  }
  /// A dimension, `of` which there are so many.
  int axis(std::string_view name, Index otherwise, int of) const { return axis(integer(name, otherwise), of); }
  static int axis(Index d, int of) {
    check(d >= -of && d < of, "dimension ", d, " does not exist among ", of);
    return static_cast<int>(d < 0 ? d + of : d);
  }
};

template <class T>
Values<T> one(OnnxValue<T> value) {
  Values<T> values;
  values.push_back(std::move(value));
  return values;
}

inline Shape shape_of(const std::vector<Index>& sizes) { return Shape(std::span<const Index>(sizes)); }
inline std::vector<Index> sizes_of(const Shape& shape) { return {shape.begin(), shape.end()}; }

/// f(x) for a tensor, or for integers in the place of one: f moves elements and computes nothing, so that those may
/// be any 64 bits.
template <class T, class F>
OnnxValue<T> moved(const OnnxValue<T>& value, F f) {
  if (!value.is_integer()) return f(value.tensor());
  static_assert(sizeof(double) == sizeof(Index));
  const auto wrap = [](const IntegerArray& a) {
    const auto x = Tensor<double>::empty(a.shape);
    std::copy_n(reinterpret_cast<const char*>(a.values.data()), a.values.size() * sizeof(double),
                reinterpret_cast<char*>(nasion::detail::writable(x)));
    return x;
  };
  const auto y = contiguous(f(wrap(value.integers())));
  IntegerArray result(y.shape(), std::vector<Index>(static_cast<std::size_t>(y.size())));
  std::copy_n(reinterpret_cast<const char*>(y.data()), result.values.size() * sizeof(double),
              reinterpret_cast<char*>(result.values.data()));
  return result;
}

}  // namespace nasion::io::detail::onnx
