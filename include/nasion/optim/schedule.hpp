#pragma once
// How the learning rate changes over a run.

#include <cmath>
#include <functional>
#include <numbers>

#include "nasion/core/error.hpp"

namespace nasion::optim {

/// Factor on the base learning rate at a point of the run, which goes from 0 to 1.
using Schedule = std::function<double(double progress)>;

inline Schedule constant() {
  return [](double) { return 1.0; };
}

/// Rises linearly from 0 over the first part `warm_up` of the run, then falls to 0 along half a cosine
/// (Loshchilov and Hutter 2017). ValueError unless 0 <= warm_up < 1.
inline Schedule cosine(double warm_up = 0) {
  check<ValueError>(warm_up >= 0 && warm_up < 1, "[cosine] warm_up must be in [0, 1), got ", warm_up);
  return [warm_up](double progress) {
    if (progress < warm_up) return progress / warm_up;
    return 0.5 * (1 + std::cos(std::numbers::pi * (progress - warm_up) / (1 - warm_up)));
  };
}

}  // namespace nasion::optim
