#pragma once
// Random numbers as single precision, for everything about a picture that is left to chance.

#include <algorithm>
#include <array>
#include <cstddef>

#include "nasion/core/random.hpp"
#include "nasion/core/shape.hpp"

namespace nasion::faces::synthetic {

/// Numbers drawn in a fixed order: whoever inserts one changes all faces.
class Draws {
 public:
  explicit Draws(Rng rng) : rng_(rng) {}

  float uniform(double low, double high) { return static_cast<float>(rng_.uniform(low, high)); }
  float normal(double mean, double deviation) {
    return static_cast<float>(mean + deviation * std::clamp(rng_.normal(), -2.5, 2.5));
  }
  bool chance(double probability) { return rng_.chance(probability); }
  template <class T, std::size_t n>
  T one_of(const std::array<T, n>& values, std::size_t from = 0, std::size_t count = n) {
    return values[from + static_cast<std::size_t>(rng_.below(static_cast<Index>(count)))];
  }
  auto seed() { return rng_(); }
  Rng& rng() { return rng_; }

 private:
  Rng rng_;
};

}  // namespace nasion::faces::synthetic
