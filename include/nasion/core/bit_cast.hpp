#pragma once
// The bit_cast of C++20, which some standard libraries lack; compilers have had it for longer.

namespace nasion {

/// The bits of `value` as a `To` of the same size.
template <class To, class From>
constexpr To bit_cast(const From& value) {
  return __builtin_bit_cast(To, value);
}

}  // namespace nasion
