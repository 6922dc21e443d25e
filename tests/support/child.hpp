#pragma once
// Code run in a process made by fork().

#include <sys/wait.h>
#include <unistd.h>

#include <exception>

namespace test {

/// Whether `f()` is true in a child process, within 20 seconds and without an exception.
template <class F>
bool holds_in_child(F&& f) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);  // ends the child if it hangs
    bool holds = false;
    try {
      holds = f();
    } catch (...) {}
    ::_exit(holds ? 0 : 1);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace test
