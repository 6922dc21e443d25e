#pragma once
// Tensor: a shape, a memory order and shared storage; with autograd.hpp also the graph that computed it.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "nasion/core/buffer.hpp"
#include "nasion/core/error.hpp"
#include "nasion/core/random.hpp"
#include "nasion/core/real.hpp"
#include "nasion/core/shape.hpp"
#include "nasion/core/strided.hpp"

namespace nasion {

template <Real T>
class Tensor;

namespace detail {

template <class T>
struct Node;  // an operation that was recorded: autograd.hpp

template <class T>
struct TensorImpl {
  Shape shape;
  MemoryOrder order = MemoryOrder::row_major;
  std::shared_ptr<Buffer> buffer;
  Index offset = 0;
  bool requires_grad = false;        // as asked for, on a leaf
  std::shared_ptr<Node<T>> node;     // the operation this is the result of; empty on a leaf
  std::shared_ptr<TensorImpl> grad;  // of a leaf
  // Only of a part of another tensor that is on its way to where gradients are added: see part_of(). Null: dense.
  std::shared_ptr<const Strides> strides;
};

struct Access;

inline thread_local const char* running_op = nullptr;  // the innermost Op of this thread

[[noreturn, gnu::cold, gnu::noinline]] inline void fail_undefined() {
  if (running_op) fail<ValueError>("[", running_op, "] a tensor given to it is undefined (default-constructed)");
  fail<ValueError>("[Tensor] this tensor is undefined (default-constructed)");
}

}  // namespace detail

/// A handle on a dense array of numbers; copies of the handle mean the same tensor, clone() copies the numbers.
///
/// The logical shape of an image batch is [N, C, H, W] in both memory orders. A default-constructed tensor is
/// undefined: only defined() and assignment are allowed, everything else is a ValueError.
template <Real T>
class Tensor {
 public:
  using value_type = T;

  Tensor() = default;
  Tensor(const Tensor&) = default;
  Tensor(Tensor&&) noexcept = default;
  // Apart: to count down and free inline takes a hundred bytes, wherever a tensor goes out of scope.
  [[gnu::noinline]] Tensor& operator=(const Tensor& other) {
    impl_ = other.impl_;
    return *this;
  }
  [[gnu::noinline]] Tensor& operator=(Tensor&& other) noexcept {
    impl_ = std::move(other.impl_);
    return *this;
  }
  [[gnu::noinline]] ~Tensor() {}

  /// Uninitialised. For results that are written in full. ShapeError for channels_last unless the rank is 4, here and
  /// below.
  static Tensor empty(const Shape& shape, MemoryOrder order = MemoryOrder::row_major) {
    check_order("Tensor", shape, order);
    auto impl = std::make_shared<detail::TensorImpl<T>>();
    impl->shape = shape;
    impl->order = order;
    impl->buffer = std::make_shared<Buffer>(static_cast<std::size_t>(shape.size()) * sizeof(T));
    return Tensor(std::move(impl));
  }
  /// `shape` with all elements `value`. Errors as for empty().
  static Tensor full(const Shape& shape, T value, MemoryOrder order = MemoryOrder::row_major) {
    Tensor x = empty(shape, order);
    std::fill_n(x.writable(), x.size(), value);
    return x;
  }
  /// `shape` with all elements 0. Errors as for empty().
  static Tensor zeros(const Shape& shape, MemoryOrder order = MemoryOrder::row_major) {
    return full(shape, T{0}, order);
  }
  /// `shape` with all elements 1. Errors as for empty().
  static Tensor ones(const Shape& shape, MemoryOrder order = MemoryOrder::row_major) {
    return full(shape, T{1}, order);
  }
  /// One number, of shape [].
  static Tensor scalar(T value) { return full({}, value); }
  /// Copies `values` (a span: an array, a vector), given in row-major order. ShapeError unless there is one for every
  /// element.
  static Tensor from(const Shape& shape, std::span<const T> values) {
    check(static_cast<Index>(values.size()) == shape.size(), "[Tensor::from] ", values.size(), " values do not fill ",
          shape);
    Tensor x = empty(shape);
    std::copy(values.begin(), values.end(), x.writable());
    return x;
  }
  static Tensor from(const Shape& shape, std::initializer_list<T> values) {
    return from(shape, std::span<const T>(values.begin(), values.size()));
  }
  /// A view of memory that others own, in the given order; any alignment that a T may have will do. `deleter(data)` is
  /// called when the last tensor on it is gone (on that thread, and not after an error here); without one the memory
  /// must outlive them all. Who writes to it directly, and not by mutable_data(), hides that from backward(). As a
  /// weight it is slower than a clone(): see mutable_data().
  /// ValueError for a null or misaligned pointer.
  static Tensor from_external(T* data, const Shape& shape, MemoryOrder order = MemoryOrder::row_major,
                              std::function<void(T*)> deleter = {}) {
    check_order("Tensor::from_external", shape, order);
    check<ValueError>(data || shape.size() == 0, "[Tensor::from_external] the pointer is null, but the shape is ",
                      shape);
    check<ValueError>(reinterpret_cast<std::uintptr_t>(data) % alignof(T) == 0, "[Tensor::from_external] the address ",
                      static_cast<void*>(data), " is not a multiple of ", alignof(T));
    auto impl = std::make_shared<detail::TensorImpl<T>>();
    impl->shape = shape;
    impl->order = order;
    impl->buffer = std::make_shared<Buffer>(data, [data, deleter = std::move(deleter)] {
      if (deleter) deleter(data);
    });
    return Tensor(std::move(impl));
  }
  /// `shape` uniform in [low, high), row-major, one number of `rng` for each element.
  static Tensor uniform(const Shape& shape, Rng& rng, double low = 0, double high = 1) {
    Tensor x = empty(shape);
    const T below_high = std::nextafter(static_cast<T>(high), static_cast<T>(low));  // rounding to T may reach `high`
    std::generate_n(x.writable(), x.size(),
                    [&] { return std::min(static_cast<T>(rng.uniform(low, high)), below_high); });
    return x;
  }
  /// Normal distribution of this mean and standard deviation, row-major, one number of `rng` for each element.
  static Tensor normal(const Shape& shape, Rng& rng, double mean = 0, double deviation = 1) {
    Tensor x = empty(shape);
    std::generate_n(x.writable(), x.size(), [&] { return static_cast<T>(rng.normal(mean, deviation)); });
    return x;
  }

