#pragma once
// Permission to multiply in bfloat16.

#include <utility>

namespace nasion {

namespace detail {
inline thread_local bool autocast_enabled = false;
}  // namespace detail

/// Whether operations on this thread may round their factors to bfloat16.
inline bool autocast_enabled() { return detail::autocast_enabled; }

/// While alive, conv2d and linear of float tensors on this thread, and their gradients, round factors to bfloat16 (8
/// significant bits, the range of float) where that is faster, and sum products in float. Everything else stays float:
/// tensors, weights, other operations; and so do convolutions of which Winograd saves more. Which these are depends on
/// sizes alone, and results on any processor differ in the order of sums only, but time is saved on those with
/// AVX512_BF16. `Autocast(false)` takes the permission back for a while. As torch.autocast("cpu", torch.bfloat16).
class Autocast {
 public:
  [[nodiscard]] explicit Autocast(bool enabled = true) : before_(std::exchange(detail::autocast_enabled, enabled)) {}
  ~Autocast() { detail::autocast_enabled = before_; }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  bool before_;
};

}  // namespace nasion
