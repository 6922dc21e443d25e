#include "nasion/core/fork.hpp"

#include <atomic>
#include <thread>

#include "nasion/core/tensor.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

namespace {
std::mutex& shared_mutex() {
  static std::mutex mutex;
  return mutex;
}
/// How many of some children see `f()` hold while another thread keeps doing `work`.
template <class Work, class F>
int children_that_hold(int children, Work&& work, F&& f) {
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) work();
  });
  int held = 0;
  for (int i = 0; i < children; ++i) held += test::holds_in_child(f);
  stop = true;
  other.join();
  return held;
}
}  // namespace

TEST_CASE("A child process never finds a lock that only its parent can open") {
  nasion::detail::keep_over_fork<shared_mutex>();
  const auto hold = [] {
    const std::lock_guard lock(shared_mutex());
    std::this_thread::yield();
  };
  CHECK(children_that_hold(20, hold, [&] { return hold(), true; }) == 20);
}

TEST_CASE("A child process allocates tensors, whatever other threads did at fork()") {
  const auto allocate = [] { return nasion::Tensorf::zeros({64}).size() + nasion::Tensorf::zeros({300, 300}).size(); };
  CHECK(children_that_hold(20, allocate, [&] { return allocate() == 64 + 90000; }) == 20);
}
