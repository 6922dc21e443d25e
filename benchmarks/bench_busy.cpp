// A training step beside other programs that want the processors, and alone, in turns.

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

#include "support/program.hpp"
#include "support/training.hpp"

namespace {

/// Processes that compute for ever, each on one thread, while they are let.
class Neighbours {
 public:
  /// `sessions`: each in a session of its own. Linux may share processors out between sessions first
  /// (/proc/sys/kernel/sched_autogroup_enabled), and between the threads of each only then.
  Neighbours(int n, bool sessions) {
    const pid_t parent = getpid();
    for (int i = 0; i < n; ++i) {
      const pid_t pid = fork();
      if (pid < 0) throw std::runtime_error("cannot start a neighbour");
      if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(1);
        if (sessions) setsid();
        for (volatile unsigned work = 0;;) work = work + 1;
      }
      processes_.push_back(pid);
    }
    send(SIGSTOP);
  }
  ~Neighbours() {
    send(SIGKILL);
    for (const pid_t process : processes_) waitpid(process, nullptr, 0);
  }
  Neighbours(const Neighbours&) = delete;
  Neighbours& operator=(const Neighbours&) = delete;

  void compute() { send(SIGCONT); }
  void rest() { send(SIGSTOP); }

 private:
  void send(int signal) {
    for (const pid_t process : processes_) kill(process, signal);
  }

  std::vector<pid_t> processes_;
};

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> names{"resnet18"};
  long batch = 0;
  int neighbours = 2, turns = 3;
  bool sessions = false;
  return bench::run_program(
      argc, argv, "bench_busy", "Times a training step alone and beside busy processes, in turns.",
      [&](CLI::App& app) {
        bench::add_network_flags(app, names, batch);
        app.add_option("--neighbours", neighbours, "processes that compute without end")
            ->check(CLI::Range(1, 1024))
            ->capture_default_str();
        app.add_option("--turns", turns, "each with at least --samples steps alone, then as many beside the neighbours")
            ->check(CLI::Range(1, 1000))
            ->capture_default_str();
        app.add_flag("--sessions", sessions, "a session for each neighbour, as programs of other users have");
      },
      [&](const bench::Options& options, auto print) {
        Neighbours others(neighbours, sessions);
        nasion::set_num_threads(options.threads);
        for (const auto& name : names) {
          const auto network = bench::find_network(name, batch);
          bench::with_model(network, [&](auto model) {
            bench::Training training(network, std::move(model));
            std::vector<double> alone, busy;
            for (int turn = 0; turn < turns; ++turn) {
              alone.push_back(bench::measure(options.effort, [&] { training.step(); }).median);
              others.compute();
              busy.push_back(bench::measure(options.effort, [&] { training.step(); }).median);
              others.rest();
            }
            const double alone_s = median(alone), busy_s = median(busy);
            print({{"work", sessions ? "busy, sessions" : "busy"},
                   {"network", name},
                   {"library", "nasion"},
                   {"batch", network.batch},
                   {"threads", nasion::num_threads()},
                   {"neighbours", neighbours},
                   {"alone_ms", bench::milliseconds(alone_s)},
                   {"busy_ms", bench::milliseconds(busy_s)},
                   {"ratio", bench::rounded(busy_s / alone_s)}});
          });
        }
      });
}
