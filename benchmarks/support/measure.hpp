#pragma once
// How long work takes, and how much memory the process holds. Knows neither nasion nor its peers, so that all are
// measured by the same code.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

namespace bench {

/// What a measurement may cost: at least so many samples, and at least so long. The processor's clock counts only the
/// time of the calling thread, which other programs do not disturb.
struct Effort {
  int samples = 5, warm_up = 2;
  double seconds = 0.5;
  bool processor_clock = false;
};

/// Seconds per call.
struct Timing {
  double best = 0, median = 0;
  int samples = 0;
};

inline double seconds_now(bool processor_clock = false) {
  if (processor_clock) {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Times single calls of `work`, after a warm-up that fills caches and allocators and starts threads.
template <class F>
Timing measure(const Effort& effort, F&& work) {
  for (int i = 0; i < effort.warm_up; ++i) work();
  std::vector<double> times;
  double total = 0;
  while (static_cast<int>(times.size()) < std::max(1, effort.samples) || total < effort.seconds) {
    const double start = seconds_now(effort.processor_clock);
    work();
    times.push_back(seconds_now(effort.processor_clock) - start);
    total += times.back();
  }
  std::sort(times.begin(), times.end());
  return {times.front(), times[times.size() / 2], static_cast<int>(times.size())};
}

namespace detail {
/// A line of /proc/self/status, which counts in KiB; 0 where there is none.
inline std::size_t process_status(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == name + ":") {
      std::size_t kib = 0;
      status >> kib;
      return kib * 1024;
    }
  return 0;
}
}  // namespace detail

/// Bytes of memory that the process holds now, and at most so far.
inline std::size_t resident_bytes() { return detail::process_status("VmRSS"); }
inline std::size_t peak_resident_bytes() { return detail::process_status("VmHWM"); }

}  // namespace bench
