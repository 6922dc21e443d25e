#pragma once
// How the learning rate changes over a run.

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <span>
#include <utility>
#include <vector>

#include "nasion/core/error.hpp"

namespace nasion::optim {

/// Factor on the base learning rate at a point of the run, which goes from 0 to 1.
using Schedule = std::function<double(double progress)>;

/// The base learning rate all the time.
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

/// Falls to `gamma` times what it was at each milestone, a point of the run. ValueError unless gamma is positive.
inline Schedule step(std::vector<double> milestones, double gamma = 0.1) {
  check<ValueError>(gamma > 0, "[step] gamma must be positive, got ", gamma);
  return [milestones = std::move(milestones), gamma](double progress) {
    const auto passed = [progress](double milestone) { return progress >= milestone; };
    return std::pow(gamma, static_cast<double>(std::count_if(milestones.begin(), milestones.end(), passed)));
  };
}

/// Rises linearly from 0 (the very first step changes nothing) over the first part of the run, then follows `then`,
/// which has the rest for all of its course. ValueError unless 0 <= part < 1.
inline Schedule warm_up(double part, Schedule then) {
  check<ValueError>(part >= 0 && part < 1, "[warm_up] part must be in [0, 1), got ", part);
  check<ValueError>(then != nullptr, "[warm_up] needs a schedule to follow");
  return [part, then = std::move(then)](double progress) {
    return progress < part ? progress / part * then(0) : then((progress - part) / (1 - part));
  };
}

/// Names and defaults of PyTorch's OneCycleLR.
struct OneCycleOptions {
  double pct_start = 0.3;         ///< part of the run that rises
  double div_factor = 25;         ///< starts at 1 / div_factor
  double final_div_factor = 1e4;  ///< ends at 1 / (div_factor final_div_factor)
};

/// Rises to 1, then falls to almost nothing at the end of the run, each along half a cosine (Smith and Topin 2017): the
/// base learning rate is the largest of the run. ValueError unless 0 < pct_start < 1 and the divisors are positive.
inline Schedule one_cycle(const OneCycleOptions& o = {}) {
  check<ValueError>(o.pct_start > 0 && o.pct_start < 1 && o.div_factor > 0 && o.final_div_factor > 0,
                    "[one_cycle] pct_start ", o.pct_start, " must be in (0, 1), div_factor ", o.div_factor,
                    " and final_div_factor ", o.final_div_factor, " positive");
  return [o](double progress) {
    const auto from_to = [](double from, double to, double part) {
      return to + (from - to) / 2 * (1 + std::cos(std::numbers::pi * part));
    };
    const double first = 1 / o.div_factor, last = first / o.final_div_factor;
    return progress < o.pct_start ? from_to(first, 1, progress / o.pct_start)
                                  : from_to(1, last, (progress - o.pct_start) / (1 - o.pct_start));
  };
}

/// Names and defaults of PyTorch's ReduceLROnPlateau.
struct PlateauOptions {
  double factor = 0.1;      ///< on the learning rate, each time
  int patience = 10;        ///< epochs without improvement that are waited for
  double threshold = 1e-4;  ///< least improvement, as a part of the best loss
  int cooldown = 0;         ///< epochs after a reduction that do not count
  double min_factor = 0;    ///< the result is never below
};

/// Factor on the base learning rate after epochs with these validation losses: falls whenever they have stopped
/// falling. It depends on the losses alone, so a run that goes on from its history needs no other state.
/// ValueError unless 0 < factor < 1, 0 <= min_factor <= 1 and nothing is negative.
inline double plateau_factor(std::span<const double> losses, const PlateauOptions& o = {}) {
  check<ValueError>(o.factor > 0 && o.factor < 1 && o.min_factor >= 0 && o.min_factor <= 1, "[plateau_factor] factor ",
                    o.factor, " must be in (0, 1), min_factor ", o.min_factor, " in [0, 1]");
  check<ValueError>(o.patience >= 0 && o.cooldown >= 0 && o.threshold >= 0 && o.threshold < 1,
                    "[plateau_factor] patience ", o.patience, " and cooldown ", o.cooldown,
                    " must not be negative, threshold ", o.threshold, " must be in [0, 1)");
  double best = std::numeric_limits<double>::infinity(), result = 1;
  int bad_epochs = 0, rest = 0;
  for (const double loss : losses) {
    if (loss < best * (1 - o.threshold)) {
      best = loss;
      bad_epochs = 0;
    } else {
      ++bad_epochs;
    }
    if (rest > 0) {
      --rest;
      bad_epochs = 0;
    }
    if (bad_epochs > o.patience) {
      result = std::max(result * o.factor, o.min_factor);
      rest = o.cooldown;
      bad_epochs = 0;
    }
  }
  return result;
}

}  // namespace nasion::optim
