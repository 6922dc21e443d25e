#pragma once
// Tensors from and to other libraries by DLPack, on the same memory. CMake target nasion::dlpack.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>

#include <dlpack/dlpack.h>

#include "nasion/core/tensor.hpp"

namespace nasion {

namespace detail {

template <class T>
inline constexpr DLDataType dlpack_type{kDLFloat, 8 * sizeof(T), 1};

/// What an exported tensor needs to live.
template <class T>
struct DlpackExport {
  DLManagedTensor managed{};
  Tensor<T> tensor;
  std::array<std::int64_t, max_rank> shape{}, strides{};
};

/// The memory order whose strides these are (null: row-major). ValueError for others. Strides of dimensions of size 1
/// say nothing.
inline MemoryOrder order_of_strides(const Shape& shape, const std::int64_t* strides) {
  if (!strides || shape.size() == 0) return MemoryOrder::row_major;
  const auto fits = [&](MemoryOrder order) {
    const Strides dense = dense_strides(shape, order);
    for (int d = 0; d < shape.rank(); ++d)
      if (shape[d] != 1 && dense[static_cast<std::size_t>(d)] != strides[d]) return false;
    return true;
  };
  if (fits(MemoryOrder::row_major)) return MemoryOrder::row_major;
  if (shape.rank() == 4 && fits(MemoryOrder::channels_last)) return MemoryOrder::channels_last;
  std::string text;
  for (int d = 0; d < shape.rank(); ++d) text += (d ? ", " : "") + std::to_string(strides[d]);
  fail<ValueError>("[from_dlpack] strides [", text, "] of ", shape,
                   " are neither row-major nor channels-last: make it contiguous first");
}

}  // namespace detail

/// The tensor's memory for another library, outside of any graph. Whoever takes it calls `deleter(result)` once when
/// done; until then the memory lives. If it writes there, mutable_data() afterwards tells backward() of it.
template <Real T>
DLManagedTensor* to_dlpack(const Tensor<T>& x) {
  detail::Access::impl(x)->buffer->share();
  auto made = std::make_unique<detail::DlpackExport<T>>();
  made->tensor = x.detach();
  std::copy(x.shape().begin(), x.shape().end(), made->shape.begin());
  made->strides = x.strides();
  made->managed = {
      .dl_tensor = {.data = const_cast<T*>(x.memory()),
                    .device = {kDLCPU, 0},
                    .ndim = x.rank(),
                    .dtype = detail::dlpack_type<T>,
                    .shape = made->shape.data(),
                    .strides = made->strides.data(),
                    .byte_offset = 0},
      .manager_ctx = made.get(),
      .deleter = [](DLManagedTensor* self) { delete static_cast<detail::DlpackExport<T>*>(self->manager_ctx); }};
  return &made.release()->managed;
}

/// A tensor on the memory of another library's, whose deleter is called when the last tensor on it is gone (not after
/// an error here: then it is still the caller's). ValueError unless it holds T in main memory, row-major or, of rank 4,
/// channels-last.
template <Real T>
Tensor<T> from_dlpack(DLManagedTensor* managed) {
  check<ValueError>(managed != nullptr, "[from_dlpack] the pointer is null");
  const DLTensor& x = managed->dl_tensor;
  std::int32_t device = 0;  // another library may know more devices than the enumeration here, which must not hold them
  static_assert(sizeof device == sizeof x.device.device_type);
  std::memcpy(&device, &x.device.device_type, sizeof device);
  check<ValueError>(device == kDLCPU, "[from_dlpack] the tensor is on a device of type ", device,
                    ", not in main memory");
  check<ValueError>(x.dtype.code == kDLFloat && x.dtype.bits == 8 * sizeof(T) && x.dtype.lanes == 1,
                    "[from_dlpack] the tensor has type code ", int{x.dtype.code}, " with ", int{x.dtype.bits},
                    " bits and ", x.dtype.lanes, " lanes, not floating-point numbers of ", 8 * sizeof(T), " bits");
  check(x.ndim >= 0 && x.ndim <= max_rank, "[from_dlpack] rank ", x.ndim, " is above the limit of ", max_rank);
  const Shape shape(std::span<const Index>(x.shape, static_cast<std::size_t>(x.ndim)));
  const MemoryOrder order = detail::order_of_strides(shape, x.strides);
  T* const data = x.data ? reinterpret_cast<T*>(static_cast<std::byte*>(x.data) + x.byte_offset) : nullptr;
  return Tensor<T>::from_external(data, shape, order, [managed](T*) {
    if (managed->deleter) managed->deleter(managed);
  });
}

}  // namespace nasion
