#pragma once
// A hint about memory.

#include "nasion/core/instruction_set.hpp"
#include "nasion/core/shape.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// For loops that are about to read the n numbers from x on, and will go on behind them: asks for what comes one page
/// later. Processors foresee reads by themselves, but not across pages.
template <class T>
void prefetch(const T* x, Index n) {
  constexpr Index line = 64 / static_cast<Index>(sizeof(T)), page = 64 * line;
  for (Index i = 0; i < n; i += line) __builtin_prefetch(x + page + i);
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
