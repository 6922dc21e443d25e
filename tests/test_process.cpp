#include "lab/src/process.hpp"

#include "lab/src/interrupt.hpp"
#include "support/catch.hpp"

using lab::run_process;

TEST_CASE("A process gets its input and returns its output and code") {
  const std::string much(3'000'000, 'x');
  const auto echoed = run_process({"cat"}, much);
  CHECK(echoed.started);
  CHECK(echoed.code == 0);
  CHECK(echoed.out == much);
  CHECK(echoed.err.empty());
  const auto failed = run_process({"sh", "-c", "echo out; echo err >&2; exit 3"}, "");
  CHECK(failed.code == 3);
  CHECK(failed.out == "out\n");
  CHECK(failed.err == "err\n");
  CHECK(run_process({"sh", "-c", "kill -9 $$"}, "").code == -1);
}

TEST_CASE("Arguments are not read by a shell") {
  CHECK(run_process({"printf", "%s", "$(echo no) `echo no` 'x'"}, "").out == "$(echo no) `echo no` 'x'");
}

TEST_CASE("A program that is not there has not started") {
  CHECK(!run_process({"no-such-program"}, "").started);
  CHECK(!run_process({}, "").started);
}

TEST_CASE("A process does not inherit the signals that its parent ignores") {
  lab::guard_process();
  CHECK(lab::run_process({"sh", "-c", "kill -PIPE $$; echo alive"}, "").out.empty());
  CHECK(lab::run_process({"sh", "-c", "kill -XFSZ $$; echo alive"}, "").code == -1);
}