  /// False for a default-constructed tensor, and for a gradient that there is not.
  bool defined() const { return impl_ != nullptr; }
  /// Logical shape, whatever the memory order: [N, C, H, W] for images.
  const Shape& shape() const { return impl().shape; }
  /// Number of dimensions, 0 to 6.
  int rank() const { return shape().rank(); }
  /// Size of dimension `d`; negative `d` counts from the end. ShapeError when it does not exist.
  Index dim(int d) const { return shape()[d]; }
  /// Number of elements; 1 for rank 0.
  Index size() const { return shape().size(); }
  /// How the elements lie in memory; row_major unless the rank is 4.
  MemoryOrder order() const { return impl().order; }
  /// Distance in elements between neighbours, per dimension.
  Strides strides() const { return impl().strides ? *impl().strides : dense_strides(shape(), order()); }

  /// The numbers in the order of the shape, the last index fastest. Valid as long as a tensor holds the memory.
  /// ValueError where they do not lie so: for channels-last images, as convolutions return them, ask contiguous(x).
  const T* data() const {
    check_row_major("data");
    return memory();
  }
  /// The same as a span of size() numbers; not valid beyond the statement that made a temporary tensor. ValueError as
  /// for data().
  std::span<const T> values() const {
    check_row_major("values");
    return {memory(), static_cast<std::size_t>(size())};
  }
  /// The numbers, for writing: counts as a modification, which backward() of an older graph will notice. The pointer
  /// may be kept and written to later. So conv2d without gradients packs a weight that has given one away anew in every
  /// call, and cannot keep the result as it does for others; clone() makes a weight that nobody else writes to.
  /// ValueError as for data().
  T* mutable_data() const {
    check_row_major("mutable_data");
    impl().buffer->share();
    return writable();
  }
  /// The numbers as they lie in memory, in the order that order() and strides() tell; otherwise as data().
  const T* memory() const { return static_cast<const T*>(impl().buffer->data()) + impl().offset; }

  /// The only number of a tensor of size 1. ShapeError for another size.
  T item() const {
    check(size() == 1, "[item] needs a tensor of one element, got ", shape());
    return *memory();
  }
  /// One element by its logical position, one index for each dimension. ShapeError outside.
  T at(std::initializer_list<Index> position) const { return memory()[offset_of(position)]; }
  /// Overwrites one element by its logical position. ShapeError outside; ValueError for a tensor that requires a
  /// gradient, unless nothing is recorded (NoGrad).
  void set(std::initializer_list<Index> position, T value) const {
    check_in_place("set");
    writable()[offset_of(position)] = value;
  }

  /// The same numbers in new memory, outside of any graph.
  Tensor clone() const {
    Tensor copy = empty(shape(), order());
    std::copy_n(memory(), size(), copy.writable());
    return copy;
  }
  /// The same memory, outside of any graph.
  Tensor detach() const {
    auto alias = std::make_shared<detail::TensorImpl<T>>();
    alias->shape = shape();
    alias->order = order();
    alias->buffer = impl().buffer;
    alias->offset = impl().offset;
    return Tensor(std::move(alias));
  }
  /// Overwrites the numbers with those of `other`, of any order. ShapeError unless the shapes are equal; ValueError as
  /// for set().
  void copy_from(const Tensor& other) const {
    check(other.shape() == shape(), "[copy_from] source ", other.shape(), " does not fit destination ", shape());
    check_in_place("copy_from");
    const Tensor source = other.impl().buffer == impl().buffer ? other.clone() : other;
    strided_copy(shape(), source.memory(), source.strides(), writable(), strides());
  }
  /// Overwrites all elements with `value`. ValueError as for set().
  void fill(T value) const {
    check_in_place("fill");
    std::fill_n(writable(), size(), value);
  }

