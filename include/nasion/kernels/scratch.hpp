#pragma once
// Workspace of a kernel.

#include <memory>

#include "nasion/core/buffer.hpp"
#include "nasion/core/instruction_set.hpp"
#include "nasion/core/shape.hpp"

namespace nasion::kernels {
inline namespace NASION_INSTRUCTION_SET {

/// `size` elements from the allocator's cache, not initialised. A kernel that runs again gets memory whose
/// pages are mapped already.
template <class T>
class Scratch {
 public:
  explicit Scratch(Index size) : buffer_(std::make_unique<Buffer>(static_cast<std::size_t>(size) * sizeof(T))) {}
  T* data() const { return static_cast<T*>(buffer_->data()); }

 private:
  std::unique_ptr<Buffer> buffer_;  // by pointer: a Buffer does not move
};

}  // namespace NASION_INSTRUCTION_SET
}  // namespace nasion::kernels
