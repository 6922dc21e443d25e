#pragma once
// Where the time goes: a profile of the operations that a thread runs while it is alive, beside what the machine could
// do. Operations time themselves (op.hpp), which costs a branch when nobody listens.

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <locale>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nasion/core/parallel.hpp"
#include "nasion/core/simd.hpp"

namespace nasion {

/// What an operation was run for: its result, its gradient, or the update of parameters.
enum class Pass { forward, backward, update };

/// Most that the machine does in a second with num_threads() threads: additions and multiplications of floats in
/// registers, and bytes to and from memory that no cache holds.
struct MachinePeak {
  double flops, bytes;
};

class Profile;

namespace detail {
inline thread_local Profile* profile = nullptr;  // that listens to this thread
class Timer;
}  // namespace detail

/// Measures the operations of this thread from its construction to its end (or to its questions). A profile inside
/// another one takes over until it ends.
///
///     const Profile profile;
///     train_step();
///     std::cout << profile.table();
class Profile {
 public:
  /// The calls of one operation in one pass. Time is the operation's own, without that of operations it is made of.
  /// Bytes are those of operands and results; flops are 0 where an operation does not tell them.
  struct Entry {
    std::string_view op;
    Pass pass;
    Index calls = 0;
    double seconds = 0, flops = 0, bytes = 0;
  };

  [[nodiscard]] Profile() : before_(std::exchange(detail::profile, this)) {}
  ~Profile() { detail::profile = before_; }
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// What was run, the longest first.
  std::vector<Entry> entries() const {
    auto result = entries_;
    std::sort(result.begin(), result.end(), [](const Entry& a, const Entry& b) { return a.seconds > b.seconds; });
    return result;
  }
  /// Seconds since construction.
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  /// One line per operation and pass, with its share of the time and of what the machine can do (measured now, which
  /// takes a moment): of its flops where they are known, otherwise of its memory bandwidth.
  std::string table() const;

 private:
  friend class detail::Timer;
  using Clock = std::chrono::steady_clock;

  Entry& entry(std::string_view op, Pass pass) {  // there are few
    for (auto& e : entries_)
      if (e.pass == pass && e.op == op) return e;
    return entries_.emplace_back(Entry{.op = op, .pass = pass});
  }

