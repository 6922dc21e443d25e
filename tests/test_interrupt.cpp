#include "lab/src/interrupt.hpp"

#include <signal.h>

#include <array>

#include "support/catch.hpp"

using lab::interrupt_message;

TEST_CASE("The first signal is noted, and stops the program where it looks") {
  const int signal = GENERATE(SIGINT, SIGTERM, SIGHUP);
  ::signal(signal, SIG_DFL);
  lab::guard_process();
  CHECK(lab::interrupt_signal() == 0);
  CHECK_NOTHROW(lab::stop_if_asked());
  ::raise(signal);
  CHECK(lab::interrupt_signal() == signal);
  try {
    lab::stop_if_asked();
    FAIL("did not stop");
  } catch (const lab::Interrupted& interrupted) {
    CHECK(interrupted.signal == signal);
  }
  lab::guard_process();
  CHECK(lab::interrupt_signal() == 0);
}

TEST_CASE("A signal that was ignored stays so") {
  ::signal(SIGHUP, SIG_IGN);
  lab::guard_process();
  ::raise(SIGHUP);
  CHECK(lab::interrupt_signal() == 0);
  ::signal(SIGHUP, SIG_DFL);
}

TEST_CASE("Whoever is stopped is told the command that goes on") {
  const std::array<const char*, 4> argv{"./part1", "--out", "my runs", "--resume"};
  CHECK(interrupt_message(SIGINT, 3, argv.data(), "--resume") ==
        "stopped by SIGINT, go on with: ./part1 --out 'my runs' --resume");
  CHECK(interrupt_message(SIGTERM, 4, argv.data(), "--resume") ==
        "stopped by SIGTERM, go on with: ./part1 --out 'my runs' --resume");
  CHECK(interrupt_message(SIGHUP, 4, argv.data(), "") == "stopped by SIGHUP");
  lab::set_process({.rank = 0, .ranks = 2});
  CHECK(interrupt_message(SIGINT, 1, argv.data(), "--resume") ==
        "stopped by SIGINT, go on with: mpirun -n 2 ./part1 --resume");
  lab::set_process({.rank = 1, .ranks = 2});
  CHECK(interrupt_message(SIGINT, 1, argv.data(), "--resume").empty());
  lab::set_process({});
}
