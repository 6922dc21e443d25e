#pragma once
// Random numbers without global state: counter-based, splittable, with a state of three integers that can be saved.

#include <array>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <numbers>
#include <utility>

#include "nasion/core/error.hpp"

namespace nasion {

namespace detail {
/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
inline std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  constexpr std::uint64_t low = 0xFFFFFFFF;  // words in 64 bits each, because their products are: vectors then need no
  std::uint64_t w0 = counter[0], w1 = counter[1], w2 = counter[2], w3 = counter[3];  // rearranging
  std::uint64_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = 0xD2511F53 * w0, b = 0xCD9E8D57 * w2;
    w0 = (b >> 32) ^ w1 ^ k0;
    w1 = b & low;
    w2 = (a >> 32) ^ w3 ^ k1;
    w3 = a & low;
    k0 = (k0 + 0x9E3779B9) & low;
    k1 = (k1 + 0xBB67AE85) & low;
  }
  return {static_cast<std::uint32_t>(w0), static_cast<std::uint32_t>(w1), static_cast<std::uint32_t>(w2),
          static_cast<std::uint32_t>(w3)};
}
}  // namespace detail

/// A stream of random numbers. The n-th number depends on (seed, stream, n) only, so results never depend on threads.
/// Satisfies std::uniform_random_bit_generator.
class Rng {
 public:
  using result_type = std::uint64_t;

  /// All there is to save and restore.
  struct State {
    std::uint64_t seed = 0, stream = 0, position = 0;
    bool operator==(const State&) const = default;
  };

  /// The stream of a seed, from its beginning.
  explicit Rng(std::uint64_t seed) : state_{seed, 0, 0} {}
  /// Goes on from a saved state: that of state(), also of another process or machine.
  explicit Rng(const State& state) : state_(state) {}

  /// What Rng(state) goes on from.
  const State& state() const { return state_; }

  /// An independent stream named by `id`; equal ids give equal streams, and this generator does not advance.
  Rng split(std::uint64_t id) const {
    const auto block = at({state_.seed, state_.stream, id}, 0x5EED);
    return Rng(State{block.first, block.second, 0});
  }

  /// Skips n numbers, at once: as many calls of operator(), or of what takes one step of the stream.
  void advance(std::uint64_t n) { state_.position += n; }

  /// Uniform over all 64-bit integers.
  std::uint64_t operator()() { return at({state_.seed, state_.stream, state_.position++}, 0).first; }
  /// The smallest number of operator().
  static constexpr std::uint64_t min() { return 0; }
  /// The largest number of operator(), 2^64 - 1.
  static constexpr std::uint64_t max() { return std::numeric_limits<std::uint64_t>::max(); }

  /// Uniform in [low, high); one step of the stream. NaN or infinite when a bound is.
  double uniform(double low = 0, double high = 1) {
    return low + (high - low) * (static_cast<double>((*this)() >> 11) * 0x1p-53);
  }

  /// Normal distribution of this mean and standard deviation (Box-Muller, one of the pair, so that one number is one
  /// step of the stream).
  double normal(double mean = 0, double deviation = 1) {
    const auto block = at({state_.seed, state_.stream, state_.position++}, 0);
    const double u = (static_cast<double>(block.first >> 11) + 1) * 0x1p-53;  // (0, 1]: the logarithm stays finite
    const double v = static_cast<double>(block.second >> 11) * 0x1p-53;
    return mean + deviation * std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
  }

  /// Uniform in {0, ..., n - 1}. ValueError unless n > 0.
  std::int64_t below(std::int64_t n) {
    check<ValueError>(n > 0, "[Rng::below] n must be positive, got ", n);
    const auto bound = static_cast<std::uint64_t>(n);
    const std::uint64_t limit = max() - max() % bound;  // values from here on would favour small results
    std::uint64_t x = (*this)();
    while (x >= limit) x = (*this)();
    return static_cast<std::int64_t>(x % bound);
  }

  /// True with this probability: never for 0 or less, always for 1 or more; one step of the stream.
  bool chance(double probability) { return uniform() < probability; }

  /// Puts [first, last) into random order (Fisher-Yates). std::shuffle is not used: its result differs between
  /// libraries.
  template <std::random_access_iterator It>
  void shuffle(It first, It last) {
    using Distance = std::iter_difference_t<It>;
    for (auto i = last - first - 1; i > 0; --i) std::swap(first[i], first[static_cast<Distance>(below(i + 1))]);
  }

 private:
  static std::pair<std::uint64_t, std::uint64_t> at(const State& s, std::uint64_t purpose) {
    const auto low = [](std::uint64_t v) { return static_cast<std::uint32_t>(v); };
    const auto high = [](std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); };
    const std::uint64_t stream = s.stream ^ (purpose * 0x9E3779B97F4A7C15);
    const auto r =
        detail::philox4x32({low(s.position), high(s.position), low(stream), high(stream)}, {low(s.seed), high(s.seed)});
    return {std::uint64_t{r[1]} << 32 | r[0], std::uint64_t{r[3]} << 32 | r[2]};
  }

  State state_;
};

}  // namespace nasion
