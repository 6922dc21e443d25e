#pragma once
// Prefetching for loops that stream through memory.

#include "nasion/core/instruction_set.hpp"
#include "nasion/core/shape.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// Elements in a cache line.
template <class T>
inline constexpr Index cache_line = 64 / static_cast<Index>(sizeof(T));

/// For loops that are about to read the n elements from x on, and will go on behind them: prefetches what comes one
/// page (4 KiB) later. Hardware prefetchers see a stream by themselves, but do not cross pages.
template <class T>
void prefetch(const T* x, Index n) {
  constexpr Index page = 64 * cache_line<T>;
  for (Index i = 0; i < n; i += cache_line<T>) __builtin_prefetch(x + page + i);
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
