#pragma once
// Arrays in NumPy's .npy files.

#include <limits>
#include <type_traits>

#include "nasion/core/integer_array.hpp"
#include "nasion/core/tensor.hpp"
#include "nasion/io/atomic_file.hpp"
#include "nasion/io/bytes.hpp"
#include "nasion/io/io_error.hpp"
#include "nasion/io/npy_header.hpp"
#include "nasion/io/read_file.hpp"
#include "nasion/ops/shape.hpp"

namespace nasion::io {

namespace detail {

/// Numbers stored as S, in the file's order, to row-major order as `value` makes them.
template <class S, class T, class F>
void copy_npy(const NpyHeader& header, std::string_view bytes, T* to, F&& value) {
  const Shape& shape = header.shape;
  if (shape.size() == 0) return;
  const Strides rows = dense_strides(shape, MemoryOrder::row_major);
  Strides columns{};
  Index step = 1;
  for (int d = 0; d < shape.rank(); ++d) {
    columns[static_cast<std::size_t>(d)] = step;
    step *= shape[d];
  }
  const Walk<2> walk(shape, {rows, header.fortran_order ? columns : rows});
  const auto inner = walk.inner();
  walk.for_runs(0, walk.runs(), [&](const std::array<Index, 2>& offset) {
    for (Index i = 0; i < inner.size; ++i) {
      S stored;
      std::memcpy(&stored, bytes.data() + static_cast<std::size_t>(offset[1] + i * inner.step[1]) * sizeof(S),
                  sizeof(S));
      to[offset[0] + i * inner.step[0]] = value(stored);
    }
  });
}

/// A .npy file's bytes as numbers of type T, floating-point or std::int64_t; `make(shape)` gives room for them.
template <class T, class Make>
void parse_npy(const std::filesystem::path& path, std::string_view bytes, Make&& make) {
  const NpyHeader header = take_npy_header(path, bytes);
  if (std::is_integral_v<T> && header.kind == 'f')
    throw IoError(path, message("holds floating-point numbers (f", header.item_size, "), not integers"));
  T* const to = make(header.shape);
  const auto copy = [&]<class S>(S) {
    copy_npy<S>(header, bytes, to, [&](S v) {
      if constexpr (std::is_same_v<S, std::uint64_t> && std::is_integral_v<T>)
        if (v > static_cast<std::uint64_t>(std::numeric_limits<T>::max()))
          throw IoError(path, message("holds ", v, ", which 64 bits with a sign do not"));
      return static_cast<T>(v);
    });
  };
  const auto copy_of_size = [&]<class S1, class S2, class S4, class S8>(S1 s1, S2 s2, S4 s4, S8 s8) {
    if (header.item_size == 1) return copy(s1);
    if (header.item_size == 2) return copy(s2);
    if (header.item_size == 4) return copy(s4);
    copy(s8);
  };
  if (header.kind == 'i') {
    copy_of_size(std::int8_t{}, std::int16_t{}, std::int32_t{}, std::int64_t{});
  } else if (header.kind != 'f') {
    copy_of_size(std::uint8_t{}, std::uint16_t{}, std::uint32_t{}, std::uint64_t{});
  } else if constexpr (std::is_floating_point_v<T>) {
    if (header.item_size == 2)
      copy_npy<std::uint16_t>(header, bytes, to, [](std::uint16_t v) { return static_cast<T>(from_half(v)); });
    else
      header.item_size == 4 ? copy(float{}) : copy(double{});
  }
}

template <Real T>
Tensor<T> parse_npy_tensor(const std::filesystem::path& path, std::string_view bytes) {
  Tensor<T> x;
  parse_npy<T>(path, bytes, [&](const Shape& shape) {
    x = Tensor<T>::empty(shape);
    return nasion::detail::writable(x);
  });
  return x;
}

inline IntegerArray parse_npy_integers(const std::filesystem::path& path, std::string_view bytes) {
  IntegerArray array;
  parse_npy<std::int64_t>(path, bytes, [&](const Shape& shape) {
    array.shape = shape;
    array.values.resize(static_cast<std::size_t>(shape.size()));
    return array.values.data();
  });
  return array;
}

/// dtype that numbers of type T are written as.
template <class T>
inline constexpr std::string_view npy_descr = std::is_integral_v<T> ? "<i8"
                                              : sizeof(T) == 4      ? "<f4"
                                                                    : "<f8";

}  // namespace detail

/// Reads an array of floating-point numbers (f2, f4, f8), integers or bools, converted to T, little-endian, in C or
/// Fortran order. IoError unless the file is a valid .npy file of format 1.0 to 3.0 and rank <= 6, to its last byte.
template <Real T>
Tensor<T> read_npy(const std::filesystem::path& path) {
  return detail::parse_npy_tensor<T>(path, read_file(path, std::numeric_limits<std::uintmax_t>::max()));
}

/// Reads an array of integers or bools exactly. IoError as above, and for floating-point numbers.
inline IntegerArray read_npy_integers(const std::filesystem::path& path) {
  return detail::parse_npy_integers(path, read_file(path, std::numeric_limits<std::uintmax_t>::max()));
}

/// Writes f4 or f8 in C order, in one step (see write_atomically); the bytes are those of numpy.save. IoError when it
/// cannot be written.
template <Real T>
void write_npy(const std::filesystem::path& path, const Tensor<T>& x) {
  const auto rows = contiguous(x.detach());
  const std::string header = detail::npy_header_text(detail::npy_descr<T>, rows.shape());
  write_atomically(path, std::array{std::string_view(header), detail::bytes_of(rows.data(), rows.size())});
}

/// Writes i8. ShapeError unless there is a value for every element, IoError as above.
inline void write_npy(const std::filesystem::path& path, const IntegerArray& array) {
  check(static_cast<Index>(array.values.size()) == array.shape.size(), "[write_npy] ", array.values.size(),
        " integers do not fill ", array.shape);
  const std::string header = detail::npy_header_text(detail::npy_descr<std::int64_t>, array.shape);
  write_atomically(path,
                   std::array{std::string_view(header), detail::bytes_of(array.values.data(), array.shape.size())});
}

}  // namespace nasion::io
