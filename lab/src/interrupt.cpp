#include "lab/src/interrupt.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "lab/src/safe_text.hpp"
#include "nasion/core/error.hpp"

namespace lab {

namespace {

volatile sig_atomic_t asked = 0;
nasion::data::Shard this_process;

extern "C" void note_signal(int signal) {
  if (asked) {  // whoever asks twice does not want to wait
    ::signal(signal, SIG_DFL);
    ::raise(signal);  // arrives when this handler returns
  }
  asked = signal;
}

const char* name_of(int signal) { return signal == SIGINT ? "SIGINT" : signal == SIGTERM ? "SIGTERM" : "SIGHUP"; }

}  // namespace

void guard_process() {
  asked = 0;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action {};
    ::sigaction(signal, nullptr, &action);
    if (action.sa_handler == SIG_IGN) continue;
    action = {};
    action.sa_handler = note_signal;
    action.sa_flags = SA_RESTART;
    ::sigaction(signal, &action, nullptr);
  }
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  int standard = 0;  // open() takes the lowest number that is free
  while (standard >= 0 && standard <= STDERR_FILENO) standard = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (standard > STDERR_FILENO) ::close(standard);
}

int interrupt_signal() { return asked; }

void stop_if_asked() {
  if (asked) throw Interrupted(asked);
}

void set_process(const nasion::data::Shard& process) { this_process = process; }

std::string interrupt_message(int signal, int argc, const char* const* argv, const std::string& resume_flag) {
  if (this_process.rank != 0) return {};
  std::string text = nasion::message("stopped by ", name_of(signal));
  if (resume_flag.empty()) return text;
  text += ", go on with:";
  if (this_process.ranks > 1) text += nasion::message(" mpirun -n ", this_process.ranks);
  bool resumes = false;
  for (int i = 0; i < argc; ++i) {
    text += " " + shell_word(argv[i]);
    resumes = resumes || argv[i] == resume_flag;
  }
  return resumes ? text : text + " " + resume_flag;
}

}  // namespace lab
