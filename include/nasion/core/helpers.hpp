#pragma once
// Threads that help with loops, on idle and on busy machines. Pieces of a loop are taken by whoever runs: the thread
// that started it works as well, and in the end waits for pieces that somebody has begun, never for a helper that has
// not come. Whoever waits watches for a while, since to sleep and be woken takes as long as a short loop; but not where
// other programs want the processor, because the time spent watching would be missing for work.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <system_error>
#include <utility>

#include "nasion/core/shape.hpp"

namespace nasion::detail {

/// How long to watch before falling asleep: longer and longer while that pays, and not at all after another program
/// took this thread's processor.
template <class Clock = std::chrono::steady_clock>
class Patience {
 public:
  /// Returns once `done()`. `sleep()` blocks until that may have changed.
  template <class Done, class Sleep>
  void wait(Done&& done, Sleep&& sleep) {
    if (done()) return;
    const auto start = Clock::now();
    for (auto last = start; !done();) {
      const auto now = Clock::now();
      const bool disturbed = now - last > glance;
      if (disturbed || now - start >= limit_) {
        while (!done()) sleep();
        // A little longer even so, or a pause on an idle machine would never be watched to its end again.
        limit_ = disturbed ? Duration{} : std::min<Duration>(most, limit_ + least);
        return;
      }
      last = now;
    }
    limit_ = std::min<Duration>(most, limit_ + limit_ / 8 + least);
  }

 private:
  using Duration = typename Clock::duration;
  // A scheduler that lets another program in takes the processor away for at least a millisecond.
  static constexpr std::chrono::microseconds glance{500}, least{1}, most{3000};

  Duration limit_ = most;
};

/// Runs loops with threads that call help(). It must outlive them.
class Helpers {
 public:
  using Piece = void (*)(const void* work, Index i);
  using Start = void (*)(Helpers& helpers, int n);  ///< starts n more threads that call helpers.help()

  /// Calls `piece(work, i)` for i = 0 .. pieces-1 in this thread and in at most `threads - 1` others, which `start`
  /// starts when there are not as many yet. The first exception of a piece is thrown again here. False, and nothing is
  /// done, while the helpers are at work for another thread.
  bool run(Index pieces, const void* work, Piece piece, int threads, Start start) {
    const std::unique_lock lock(in_use_, std::try_to_lock);
    if (!lock) return false;
    add(threads - 1, start);
    pieces_ = pieces, work_ = work, piece_ = piece;
    next_.store(0, std::memory_order_relaxed);
    wanted_.store(threads - 1, std::memory_order_relaxed);
    inside_.fetch_or(open, std::memory_order_release);
    loops_.fetch_add(1, std::memory_order_release);
    loops_.notify_all();
    take_pieces();
    inside_.fetch_and(~open, std::memory_order_relaxed);
    const auto left = [&] { return inside_.load(std::memory_order_acquire); };
    patience_.wait([&] { return left() == 0; },
                   [&] {
                     if (const unsigned others = left(); others != 0) inside_.wait(others, std::memory_order_acquire);
                   });
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    return true;
  }

  /// The whole life of a helper: never returns.
  [[noreturn]] void help() {
    const int number = arrived_.fetch_add(1, std::memory_order_relaxed);
    Patience<> patience;
    for (unsigned seen = 0;;) {
      patience.wait([&] { return loops_.load(std::memory_order_acquire) != seen; },
                    [&] { loops_.wait(seen, std::memory_order_acquire); });
      seen = loops_.load(std::memory_order_acquire);
      if (number >= wanted_.load(std::memory_order_relaxed)) continue;
      // Only who was counted while the loop was open may look at it: its starter waits until all of these have left.
      if ((inside_.fetch_add(1, std::memory_order_acquire) & open) != 0) take_pieces();
      if (inside_.fetch_sub(1, std::memory_order_release) == 1) inside_.notify_one();
    }
  }

 private:
  static constexpr unsigned open = 1u << 31;

  void add(int helpers, Start start) {
    if (helpers <= started_) return;
    const int missing = helpers - std::exchange(started_, helpers);
    try {
      start(*this, missing);
    } catch (const std::system_error&) {  // no more threads: those that are here do the work
    }
  }

  void take_pieces() {
    for (Index i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < pieces_;) {
      try {
        piece_(work_, i);
      } catch (...) {
        const std::lock_guard lock(error_mutex_);
        if (!error_) error_ = std::current_exception();
      }
    }
  }

  std::mutex in_use_, error_mutex_;
  // Of the loop that runs: written by its starter while nobody is inside.
  Index pieces_ = 0;
  const void* work_ = nullptr;
  Piece piece_ = nullptr;
  std::exception_ptr error_;
  Patience<> patience_;
  int started_ = 0;
  std::atomic<int> arrived_{0}, wanted_{0};
  // A cache line for each that several threads change or watch.
  alignas(64) std::atomic<Index> next_{0};
  alignas(64) std::atomic<unsigned> loops_{0};   // so many were started
  alignas(64) std::atomic<unsigned> inside_{0};  // helpers, and `open` while more may come
};

}  // namespace nasion::detail
