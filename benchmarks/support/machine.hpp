#pragma once
// What the machine can do at most: the roof that kernels are measured against.

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "measure.hpp"
#include "nasion/core/parallel.hpp"
#include "nasion/core/simd.hpp"

namespace bench {

namespace detail {
/// Multiply-adds of `rounds` rounds on accumulators that never leave their registers: enough of them that none waits
/// for the one before. Returns their sum, so that the compiler keeps them.
inline float multiply_adds(nasion::Index rounds, float factor, float summand) {
  using Vec = nasion::simd::Vector<float>;
  constexpr int count = 12;
  const Vec a = factor - Vec{}, b = summand - Vec{};
  Vec sums[count];
  for (int i = 0; i < count; ++i) sums[i] = static_cast<float>(i) - Vec{};
  for (nasion::Index round = 0; round < rounds; ++round)
#pragma GCC unroll 12
    for (int i = 0; i < count; ++i) sums[i] = sums[i] * a + b;
  Vec total{};
  for (int i = 0; i < count; ++i) total += sums[i];
  return total[0];
}
}  // namespace detail

/// Billion float operations a second of all threads together; a fused multiply-add counts as two.
inline double peak_gflops(const Effort& effort) {
  constexpr nasion::Index pieces = 64, rounds = 100'000;
  std::vector<float> sums(pieces);
  const volatile float factor = 0.5F, summand = 1.0F;
  const auto timing = measure(effort, [&] {
    nasion::parallel_for(pieces, 1, [&](nasion::Index piece, nasion::Index) {
      sums[static_cast<std::size_t>(piece)] = detail::multiply_adds(rounds, factor, summand);
    });
  });
  return 1e-9 * 2 * 12 * static_cast<double>(pieces * rounds * nasion::simd::lanes<float>) / timing.best;
}

/// Billion bytes a second between memory and all threads together, by the triad of McCalpin's STREAM,
/// a = b + factor c, on arrays far larger than the caches. Counts what is read and written, not what is read only to be
/// overwritten.
inline double bandwidth_gbytes(const Effort& effort) {
  constexpr nasion::Index size = nasion::Index{1} << 25, grain = nasion::Index{1} << 17;
  std::vector<float> a(size), b(size, 1.0F), c(size, 2.0F);
  const volatile float given = 0.5F;
  const float factor = given;
  const auto timing = measure(effort, [&] {
    nasion::parallel_for(size, grain, [&](nasion::Index begin, nasion::Index end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
        a[i] = b[i] + factor * c[i];
    });
  });
  return 1e-9 * 3 * sizeof(float) * static_cast<double>(size) / timing.best;
}

inline std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

}  // namespace bench
