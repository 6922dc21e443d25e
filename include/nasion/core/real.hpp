#pragma once

#include <concepts>

namespace nasion {

/// What the elements of a tensor can be: float or double.
template <class T>
concept Real = std::same_as<T, float> || std::same_as<T, double>;

}  // namespace nasion
