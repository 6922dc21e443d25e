#pragma once
// Stores past the caches.

#include <algorithm>
#include <array>
#include <cstdint>

#include "nasion/core/simd.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// Bytes of a result that the next operation would not find in a cache: half of the L3 of a desktop.
inline constexpr Index large_result = Index{16} << 20;

/// Whether the vectors of a result of `size` elements, in rows of `width`, should be stored past the caches one by one:
/// where each is a whole cache line, and the next reader would not find them in a cache.
template <class T>
bool streams_vectors(const T* y, Index size, Index width) {
  return simd::register_bytes == 64 && size * Index{sizeof(T)} >= large_result && width % simd::lanes<T> == 0 &&
         reinterpret_cast<std::uintptr_t>(y) % simd::register_bytes == 0;
}

/// Writes a result of `size` elements row by row, rows of at most `width` elements. An ordinary store first reads
/// the cache line that it overwrites, and keeps it in the caches: both in vain when the result is larger than they are.
/// Such a result is written straight to memory, where the processor can (AVX) and rows are whole lines.
template <class T>
class RowWriter {
 public:
  RowWriter(Index size, Index width)
      : past_caches_(simd::register_bytes >= 32 && size * Index{sizeof(T)} >= large_result && width <= widest &&
                     width * Index{sizeof(T)} % cache_line == 0) {}

  /// Calls compute(out) to write n elements, which are those from y on afterwards. A row that begins within a cache
  /// line is written as ever.
  template <class F>
  void write(Index n, T* y, F&& compute) const {
    if (!past_caches_ || reinterpret_cast<std::uintptr_t>(y) % cache_line != 0) return compute(y);
    alignas(cache_line) std::array<T, widest> row;
    compute(row.data());
    const Index whole = n / simd::lanes<T> * simd::lanes<T>;
    for (Index i = 0; i < whole; i += simd::lanes<T>) simd::stream(y + i, simd::load(row.data() + i));
    std::copy(row.data() + whole, row.data() + n, y + whole);
  }

  /// To be called by each thread after its last row.
  void finish() const {
    if (past_caches_) simd::stream_fence();
  }

 private:
  static constexpr Index cache_line = 64;                   // bytes
  static constexpr Index widest = 8192 / Index{sizeof(T)};  // a quarter of L1

  bool past_caches_;
};

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
