#pragma once
// What flows between the operators of an ONNX graph: tensors, and integers beside them.

#include <algorithm>
#include <memory>
#include <utility>

#include "nasion/core/integer_array.hpp"
#include "nasion/core/tensor.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion::io {

/// A tensor, whole numbers (class numbers, tokens, shapes; 0 and 1 for bools), or nothing, where an operator's input is
/// left out.
template <Real T>
class OnnxValue {
 public:
  OnnxValue() = default;
  OnnxValue(Tensor<T> x) : tensor_(std::move(x)) {}  // NOLINT: meant to convert, like the other
  OnnxValue(IntegerArray a) : integers_(std::make_shared<const IntegerArray>(std::move(a))) {}

  /// False for what is left out.
  bool defined() const { return tensor_.defined() || integers_; }
  /// Whether it holds whole numbers.
  bool is_integer() const { return integers_ != nullptr; }
  /// The sizes of either.
  const Shape& shape() const { return integers_ ? integers_->shape : tensor_.shape(); }
  /// ValueError for whole numbers, and for nothing.
  const Tensor<T>& tensor() const {
    check<ValueError>(!is_integer(), "[onnx] integers ", shape(), " stand where floating-point numbers are needed");
    check<ValueError>(defined(), "[onnx] an input is missing");
    return tensor_;
  }
  /// ValueError for a tensor, and for nothing.
  const IntegerArray& integers() const {
    check<ValueError>(defined(), "[onnx] an input is missing");
    check<ValueError>(is_integer(), "[onnx] floating-point numbers ", shape(), " stand where integers are needed");
    return *integers_;
  }

 private:
  Tensor<T> tensor_;
  std::shared_ptr<const IntegerArray> integers_;
};

namespace detail::onnx {

template <class T>
Tensor<T> to_tensor(const OnnxValue<T>& value) {
  if (!value.is_integer()) return value.tensor();
  const auto x = Tensor<T>::empty(value.shape());
  const auto& values = value.integers().values;
  std::transform(values.begin(), values.end(), nasion::detail::writable(x), [](Index v) { return static_cast<T>(v); });
  return x;
}

/// Cut towards zero. ValueError for what is no whole number of 64 bits.
template <class T>
IntegerArray to_integers(const OnnxValue<T>& value) {
  if (value.is_integer()) return value.integers();
  const auto x = contiguous(value.tensor().detach());
  IntegerArray integers(x.shape(), std::vector<Index>(static_cast<std::size_t>(x.size())));
  std::transform(x.data(), x.data() + x.size(), integers.values.begin(), [](T v) {
    check<ValueError>(v > T(-0x1p63) && v < T(0x1p63), "[onnx] ", v, " cannot be made an integer");
    return static_cast<Index>(v);
  });
  return integers;
}

}  // namespace detail::onnx

}  // namespace nasion::io