  std::vector<Entry> entries_;
  detail::Timer* running_ = nullptr;  // the innermost
  Profile* before_;
  Clock::time_point start_ = Clock::now();
};

namespace detail {

/// Times an operation, from here to the end of the scope. Operations that it runs inherit its pass, and their time is
/// theirs. `op` must be a string literal.
class Timer {
 public:
  [[nodiscard]] explicit Timer(const char* op) {
    if (profile) [[unlikely]]
      start(op, profile->running_ ? profile->running_->pass_ : Pass::forward);
  }
  [[nodiscard]] Timer(const char* op, Pass pass) {
    if (profile) [[unlikely]]
      start(op, pass);
  }
  ~Timer() {
    if (profile_) [[unlikely]]
      stop();
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// The innermost one that runs on this thread, if somebody listens.
  static Timer* running() { return profile ? profile->running_ : nullptr; }
  void add(double flops, double bytes) {
    flops_ += flops;
    bytes_ += bytes;
  }

 private:
  void start(const char* op, Pass pass) {
    profile_ = profile;
    op_ = op;
    pass_ = pass;
    flops_ = bytes_ = inner_ = 0;
    outer_ = std::exchange(profile_->running_, this);
    start_ = Profile::Clock::now();
  }
  void stop() {
    const double seconds = std::chrono::duration<double>(Profile::Clock::now() - start_).count();
    profile_->running_ = outer_;
    if (outer_) outer_->inner_ += seconds;
    auto& entry = profile_->entry(op_, pass_);
    ++entry.calls;
    entry.seconds += seconds - inner_;
    entry.flops += flops_;
    entry.bytes += bytes_;
  }

  Profile* profile_ = nullptr;  // everything below has a value only with it
  Timer* outer_;
  const char* op_;
  Pass pass_;
  double flops_, bytes_, inner_;
  Profile::Clock::time_point start_;
};

/// Tells a profile what the running operation, or its gradient, costs.
inline void count_cost(double flops, double bytes = 0) {
  if (Timer* timer = Timer::running()) [[unlikely]]
    timer->add(flops, bytes);
}

}  // namespace detail

namespace detail {
inline namespace NASION_INSTRUCTION_SET {

/// sum = sum factor + addend, so many `rounds` of it, for as many vectors at `elements` as there are i: enough to hide
/// the latency of one sum behind the others. Not a loop, which not every level of optimisation keeps in registers.
template <class T, std::size_t... i>
void multiply_add(T* elements, Index rounds, std::index_sequence<i...>) {
  constexpr Index lanes = simd::lanes<T>;
  const simd::Vector<T> factor = simd::load(elements), addend = factor * factor;
  simd::Vector<T> sum[] = {simd::load(elements + static_cast<Index>(i) * lanes)...};
  for (Index round = 0; round < rounds; ++round) ((sum[i] = sum[i] * factor + addend), ...);
  (simd::store(elements + static_cast<Index>(i) * lanes, sum[i]), ...);
}
inline constexpr std::size_t multiply_add_sums = 12;
template <class T>
void multiply_add(T* elements, Index rounds) {
  multiply_add(elements, rounds, std::make_index_sequence<multiply_add_sums>());
}

/// x = y + 3 z, for a whole number of vectors.
template <class T>
void add_scaled(T* x, const T* y, const T* z, Index n) {
  for (Index i = 0; i < n; i += simd::lanes<T>) simd::store(x + i, simd::load(y + i) + 3 * simd::load(z + i));
}

}  // namespace NASION_INSTRUCTION_SET
}  // namespace detail

namespace detail {

/// Shortest time of `f()` in a few tries, in seconds.
template <class F>
double shortest_seconds(F&& f) {
  double best = 1e9;
  for (int i = 0; i < 8; ++i) {
    const auto start = std::chrono::steady_clock::now();
    f();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

}  // namespace detail

/// Measured with short loops on all threads, in about 50 ms.
inline MachinePeak machine_peak() {
  const Index threads = num_threads();
  constexpr Index rounds = 20000, elements = detail::multiply_add_sums * simd::lanes<float>;
  std::vector<float> kept(static_cast<std::size_t>(threads * elements), 0.5f);
  const double compute = detail::shortest_seconds([&] {
    parallel_for(threads, 1,
                 [&](Index thread, Index) { detail::multiply_add(kept.data() + thread * elements, rounds); });
  });
  constexpr Index n = Index{1} << 23;  // three arrays of 32 MiB
  std::vector<float> a(n, 1), b(n, 2), c(n, 3);
  const double copy = detail::shortest_seconds([&, x = a.data(), y = b.data(), z = c.data()] {
    parallel_for(n, 1 << 16,
                 [=](Index begin, Index end) { detail::add_scaled(x + begin, y + begin, z + begin, end - begin); });
  });
  return {static_cast<double>(2 * threads * elements * rounds) / compute,
          static_cast<double>(3 * sizeof(float) * n) / copy};
}

inline std::string Profile::table() const {
  const double all = seconds();
  const MachinePeak peak = machine_peak();
  const auto list = entries();
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out << std::fixed;
  std::size_t width = 7;
  for (const auto& e : list) width = std::max(width, e.op.size());
  const auto row = [&](std::string_view op, std::string_view pass) -> std::ostream& {
    return out << std::left << std::setw(static_cast<int>(width) + 2) << op << std::setw(8) << pass << std::right;
  };
  const auto time = [&](double s) {
    out << std::setprecision(2) << std::setw(11) << s * 1e3 << std::setprecision(1) << std::setw(7) << 100 * s / all
        << '%';
  };
  row("op", "pass") << "   calls         ms   share  GFLOP/s     GB/s  of peak\n";
  double in_ops = 0;
  for (const auto& e : list) {
    constexpr const char* names[] = {"forward", "backward", "update"};
    row(e.op, names[static_cast<std::size_t>(e.pass)]) << std::setw(8) << e.calls;
    time(e.seconds);
    in_ops += e.seconds;
    const double flops = e.flops / e.seconds, bytes = e.bytes / e.seconds;
    const auto rate = [&](double per_second) {
      out << std::setw(9);
      if (per_second > 0)
        out << per_second * 1e-9;
      else
        out << "";
    };
    rate(flops);
    rate(bytes);
    if (const double part = flops > 0 ? flops / peak.flops : bytes / peak.bytes; part > 0)
      out << std::setprecision(0) << std::setw(8) << 100 * part << '%';
    out << '\n';
  }
  row("(other)", "") << std::setw(8) << "";
  time(std::max(0.0, all - in_ops));
  out << '\n';
  row("total", "") << std::setw(8) << "";
  time(all);
  out << std::setprecision(0) << "\npeak: " << peak.flops * 1e-9 << " GFLOP/s (float), " << peak.bytes * 1e-9
      << " GB/s with " << num_threads() << (num_threads() == 1 ? " thread\n" : " threads\n");
  return out.str();
}

}  // namespace nasion
