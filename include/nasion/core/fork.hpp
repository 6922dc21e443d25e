#pragma once
// fork() copies the memory as it is at that moment, and one thread only: locks that others held would stay locked in
// the child process for ever.

#include <mutex>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace nasion::detail {

/// From now on, fork() calls these: before it, and after it in both processes.
inline int at_fork([[maybe_unused]] void (*before)(), [[maybe_unused]] void (*parent)(),
                   [[maybe_unused]] void (*child)()) {
#if defined(__unix__) || defined(__APPLE__)
  return pthread_atfork(before, parent, child);
#else
  return 0;
#endif
}

/// From now on, fork() waits for the mutex `get()`. Of two that are held together, the one locked first comes last
/// here.
template <std::mutex& (*get)()>
void keep_over_fork() {
  static const int registered = at_fork([] { get().lock(); }, [] { get().unlock(); }, [] { get().unlock(); });
  static_cast<void>(registered);
}

/// Another number in a process than in the one that made it by fork(), from the first call on.
inline unsigned generation() {
  static unsigned forks = 0;
  static const int registered = at_fork(nullptr, nullptr, [] { ++forks; });
  static_cast<void>(registered);
  return forks;
}

}  // namespace nasion::detail
