#pragma once
// parallel_for and parallel_reduce: the only places that know OpenMP. Work is cut by its size, never by the number of
// threads, and partial results are combined in order, so a result is the same bits for any number of threads.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "nasion/core/error.hpp"
#include "nasion/core/fork.hpp"
#include "nasion/core/helpers.hpp"
#include "nasion/core/shape.hpp"

namespace nasion {

namespace detail {
inline std::atomic<int> thread_limit{0};  // 0: as many as the machine has
inline thread_local bool serial = false;
inline std::atomic<bool> forked{false};  // in a child of a process that had threads of OpenMP: they are not here
}  // namespace detail

/// Threads that parallel loops use: as set, otherwise OpenMP's default (OMP_NUM_THREADS or the processors). 1 without
/// OpenMP, and in a process made by fork() after work in parallel, unless it calls exec.
inline int num_threads() {
#ifdef _OPENMP
  if (detail::forked.load(std::memory_order_relaxed)) return 1;
  const int limit = detail::thread_limit.load(std::memory_order_relaxed);
  return limit > 0 ? limit : omp_get_max_threads();
#else
  return 1;
#endif
}

/// Sets num_threads() for the whole process; 0 restores the default. Speed only: results do not depend on it.
/// ValueError unless 0 <= n <= 1024.
inline void set_num_threads(int n) {
  // OpenMP ends the process when the system refuses a thread.
  check<ValueError>(n >= 0 && n <= 1024, "[set_num_threads] the number of threads must be 0 (default) to 1024, got ",
                    n);
  detail::thread_limit = n;
}

/// While alive, parallel loops started by this thread run on this thread alone (for threads that are parallel already).
class SerialScope {
 public:
  [[nodiscard]] SerialScope() : before_(std::exchange(detail::serial, true)) {}
  ~SerialScope() { detail::serial = before_; }
  SerialScope(const SerialScope&) = delete;
  SerialScope& operator=(const SerialScope&) = delete;

 private:
  bool before_;
};

namespace detail {
#ifdef __clang__  // which makes no copies of functions for some of their arguments
#define NASION_ONE_COPY [[gnu::noinline]]
#else
#define NASION_ONE_COPY [[gnu::noinline, gnu::noclone]]
#endif

#ifdef _OPENMP
/// Starts `n` threads of OpenMP, which places them on processors (OMP_PROC_BIND). The first of a region stands for the
/// thread that starts loops, and sleeps; not in a barrier, which LLVM's OpenMP opens when the process ends.
inline void start_helpers(Helpers& helpers, int n) {
  std::thread([&helpers, n] {
#pragma omp parallel num_threads(n + 1)
    {
      serial = true;
      if (omp_get_thread_num() > 0) helpers.help();
      for (;;) std::this_thread::sleep_for(std::chrono::hours(24));
    }
  }).detach();
}
#endif

/// Calls `piece(work, i)` for i = 0 .. pieces-1. Not a template, so that the threading is compiled once; and one copy,
/// never inlined: a piece compiled into one of the loops could differ from that in the other by the sign of a NaN.
NASION_ONE_COPY inline void run_pieces(Index pieces, const void* work, void (*piece)(const void*, Index)) {
#ifdef _OPENMP
  const int threads = static_cast<int>(std::min<Index>(num_threads(), pieces));
  if (threads > 1 && !serial && !omp_in_parallel()) {
    static const int registered = at_fork(nullptr, nullptr, [] { forked = true; });  // a child has no helpers
    static_cast<void>(registered);
    static auto& helpers = *new Helpers;  // for ever, as its threads are
    const SerialScope nested;
    if (helpers.run(pieces, work, piece, threads, start_helpers)) return;
  }
#endif
  for (Index i = 0; i < pieces; ++i) piece(work, i);
}
#undef NASION_ONE_COPY
}  // namespace detail

/// Calls `f(begin, end)` for consecutive pieces of at most `grain` of the range 0 .. n-1, in any order and in parallel.
/// Pieces must write to different places. The first exception thrown by a piece is thrown again here.
template <class F>
void parallel_for(Index n, Index grain, F&& f) {
  if (n <= 0) return;
  grain = std::max<Index>(grain, 1);
  const auto piece = [&](Index i) { f(i * grain, std::min(n, (i + 1) * grain)); };
  detail::run_pieces((n + grain - 1) / grain, &piece,
                     [](const void* work, Index i) { (*static_cast<const decltype(piece)*>(work))(i); });
}

/// Combines `map(begin, end)` of consecutive pieces of at most `grain` from left to right, starting with `init`.
template <class R, class Map, class Combine>
R parallel_reduce(Index n, Index grain, R init, Map&& map, Combine&& combine) {
  grain = std::max<Index>(grain, 1);
  struct Slot {  // one cache line each, and not the packed bits of vector<bool>
    alignas(64) R value;
  };
  std::vector<Slot> parts(static_cast<std::size_t>(n <= 0 ? 0 : (n + grain - 1) / grain), Slot{init});
  parallel_for(n, grain,
               [&](Index begin, Index end) { parts[static_cast<std::size_t>(begin / grain)].value = map(begin, end); });
  for (const auto& part : parts) init = combine(init, part.value);
  return init;
}

}  // namespace nasion
