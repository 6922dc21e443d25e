#pragma once
// A number of threads for a while, and a check that results do not depend on it.

#include "nasion/core/parallel.hpp"

namespace test {

/// While alive, loops use `n` threads.
class Threads {
 public:
  explicit Threads(int n) { nasion::set_num_threads(n); }
  ~Threads() { nasion::set_num_threads(0); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
};

/// What num_threads() is after asking for `n`: always 1 without OpenMP.
inline int expected_threads([[maybe_unused]] int n) {
#ifdef _OPENMP
  return n;
#else
  return 1;
#endif
}

/// Whether `compute(1)` equals `compute(n)` for 2 and 3 threads, as `same` compares.
template <class F, class Same>
bool same_for_all_thread_counts(F&& compute, Same&& same) {
  const auto with = [&](int n) {
    const Threads use(n);
    return compute();
  };
  const auto one = with(1);
  return same(one, with(2)) && same(one, with(3));
}

}  // namespace test