  // Autograd. Defined in autograd.hpp.

  /// Whether a gradient will reach this tensor: a leaf that asked for one, or the result of an operation on such.
  bool requires_grad() const { return impl().requires_grad || impl().node; }
  /// Asks for gradients, on a leaf. ValueError on the result of an operation.
  const Tensor& set_requires_grad(bool value = true) const {
    check<ValueError>(is_leaf(), "[set_requires_grad] only a leaf can be changed; this is the result of an operation ",
                      shape());
    impl().requires_grad = value;
    return *this;
  }
  /// Whether no recorded operation made this tensor: a parameter, data, or a constant.
  bool is_leaf() const { return !impl().node; }
  /// Gradient that backward() has accumulated in this leaf; undefined before.
  Tensor grad() const { return Tensor(impl().grad); }
  /// Makes `g` itself the gradient of this tensor, or forgets it when undefined. ShapeError unless the shapes are
  /// equal.
  void set_grad(const Tensor& g) const {
    check(!g.defined() || g.shape() == shape(), "[set_grad] gradient does not fit tensor ", shape());
    impl().grad = g.impl_;
  }
  /// Forgets the gradient.
  void zero_grad() const { impl().grad.reset(); }
  /// Adds the gradient of this tensor, times `gradient` (may be left out for a single element), to every leaf it
  /// depends on. The graph can be used once, unless retained. ShapeError when `gradient` does not have the shape of
  /// this tensor; ValueError when nothing requires a gradient, the graph was used before, or what an operation had
  /// saved was modified since.
  void backward(const Tensor& gradient = {}, bool retain_graph = false) const;

  /// Whether two handles mean the same tensor: not whether their elements are equal.
  bool same_as(const Tensor& other) const { return impl_ == other.impl_; }

 private:
  friend struct detail::Access;
  explicit Tensor(std::shared_ptr<detail::TensorImpl<T>> impl) : impl_(std::move(impl)) {}

  detail::TensorImpl<T>& impl() const {
    if (!impl_) [[unlikely]]
      detail::fail_undefined();
    return *impl_;
  }
  /// The numbers, for a writer that is done with the pointer when it returns.
  T* writable() const {
    impl().buffer->modified();
    return static_cast<T*>(impl().buffer->data()) + impl().offset;
  }
  static void check_order(const char* op, const Shape& shape, MemoryOrder order) {
    check(order == MemoryOrder::row_major || shape.rank() == 4, "[", op,
          "] channels-last order needs a shape [N, C, H, W], got ", shape);
  }
  /// Images of one channel or one pixel lie the same in both orders.
  void check_row_major(const char* op) const {
    check<ValueError>(order() == MemoryOrder::row_major || dim(1) == 1 || dim(2) * dim(3) == 1 || size() == 0, "[", op,
                      "] tensor ", shape(),
                      " lies in channels-last order; contiguous(x) has its numbers in that of the shape");
  }
  Index offset_of(std::initializer_list<Index> position) const {
    check(static_cast<int>(position.size()) == rank(), "[at] position of rank ", position.size(), " in tensor ",
          shape());
    const Strides steps = strides();
    Index at = 0;
    int d = 0;
    for (const Index i : position) {
      check(i >= 0 && i < dim(d), "[at] index ", i, " is outside dimension ", d, " of ", shape());
      at += i * steps[static_cast<std::size_t>(d++)];
    }
    return at;
  }
  void check_in_place(const char* op) const;

  std::shared_ptr<detail::TensorImpl<T>> impl_;
};

namespace detail {

struct Access {
  template <class T>
  static const std::shared_ptr<TensorImpl<T>>& impl(const Tensor<T>& x) {
    x.impl();  // throws when undefined
    return x.impl_;
  }
  template <class T>
  static Tensor<T> tensor(std::shared_ptr<TensorImpl<T>> impl) {
    return Tensor<T>(std::move(impl));
  }
  template <class T>
  static T* writable(const Tensor<T>& x) {
    return x.writable();
  }
};

/// mutable_data() for a writer that is done with the pointer when it returns: no later change can stay unseen.
template <class T>
T* writable(const Tensor<T>& x) {
  return Access::writable(x);
}

}  // namespace detail

using Tensorf = Tensor<float>;
using Tensord = Tensor<double>;

}  // namespace nasion
