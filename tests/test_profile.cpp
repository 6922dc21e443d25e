#include "nasion/core/profile.hpp"

#include <thread>

#include "nasion/ops/linear.hpp"
#include "nasion/ops/loss.hpp"
#include "support/catch.hpp"

using namespace nasion;

namespace {

/// The entry of one operation and pass; without calls when there is none.
Profile::Entry entry(const Profile& profile, std::string_view op, Pass pass) {
  for (const auto& e : profile.entries())
    if (e.op == op && e.pass == pass) return e;
  return {op, pass};
}

void wait(double seconds) {
  const auto start = std::chrono::steady_clock::now();
  while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds) {}
}

}  // namespace

TEST_CASE("A profile counts calls, bytes and flops of each operation and pass") {
  const auto x = Tensorf::ones({4, 8}), w = Tensorf::ones({3, 8}), b = Tensorf::ones({3});
  w.set_requires_grad();
  b.set_requires_grad();
  const Profile profile;
  for (int i = 0; i < 2; ++i) sum(relu(linear(x, w, b))).backward();

  const auto forward = entry(profile, "linear", Pass::forward), backward = entry(profile, "linear", Pass::backward);
  CHECK(forward.calls == 2);
  CHECK(forward.flops == 2 * 2. * 4 * 8 * 3);
  CHECK(forward.bytes == 2 * 4. * (4 * 8 + 3 * 8 + 3 + 4 * 3));
  CHECK(backward.calls == 2);
  CHECK(backward.flops == 2 * 2. * 4 * 8 * 3);  // x needs no gradient
  CHECK(entry(profile, "relu", Pass::forward).bytes == 2 * 4. * 2 * 12);
  CHECK(entry(profile, "relu", Pass::backward).bytes == 2 * 4. * 3 * 12);
  double in_ops = 0;
  for (const auto& e : profile.entries()) in_ops += e.seconds;
  CHECK(in_ops > 0);
  CHECK(in_ops <= profile.seconds());
}

TEST_CASE("Nobody listens unless there is a profile, and then only to its own scope") {
  const auto x = Tensorf::ones({4});
  relu(x);
  const Profile outer;
  {
    const Profile inner;
    relu(x);
    relu(x);
    CHECK(entry(inner, "relu", Pass::forward).calls == 2);
  }
  relu(x);
  CHECK(entry(outer, "relu", Pass::forward).calls == 1);
}

TEST_CASE("Time of operations inside an operation is theirs alone, and they inherit its pass") {
  const Profile profile;
  {
    const detail::Timer outer("outer", Pass::backward);
    wait(0.002);
    {
      const detail::Timer inner("inner");
      detail::count_cost(100, 10);
      wait(0.004);
    }
    detail::count_cost(1, 2);
  }
  const auto outer = entry(profile, "outer", Pass::backward), inner = entry(profile, "inner", Pass::backward);
  CHECK(outer.calls == 1);
  CHECK(outer.seconds >= 0.002);
  CHECK(inner.seconds >= 0.004);
  CHECK(outer.seconds + inner.seconds <= profile.seconds());
  CHECK(inner.flops == 100);
  CHECK(outer.flops == 1);
  CHECK(outer.bytes == 2);
}

TEST_CASE("An operation that fails is timed to its end, and the next one is not inside it") {
  const Profile profile;
  CHECK_THROWS_AS(linear(Tensorf::ones({2, 3}), Tensorf::ones({2, 4})), ShapeError);
  relu(Tensorf::ones({2}));
  CHECK(entry(profile, "linear", Pass::forward).calls == 1);
  CHECK(entry(profile, "relu", Pass::forward).calls == 1);
}

TEST_CASE("Each thread has a profile of its own") {
  const Profile profile;
  Index there = 0, seen = 0;
  std::jthread([&] {
    const auto x = Tensorf::ones({4});
    relu(x);
    const Profile other;
    relu(x);
    there = static_cast<Index>(other.entries().size());
    seen = entry(other, "relu", Pass::forward).calls;
  }).join();
  CHECK(there == 1);
  CHECK(seen == 1);
  CHECK(profile.entries().empty());
}

TEST_CASE("The table names operations, shares and the machine's peak") {
  const auto x = Tensorf::ones({64, 64}), w = Tensorf::ones({64, 64});
  w.set_requires_grad();
  const Profile profile;
  mse_loss(linear(x, w), x).backward();
  const auto table = profile.table();
  CHECK_THAT(table, ContainsSubstring("linear") && ContainsSubstring("backward"));
  CHECK_THAT(table, ContainsSubstring("GFLOP/s") && ContainsSubstring("(other)") && ContainsSubstring("peak: "));
  const auto peak = machine_peak();
  CHECK(peak.flops > 1e8);
  CHECK(peak.bytes > 1e7);
}

TEST_CASE("The measured peak is one that a matrix product cannot exceed") {
  const SerialScope serial;  // both on one thread
  set_num_threads(1);
  const auto a = Tensorf::ones({256, 256});
  double best = 0;
  for (int i = 0; i < 20; ++i) {
    const Profile profile;
    matmul(a, a);
    const auto e = entry(profile, "matmul", Pass::forward);
    best = std::max(best, e.flops / e.seconds);
  }
  const double peak = machine_peak().flops;
  set_num_threads(0);
  CHECK(best > 0);
  CHECK(best < 1.3 * peak);
}
