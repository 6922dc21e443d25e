#pragma once
// How a program ends that is asked to: between two steps, so that nothing is left half done.

#include <exception>
#include <string>

#include "nasion/data/shard.hpp"

namespace lab {

/// Thrown when a signal has asked this program to end.
struct Interrupted : std::exception {
  int signal;

  explicit Interrupted(int number) : signal(number) {}
  const char* what() const noexcept override { return "stopped by a signal"; }
};

/// From now on SIGINT, SIGTERM and SIGHUP are noted instead of ending the program at once; the second of them does.
/// Signals that were ignored already, as under nohup, stay so. A pipe without a reader and a file that may not grow
/// become errors of writing instead of signals, and standard streams that are closed lead nowhere: the next file that
/// is opened must not be one of them.
void guard_process();

/// The signal that asked this program to end; 0 when none has.
int interrupt_signal();

/// Throws Interrupted if a signal has asked this program to end.
void stop_if_asked();

/// Which of the processes of a run this is, for interrupt_message().
void set_process(const nasion::data::Shard& process);

/// What to say when a signal has ended the program that was started by `argv`, with the command that goes on with it
/// by `resume_flag`, if there is one. Nothing in processes other than the first.
std::string interrupt_message(int signal, int argc, const char* const* argv, const std::string& resume_flag);

}  // namespace lab
